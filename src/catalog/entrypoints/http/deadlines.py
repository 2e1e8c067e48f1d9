"""Deadlines for tasks that wait for a client, all watched by one timer: a timer for each costs a tenth of a small request."""

import asyncio
from types import TracebackType
from typing import Any, Final, Self

SWEEP: Final = 0.5
"""Seconds between two looks at the deadlines; a task may overrun its own by as much."""


class Deadlines:
    """The tasks of one event loop that have to be done in time."""

    def __init__(self) -> None:
        """Watch nobody yet."""
        self.due: dict[Deadline, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Look at the deadlines every now and then, as long as there are any."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SWEEP, self._sweep)

    def _sweep(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        for deadline in [one for one, due in self.due.items() if due < now]:
            deadline.expire()
        if self.due:
            self.start()


class Deadline:
    """A context in which the running task is cancelled after a moment of the loop's clock, and TimeoutError raised for it."""

    __slots__ = ("_among", "_due", "_expired", "_task")

    def __init__(self, among: Deadlines, due: float) -> None:
        """Expire at `due`."""
        self._among = among
        self._due = due
        self._expired = False
        self._task: asyncio.Task[Any] | None = None

    def __enter__(self) -> Self:
        """Begin to watch the running task."""
        self._task = asyncio.current_task()
        self.move(self._due)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End. A task that others have cancelled too stays cancelled."""
        del self._among.due[self]
        if self._expired and self._task is not None and not self._task.uncancel() and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def move(self, due: float) -> None:
        """Expire at another moment."""
        self._among.due[self] = due
        self._among.start()

    def expire(self) -> None:
        """Cancel the task; once, for it may take a while to end."""
        if not self._expired and self._task is not None:
            self._expired = True
            self._task.cancel()
