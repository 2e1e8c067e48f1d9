"""Passwords hashed with Argon2: what is verified, and that hashing does not get in the way of other requests."""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator

import pytest
from argon2 import extract_parameters
from argon2.low_level import Type

from catalog.adapters.argon2 import password_hasher
from catalog.adapters.argon2.password_hasher import AT_ONCE, MEMORY_KIB, Argon2PasswordHasher
from catalog.domain.identity.errors import SignInsBusy
from tests.planted_secrets import PASSWORD


@pytest.fixture
async def hasher() -> AsyncIterator[Argon2PasswordHasher]:
    """A hasher that takes little memory."""
    made = Argon2PasswordHasher(memory_kib=64)
    yield made
    made.close()


class Gate:
    """Stands for hashing, which takes as long as the gate is closed."""

    def __init__(self) -> None:
        """Start closed."""
        self.opened = threading.Event()
        self.running = 0
        self.most = 0
        self.threads: set[int] = set()
        self._lock = threading.Lock()

    def work(self) -> bool:
        """Wait until the gate opens, and note how many do so at the same time."""
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
            self.threads.add(threading.get_ident())
        assert self.opened.wait(20)
        with self._lock:
            self.running -= 1
        return True


async def until_running(gate: Gate, number: int) -> None:
    """Wait until this many run. Meanwhile the event loop goes on."""
    async with asyncio.timeout(20):
        while gate.running < number:  # noqa: ASYNC110 - the threads do not know the event loop
            await asyncio.sleep(0.001)


async def test_a_password_is_verified(hasher: Argon2PasswordHasher) -> None:
    """The right password is, another is not; also outside of ASCII, and with what has no UTF-8."""
    for password in (PASSWORD, "pässwörter sind länger", "密码" * 10, "\ud800" * 15, "with a \0 within it"):
        password_hash = await hasher.hash(password)
        assert await hasher.verify(password, password_hash)
        assert not await hasher.verify(f"{password} ", password_hash)
        assert not await hasher.verify("", password_hash)


async def test_each_hash_has_a_salt(hasher: Argon2PasswordHasher) -> None:
    """The same password has different hashes."""
    assert await hasher.hash(PASSWORD) != await hasher.hash(PASSWORD)


async def test_nobody_has_the_hash_of_nobody(hasher: Argon2PasswordHasher) -> None:
    """Without a hash, no password is right. What is hashed instead has the parameters of real hashes, so it takes as long."""
    for password in (PASSWORD, "", "nobody has this password"):
        assert not await hasher.verify(password, None)
    assert extract_parameters(hasher._hash_of_nobody) == extract_parameters(await hasher.hash(PASSWORD))


async def test_an_empty_hash_is_none(hasher: Argon2PasswordHasher) -> None:
    """A user without a password cannot sign in with any."""
    assert not await hasher.verify("", "")
    assert not await hasher.verify(PASSWORD, "")


async def test_a_damaged_hash_is_an_error(hasher: Argon2PasswordHasher) -> None:
    """It is not taken for a wrong password, and the error does not show it."""
    for damaged in ("damaged", "$argon2id$v=19$m=64,t=1,p=1$", "$2b$12$abcdefghijklmnopqrstuv"):
        with pytest.raises(ValueError, match="damaged") as caught:
            await hasher.verify(PASSWORD, damaged)
        assert str(caught.value) == "A stored password hash is damaged."


async def test_the_parameters_are_those_recommended() -> None:
    """Argon2id with 46 MiB, one pass and one lane, as OWASP recommends."""
    hasher = Argon2PasswordHasher()
    parameters = extract_parameters(await hasher.hash(PASSWORD))
    assert (parameters.type, parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (Type.ID, MEMORY_KIB, 1, 1)
    hasher.close()


async def test_hashes_with_other_parameters_are_renewed(hasher: Argon2PasswordHasher) -> None:
    """A hash made with less memory is still verified, and needs to be made again."""
    other = Argon2PasswordHasher(memory_kib=32)
    password_hash = await other.hash(PASSWORD)
    assert await hasher.verify(PASSWORD, password_hash)
    assert hasher.needs_rehash(password_hash)
    assert not hasher.needs_rehash(await hasher.hash(PASSWORD))
    other.close()


async def test_hashing_does_not_block_the_event_loop(hasher: Argon2PasswordHasher) -> None:
    """Hashes are made in other threads, and at most two at once."""
    gate = Gate()
    tasks = [asyncio.create_task(hasher._run(gate.work)) for _ in range(10)]
    await until_running(gate, AT_ONCE)
    gate.opened.set()
    assert await asyncio.gather(*tasks) == [True] * 10
    assert gate.most == AT_ONCE == 2
    assert threading.get_ident() not in gate.threads


async def test_the_queue_is_bounded() -> None:
    """Beyond those at work and those that wait, sign-ins are refused at once. Then there is room again."""
    hasher = Argon2PasswordHasher(memory_kib=64, at_once=1, max_waiting=2)
    gate = Gate()
    tasks = [asyncio.create_task(hasher._run(gate.work)) for _ in range(3)]
    await until_running(gate, 1)
    for refused in (hasher.hash(PASSWORD), hasher.verify(PASSWORD, None)):
        with pytest.raises(SignInsBusy):
            await refused
    gate.opened.set()
    await asyncio.gather(*tasks)
    assert not await hasher.verify(PASSWORD, None)
    hasher.close()


async def test_a_cancelled_request_leaves_the_queue() -> None:
    """A client that goes away makes room, and what it waited for is not computed."""
    hasher = Argon2PasswordHasher(memory_kib=64, at_once=1, max_waiting=1)
    gate, unwanted = Gate(), Gate()
    first = asyncio.create_task(hasher._run(gate.work))
    waiting = asyncio.create_task(hasher._run(unwanted.work))
    await until_running(gate, 1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    last = asyncio.create_task(hasher.verify(PASSWORD, None))
    await asyncio.sleep(0)
    gate.opened.set()
    assert (await first, await last) == (True, False)
    assert unwanted.most == 0
    hasher.close()


async def test_a_failed_hash_leaves_the_queue() -> None:
    """An error makes room too."""
    hasher = Argon2PasswordHasher(memory_kib=64, at_once=1, max_waiting=0)
    for _ in range(3):
        with pytest.raises(ValueError, match="damaged"):
            await hasher.verify(PASSWORD, "damaged")
    assert not await hasher.verify(PASSWORD, None)
    hasher.close()


def test_at_most_a_hundred_wait() -> None:
    """The queue of the service is no longer than clients wait for."""
    assert password_hasher.MAX_WAITING == 100


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has priorities of threads")
async def test_hashing_yields_to_the_thread_that_answers(hasher: Argon2PasswordHasher) -> None:
    """Its threads have the lowest priority, and the process keeps its own."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    assert await hasher._run(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id())) == 19
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


async def test_passwords_are_hashed_where_priorities_are_forbidden(
    hasher: Argon2PasswordHasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sandbox refuses the call. Then hashing is as urgent as the rest."""

    def forbidden(*_arguments: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", forbidden)
    assert await hasher.verify(PASSWORD, await hasher.hash(PASSWORD))
