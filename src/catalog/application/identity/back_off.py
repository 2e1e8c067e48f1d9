"""Delays sign-ins after failures: with one name from one network, and, after many more, with one name from anywhere."""

import math
from hashlib import sha256
from typing import NamedTuple

from catalog.domain.identity.back_off import (
    FREE_FAILURES,
    LONGEST,
    LONGEST_OF_NAME,
    NAME_FAILURES,
    delay_after,
    network_of,
)
from catalog.domain.identity.errors import TooManyAttempts
from catalog.ports.clock import Clock
from catalog.ports.identity.limits import FailureCounter


class BackOff:
    """Counts failures. It treats names that do not exist as those that do."""

    def __init__(self, counter: FailureCounter, clock: Clock) -> None:
        """Count with `counter`."""
        self._counter = counter
        self._clock = clock

    async def check(self, username: str, address: str | None) -> None:
        """Return if a password may be tried now. Raises: TooManyAttempts, with the time to wait.

        Check again after the password was verified: of many tries at the same time, those after the first failures tell nothing.
        """
        now = self._clock.now()
        keys = _keys(username, address)
        wait = delay_after(await self._counter.failures(keys.network), FREE_FAILURES, LONGEST, now)
        if not wait:
            wait = delay_after(await self._counter.failures(keys.name), NAME_FAILURES, LONGEST_OF_NAME, now)
            if wait and (await self._counter.failures(keys.known)).count:
                return
        if wait:
            raise TooManyAttempts(math.ceil(wait.total_seconds()))

    async def failed(self, username: str, address: str | None) -> None:
        """Count a failure."""
        now = self._clock.now()
        keys = _keys(username, address)
        await self._counter.add(keys.network, now)
        await self._counter.add(keys.name, now)

    async def succeeded(self, username: str, address: str | None) -> None:
        """Forget the failures, and note the network: the user knows the password."""
        keys = _keys(username, address)
        await self._counter.reset(keys.network)
        await self._counter.reset(keys.name)
        await self._counter.add(keys.known, self._clock.now())


class _Keys(NamedTuple):
    """What is counted: failures with a name from a network and from anywhere; and sign-ins, as long as they are remembered.

    The keys have a hash of the name: a password may have been typed into its field, and the counter may be on the network.
    """

    network: str
    name: str
    known: str


def _keys(username: str, address: str | None) -> _Keys:
    name = sha256(username.encode(errors="surrogatepass")).hexdigest()
    network = network_of(address or "unknown")
    return _Keys(f"{network} {name}", f"any {name}", f"known {network} {name}")
