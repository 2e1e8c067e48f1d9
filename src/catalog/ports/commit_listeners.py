"""The commit listeners of a store. A listener that raises affects neither the commit nor the other listeners."""

import logging
from collections.abc import Callable, Sequence

from catalog.domain.changes.log import LogEntry

Listener = Callable[[Sequence[LogEntry]], None]

_log = logging.getLogger("catalog.storage")


class Listeners:
    """Calls each listener with the log entries of a commit."""

    def __init__(self) -> None:
        """Start without listeners."""
        self._listeners: list[Listener] = []

    def add(self, listener: Listener) -> None:
        """Call `listener` after each commit from now on."""
        self._listeners.append(listener)

    def notify(self, entries: Sequence[LogEntry]) -> None:
        """Call every listener. The commit is already done, so exceptions are logged and never reach the writer."""
        for listener in self._listeners:
            try:
                listener(entries)
            except Exception:  # noqa: BLE001 - any failure is the listener's, not the writer's
                _log.exception("A commit listener failed; the commit itself succeeded.")
