"""Reads the store once for all callers who ask at the same time, and spares it after an answer or a failure."""

from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from catalog.application.identity.single_flight import SingleFlight

RETRY_SECONDS = 1.0
"""Seconds after a failure in which credentials, which anybody can make up, do not make a process read again."""

V = TypeVar("V")


class ThrottledRead(Generic[V]):
    """A read of the store that background tasks repeat, and that a credential may need as well."""

    def __init__(self, read: Callable[[], Coroutine[Any, Any, V]], timer: Callable[[], float], fresh_seconds: float = 0) -> None:
        """Do what `read` does. After an answer, `run_if_due` reads again when `fresh_seconds` have passed by `timer`."""
        self._read = read
        self._timer = timer
        self._fresh_seconds = fresh_seconds
        self._runs: SingleFlight[None, V] = SingleFlight()
        self._due_at: float | None = None
        self._failure: Exception | None = None

    async def run(self) -> V:
        """Read, or wait for the read that is under way. Raises: what `read` raises."""
        return await self._runs.run(None, self._run)

    async def run_if_due(self) -> bool:
        """Read, unless that was done a moment ago. Return whether it was done now.

        Raises: what `read` raises, also without reading if it failed a moment ago.
        """
        if self._due_at is not None and self._timer() < self._due_at:
            if self._failure is not None:
                raise self._failure.with_traceback(None)
            return False
        await self.run()
        return True

    async def _run(self) -> V:
        try:
            found = await self._read()
        except Exception as error:
            self._failure = error
            self._due_at = self._timer() + RETRY_SECONDS
            raise
        self._failure = None
        self._due_at = self._timer() + self._fresh_seconds
        return found
