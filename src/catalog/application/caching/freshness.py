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
from catalog.domain.items.item import Item, touched
from catalog.domain.queries.item_query import Page
from catalog.domain.queries.list_request import Listing
from catalog.ports.cache import Cached
from catalog.ports.storage import Storage

LEASE = 0.25
"""Seconds after which other processes' changes are seen at the latest."""

POLL = 0.1
"""Seconds between two looks at the log, when nothing is heard of commits."""

PAUSE = 0.02
"""Seconds between two looks at the log, however often something is heard of commits."""

IDLE = 60.0
"""Seconds without a question after which the log is left alone until the next one."""

MOST = 10_000
"""How many changed subjects are told apart; about what changed before, only the newest number is known."""

SLICE = 1_000
"""Entries that are read from the log at a time."""

_COMING_AND_GOING = "items that come and go"
_TREE = "the tree of categories"


class Freshness:
    """Knows the newest entry of the log, and for each subject that changed lately the newest entry about it."""

    def __init__(self, storage: Storage, forget: Callable[[], Awaitable[None]], clock: Callable[[], float] = monotonic) -> None:
        """Follow the log of `storage`; call `forget` when another log stands in its place. `clock` counts seconds."""
        self._storage = storage
        self._forget = forget
        self._clock = clock
        self._log: str | None = None
        self.known = 0
        """The newest entry that is known to be committed."""
        self._seen = 0  # Up to here, every entry has been noted,
        self._ahead: set[int] = set()  # and these beyond it.
        self._changed: dict[str, int] = {}
        self._floor = 0
        self._until = float("-inf")
        self._asked = clock()
        self._wanted = asyncio.Event()

    @property
    def log(self) -> str | None:
        """Which log is followed; None before the first look."""
        return self._log

    def head(self) -> LogHead | None:
        """Tell the newest entry that is known, of a log that was looked at lately; None when it was not."""
        return LogHead(self._log, self.known) if self.current() and self._log is not None else None

    def current(self) -> bool:
        """Whether the log was looked at recently enough for any answer to hold."""
        self._asked = self._clock()
        if self._asked <= self._until:
            return True
        self._wanted.set()
        return False

    def holds(self, cached: Cached) -> bool:
        """Whether nothing is known that changed a subject of an answer after the answer's date."""
        changed, floor = self._changed, self._floor
        return all(changed.get(subject, floor) <= cached.as_of for subject in cached.subjects)

    def note(self, entries: Sequence[LogEntry]) -> None:
        """Take notice of entries that are committed. In any order, and again if need be."""
        for entry in entries:
            if entry.seq <= self._seen or entry.seq in self._ahead:
                continue
            self._ahead.add(entry.seq)
            self.known = max(self.known, entry.seq)
            for subject in _told(entry):
                self._changed[subject] = max(self._changed.pop(subject, 0), entry.seq)
        while self._seen + 1 in self._ahead:
            self._seen += 1
            self._ahead.remove(self._seen)
        while len(self._changed) > MOST:
            oldest = next(iter(self._changed))
            self._floor = max(self._floor, self._changed.pop(oldest))

    async def follow(self) -> None:
        """Look at the log again and again, until cancelled. A store that is away only lets the lease run out."""
        while True:
            try:
                await self.look()
            except Unavailable:
                await asyncio.sleep(POLL)
            if self._clock() - self._asked > IDLE:
                self._wanted.clear()
                await self._wanted.wait()
            else:
                await asyncio.sleep(PAUSE)
                with suppress(Unavailable):
                    await self._storage.wait(self.known, POLL - PAUSE)

    async def look(self) -> None:
        """Note what was committed since the last look."""
        asked = self._clock()
        seen = self._seen
        head = await self._storage.head()
        if head.log != self._log or head.seq < seen:
            await self._begin(head)
        elif head.seq > seen + MOST:
            self._skip(head.seq)
        while self._seen < head.seq:
            entries = (await self._storage.changes(after=self._seen, limit=SLICE)).entries
            if not entries or entries[0].seq > self._seen + 1:
                self._skip(head.seq)
            self.note(entries)
        self._until = asked + LEASE

    async def _begin(self, head: LogHead) -> None:
        """Follow this log from now on: at the start, or where another is there than before, brought back from a backup, say."""
        if self._log is not None:
            await self._forget()
            self._ahead.clear()
            self._changed.clear()
            self.known = 0
        self._log = head.log
        self._skip(head.seq)

    def _skip(self, seq: int) -> None:
        """Go on after an entry. What was before it may have changed anything; what was noted beyond it stays known."""
        self._seen = self._floor = seq
        self._ahead = {noted for noted in self._ahead if noted > seq}
        self._changed = {subject: last for subject, last in self._changed.items() if last > seq}
        self.known = max(self.known, seq)


def item_subjects(item: Item) -> tuple[str, ...]:
    """Name what an answer with one item depends on. Who had its SKU before cannot matter: that one is gone, or renamed."""
    return (item.id.hex,)


def list_subjects(listing: Listing, page: Page) -> tuple[str, ...]:
    """Name what a list depends on: its items; who comes and goes; the fields that decide who is in it and where; and the tree."""
    tree = (_TREE,) if listing.climbs else ()
    return (_COMING_AND_GOING, *tree, *map(_field, sorted(listing.deciding)), *(item.id.hex for item in page.items))


def _told(entry: LogEntry) -> Iterator[str]:
    """Name the subjects that an entry tells of."""
    yield entry.subject_id.hex
    before, after = entry.change.before, entry.change.after
    if isinstance(entry.change.subject, Category):
        yield _TREE
    elif isinstance(before, Item) and isinstance(after, Item):
        yield from map(_field, touched(before, after))
    else:
        yield _COMING_AND_GOING


def _field(name: str) -> str:
    return f"field {name}"
