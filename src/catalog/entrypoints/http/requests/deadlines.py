"""Deadlines for tasks that wait for a client, all watched by one timer: a timer for each costs a tenth of a small request."""

import asyncio
from typing import Any, Final

CHECK_SECONDS: Final = 0.5
"""Seconds between two checks of all deadlines; a task may overrun its own by as much."""


class Deadlines:
    """The tasks of one event loop that must not wait for ever. A task is cancelled once when its deadline has passed."""

    def __init__(self) -> None:
        """Watch no task yet."""
        self._due: dict[asyncio.Task[Any], float] = {}
        self._expired: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def set(self, task: asyncio.Task[Any], due: float) -> None:
        """Cancel the task after a moment of the loop's clock; a later call moves its deadline. Always call `clear` in the end."""
        self._due[task] = due
        if self._timer is None:
            self._timer = task.get_loop().call_later(CHECK_SECONDS, self._sweep)

    def clear(self, task: asyncio.Task[Any]) -> None:
        """Stop watching the task."""
        del self._due[task]
        if self._expired:
            self._expired.discard(task)

    def has_expired(self, task: asyncio.Task[Any]) -> bool:
        """Return whether a CancelledError in the task is due to its deadline alone, and take the cancellation back if so.

        A task that somebody else has cancelled too stays cancelled.
        """
        return task in self._expired and not task.uncancel()

    def _sweep(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        for task in [one for one, due in self._due.items() if due < now and one not in self._expired]:
            self._expired.add(task)
            task.cancel()
        if self._due:
            self._timer = asyncio.get_running_loop().call_later(CHECK_SECONDS, self._sweep)
