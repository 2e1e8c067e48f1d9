"""What every cache promises, the one in the process and the one that is shared."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from catalog.adapters.memory.cache import MemoryCache
from catalog.adapters.redis.cache import MAX_VALUE_BYTES, CircuitBreaker, RedisCache
from catalog.ports.cache import Cache, CachedResponse, ResponseContent
from tests.servers import ValkeyServer, free_port, valkey


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    """A Valkey."""
    with valkey() as started:
        yield started


@pytest.fixture(params=["memory", "redis"])
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[Cache]:
    """Each kind of cache, with a time to live of a minute."""
    made: Cache
    if request.param == "memory":
        made = MemoryCache(max_bytes=1_000_000, ttl=60)
    else:
        url = request.getfixturevalue("server").url
        made = RedisCache(url, ttl=60, namespace=f"test-{request.node.name}", on_change=lambda fault: pytest.fail(str(fault)))
    yield made
    await made.close()


def answer(body: bytes = b"{}", as_of: int = 7) -> CachedResponse:
    """Make an answer to keep."""
    return CachedResponse(as_of, ("a", "field é"), ResponseContent(body, ((b"etag", b'"x.1"'), (b"link", b"<\xe9>"))))


async def test_what_was_put_is_got(cache: Cache) -> None:
    """Date, subjects, bytes and headers; under its own key, and the last one wins."""
    assert await cache.get("k") is None
    await cache.put("k", answer())
    await cache.put("k é", answer(b"\x00\xff"))
    assert await cache.get("k") == answer()
    assert await cache.get("k é") == answer(b"\x00\xff")
    await cache.put("k", answer(b"new", 8))
    assert await cache.get("k") == answer(b"new", 8)


async def test_a_cache_that_answers_has_no_fault(cache: Cache) -> None:
    """For people who look after it."""
    assert await cache.failure() is None


async def test_what_is_too_large_is_not_kept(cache: Cache) -> None:
    """And nothing else is lost for it."""
    await cache.put("small", answer())
    await cache.put("large", answer(b"x" * (MAX_VALUE_BYTES + 1)))
    assert await cache.get("large") is None
    assert await cache.get("small") == answer()


async def test_clearing_forgets_what_only_this_process_has() -> None:
    """The shared cache keeps what others may use."""
    near = MemoryCache(max_bytes=1_000_000, ttl=60)
    await near.put("k", answer())
    await near.clear()
    assert (await near.get("k"), near.size) == (None, 0)


async def test_memory_forgets_what_is_older_than_its_time_to_live() -> None:
    """By a clock that counts on."""
    now = 0.0
    near = MemoryCache(max_bytes=1_000_000, ttl=10, clock=lambda: now)
    await near.put("k", answer())
    now = 10.0
    assert await near.get("k") == answer()
    now = 10.1
    assert (await near.get("k"), near.size) == (None, 0)


async def test_memory_lets_go_of_what_was_not_used_for_longest() -> None:
    """And stays within its bytes."""
    near = MemoryCache(max_bytes=20_000, ttl=60)
    for number in range(10):
        await near.put(f"k{number}", answer(b"x" * 1_000))
    await near.get("k0")
    for number in range(10, 15):
        await near.put(f"k{number}", answer(b"x" * 1_000))
        assert near.size <= 20_000
    assert await near.get("k0") is not None
    assert await near.get("k1") is None
    assert await near.get("k14") is not None
    await near.put("k14", answer(b"x" * 2_000))  # too large for this cache: a tenth is the most
    assert await near.get("k14") is None


async def test_redis_forgets_after_the_time_to_live(server: ValkeyServer) -> None:
    """It is Redis that does so."""
    far = RedisCache(server.url, ttl=0.05, namespace="test-ttl", on_change=lambda _: None)
    await far.put("k", answer())
    for _ in range(500):
        if await far.get("k") is None:
            break
        await asyncio.sleep(0.02)
    assert await far.get("k") is None
    await far.close()


async def test_two_spaces_of_a_redis_do_not_see_each_other(server: ValkeyServer) -> None:
    """Those of two versions, say."""
    one, two = (RedisCache(server.url, ttl=60, namespace=space, on_change=lambda _: None) for space in ("test-1", "test-2"))
    await one.put("k", answer())
    assert await two.get("k") is None
    await two._redis.set("test-2:strange", b"\xc1 not of ours")
    assert await two.get("strange") is None
    await one.close()
    await two.close()


async def test_a_redis_that_is_away_is_nothing_and_costs_little(server: ValkeyServer) -> None:
    """It is asked once, told of once, and left alone for a while."""
    told: list[str | None] = []
    far = RedisCache(f"redis://127.0.0.1:{free_port()}/0", ttl=60, namespace="test", on_change=told.append)
    assert await asyncio.gather(*(far.get("k") for _ in range(20))) == [None] * 20
    await far.put("k", answer())
    assert len(told) == 1
    assert "Connect" in str(told[0])
    assert "Connect" in str(await far.failure())
    await far.close()


def test_the_breaker_opens_tries_alone_and_closes() -> None:
    """Pauses grow; stragglers that fail with the first one do not count."""
    now = 0.0
    told: list[str | None] = []
    breaker = CircuitBreaker(told.append, clock=lambda: now)
    assert breaker.allows()
    breaker.failed("gone")
    breaker.failed("gone too")
    assert (told, breaker.allows()) == (["gone"], False)
    now = 0.51
    assert breaker.allows()
    assert not breaker.allows()  # one tries
    breaker.failed("still gone")
    now += 0.9
    assert not breaker.allows()
    now += 0.11
    assert breaker.allows()
    breaker.succeeded()
    assert told == ["gone", None]
    assert breaker.allows()
    breaker.succeeded()
    assert told == ["gone", None]


def test_a_trial_that_is_never_answered_is_followed_by_another() -> None:
    """Its request may have been cancelled."""
    now = 0.0
    breaker = CircuitBreaker(lambda _: None, clock=lambda: now)
    breaker.failed("gone")
    now = 1.0
    assert breaker.allows()
    now = 20.0
    assert breaker.allows()
