"""All errors the catalog raises on purpose, as one tree.

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
    ├── KeyReused             an Idempotency-Key that was used for a different request
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

`code` is stable: clients may branch on it. The HTTP status and the exit code of an error are defined at those edges, not here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

FieldPath = tuple[str | int, ...]

MAX_QUOTED = 100
"""Characters of what a caller sent that a message repeats."""


def shorten(text: object, limit: int = MAX_QUOTED) -> str:
    """Cut text to what a message may repeat of it."""
    whole = str(text)
    return whole if len(whole) <= limit else f"{whole[:limit]}…"


class CatalogError(Exception):
    """The root: whoever catches this has caught every error the catalog raises on purpose."""

    code: ClassVar[str] = "catalog_error"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with an input: where (the members on the way to it), a stable code, and what to do."""

    path: FieldPath
    code: str
    message: str


class Malformed(CatalogError):
    """A document that cannot be read: broken JSON, a wrong encoding, too deep."""

    code = "malformed"


class FileTooLarge(CatalogError):
    """A file that has more bytes than are taken."""

    code = "content_too_large"

    def __init__(self, most: int) -> None:
        """Say how many those are."""
        super().__init__(f"The file has more than the {most} bytes that are taken; nothing of it was imported.")


class UploadTooSlow(CatalogError):
    """A file that stopped coming in."""

    code = "request_timeout"

    def __init__(self) -> None:
        """Say what is left."""
        super().__init__("The file came in too slowly, or stopped coming in; nothing of it was imported.")


class InvalidInput(CatalogError):
    """An input that breaks rules; `faults` has all of them, not only the first.

    Where there are too many to report, `faults` has the first ones and `total` counts all. `notes` are sentences that hold for
    several faults, like the list of the names that are allowed.
    """

    code = "invalid_input"

    def __init__(self, errors: Sequence[FieldError], *, total: int | None = None, notes: Sequence[str] = ()) -> None:
        """Keep the faults."""
        super().__init__()
        self.errors = tuple(errors)
        self.notes = tuple(notes)
        self.total = len(self.errors) if total is None else total

    def __str__(self) -> str:
        """Write all messages in one line; only when somebody asks."""
        more = self.total - len(self.errors)
        messages = [fault.message for fault in self.errors] + ([f"and {more} more"] if more else [])
        return " ".join(("; ".join(messages), *self.notes))


class InvalidQuery(InvalidInput):
    """Parameters of a question that break rules; a fault's path is the parameter's name."""

    code = "invalid_query"


class InvalidFile(InvalidInput):
    """A file to import that is no table of items, or not the whole one; none of its rows was read."""

    code = "invalid_file"


class UnknownCategory(InvalidInput):
    """A category that is referred to and is not there; `nearest` is one that may have been meant."""

    def __init__(self, slug: str, path: FieldPath, nearest: str | None = None) -> None:
        """Name it, at the field that refers to it."""
        hint = "create it first, or leave it out." if nearest is None else f"did you mean {nearest}?"
        super().__init__([FieldError(path, "unknown_category", f"There is no category {shorten(slug)}; {hint}")])
        self.slug = slug
        self.path = path


class InvalidCursor(CatalogError):
    """A cursor that is damaged, or that another question gave."""

    code = "invalid_cursor"


class InvalidPosition(CatalogError):
    """A number that the log does not have (yet): of another log, most likely."""

    code = "invalid_position"

    def __init__(self, position: object, head: int | None = None) -> None:
        """Say how far it goes, where that is known."""
        reach = "" if head is None else f", it goes to {head}"
        super().__init__(f"The log has no entry {position}{reach}; begin without a position, or with one that it gave you.")


class BatchRefused(CatalogError):
    """Operations of an atomic batch that cannot be done; nothing of the batch was written."""

    code = "batch_refused"

    def __init__(self, failures: Sequence[tuple[int, CatalogError]]) -> None:
        """Keep the index and the error of each."""
        first = failures[0][0]
        super().__init__(f"{len(failures)} operations cannot be done, the first is number {first}; nothing was written.")
        self.failures = tuple(failures)


class KeyReused(CatalogError):
    """An Idempotency-Key that was used for another request."""

    code = "key_reused"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("This Idempotency-Key was used with another body; take a new key for a new request.")


class NotFound(CatalogError):
    """What was asked for is not there."""

    code = "not_found"


class ItemNotFound(NotFound):
    """No item has this id or SKU."""

    code = "item_not_found"

    def __init__(self, key: UUID | str) -> None:
        """Name the key that was asked for."""
        super().__init__(f"There is no item {shorten(key)}.")
        self.key = key


class VersionNotFound(NotFound):
    """The log has no such version of an item."""

    code = "version_not_found"

    def __init__(self, item_id: UUID, version: int) -> None:
        """Name both."""
        super().__init__(f"The log has no version {version} of the item {item_id}; its history lists those that it has.")
        self.item_id = item_id
        self.version = version


class CategoryNotFound(NotFound):
    """No category has this slug."""

    code = "category_not_found"

    def __init__(self, slug: str) -> None:
        """Name the slug that was asked for."""
        super().__init__(f"There is no category {shorten(slug)}.")
        self.slug = slug


class ImportNotFound(NotFound):
    """No import has this id, or it ended more than a day ago."""

    code = "import_not_found"

    def __init__(self, import_id: str) -> None:
        """Name the id that was asked for."""
        super().__init__(f"There is no import {shorten(import_id)}; what became of one is kept for a day.")
        self.import_id = import_id


class LogPruned(NotFound):
    """The log begins later than where it was asked for."""

    code = "log_pruned"

    def __init__(self, after: int, floor: int) -> None:
        """Say where it begins."""
        super().__init__(f"The log begins after entry {floor}; what follows {after} is there no more. Read all items anew.")
        self.after = after
        self.floor = floor


class Conflict(CatalogError):
    """A write that is right in itself and cannot stand beside what is there."""

    code = "conflict"


class ItemExists(Conflict):
    """An item with this id is there already."""

    code = "item_exists"

    def __init__(self, item_id: UUID) -> None:
        """Name the id."""
        super().__init__(f"An item with the id {item_id} is there already.")
        self.item_id = item_id


class SkuTaken(Conflict):
    """Another item has this SKU."""

    code = "sku_taken"

    def __init__(self, sku: str) -> None:
        """Name the SKU."""
        super().__init__(f"The SKU {sku} belongs to another item; choose another, or change that item.")
        self.sku = sku


class SlugTaken(Conflict):
    """Another category has this slug."""

    code = "slug_taken"

    def __init__(self, slug: str) -> None:
        """Name the slug."""
        super().__init__(f"There is a category {slug} already; choose another slug, or change that category.")
        self.slug = slug


class CategoryInUse(Conflict):
    """A category that is to go has children, or items stand in it."""

    code = "category_in_use"

    def __init__(self, slug: str, children: int, items: int) -> None:
        """Say how many."""
        held = f"children: {children}, items: {items}"
        super().__init__(f"The category {slug} is in use ({held}); move them first, or say where they go (move_to).")
        self.slug = slug
        self.children = children
        self.items = items


class CategoryCycle(Conflict):
    """A category would become its own ancestor."""

    code = "category_cycle"

    def __init__(self, slug: str, parent: str) -> None:
        """Name both."""
        super().__init__(f"The category {slug} cannot go below {parent}, which stands below {slug} itself.")
        self.slug = slug
        self.parent = parent


class CategoryTooDeep(Conflict):
    """A way from the root would become too long."""

    code = "category_too_deep"

    def __init__(self, slug: str, max_depth: int) -> None:
        """Name the category and the limit."""
        super().__init__(f"With {slug} there, the tree would be more than {max_depth} categories deep; put it further up.")
        self.slug = slug


class StaleVersion(Conflict):
    """What is to be changed has changed since the version that this change was decided from."""

    code = "stale_version"

    def __init__(self, subject_id: UUID, what: str = "item") -> None:
        """Name what was changed."""
        super().__init__(f"The {what} {subject_id} was changed meanwhile; read it again and decide anew.")
        self.subject_id = subject_id


class AlreadyPresent(Conflict):
    """What was to be created only where nothing is, is there."""

    code = "not_absent"

    def __init__(self, key: str) -> None:
        """Name it."""
        super().__init__(f"The item {shorten(key)} is there already, and was to be created only (If-None-Match: *).")
        self.key = key


class NotPresent(Conflict):
    """What was to be replaced only where it is there, is not there."""

    code = "not_present"

    def __init__(self, key: str) -> None:
        """Name it."""
        super().__init__(f"There is no item {shorten(key)}, and If-Match asks for one; leave If-Match out to create it.")
        self.key = key


class NotDeleted(Conflict):
    """What is to be restored was never removed, or is back already."""

    code = "not_deleted"

    def __init__(self, item_id: UUID) -> None:
        """Name the item."""
        super().__init__(f"The item {item_id} is not deleted; there is nothing to restore.")
        self.item_id = item_id


class AlreadyProcessed(Conflict):
    """A write that was to be done once was done already."""

    code = "done_before"

    def __init__(self, key: str) -> None:
        """Name the note that says so."""
        super().__init__(f"This was done before: {key}.")
        self.key = key


class RequestInProgress(Conflict):
    """A request with the same Idempotency-Key is being worked on."""

    code = "in_flight"

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("A request with this Idempotency-Key is under way; ask again for its answer in a moment.")


class TooManyConflicts(Conflict):
    """A change was decided again and again, and each time somebody else was quicker."""

    code = "contended"

    def __init__(self, key: UUID | str) -> None:
        """Name what they change."""
        super().__init__(f"Too many writers change {shorten(key)} at once; try again in a moment.")
        self.key = key


class Unavailable(CatalogError):
    """The service cannot answer now; the same request may succeed later."""

    code = "unavailable"

    @property
    def reason(self) -> str | None:
        """The driver's own words, for operators only: they may name hosts, roles, databases and files. None if there are none."""
        cause = self.__cause__
        return None if cause is None else str(cause) or type(cause).__name__


class StoreUnavailable(Unavailable):
    """The store does not answer, or not in time."""

    code = "store_unavailable"


class StoreBusy(Unavailable):
    """More writes wait than the store takes; nothing of this one was written."""

    code = "store_busy"


class TooManySubscribers(Unavailable):
    """The process serves as many live readers of the log as it may."""

    code = "too_many_subscribers"

    def __init__(self, limit: int) -> None:
        """Name the limit."""
        super().__init__(
            f"The live feed has {limit} readers, which is the limit; try again later, or read /changes page by page."
        )
        self.most = limit


class ImportsBusy(Unavailable):
    """More imports are under way in this process than it takes; nothing of this one was imported."""

    code = "imports_busy"


class OutOfSpace(Unavailable):
    """A disk is full, or what the service may use of it; nothing of this request was written."""

    code = "out_of_space"


class SchemaOutdated(Unavailable):
    """The store's schema is missing, or is not the one this version of Catalog works on."""

    code = "schema_outdated"
