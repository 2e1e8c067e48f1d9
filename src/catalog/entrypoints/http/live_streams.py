"""Ends the live streams of callers whose credential is revoked or expires."""

from collections.abc import Callable
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from catalog.application.identity.authenticator import Authenticator
from catalog.application.identity.revocations import RevocationWatch
from catalog.domain.identity.principal import Principal
from catalog.entrypoints.http.requests.caller import principal_of
from catalog.entrypoints.http.responses.prepared import EventStream, Header
from catalog.ports.clock import Clock

OpenStream = Callable[..., EventStream]
"""Takes the ASGI scope of a request and headers, and returns a stream that ends with the credential of the caller."""


def endless_stream(_scope: Any, *headers: Header) -> EventStream:  # noqa: ANN401 - an ASGI scope
    """Return a stream for a caller without a credential, as in local mode."""
    return EventStream(*headers)


class LiveStreams:
    """The open streams, each with its caller."""

    def __init__(self, authenticator: Authenticator, watch: RevocationWatch, clock: Clock) -> None:
        """End streams when `watch` reports a revocation."""
        self._authenticator = authenticator
        self._clock = clock
        self._principals: WeakKeyDictionary[EventStream, Principal] = WeakKeyDictionary()
        watch.on_revoked(self._on_revoked)

    def open(self, scope: Any, *headers: Header) -> EventStream:  # noqa: ANN401 - an ASGI scope
        """Return a stream that ends when the caller's credential is revoked or expires."""
        principal = principal_of(scope)
        expiry = principal.expires_at
        seconds = None if expiry is None else max((expiry - self._clock.now()).total_seconds(), 0)
        stream = EventStream(*headers, seconds=seconds)
        self._principals[stream] = principal
        if not self._authenticator.is_valid(principal):  # revoked since the request was authenticated
            stream.stop()
        return stream

    def _on_revoked(self, _ids: frozenset[UUID] | None) -> None:
        for stream, principal in tuple(self._principals.items()):
            if not self._authenticator.is_valid(principal):
                stream.stop()
