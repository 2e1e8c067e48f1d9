"""The live feed: what is committed, told to many at once, each from where he left off.

One reader of the log serves all subscribers: an entry is read once and encoded once, and what happens within some tens of
milliseconds is handed out as one piece. A subscriber reads what he missed from the log first, and joins then. Each has a
queue; one who does not take what is there, until his queue is full, is cut off, and goes on later from the number he had last.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from time import monotonic
from weakref import WeakSet

from catalog.domain.changes.log import MAX_SEQ, LogEntry, LogFilter
from catalog.domain.errors import InvalidPosition, LogPruned, StoreUnavailable, TooManySubscribers, Unavailable
from catalog.ports.storage import Storage

POLL_SECONDS = 0.1
"""Seconds between two looks at the log, when nothing is heard of commits."""

BATCH_DELAY = 0.08
"""Seconds in which what happens is gathered before it is handed out."""

HEARTBEAT_SECONDS = 15.0
"""Seconds between two signs of life."""

BATCH_SIZE = 500
"""Entries that are read from the log at a time."""

MAX_BACKLOG = 1024 * 1024
"""Bytes that may wait for a subscriber, beyond the piece that he is to take next."""

MAX_TOTAL_BACKLOG = 64 * 1024 * 1024
"""Bytes that may wait for all subscribers together, likewise; beyond, the slowest are cut off."""

MAX_SUBSCRIBERS = 1_000
"""Subscribers that a process serves at a time."""

EncodeEvent = Callable[[LogEntry], bytes]
EncodeHeartbeat = Callable[[int], bytes]


class Subscriber:
    """Somebody who is told what he wants from a number on."""

    def __init__(self, position: int, log_filter: LogFilter, on_cut: Callable[[], object]) -> None:
        """Tell what follows `position`; call `on_cut` when he takes too little."""
        self.position = position
        self.log_filter = log_filter
        self._on_cut = on_cut
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._available = asyncio.Event()
        self._ended = False

    @property
    def backlog(self) -> int:
        """Bytes that wait beyond the piece that is taken next, which subscribers may share."""
        return self._queued_bytes - len(self._queue[0]) if self._queue else 0

    def cut(self) -> None:
        """Cut the subscriber off; nothing that waits is delivered."""
        self._queue.clear()
        self._queued_bytes = 0
        self.end()
        self._on_cut()

    def push(self, piece: bytes) -> bool:
        """Put a piece into his queue; when it is full, cut him off and say so."""
        if self._queue and self._queued_bytes + len(piece) > MAX_BACKLOG:
            self.cut()
            return False
        self._queue.append(piece)
        self._queued_bytes += len(piece)
        self._available.set()
        return True

    def end(self) -> None:
        """Let him take what waits, and go."""
        self._ended = True
        self._available.set()

    async def pop(self) -> bytes | None:
        """Take all that waits, once there is something; None at the end."""
        while not self._queue:
            if self._ended:
                return None
            self._available.clear()
            await self._available.wait()
        piece = self._queue[0] if len(self._queue) == 1 else b"".join(self._queue)
        self._queue.clear()
        self._queued_bytes = 0
        return piece


class Feed:
    """Reads the log as long as somebody subscribes to it."""

    def __init__(
        self,
        storage: Storage,
        encode_event: EncodeEvent,
        encode_heartbeat: EncodeHeartbeat,
        *,
        max_subscribers: int = MAX_SUBSCRIBERS,
    ) -> None:
        """Write entries with `frame`, and signs of life, which say how far he is, with `beat`; serve up to `most` subscribers."""
        self._storage = storage
        self._encode_event = encode_event
        self._encode_heartbeat = encode_heartbeat
        self._max_subscribers = max_subscribers
        # Everyone who has subscribed, also before he joins. A subscription that is dropped unused drops out by itself.
        self._all_subscribers: WeakSet[Subscriber] = WeakSet()
        self._subscribers: set[Subscriber] = set()
        self._position = 0
        self._following: asyncio.Task[None] | None = None
        self._caught_up = True
        self._closed = False

    @property
    def subscribers(self) -> int:
        """How many there are."""
        return len(self._subscribers)

    async def subscribe(
        self, after: int | None, log_filter: LogFilter, on_cut: Callable[[], object]
    ) -> AsyncGenerator[bytes, None]:
        """Return what follows an entry, or from now on (None), as pieces, beginning with a sign of life.

        Raises InvalidPosition when the log has no such number, LogPruned when it does not reach back so far, and
        TooManySubscribers.
        """
        if self._closed:
            message = "The service is about to stop; subscribe elsewhere."
            raise StoreUnavailable(message)
        if after is not None and after >= MAX_SEQ:
            raise InvalidPosition(after)
        if len(self._all_subscribers) >= self._max_subscribers:
            raise TooManySubscribers(self._max_subscribers)
        subscriber = Subscriber(self._position, log_filter, on_cut)
        self._all_subscribers.add(subscriber)
        if after is not None or not self._is_following:
            try:
                subscriber.position = await self._start_position(after)
            except BaseException:
                self._all_subscribers.discard(subscriber)
                raise
        return self._chunks(subscriber)

    async def _start_position(self, after: int | None) -> int:
        """Return where a subscription begins, as the log has it."""
        page = await self._storage.changes(after=after or 0, limit=1)
        if after is None:
            return page.head
        if after > page.head:
            raise InvalidPosition(after, page.head)
        if after < page.floor:
            raise LogPruned(after, page.floor)
        return after

    def close(self) -> None:
        """Let all subscribers go, and take no more."""
        self._closed = True
        for subscriber in self._subscribers:
            subscriber.end()
        if self._following is not None:
            self._following.cancel()

    async def _chunks(self, subscriber: Subscriber) -> AsyncGenerator[bytes, None]:
        yield self._encode_heartbeat(subscriber.position)
        if not self._is_following or subscriber.position < self._position:
            async for piece in self._replay(subscriber, None):
                yield piece
        joined = self._join(subscriber)
        try:
            async for piece in self._replay(subscriber, joined):
                yield piece
            while (waiting := await subscriber.pop()) is not None:
                yield waiting
        finally:
            self._leave(subscriber)

    async def _replay(self, subscriber: Subscriber, upto: int | None) -> AsyncGenerator[bytes, None]:
        """Read what he missed: until the log's end, or up to a number."""
        while not self._closed and (upto is None or subscriber.position < upto):
            page = await self._storage.changes(after=subscriber.position, limit=BATCH_SIZE, wanted=subscriber.log_filter)
            if page.floor > subscriber.position:
                raise LogPruned(subscriber.position, page.floor)
            entries = [entry for entry in page.entries if upto is None or entry.seq <= upto]
            piece = b"".join(map(self._encode_event, entries))
            position = page.scanned_to if upto is None else min(page.scanned_to, upto)
            done = upto is None and page.next_after is None
            del page, entries  # they take several times what the piece takes, and he may take his time
            if piece:
                yield piece
            subscriber.position = position
            if done:
                return

    def _join(self, subscriber: Subscriber) -> int:
        """Have him told of what is to come; return the number up to which he must read by himself."""
        if not self._is_following:
            # Nobody else is here: what he has read is where the reading goes on.
            self._position = subscriber.position
            self._following = asyncio.create_task(self._follow(), name="catalog-feed")
        self._subscribers.add(subscriber)
        if self._closed:
            subscriber.end()
        return self._position

    @property
    def _is_following(self) -> bool:
        """Whether the log is being read."""
        return self._following is not None and not self._following.done()

    def _leave(self, subscriber: Subscriber) -> None:
        self._all_subscribers.discard(subscriber)
        self._subscribers.discard(subscriber)
        if not self._subscribers and self._following is not None:
            self._following.cancel()
            self._following = None

    async def _follow(self) -> None:
        """Read the log again and again, and hand out what is new, until cancelled. However it ends, nobody waits on."""
        try:
            await self._follow_once()
        finally:
            if self._following is asyncio.current_task():
                for subscriber in self._subscribers:
                    subscriber.end()

    async def _follow_once(self) -> None:
        beaten = monotonic()
        while True:
            try:
                moved = await self._read_log()
            except Unavailable:
                moved = False
                await asyncio.sleep(POLL_SECONDS)
            if monotonic() - beaten > HEARTBEAT_SECONDS:
                beaten = monotonic()
                self._push_to_all(self._encode_heartbeat(self._position))
            if not moved:
                with suppress(Unavailable):
                    await self._storage.wait(self._position, POLL_SECONDS)
            await asyncio.sleep(BATCH_DELAY if self._caught_up else 0)

    async def _read_log(self) -> bool:
        """Read on, and hand it out; say whether there was something."""
        page = await self._storage.changes(after=self._position, limit=BATCH_SIZE)
        self._caught_up = page.next_after is None
        if page.floor > self._position or page.head < self._position:
            # What follows is there no more, or another log is: they must ask anew, and are told then.
            for subscriber in self._subscribers:
                subscriber.end()
            self._position = page.head
            return False
        if not page.entries:
            return False
        self._publish(page.entries)
        self._position = page.entries[-1].seq
        return True

    def _publish(self, entries: Sequence[LogEntry]) -> None:
        """Hand entries out, each encoded once."""
        frames = [self._encode_event(entry) for entry in entries]
        pieces: dict[tuple[LogFilter, int], bytes] = {}
        for subscriber in tuple(self._subscribers):
            # Subscribers who want the same share a piece.
            wanted = subscriber.log_filter, max(subscriber.position, entries[0].seq - 1)
            piece = pieces.get(wanted)
            if piece is None:
                piece = pieces[wanted] = b"".join(
                    frame
                    for entry, frame in zip(entries, frames, strict=True)
                    if entry.seq > subscriber.position and subscriber.log_filter.matches(entry)
                )
            if piece and not subscriber.push(piece):
                self._subscribers.discard(subscriber)
        self._cut_slowest()

    def _push_to_all(self, piece: bytes) -> None:
        for subscriber in tuple(self._subscribers):
            if not subscriber.push(piece):
                self._subscribers.discard(subscriber)

    def _cut_slowest(self) -> None:
        """Cut the slowest subscribers off while too much waits for all of them together."""
        waiting = sum(subscriber.backlog for subscriber in self._subscribers)
        if waiting <= MAX_TOTAL_BACKLOG:
            return
        slowest_last = sorted(self._subscribers, key=lambda one: one.backlog)
        while waiting > MAX_TOTAL_BACKLOG:
            subscriber = slowest_last.pop()
            waiting -= subscriber.backlog
            subscriber.cut()
            self._subscribers.discard(subscriber)
