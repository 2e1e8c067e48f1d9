"""The ids and versions of many items, in 24 bytes each."""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

from catalog.domain.items.item import Item

_ID_BYTES = 16


class Revisions:
    """Items as they were read: the id and version of each, in order."""

    def __init__(self) -> None:
        """Start without items."""
        self._ids = bytearray()
        self._versions = array("q")

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self._versions)

    def extend(self, items: Iterable[Item]) -> None:
        """Add items."""
        for item in items:
            self._ids += item.id.bytes
            self._versions.append(item.version)

    def slices(self, size: int) -> Iterator[Mapping[UUID, int]]:
        """Yield the versions by id, up to `size` at a time."""
        for start in range(0, len(self), size):
            numbers = range(start, min(start + size, len(self)))
            yield {self._id(number): self._versions[number] for number in numbers}

    def _id(self, number: int) -> UUID:
        return UUID(bytes=bytes(self._ids[number * _ID_BYTES : (number + 1) * _ID_BYTES]))
