"""Which items others changed while an import ran, by the change log."""

from collections.abc import Iterator

from catalog.application.imports.key_hashes import KeyHashes
from catalog.domain.changes.log import LogFilter
from catalog.domain.items.item import KINDS, Item
from catalog.ports.storage import Storage

_PAGE_ENTRIES = 500
_ITEM_CHANGES = LogFilter(frozenset(KINDS))


class LogPruned(Exception):
    """Entries that are needed were pruned from the log."""


class ConcurrentChanges:
    """The items that others created, changed or deleted since an import began.

    The import says which entries of the log are its own. They are not read, so this costs no more than what others did.
    """

    def __init__(self, storage: Storage, seq: int) -> None:
        """Start after the entry `seq`."""
        self._storage = storage
        self._seq = seq
        self._own: list[range] = []
        self._ids = KeyHashes()

    def exclude(self, seqs: range) -> None:
        """Exclude entries of the import itself. Those of the next call have higher numbers."""
        if not seqs:
            return
        if self._own and self._own[-1].stop == seqs.start:
            seqs = range(self._own.pop().start, seqs.stop)
        self._own.append(seqs)

    def __contains__(self, item: Item) -> bool:
        """Return whether others changed an item, as far as the log was read. In rare cases, this is true although nobody did."""
        return item.id in self._ids

    async def read(self) -> None:
        """Read the log to its end.

        Raises: LogPruned if entries are missing.
        """
        head = (await self._storage.head()).seq
        for gap in self._gaps(head + 1):
            await self._read(gap)
        self._seq, self._own = head, []

    def _gaps(self, stop: int) -> Iterator[range]:
        """Yield the numbers between the import's own entries, up to `stop`."""
        start = self._seq + 1
        for own in self._own:
            yield range(start, own.start)
            start = own.stop
        yield range(start, stop)

    async def _read(self, gap: range) -> None:
        after = gap.start - 1
        while after < gap.stop - 1:
            limit = min(_PAGE_ENTRIES, gap.stop - 1 - after)
            page = await self._storage.changes(after=after, limit=limit, log_filter=_ITEM_CHANGES)
            if page.floor > after:
                raise LogPruned
            self._ids.update(entry.subject_id for entry in page.entries)
            after = page.scanned_to
