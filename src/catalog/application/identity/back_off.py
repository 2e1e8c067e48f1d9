"""Delays sign-ins after failures: with one name from one network, and, after many more, with one name from anywhere."""

import math
from hashlib import sha256

from catalog.domain.identity.back_off import FREE_FAILURES, NAME_FAILURES, delay_after, network_of
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
        waits = [
            delay_after(await self._counter.failures(key), free, now).total_seconds() for key, free in _counted(username, address)
        ]
        if max(waits) > 0:
            raise TooManyAttempts(math.ceil(max(waits)))

    async def failed(self, username: str, address: str | None) -> None:
        """Count a failure."""
        now = self._clock.now()
        for key, _ in _counted(username, address):
            await self._counter.add(key, now)

    async def succeeded(self, username: str, address: str | None) -> None:
        """Forget the failures: the user knows the password."""
        for key, _ in _counted(username, address):
            await self._counter.reset(key)


def _counted(username: str, address: str | None) -> tuple[tuple[str, int], tuple[str, int]]:
    """Return the keys to count by, each with the number of failures without delay.

    They have a hash of the name, because a password may have been typed into its field, and the counter may be on the network.
    """
    name = sha256(username.encode(errors="surrogatepass")).hexdigest()
    network = network_of(address or "unknown")
    return (f"{network} {name}", FREE_FAILURES), (f"any {name}", NAME_FAILURES)
