"""What has changed lately: a reader of the log that says whether an answer, dated by the log, still holds.

An answer is dated by the newest entry of the log that was known before the answer was read (`Cached.as_of`), and names its
subjects: the items it shows, and for a list what decides who is in it. It holds as long as no later entry tells of a
change to one of them. Entries of this process are noted before their commit is answered, so nobody who was told of a
write sees the state before it. Entries of other processes are read from the log, which is looked at every tenth of a
second and whenever the store says that somebody committed; when that has not succeeded for `LEASE` seconds, no answer
holds. So what others wrote is seen after that time at the latest, whatever becomes of notifications, clocks and
networks; and a cache needs neither messages nor deletions.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from time import monotonic

from catalog.domain.categories.category import Category
from catalog.domain.changes.log import LogEntry, LogHead
from catalog.domain.errors import Unavailable
from catalog.domain.items.item import Item, changed_fields
from catalog.domain.queries.item_query import Page
from catalog.domain.queries.list_request import ListRequest
from catalog.ports.cache import CachedResponse
from catalog.ports.storage import Storage

MAX_STALENESS = 0.25
"""Seconds after which other processes' changes are seen at the latest."""

POLL_SECONDS = 0.1
"""Seconds between two looks at the log, when nothing is heard of commits."""

RETRY_SECONDS = 0.02
"""Seconds between two looks at the log, however often something is heard of commits."""

IDLE_SECONDS = 60.0
"""Seconds without a question after which the log is left alone until the next one."""

MAX_TRACKED = 10_000
"""How many changed subjects are told apart; about what changed before, only the newest number is known."""

BATCH_SIZE = 1_000
"""Entries that are read from the log at a time."""

_MEMBERSHIP = "items that come and go"
_TREE = "the tree of categories"


class Freshness:
    """Knows the newest entry of the log, and for each subject that changed lately the newest entry about it."""

    def __init__(
        self, storage: Storage, clear_cache: Callable[[], Awaitable[None]], clock: Callable[[], float] = monotonic
    ) -> None:
        """Follow the log of `storage`; call `forget` when another log stands in its place. `clock` counts seconds."""
        self._storage = storage
        self._clear_cache = clear_cache
        self._clock = clock
        self._log_id: str | None = None
        self.latest_seq = 0
        """The newest entry that is known to be committed."""
        self._seen = 0  # Up to here, every entry has been noted,
        self._out_of_order: set[int] = set()  # and these beyond it.
        self._last_changes: dict[str, int] = {}
        self._untracked_seq = 0
        self._valid_until = float("-inf")
        self._last_request = clock()
        self._requested = asyncio.Event()

    @property
    def log_id(self) -> str | None:
        """Which log is followed; None before the first look."""
        return self._log_id

    def head(self) -> LogHead | None:
        """Tell the newest entry that is known, of a log that was looked at lately; None when it was not."""
        return LogHead(self._log_id, self.latest_seq) if self.is_current() and self._log_id is not None else None

    def is_current(self) -> bool:
        """Whether the log was looked at recently enough for any answer to hold."""
        self._last_request = self._clock()
        if self._last_request <= self._valid_until:
            return True
        self._requested.set()
        return False

    def is_valid(self, cached: CachedResponse) -> bool:
        """Whether nothing is known that changed a subject of an answer after the answer's date."""
        changed, floor = self._last_changes, self._untracked_seq
        return all(changed.get(subject, floor) <= cached.as_of for subject in cached.dependencies)

    def record_entries(self, entries: Sequence[LogEntry]) -> None:
        """Take notice of entries that are committed. In any order, and again if need be."""
        for entry in entries:
            if entry.seq <= self._seen or entry.seq in self._out_of_order:
                continue
            self._out_of_order.add(entry.seq)
            self.latest_seq = max(self.latest_seq, entry.seq)
            for subject in _changed_dependencies(entry):
                self._last_changes[subject] = max(self._last_changes.pop(subject, 0), entry.seq)
        while self._seen + 1 in self._out_of_order:
            self._seen += 1
            self._out_of_order.remove(self._seen)
        while len(self._last_changes) > MAX_TRACKED:
            oldest = next(iter(self._last_changes))
            self._untracked_seq = max(self._untracked_seq, self._last_changes.pop(oldest))

    async def follow(self) -> None:
        """Look at the log again and again, until cancelled. A store that is away only lets the lease run out."""
        while True:
            try:
                await self.poll()
            except Unavailable:
                await asyncio.sleep(POLL_SECONDS)
            if self._clock() - self._last_request > IDLE_SECONDS:
                self._requested.clear()
                await self._requested.wait()
            else:
                await asyncio.sleep(RETRY_SECONDS)
                with suppress(Unavailable):
                    await self._storage.wait(self.latest_seq, POLL_SECONDS - RETRY_SECONDS)

    async def poll(self) -> None:
        """Note what was committed since the last look."""
        asked = self._clock()
        seen = self._seen
        head = await self._storage.head()
        if head.log_id != self._log_id or head.seq < seen:
            await self._start_at(head)
        elif head.seq > seen + MAX_TRACKED:
            self._skip_to(head.seq)
        while self._seen < head.seq:
            entries = (await self._storage.changes(after=self._seen, limit=BATCH_SIZE)).entries
            if not entries or entries[0].seq > self._seen + 1:
                self._skip_to(head.seq)
            self.record_entries(entries)
        self._valid_until = asked + MAX_STALENESS

    async def _start_at(self, head: LogHead) -> None:
        """Follow this log from now on: at the start, or where another is there than before, brought back from a backup, say."""
        if self._log_id is not None:
            await self._clear_cache()
            self._out_of_order.clear()
            self._last_changes.clear()
            self.latest_seq = 0
        self._log_id = head.log_id
        self._skip_to(head.seq)

    def _skip_to(self, seq: int) -> None:
        """Go on after an entry. What was before it may have changed anything; what was noted beyond it stays known."""
        self._seen = self._untracked_seq = seq
        self._out_of_order = {noted for noted in self._out_of_order if noted > seq}
        self._last_changes = {subject: last for subject, last in self._last_changes.items() if last > seq}
        self.latest_seq = max(self.latest_seq, seq)


def item_dependencies(item: Item) -> tuple[str, ...]:
    """Name what an answer with one item depends on. Who had its SKU before cannot matter: that one is gone, or renamed."""
    return (item.id.hex,)


def list_dependencies(listing: ListRequest, page: Page) -> tuple[str, ...]:
    """Name what a list depends on: its items; who comes and goes; the fields that decide who is in it and where; and the tree."""
    tree = (_TREE,) if listing.depends_on_tree else ()
    return (_MEMBERSHIP, *tree, *map(_field_dependency, sorted(listing.membership_fields)), *(item.id.hex for item in page.items))


def _changed_dependencies(entry: LogEntry) -> Iterator[str]:
    """Name the subjects that an entry tells of."""
    yield entry.subject_id.hex
    before, after = entry.change.before, entry.change.after
    if isinstance(entry.change.subject, Category):
        yield _TREE
    elif isinstance(before, Item) and isinstance(after, Item):
        yield from map(_field_dependency, changed_fields(before, after))
    else:
        yield _MEMBERSHIP


def _field_dependency(name: str) -> str:
    return f"field {name}"
