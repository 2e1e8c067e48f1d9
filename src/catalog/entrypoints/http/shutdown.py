"""Graceful-shutdown state, set by the server and read by `/health/ready` and the request middleware."""

from collections.abc import Callable


class ShutdownState:
    """Running, then draining, then closing. There is no way back."""

    def __init__(self, drain: float) -> None:
        """Start as running. `drain` is the number of seconds between `begin` and `close`."""
        self.drain = drain
        self.draining = False
        self.closing = False
        self._closers: list[Callable[[], object]] = []

    def on_close(self, closer: Callable[[], object]) -> None:
        """Register a function that `close` calls to end streams that would otherwise stay open."""
        self._closers.append(closer)

    def begin(self) -> None:
        """Start draining: the readiness probe fails, and requests are still served."""
        self.draining = True

    def close(self) -> None:
        """Start closing: responses ask clients to close the connection, and registered functions are called."""
        self.draining = self.closing = True
        for closer in self._closers:
            closer()
