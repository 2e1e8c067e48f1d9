"""Caches: the same behavior in the process's own cache and in the shared one."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from catalog.adapters.memory.cache import MemoryCache
from catalog.adapters.redis.cache import MAX_VALUE_BYTES, RedisCache
from catalog.adapters.redis.connection import CircuitBreaker
from catalog.ports.cache import Cache, CachedResponse, ResponseContent
from tests.servers import ValkeyServer, free_port, valkey

pytestmark = pytest.mark.usefixtures("patient_connections")


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    """A Valkey server."""
    with valkey() as started:
        yield started


@pytest.fixture(params=["memory", "redis"])
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[Cache]:
    """A cache of each kind, with a time to live of one minute."""
    opened: Cache
    if request.param == "memory":
        opened = MemoryCache(max_bytes=1_000_000, ttl=60)
    else:
        url = request.getfixturevalue("server").url
        opened = RedisCache(
            url, ttl=60, namespace=f"test-{request.node.name}", on_change=lambda failure: pytest.fail(str(failure))
        )
    yield opened
    await opened.close()


def cached_response(body: bytes = b"{}", as_of: int = 7) -> CachedResponse:
    """Return a response for the cache."""
    return CachedResponse(as_of, ("a", "field é"), ResponseContent(body, ((b"etag", b'"x.1"'), (b"link", b"<\xe9>"))))


async def test_a_cached_response_is_read_back(cache: Cache) -> None:
    """A response keeps its log position, dependencies, body and headers.

    Each key has its own response, and the last write wins.
    """
    assert await cache.get("k") is None
    await cache.put("k", cached_response())
    await cache.put("k é", cached_response(b"\x00\xff"))
    assert await cache.get("k") == cached_response()
    assert await cache.get("k é") == cached_response(b"\x00\xff")
    await cache.put("k", cached_response(b"new", 8))
    assert await cache.get("k") == cached_response(b"new", 8)


async def test_a_working_cache_reports_no_failure(cache: Cache) -> None:
    """A working cache returns None from `failure`, which operators check."""
    assert await cache.failure() is None


async def test_a_response_that_is_too_large_is_not_cached(cache: Cache) -> None:
    """A response that is too large is not cached, and other responses stay in the cache."""
    await cache.put("small", cached_response())
    await cache.put("large", cached_response(b"x" * (MAX_VALUE_BYTES + 1)))
    assert await cache.get("large") is None
    assert await cache.get("small") == cached_response()


async def test_the_memory_cache_can_be_cleared() -> None:
    """A memory cache is empty after it was cleared."""
    memory_cache = MemoryCache(max_bytes=1_000_000, ttl=60)
    await memory_cache.put("k", cached_response())
    await memory_cache.clear()
    assert (await memory_cache.get("k"), memory_cache.size) == (None, 0)


async def test_the_memory_cache_expires_responses() -> None:
    """A response expires when its age exceeds the time to live, measured by a monotonic clock."""
    now = 0.0
    memory_cache = MemoryCache(max_bytes=1_000_000, ttl=10, clock=lambda: now)
    await memory_cache.put("k", cached_response())
    now = 10.0
    assert await memory_cache.get("k") == cached_response()
    now = 10.1
    assert (await memory_cache.get("k"), memory_cache.size) == (None, 0)


async def test_the_memory_cache_evicts_the_least_recently_used_response() -> None:
    """The memory cache evicts the least recently used response to stay within its size limit."""
    memory_cache = MemoryCache(max_bytes=20_000, ttl=60)
    for number in range(10):
        await memory_cache.put(f"k{number}", cached_response(b"x" * 1_000))
    await memory_cache.get("k0")
    for number in range(10, 15):
        await memory_cache.put(f"k{number}", cached_response(b"x" * 1_000))
        assert memory_cache.size <= 20_000
    assert await memory_cache.get("k0") is not None
    assert await memory_cache.get("k1") is None
    assert await memory_cache.get("k14") is not None
    await memory_cache.put("k14", cached_response(b"x" * 2_000))  # too large: a response may use a tenth of the cache
    assert await memory_cache.get("k14") is None


async def test_the_redis_cache_expires_responses(server: ValkeyServer) -> None:
    """Redis itself expires a response after the time to live."""
    redis_cache = RedisCache(server.url, ttl=0.05, namespace="test-ttl", on_change=lambda _: None)
    await redis_cache.put("k", cached_response())
    for _ in range(500):
        if await redis_cache.get("k") is None:
            break
        await asyncio.sleep(0.02)
    assert await redis_cache.get("k") is None
    await redis_cache.close()


async def test_two_namespaces_of_a_redis_are_separate(server: ValkeyServer) -> None:
    """Two versions of the catalog can share a Redis. A value in an unknown format counts as missing."""
    first, second = (
        RedisCache(server.url, ttl=60, namespace=namespace, on_change=lambda _: None) for namespace in ("test-1", "test-2")
    )
    await first.put("k", cached_response())
    assert await second.get("k") is None
    await second._redis.set("test-2:strange", b"\xc1 not of ours")
    assert await second.get("strange") is None
    await first.close()
    await second.close()


async def test_an_unreachable_redis_acts_like_an_empty_cache(server: ValkeyServer) -> None:
    """An unreachable Redis is tried once and reported once, and then not used for a while."""
    reports: list[str | None] = []
    redis_cache = RedisCache(f"redis://127.0.0.1:{free_port()}/0", ttl=60, namespace="test", on_change=reports.append)
    assert await asyncio.gather(*(redis_cache.get("k") for _ in range(20))) == [None] * 20
    await redis_cache.put("k", cached_response())
    assert len(reports) == 1
    assert "Connect" in str(reports[0])
    assert "Connect" in str(await redis_cache.failure())
    await redis_cache.close()


def test_the_circuit_breaker_opens_probes_and_closes() -> None:
    """Each failed probe makes the pause longer. Several requests that fail at the same time count as one failure."""
    now = 0.0
    reports: list[str | None] = []
    breaker = CircuitBreaker(reports.append, clock=lambda: now)
    assert breaker.allows()
    breaker.failed("gone")
    breaker.failed("gone too")
    assert (reports, breaker.allows()) == (["gone"], False)
    now = 0.51
    assert breaker.allows()
    assert not breaker.allows()  # only one request probes
    breaker.failed("still gone")
    now += 0.9
    assert not breaker.allows()
    now += 0.11
    assert breaker.allows()
    breaker.succeeded()
    assert reports == ["gone", None]
    assert breaker.allows()
    breaker.succeeded()
    assert reports == ["gone", None]


def test_a_probe_without_a_result_is_followed_by_another() -> None:
    """The breaker allows another probe if one has no result, because its request may have been cancelled."""
    now = 0.0
    breaker = CircuitBreaker(lambda _: None, clock=lambda: now)
    breaker.failed("gone")
    now = 1.0
    assert breaker.allows()
    now = 20.0
    assert breaker.allows()
