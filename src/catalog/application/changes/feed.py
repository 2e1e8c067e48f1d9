"""The live feed of committed changes, for many subscribers at once.

One log reader serves all subscribers. It reads and encodes each entry once and sends the entries of some tens of milliseconds
as one chunk. A new subscriber first replays the entries it missed from the log, then joins the live feed. Each subscriber has a
queue. If it reads too slowly and its queue fills up, it is cut off. It can resume from the last seq it received.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from time import monotonic
from weakref import WeakSet

from catalog.domain.changes.log import MAX_SEQ, LogEntry, LogFilter
from catalog.domain.errors import InvalidPosition, LogPruned, StoreUnavailable, TooManySubscribers, Unavailable
from catalog.ports.storage.optional import WatchedChangeLog

POLL_SECONDS = 0.1
"""Seconds between two reads of the log if the store reports no commits."""

BATCH_DELAY = 0.08
"""Seconds during which new entries are collected into one chunk."""

HEARTBEAT_SECONDS = 15.0
"""Seconds between two heartbeats."""

BATCH_SIZE = 500
"""Entries read from the log at a time."""

MAX_BACKLOG = 1024 * 1024
"""Maximum bytes queued for one subscriber, not counting its next chunk."""

MAX_TOTAL_BACKLOG = 64 * 1024 * 1024
"""Maximum bytes queued for all subscribers together, counted the same way. Beyond it the slowest are cut off."""

MAX_SUBSCRIBERS = 1_000
"""Maximum subscribers per process."""

EncodeEvent = Callable[[LogEntry], bytes]
"""Encodes a log entry as an event."""

EncodeHeartbeat = Callable[[int], bytes]
"""Encodes a heartbeat with the seq that the feed has reached."""


class Subscriber:
    """A reader of the feed, with its filter, its position in the log and its queue of chunks."""

    def __init__(self, position: int, log_filter: LogFilter, on_cut: Callable[[], object]) -> None:
        """Start after the entry `position`. `on_cut` is called if the subscriber is cut off for reading too slowly."""
        self.position = position
        self.log_filter = log_filter
        self._on_cut = on_cut
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._available = asyncio.Event()
        self._ended = False

    @property
    def backlog(self) -> int:
        """Queued bytes, not counting the next chunk, which subscribers may share."""
        return self._queued_bytes - len(self._queue[0]) if self._queue else 0

    def cut(self) -> None:
        """Cut the subscriber off and drop its queue."""
        self._queue.clear()
        self._queued_bytes = 0
        self.end()
        self._on_cut()

    def push(self, chunk: bytes) -> bool:
        """Queue a chunk and return True. If the queue is full, cut the subscriber off and return False."""
        if self._queue and self._queued_bytes + len(chunk) > MAX_BACKLOG:
            self.cut()
            return False
        self._queue.append(chunk)
        self._queued_bytes += len(chunk)
        self._available.set()
        return True

    def end(self) -> None:
        """End the subscription once the queue is empty."""
        self._ended = True
        self._available.set()

    async def pop(self) -> bytes | None:
        """Wait for data and return everything queued; None at the end of the subscription."""
        while not self._queue:
            if self._ended:
                return None
            self._available.clear()
            await self._available.wait()
        chunk = self._queue[0] if len(self._queue) == 1 else b"".join(self._queue)
        self._queue.clear()
        self._queued_bytes = 0
        return chunk


class Feed:
    """Reads the log while there are subscribers and sends its entries to them."""

    def __init__(
        self,
        change_log: WatchedChangeLog,
        encode_event: EncodeEvent,
        encode_heartbeat: EncodeHeartbeat,
        *,
        max_subscribers: int = MAX_SUBSCRIBERS,
    ) -> None:
        """Serve up to `max_subscribers` subscribers, with entries and heartbeats encoded by these functions."""
        self._change_log = change_log
        self._encode_event = encode_event
        self._encode_heartbeat = encode_heartbeat
        self._max_subscribers = max_subscribers
        # All subscribers, including those that have not joined yet. Weak, so that an abandoned subscription frees its place.
        self._all_subscribers: WeakSet[Subscriber] = WeakSet()
        self._subscribers: set[Subscriber] = set()
        self._position = 0
        self._following: asyncio.Task[None] | None = None
        self._caught_up = True
        self._closed = False

    @property
    def subscribers(self) -> int:
        """The number of subscribers that have joined."""
        return len(self._subscribers)

    async def subscribe(
        self, after: int | None, log_filter: LogFilter, on_cut: Callable[[], object]
    ) -> AsyncGenerator[bytes, None]:
        """Return the entries after seq `after`, or from now on if it is None, as chunks. The first chunk is a heartbeat.

        Raises: InvalidPosition if the log has no such seq, LogPruned if the entries after it were pruned, TooManySubscribers,
        StoreUnavailable during shutdown.
        """
        if self._closed:
            message = "The service is shutting down; connect to another instance or try again later."
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
        """Check `after` against the log and return the seq after which the subscription starts.

        Raises: InvalidPosition, LogPruned.
        """
        page = await self._change_log.changes(after=after or 0, limit=1)
        if after is None:
            return page.head
        if after > page.head:
            raise InvalidPosition(after, page.head)
        if after < page.floor:
            raise LogPruned(after, page.floor)
        return after

    def close(self) -> None:
        """End all subscriptions and accept no new ones."""
        self._closed = True
        for subscriber in self._subscribers:
            subscriber.end()
        if self._following is not None:
            self._following.cancel()

    async def _chunks(self, subscriber: Subscriber) -> AsyncGenerator[bytes, None]:
        yield self._encode_heartbeat(subscriber.position)
        if not self._is_following or subscriber.position < self._position:
            async for chunk in self._replay(subscriber, None):
                yield chunk
        join_position = self._join(subscriber)
        try:
            async for chunk in self._replay(subscriber, join_position):
                yield chunk
            while (queued := await subscriber.pop()) is not None:
                yield queued
        finally:
            self._leave(subscriber)

    async def _replay(self, subscriber: Subscriber, last_seq: int | None) -> AsyncGenerator[bytes, None]:
        """Read missed entries from the log, up to and including `last_seq`, or to the end of the log."""
        while not self._closed and (last_seq is None or subscriber.position < last_seq):
            page = await self._change_log.changes(after=subscriber.position, limit=BATCH_SIZE, log_filter=subscriber.log_filter)
            if page.floor > subscriber.position:
                raise LogPruned(subscriber.position, page.floor)
            entries = [entry for entry in page.entries if last_seq is None or entry.seq <= last_seq]
            chunk = b"".join(map(self._encode_event, entries))
            position = page.scanned_to if last_seq is None else min(page.scanned_to, last_seq)
            done = last_seq is None and page.next_after is None
            del page, entries  # several times larger than the chunk, and the subscriber may be slow
            if chunk:
                yield chunk
            subscriber.position = position
            if done:
                return

    def _join(self, subscriber: Subscriber) -> int:
        """Add the subscriber to the live feed and return the seq up to which it must replay the log itself."""
        if not self._is_following:
            # There are no other subscribers, so the feed continues from the position of this one.
            self._position = subscriber.position
            self._following = asyncio.create_task(self._follow(), name="catalog-feed")
        self._subscribers.add(subscriber)
        if self._closed:
            subscriber.end()
        return self._position

    @property
    def _is_following(self) -> bool:
        """Whether the feed is reading the log."""
        return self._following is not None and not self._following.done()

    def _leave(self, subscriber: Subscriber) -> None:
        self._all_subscribers.discard(subscriber)
        self._subscribers.discard(subscriber)
        if not self._subscribers and self._following is not None:
            self._following.cancel()
            self._following = None

    async def _follow(self) -> None:
        """Send new log entries to the subscribers until cancelled. However it ends, all subscriptions end with it."""
        try:
            await self._follow_log()
        finally:
            if self._following is asyncio.current_task():
                for subscriber in self._subscribers:
                    subscriber.end()

    async def _follow_log(self) -> None:
        last_heartbeat = monotonic()
        while True:
            try:
                found_entries = await self._read_log()
            except Unavailable:
                found_entries = False
                await asyncio.sleep(POLL_SECONDS)
            if monotonic() - last_heartbeat > HEARTBEAT_SECONDS:
                last_heartbeat = monotonic()
                self._push_to_all(self._encode_heartbeat(self._position))
            if not found_entries:
                with suppress(Unavailable):
                    await self._change_log.wait(self._position, POLL_SECONDS)
            await asyncio.sleep(BATCH_DELAY if self._caught_up else 0)

    async def _read_log(self) -> bool:
        """Read the next entries and publish them. Return whether there were any."""
        page = await self._change_log.changes(after=self._position, limit=BATCH_SIZE)
        self._caught_up = page.next_after is None
        if page.floor > self._position or page.head < self._position:
            # The next entries were pruned, or this is another log. Subscribers must reconnect, and get the error then.
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
        """Send entries to the subscribers, encoding each once."""
        events = [self._encode_event(entry) for entry in entries]
        chunks: dict[tuple[LogFilter, int], bytes] = {}
        for subscriber in tuple(self._subscribers):
            # Subscribers with the same filter share a chunk.
            chunk_key = subscriber.log_filter, max(subscriber.position, entries[0].seq - 1)
            chunk = chunks.get(chunk_key)
            if chunk is None:
                chunk = chunks[chunk_key] = b"".join(
                    event
                    for entry, event in zip(entries, events, strict=True)
                    if entry.seq > subscriber.position and subscriber.log_filter.matches(entry)
                )
            if chunk and not subscriber.push(chunk):
                self._subscribers.discard(subscriber)
        self._cut_slowest()

    def _push_to_all(self, chunk: bytes) -> None:
        for subscriber in tuple(self._subscribers):
            if not subscriber.push(chunk):
                self._subscribers.discard(subscriber)

    def _cut_slowest(self) -> None:
        """Cut off the slowest subscribers while more than MAX_TOTAL_BACKLOG bytes are queued."""
        backlog = sum(subscriber.backlog for subscriber in self._subscribers)
        if backlog <= MAX_TOTAL_BACKLOG:
            return
        slowest_last = sorted(self._subscribers, key=lambda subscriber: subscriber.backlog)
        while backlog > MAX_TOTAL_BACKLOG:
            subscriber = slowest_last.pop()
            backlog -= subscriber.backlog
            subscriber.cut()
            self._subscribers.discard(subscriber)
