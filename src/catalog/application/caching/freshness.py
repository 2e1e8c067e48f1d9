"""Freshness: decides from the change log whether a cached response is still valid.

Every cached response has a position in the log (`CachedResponse.as_of`), the latest entry known before the response was read,
and a list of dependencies: the items it shows and, for a list, everything that decides which items are in it. It is valid
until a later entry changes one of its dependencies.

Entries committed by this process are recorded before `commit` returns, so a caller always sees its own acknowledged writes.
Entries of other processes are read from the log, which is polled every POLL_SECONDS and whenever the store reports a commit.
If polling has not succeeded for MAX_STALENESS seconds, no response is valid. That bounds staleness even if notifications are
lost or the network fails, and caches need no invalidation messages.
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
from catalog.ports.storage.optional import WatchedChangeLog

MAX_STALENESS = 0.25
"""The time in seconds after which changes of other processes are visible at the latest."""

POLL_SECONDS = 0.1
"""The time in seconds between polls if the store reports no commits."""

RETRY_SECONDS = 0.02
"""The minimum time in seconds between polls, however often the store reports commits."""

IDLE_SECONDS = 60.0
"""The time in seconds without requests after which polling pauses until the next request."""

MAX_TRACKED = 10_000
"""The maximum number of dependencies whose last change is tracked individually.

For the ones that changed earlier, only the highest `seq` is known.
"""

BATCH_SIZE = 1_000
"""The number of log entries to read at a time."""

_MEMBERSHIP = "items that come and go"
"""The dependency that changes whenever an item is created, deleted or restored."""

_TREE = "the tree of categories"


class Freshness:
    """Tracks the latest entry of the log, and the latest change of each recently changed dependency."""

    def __init__(
        self, change_log: WatchedChangeLog, clear_cache: Callable[[], Awaitable[None]], clock: Callable[[], float] = monotonic
    ) -> None:
        """Follow this log. Call `clear_cache` if it is replaced by another log. `clock` returns seconds."""
        self._change_log = change_log
        self._clear_cache = clear_cache
        self._clock = clock
        self._log_id: str | None = None
        self.latest_seq = 0
        """The highest `seq` known to be committed."""
        self._contiguous_seq = 0  # All entries up to this one are recorded,
        self._out_of_order: set[int] = set()  # and these later ones.
        self._last_changes: dict[str, int] = {}  # The last entry that changed each dependency.
        self._untracked_seq = 0  # No dependency missing there changed after this entry.
        self._valid_until = float("-inf")
        self._last_request = clock()
        self._requested = asyncio.Event()

    @property
    def log_id(self) -> str | None:
        """The id of the log, or None before the first poll."""
        return self._log_id

    def head(self) -> LogHead | None:
        """Return the latest known head, or None if the log was not polled recently enough."""
        return LogHead(self._log_id, self.latest_seq) if self.is_current() and self._log_id is not None else None

    def is_current(self) -> bool:
        """Return whether the log was polled recently enough for cached responses to be valid. Resumes polling if not."""
        self._last_request = self._clock()
        if self._last_request <= self._valid_until:
            return True
        self._requested.set()
        return False

    def is_valid(self, cached: CachedResponse) -> bool:
        """Return whether no dependency of a response is known to have changed after its `as_of`."""
        last_changes, default = self._last_changes, self._untracked_seq
        return all(last_changes.get(dependency, default) <= cached.as_of for dependency in cached.dependencies)

    def record_entries(self, entries: Sequence[LogEntry]) -> None:
        """Record committed entries. They may arrive in any order and more than once."""
        for entry in entries:
            if entry.seq <= self._contiguous_seq or entry.seq in self._out_of_order:
                continue
            self._out_of_order.add(entry.seq)
            self.latest_seq = max(self.latest_seq, entry.seq)
            for dependency in _changed_dependencies(entry):
                self._last_changes[dependency] = max(self._last_changes.pop(dependency, 0), entry.seq)
        while self._contiguous_seq + 1 in self._out_of_order:
            self._contiguous_seq += 1
            self._out_of_order.remove(self._contiguous_seq)
        while len(self._last_changes) > MAX_TRACKED:
            oldest = next(iter(self._last_changes))
            self._untracked_seq = max(self._untracked_seq, self._last_changes.pop(oldest))

    async def follow(self) -> None:
        """Poll the log until cancelled. If the store is unreachable, cached responses expire after MAX_STALENESS seconds."""
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
                    await self._change_log.wait(self.latest_seq, POLL_SECONDS - RETRY_SECONDS)

    async def poll(self) -> None:
        """Record the entries committed since the last poll. Raises Unavailable if the store is unreachable."""
        started_at = self._clock()
        recorded_seq = self._contiguous_seq
        head = await self._change_log.head()
        if head.log_id != self._log_id or head.seq < recorded_seq:
            await self._start_at(head)
        elif head.seq > recorded_seq + MAX_TRACKED:
            self._skip_to(head.seq)
        while self._contiguous_seq < head.seq:
            entries = (await self._change_log.changes(after=self._contiguous_seq, limit=BATCH_SIZE)).entries
            if not entries or entries[0].seq > self._contiguous_seq + 1:
                self._skip_to(head.seq)
            self.record_entries(entries)
        self._valid_until = started_at + MAX_STALENESS

    async def _start_at(self, head: LogHead) -> None:
        """Follow this log from its head: on the first poll, or after the log was replaced, for example by restoring a backup."""
        if self._log_id is not None:
            await self._clear_cache()
            self._out_of_order.clear()
            self._last_changes.clear()
            self.latest_seq = 0
        self._log_id = head.log_id
        self._skip_to(head.seq)

    def _skip_to(self, seq: int) -> None:
        """Continue after entry `seq`. Skipped entries may have changed anything; later entries already recorded are kept."""
        self._contiguous_seq = self._untracked_seq = seq
        self._out_of_order = {recorded for recorded in self._out_of_order if recorded > seq}
        self._last_changes = {dependency: last for dependency, last in self._last_changes.items() if last > seq}
        self.latest_seq = max(self.latest_seq, seq)


def item_dependencies(item: Item) -> tuple[str, ...]:
    """Return the dependencies of a response with one item.

    Earlier owners of its SKU are irrelevant: they were deleted or have another SKU now.
    """
    return (item.id.hex,)


def list_dependencies(request: ListRequest, page: Page) -> tuple[str, ...]:
    """Return the dependencies of a list: its items, membership, the fields that decide it and, if relevant, the category tree."""
    tree = (_TREE,) if request.depends_on_tree else ()
    return (_MEMBERSHIP, *tree, *map(_field_dependency, sorted(request.membership_fields)), *(item.id.hex for item in page.items))


def _changed_dependencies(entry: LogEntry) -> Iterator[str]:
    """Yield the dependencies that an entry changes."""
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
