"""Whether the service is about to stop: said by the server, read by /health/ready and the outer layer."""

from collections.abc import Callable


class ShutdownState:
    """Begins once, and never ends."""

    def __init__(self, drain: float) -> None:
        """Not yet. `drain`: seconds from the beginning to the closing."""
        self.drain = drain
        self.draining = False
        self.closing = False
        self._closers: list[Callable[[], object]] = []

    def on_close(self, closer: Callable[[], object]) -> None:
        """Have this called at the closing: it ends what would not end by itself."""
        self._closers.append(closer)

    def begin(self) -> None:
        """From now on the service is not ready; it still takes requests."""
        self.draining = True

    def close(self) -> None:
        """From now on each answer asks its client to close the connection."""
        self.draining = self.closing = True
        for closer in self._closers:
            closer()
