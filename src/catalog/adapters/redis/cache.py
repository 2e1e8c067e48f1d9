"""A cache shared by all replicas, on Redis or Valkey. While the server is unavailable, it acts like an empty cache."""

from collections.abc import Callable

import msgspec

from catalog.adapters.redis.connection import RedisConnection
from catalog.ports.cache import CachedResponse, ResponseContent

MAX_VALUE_BYTES = 1024 * 1024
"""Larger responses are not cached."""


class _Value(msgspec.Struct, array_like=True):
    """The stored form of a cached response."""

    as_of: int
    dependencies: list[str]
    body: bytes
    headers: list[tuple[bytes, bytes]]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Value)


class RedisCache:
    """Stores each response under `namespace:key`, with an expiry."""

    def __init__(self, url: str, *, ttl: float, namespace: str, on_change: Callable[[str | None], None]) -> None:
        """Create a client for `url` that connects on first use. `ttl` is in seconds.

        Raises: ValueError if the URL is invalid.
        """
        self._connection = RedisConnection(url, on_change=on_change)
        self._redis = self._connection.client
        self._ttl = max(1, round(ttl * 1000))
        self._namespace = namespace

    async def get(self, key: str) -> CachedResponse | None:
        """Return the response. An entry that this version cannot decode counts as a miss."""
        stored = await self._connection.run(lambda: self._redis.get(f"{self._namespace}:{key}"))
        try:
            value = _decoder.decode(stored) if isinstance(stored, bytes) else None
        except msgspec.DecodeError:
            return None
        return (
            None
            if value is None
            else CachedResponse(value.as_of, tuple(value.dependencies), ResponseContent(value.body, tuple(value.headers)))
        )

    async def put(self, key: str, cached: CachedResponse) -> None:
        """Store a response, unless it is larger than MAX_VALUE_BYTES."""
        content = cached.content
        if content.size <= MAX_VALUE_BYTES:
            value = _encoder.encode(_Value(cached.as_of, list(cached.dependencies), content.body, list(content.headers)))
            await self._connection.run(lambda: self._redis.set(f"{self._namespace}:{key}", value, px=self._ttl))

    async def failure(self) -> str | None:
        """Check the cache now, regardless of the breaker."""
        return await self._connection.failure(f"{self._namespace}:")

    async def clear(self) -> None:
        """Do nothing; every entry is shared with other processes."""

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.close()
