"""Hashes passwords with Argon2id (RFC 9106), in threads and a few at a time: each hash takes memory and a processor."""

import asyncio
import os
import sys
import threading
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from catalog.domain.identity.errors import SignInsBusy

MEMORY_KIB = 47_104
"""Memory of a hash, in KiB; with a single pass over it, the first of OWASP's recommended parameters."""

AT_ONCE = 2
"""Hashes that are computed at a time."""

MAX_WAITING = 100
"""Hashes that may wait. Further ones are refused: they would wait longer than clients do."""

_LOWEST_PRIORITY = 19

T = TypeVar("T")


class Argon2PasswordHasher:
    """Hashes passwords with Argon2id."""

    def __init__(self, *, memory_kib: int = MEMORY_KIB, at_once: int = AT_ONCE, max_waiting: int = MAX_WAITING) -> None:
        """Take the memory of a hash in KiB, how many are computed at a time, and how many more may wait."""
        self._hasher = PasswordHasher(time_cost=1, memory_cost=memory_kib, parallelism=1)
        self._hash_of_nobody = _random_hash(self._hasher)
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="argon2", initializer=_yield_to_others)
        self._limit = at_once + max_waiting
        self._pending = 0

    async def hash(self, password: str) -> str:
        """Return a hash of a password, with its salt and parameters. Raises: SignInsBusy."""
        return await self._run(partial(self._hasher.hash, _to_bytes(password)))

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Return whether a password has this hash. Without a hash, take as long and return False. Raises: SignInsBusy."""
        return await self._run(partial(self._verify, password, password_hash))

    def needs_rehash(self, password_hash: str) -> bool:
        """Return whether a hash was made with other parameters than those of today."""
        return self._hasher.check_needs_rehash(password_hash)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False)

    def _verify(self, password: str, password_hash: str | None) -> bool:
        try:
            self._hasher.verify(password_hash or self._hash_of_nobody, _to_bytes(password))
        except VerifyMismatchError:
            return False
        except (InvalidHashError, VerificationError) as error:
            message = "A stored password hash is damaged."
            raise ValueError(message) from error
        return password_hash is not None

    async def _run(self, work: Callable[[], T]) -> T:
        if self._pending >= self._limit:
            raise SignInsBusy
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._pending -= 1


def _yield_to_others() -> None:
    """Give this thread the lowest priority: whoever guesses passwords must not slow the thread that answers requests.

    Only Linux has priorities of threads. Elsewhere this would lower that of the process. A sandbox may forbid the call; an error
    here would end the thread pool, and nobody could sign in.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)


def _random_hash(hasher: PasswordHasher) -> str:
    """Return what looks like a hash with the parameters of a hasher, and is that of no password."""
    salt, digest = (b64encode(os.urandom(length)).decode().rstrip("=") for length in (hasher.salt_len, hasher.hash_len))
    return f"$argon2id$v=19$m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}${salt}${digest}"


def _to_bytes(password: str) -> bytes:
    return password.encode(errors="surrogatepass")
