"""Checking new passwords: it takes time, so other requests go on meanwhile."""

import asyncio
import threading

import pytest

from catalog.application.identity.passwords import Passwords
from catalog.domain.identity.errors import WeakPassword
from tests.identity_use import PASSWORD, FakeHasher


class SlowList:
    """A list of common passwords that takes as long as the test wants."""

    def __init__(self) -> None:
        """Start a look-up that does not end by itself."""
        self.may_end = threading.Event()
        self.ended = False

    def __contains__(self, password: str) -> bool:
        """Wait."""
        self.ended = self.may_end.wait(20)
        return password == "common enough to be refused"


async def test_the_event_loop_goes_on_while_a_password_is_looked_up() -> None:
    """The look-up waits for something that only the event loop does."""
    common = SlowList()
    asyncio.get_running_loop().call_soon(common.may_end.set)
    assert await Passwords(FakeHasher(), common).hash_new(PASSWORD, "anna") == f"a:{PASSWORD}"
    assert common.ended


async def test_a_common_password_is_refused_and_not_hashed() -> None:
    """The error comes out of the thread."""
    common, hasher = SlowList(), FakeHasher()
    common.may_end.set()
    with pytest.raises(WeakPassword, match="common"):
        await Passwords(hasher, common).hash_new("Common enough to be refused", "anna")
    assert hasher.hashed == 0
