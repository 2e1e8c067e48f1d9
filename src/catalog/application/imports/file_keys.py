"""Which items a file has: the SKUs of its rows, also of those that were refused."""

from catalog.application.imports.key_hashes import KeyHashes
from catalog.application.imports.rows import Slice
from catalog.domain.items.item import Item


class FileKeys:
    """The SKUs of a file and, if they are preserved, the ids.

    `is_empty` says that there are no rows of items. `unread` counts those whose SKU could not be read, and `first_unread` is the
    line of the first of them.
    """

    def __init__(self) -> None:
        """Start without rows."""
        self.is_empty = True
        self.unread = 0
        self.first_unread = 0
        self._hashes = KeyHashes()

    def add(self, row_slice: Slice) -> None:
        """Add the rows of a slice."""
        rows, unread = row_slice.rows_to_import, row_slice.unread_lines
        self.is_empty = self.is_empty and not (rows or unread or row_slice.refused_keys)
        self.unread += len(unread)
        self.first_unread = self.first_unread or next(iter(unread), 0)
        self._hashes.update(row.sku for row in rows)
        self._hashes.update(row.provenance.id for row in rows if row.provenance is not None)
        self._hashes.update(row_slice.refused_keys)

    def __contains__(self, item: Item) -> bool:
        """Return whether the file has an item. In rare cases, this is true although it does not."""
        return item.sku in self._hashes or item.id in self._hashes
