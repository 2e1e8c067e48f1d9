"""The parts of rows that do not depend on the stored state, built before the commit lock is taken."""

from collections.abc import Iterable, Sequence
from typing import Any

from catalog.adapters.sql.log_chain import change_digest, entry_content, origin_content
from catalog.adapters.sql.row_mapping import from_change, from_item
from catalog.domain.change import Origin
from catalog.domain.changes.log import AnyChange, LogEntry
from catalog.domain.hash_chain import next_digest
from catalog.domain.items.item import Item
from catalog.domain.search.search import ItemTerms

Row = Sequence[Any]


class PreparedRows:
    """Rows of log entries and of new items. They are built before the lock is taken, to hold it briefly."""

    def __init__(self, changes: Sequence[AnyChange], prepared: Iterable["PreparedRows"] = ()) -> None:
        """Build the rows of each change and the row and terms of each new item, unless `prepared` has them."""
        # The rows are found by the id() of the change or item, so these must stay alive.
        self.changes_held = [changes]
        self.change_rows: dict[int, tuple[Row, bytes]] = {}
        self.item_rows: dict[int, tuple[Row, ItemTerms]] = {}
        self._origin: Origin | None = None
        self._origin_row: Row = ()
        self._origin_content = b""
        for rows in prepared:
            self.changes_held += rows.changes_held
            self.change_rows |= rows.change_rows
            self.item_rows |= rows.item_rows
        for change in changes:
            if id(change) not in self.change_rows:
                row = from_change(change)
                self.change_rows[id(change)] = row, change_digest(row)
                if change.before is None and isinstance(change.after, Item):
                    self.item_rows[id(change.after)] = from_item(change.after), ItemTerms.from_item(change.after)

    def entry(self, entry: LogEntry, previous_digest: bytes) -> Row:
        """Return the row of a log entry. Its digest, which covers the one before it, is the last column."""
        row, change = self.change_rows[id(entry.change)]
        if entry.origin is not self._origin:
            self._prepare(entry.origin)
        digest = next_digest(previous_digest, entry_content(entry.seq, self._origin_content, change))
        return (entry.seq, *row, *self._origin_row, digest)

    def _prepare(self, origin: Origin) -> None:
        """Build what the entries of a change set have in common."""
        self._origin = origin
        self._origin_row = origin.actor, origin.request_id, origin.credential, origin.address
        self._origin_content = origin_content(origin)

    def insert(self, item: Item) -> tuple[Row, ItemTerms]:
        """Return the row of a new item, without its `seq`, and its terms."""
        return self.item_rows.get(id(item)) or (from_item(item), ItemTerms.from_item(item))
