"""Everything that can go wrong, as one tree.

    CatalogError
    ├── Malformed             what was sent cannot be read at all
    ├── InvalidInput          it can be read, and breaks rules: carries every Fault
    │   └── InvalidQuery      the same, of the parameters of a question
    ├── InvalidCursor         a page mark that this question did not give
    ├── NotFound
    │   └── ItemNotFound
    ├── Conflict              right in itself, but not beside what is there
    │   ├── ItemExists
    │   ├── SkuTaken
    │   ├── StaleVersion
    │   └── Contended
    └── Unavailable           nothing is wrong with the request; try again later
        ├── StoreUnavailable
        ├── StoreBusy
        └── SchemaOutdated

`code` is stable: clients may branch on it. Which HTTP status or exit code an error becomes is told at those edges, not here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

Path = tuple[str | int, ...]


class CatalogError(Exception):
    """The root: whoever catches this has caught every error the catalog raises on purpose."""

    code: ClassVar[str] = "catalog_error"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with an input: where (the members on the way to it), a stable code, and what to do."""

    path: Path
    code: str
    message: str


class Malformed(CatalogError):
    """A document that cannot be read: broken JSON, a wrong encoding, too deep."""

    code = "malformed"


class InvalidInput(CatalogError):
    """An input that breaks rules; `faults` has all of them, not only the first."""

    code = "invalid_input"

    def __init__(self, faults: Sequence[Fault]) -> None:
        """Keep every fault; the message names them all."""
        super().__init__("; ".join(fault.message for fault in faults))
        self.faults = tuple(faults)


class InvalidQuery(InvalidInput):
    """Parameters of a question that break rules; a fault's path is the parameter's name."""

    code = "invalid_query"


class InvalidCursor(CatalogError):
    """A cursor that is damaged, or that another question gave."""

    code = "invalid_cursor"


class NotFound(CatalogError):
    """What was asked for is not there."""

    code = "not_found"


class ItemNotFound(NotFound):
    """No item has this id or SKU."""

    code = "item_not_found"

    def __init__(self, key: UUID | str) -> None:
        """Name the key that was asked for."""
        super().__init__(f"There is no item {key}.")
        self.key = key


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


class StaleVersion(Conflict):
    """The item changed since the version that this change was decided from."""

    code = "stale_version"

    def __init__(self, item_id: UUID) -> None:
        """Name the item."""
        super().__init__(f"The item {item_id} was changed meanwhile; read it again and decide anew.")
        self.item_id = item_id


class Contended(Conflict):
    """A change was decided again and again, and each time somebody else was quicker."""

    code = "contended"

    def __init__(self, key: UUID | str) -> None:
        """Name the item's key."""
        super().__init__(f"Too many writers change the item {key} at once; try again in a moment.")
        self.key = key


class Unavailable(CatalogError):
    """The service cannot answer now; the same request may succeed later."""

    code = "unavailable"


class StoreUnavailable(Unavailable):
    """The store does not answer, or not in time."""

    code = "store_unavailable"


class StoreBusy(Unavailable):
    """More writes wait than the store takes; nothing of this one was written."""

    code = "store_busy"


class SchemaOutdated(Unavailable):
    """The store's schema is missing, or is not the one this version of Catalog works on."""

    code = "schema_outdated"
