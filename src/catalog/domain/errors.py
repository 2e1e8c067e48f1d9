"""Every error that the catalog raises on purpose, as one tree.

    CatalogError
    ├── Malformed             the input cannot be parsed at all
    ├── FileTooLarge          the file exceeds the size limit
    ├── UploadTooSlow         the upload stalled
    ├── InvalidInput          the input was parsed but breaks rules; carries every FieldError
    │   ├── InvalidQuery      likewise, for query parameters
    │   ├── InvalidFile       likewise, for an import file that is not a table of items; no row was read
    │   └── UnknownCategory   a referenced category does not exist
    ├── InvalidPosition       a log position beyond the end of the log
    ├── InvalidCursor         a page cursor that does not belong to this query
    ├── BatchRefused          an atomic batch failed; carries the error of each operation
    ├── KeyReused             an idempotency key that was used for a different request
    ├── NotFound
    │   ├── ItemNotFound
    │   ├── VersionNotFound
    │   ├── CategoryNotFound
    │   ├── ImportNotFound
    │   └── LogPruned         the requested part of the log was pruned
    ├── Conflict              the request is valid but conflicts with the current state
    │   ├── ItemExists
    │   ├── SkuTaken
    │   ├── SlugTaken
    │   ├── CategoryInUse
    │   ├── CategoryCycle
    │   ├── CategoryTooDeep
    │   ├── StaleVersion
    │   ├── AlreadyPresent    the request requires that the item does not exist
    │   ├── NotPresent        the request requires that the item exists
    │   ├── NotDeleted
    │   ├── AlreadyProcessed
    │   ├── RequestInProgress
    │   └── TooManyConflicts
    └── Unavailable           the request is fine; retry later
        ├── StoreUnavailable
        ├── StoreBusy
        ├── TooManySubscribers
        ├── ImportsBusy       this process is already running as many imports as it may
        ├── OutOfSpace        a disk is full
        └── SchemaOutdated

`code` is stable: clients may branch on it. The HTTP layer maps errors to statuses, and the CLI maps them to exit codes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

FieldPath = tuple[str | int, ...]

MAX_QUOTED = 100
"""Maximum length of caller input quoted in a message, in characters."""


def shorten(text: object, limit: int = MAX_QUOTED) -> str:
    """Shorten text to at most `limit` characters plus an ellipsis, to quote it in a message."""
    full = str(text)
    return full if len(full) <= limit else f"{full[:limit]}…"


class CatalogError(Exception):
    """The root of the tree: catches every error that the catalog raises on purpose."""

    code: ClassVar[str] = "catalog_error"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One validation error: the path to the field, a stable code, and a message that says what to do.

    `cure` is what would help, apart from the message: an option in the form `name=value` (or `name=value|value`), or an action.
    """

    path: FieldPath
    code: str
    message: str
    cure: str = ""


class Malformed(CatalogError):
    """The document cannot be parsed: invalid JSON, a wrong encoding, or too deep nesting."""

    code = "malformed"


class FileTooLarge(CatalogError):
    """The file exceeds the size limit."""

    code = "content_too_large"

    def __init__(self, limit: int, consequence: str = "nothing was imported") -> None:
        """Take the limit in bytes, and what follows from it."""
        super().__init__(f"The file exceeds the limit of {limit} bytes; {consequence}.")


class UploadTooSlow(CatalogError):
    """The upload stalled or was too slow."""

    code = "request_timeout"

    def __init__(self) -> None:
        """Set the message."""
        super().__init__("The upload was too slow or stalled; nothing was imported.")


class InvalidInput(CatalogError):
    """The input was parsed but breaks rules; `errors` holds all violations, not only the first.

    If there are too many to report, `errors` holds the first ones and `total` counts all. `notes` are sentences that apply to
    several errors, such as the list of allowed names.
    """

    code = "invalid_input"

    def __init__(self, errors: Sequence[FieldError], *, total: int | None = None, notes: Sequence[str] = ()) -> None:
        """Take the field errors; `total` defaults to their number."""
        super().__init__()
        self.errors = tuple(errors)
        self.notes = tuple(notes)
        self.total = len(self.errors) if total is None else total

    def __str__(self) -> str:
        """Join all messages into one line."""
        more = self.total - len(self.errors)
        messages = [error.message for error in self.errors] + ([f"and {more} more"] if more else [])
        return " ".join(("; ".join(messages), *self.notes))


class InvalidQuery(InvalidInput):
    """Query parameters break rules; the path of each error is the parameter's name."""

    code = "invalid_query"


class InvalidFile(InvalidInput):
    """The import file is not a table of items, or is incomplete; no row was read."""

    code = "invalid_file"


class UnknownCategory(InvalidInput):
    """A referenced category does not exist; `nearest` is the closest existing slug, if any."""

    def __init__(self, slug: str, path: FieldPath, nearest: str | None = None) -> None:
        """Take the slug and the path of the field that refers to it."""
        hint = "create it first or leave it out." if nearest is None else f"did you mean {nearest}?"
        super().__init__([FieldError(path, "unknown_category", f"There is no category {shorten(slug)}; {hint}")])
        self.slug = slug
        self.path = path


class InvalidCursor(CatalogError):
    """The cursor is damaged, or belongs to another query."""

    code = "invalid_cursor"


class InvalidPosition(CatalogError):
    """A log position beyond the end of the log, most likely from another log."""

    code = "invalid_position"

    def __init__(self, position: object, head: int | None = None) -> None:
        """Take the position, and the log's head if known."""
        last = "" if head is None else f"; its last entry is {head}"
        super().__init__(f"The log has no entry {position}{last}. Start without a position, or with one returned by this log.")


class BatchRefused(CatalogError):
    """Operations of an atomic batch failed; nothing was written."""

    code = "batch_refused"

    def __init__(self, failures: Sequence[tuple[int, CatalogError]]) -> None:
        """Take the index and the error of each failed operation."""
        first = failures[0][0]
        super().__init__(f"{len(failures)} operations failed, the first at index {first}; nothing was written.")
        self.failures = tuple(failures)


class KeyReused(CatalogError):
    """The idempotency key was used for a different request."""

    code = "key_reused"

    def __init__(self) -> None:
        """Set the message."""
        super().__init__("This idempotency key was used for a different request; use a new key for a new request.")


class NotFound(CatalogError):
    """The requested resource does not exist."""

    code = "not_found"


class ItemNotFound(NotFound):
    """No item has this id or SKU."""

    code = "item_not_found"

    def __init__(self, key: UUID | str) -> None:
        """Take the requested id or SKU."""
        super().__init__(f"There is no item {shorten(key)}.")
        self.key = key


class VersionNotFound(NotFound):
    """The log does not have this version of the item."""

    code = "version_not_found"

    def __init__(self, item_id: UUID, version: int) -> None:
        """Take the item's id and the requested version."""
        super().__init__(f"The log has no version {version} of the item {item_id}; see its history for the versions available.")
        self.item_id = item_id
        self.version = version


class CategoryNotFound(NotFound):
    """No category has this slug."""

    code = "category_not_found"

    def __init__(self, slug: str) -> None:
        """Take the requested slug."""
        super().__init__(f"There is no category {shorten(slug)}.")
        self.slug = slug


class ImportNotFound(NotFound):
    """No import has this id, or it ended more than 24 hours ago."""

    code = "import_not_found"

    def __init__(self, import_id: str) -> None:
        """Take the requested id."""
        super().__init__(f"There is no import {shorten(import_id)}; results are kept for 24 hours.")
        self.import_id = import_id


class LogPruned(NotFound):
    """The requested part of the log was pruned."""

    code = "log_pruned"

    def __init__(self, after: int, floor: int) -> None:
        """Take the requested position and the log's floor."""
        super().__init__(f"The log begins after entry {floor}; it cannot be read from position {after}. Read all items again.")
        self.after = after
        self.floor = floor


class Conflict(CatalogError):
    """A valid write that conflicts with the current state."""

    code = "conflict"


class ItemExists(Conflict):
    """An item with this id already exists."""

    code = "item_exists"

    def __init__(self, item_id: UUID) -> None:
        """Take the id."""
        super().__init__(f"An item with the id {item_id} already exists.")
        self.item_id = item_id


class SkuTaken(Conflict):
    """Another item has this SKU."""

    code = "sku_taken"

    def __init__(self, sku: str) -> None:
        """Take the SKU."""
        super().__init__(f"The SKU {sku} belongs to another item; choose another SKU or change that item.")
        self.sku = sku


class SlugTaken(Conflict):
    """Another category has this slug."""

    code = "slug_taken"

    def __init__(self, slug: str) -> None:
        """Take the slug."""
        super().__init__(f"The category {slug} already exists; choose another slug or change that category.")
        self.slug = slug


class CategoryInUse(Conflict):
    """A category to be deleted has children or items."""

    code = "category_in_use"

    def __init__(self, slug: str, children: int, items: int) -> None:
        """Take the slug and the numbers of children and items."""
        usage = f"children: {children}, items: {items}"
        super().__init__(f"The category {slug} is in use ({usage}); move them first, or specify where to move them (move_to).")
        self.slug = slug
        self.children = children
        self.items = items


class CategoryCycle(Conflict):
    """A category would become its own ancestor."""

    code = "category_cycle"

    def __init__(self, slug: str, parent: str) -> None:
        """Take the category's slug and the rejected parent."""
        super().__init__(f"The category {slug} cannot be placed below {parent}, which is below {slug} itself.")
        self.slug = slug
        self.parent = parent


class CategoryTooDeep(Conflict):
    """The tree would become too deep."""

    code = "category_too_deep"

    def __init__(self, slug: str, max_depth: int) -> None:
        """Take the slug and the maximum depth, in levels."""
        super().__init__(
            f"The tree would be more than {max_depth} levels deep with {slug} there; choose a parent closer to the root."
        )
        self.slug = slug


class StaleVersion(Conflict):
    """The item or category has changed since the version that this change was decided from."""

    code = "stale_version"

    def __init__(self, subject_id: UUID, kind: str = "item") -> None:
        """Take the subject's id and what it is, for the message."""
        super().__init__(f"The {kind} {subject_id} has changed since you read it; read it again and retry.")
        self.subject_id = subject_id


class AlreadyPresent(Conflict):
    """The request requires that the item does not exist, but it does."""

    code = "not_absent"

    def __init__(self, key: str) -> None:
        """Take the requested id or SKU."""
        super().__init__(f"The item {shorten(key)} already exists; the request creates it only if it does not exist.")
        self.key = key


class NotPresent(Conflict):
    """The request requires that the item exists, but it does not."""

    code = "not_present"

    def __init__(self, key: str) -> None:
        """Take the requested id or SKU."""
        super().__init__(
            f"There is no item {shorten(key)}, but the request requires one; leave out the precondition to create it."
        )
        self.key = key


class NotDeleted(Conflict):
    """An item to be restored was never deleted, or is already restored."""

    code = "not_deleted"

    def __init__(self, item_id: UUID) -> None:
        """Take the item's id."""
        super().__init__(f"The item {item_id} is not deleted; there is nothing to restore.")
        self.item_id = item_id


class AlreadyProcessed(Conflict):
    """A write that must be applied once was applied before."""

    code = "done_before"

    def __init__(self, key: str) -> None:
        """Take the key of the record that was written then."""
        super().__init__(f"Already processed: {key}.")
        self.key = key


class RequestInProgress(Conflict):
    """A request with the same idempotency key is in progress."""

    code = "in_flight"

    def __init__(self) -> None:
        """Set the message."""
        super().__init__("A request with this idempotency key is in progress; retry in a moment to get its response.")


class TooManyConflicts(Conflict):
    """A change was retried several times, and each time another write came first."""

    code = "contended"

    def __init__(self, key: UUID | str) -> None:
        """Take the key of the item or category."""
        super().__init__(f"Too many concurrent changes to {shorten(key)}; try again in a moment.")
        self.key = key


class Unavailable(CatalogError):
    """The service cannot handle the request now; the same request may succeed later."""

    code = "unavailable"

    @property
    def reason(self) -> str | None:
        """The driver's error text, or None. For operators only: it may name hosts, roles, databases and files."""
        cause = self.__cause__
        return None if cause is None else str(cause) or type(cause).__name__


class StoreUnavailable(Unavailable):
    """The store does not respond, or not in time."""

    code = "store_unavailable"


class StoreBusy(Unavailable):
    """Too many writes are pending; nothing was written."""

    code = "store_busy"


class TooManySubscribers(Unavailable):
    """The live feed has the maximum number of readers in this process."""

    code = "too_many_subscribers"

    def __init__(self, limit: int) -> None:
        """Take the limit."""
        super().__init__(
            f"The live feed has reached its limit of {limit} readers; try again later, or read the log page by page."
        )
        self.limit = limit


class ImportsBusy(Unavailable):
    """This process is already running the maximum number of imports; nothing was imported."""

    code = "imports_busy"


class OutOfSpace(Unavailable):
    """A disk or its quota is full; nothing was written."""

    code = "out_of_space"


class SchemaOutdated(Unavailable):
    """The store's schema is missing, or is not the version that this release requires."""

    code = "schema_outdated"
