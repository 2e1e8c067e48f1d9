"""Deadlines for tasks that wait for a client. One timer checks all of them; a timer each adds 10 % to a small request's time."""

import asyncio
from typing import Any, Final

CHECK_SECONDS: Final = 0.5
"""Seconds between two checks of all deadlines. A task may exceed its deadline by this much."""


class Deadlines:
    """Deadlines of tasks in one event loop. Each task is cancelled once, after its deadline has passed."""

    def __init__(self) -> None:
        """Start without tasks."""
        self._deadlines: dict[asyncio.Task[Any], float] = {}
        self._expired: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def set(self, task: asyncio.Task[Any], deadline: float) -> None:
        """Set or move a task's deadline, in seconds of the loop's clock. Call `clear` when the task no longer waits."""
        self._deadlines[task] = deadline
        if self._timer is None:
            self._timer = task.get_loop().call_later(CHECK_SECONDS, self._check)

    def clear(self, task: asyncio.Task[Any]) -> None:
        """Remove the task's deadline."""
        del self._deadlines[task]
        if self._expired:
            self._expired.discard(task)

    def has_expired(self, task: asyncio.Task[Any]) -> bool:
        """Return whether a CancelledError in the task is due to its deadline alone, and undo the cancellation if so.

        A task that was also cancelled for another reason stays cancelled.
        """
        return task in self._expired and not task.uncancel()

    def _check(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        for task in [task for task, due in self._deadlines.items() if due < now and task not in self._expired]:
            self._expired.add(task)
            task.cancel()
        if self._deadlines:
            self._timer = asyncio.get_running_loop().call_later(CHECK_SECONDS, self._check)
