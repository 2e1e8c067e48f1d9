"""Requests with an Idempotency-Key: done once, and answered alike each time they are sent.

(The header is that of the IETF's draft-ietf-httpapi-idempotency-key-header.)
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

from catalog.application.writes.commit import RecordsFor, no_records
from catalog.application.writes.idempotency import IdempotentRequests, MakeRecord, RequestFingerprint
from catalog.domain.errors import Malformed
from catalog.entrypoints.http.requests.headers import header
from catalog.entrypoints.http.responses.prepared import PreparedResponse

T = TypeVar("T")

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_REPLAYED = (b"idempotency-replayed", b"true")


@dataclass(frozen=True, slots=True)
class BodyFingerprint:
    """A body that is there."""

    body: bytes

    @property
    def digest(self) -> str:
        """Of its bytes."""
        return sha256(self.body).hexdigest()

    async def receive_all(self) -> None:
        """Nothing is missing."""


class Idempotency:
    """Answers requests, those with a key once."""

    def __init__(self, requests: IdempotentRequests) -> None:
        """Keep the answers with this."""
        self._requests = requests

    async def respond(
        self,
        scope: Any,  # noqa: ANN401 - an ASGI scope
        actor: str,
        fingerprint: RequestFingerprint,
        execute: Callable[[RecordsFor[T]], Awaitable[T]],
        render: Callable[[T], PreparedResponse],
    ) -> PreparedResponse:
        """Do what a request asks for and show the result, or give the answer that it was given before.

        `do` is handed what makes the notes that it must commit with what it does. Raises Malformed, InFlight, KeyReused, and
        what `do` raises.
        """
        key = header(scope, b"idempotency-key")
        if key is None:
            return render(await execute(no_records))
        if not _KEY.fullmatch(key):
            message = "The header Idempotency-Key has 1 to 255 visible ASCII characters."
            raise Malformed(message)

        async def work(receipt: MakeRecord) -> bytes:
            packed = b""

            def notes(result: T) -> Any:  # noqa: ANN401 - a tuple of one note
                nonlocal packed
                packed = render(result).pack()
                return (receipt(packed),)

            result = await execute(notes)
            return packed or render(result).pack()  # what is a refusal is not kept

        packed, replayed = await self._requests.execute(_name(scope, actor, key), fingerprint, work)
        return PreparedResponse.unpack(packed, _REPLAYED) if replayed else PreparedResponse.unpack(packed)


def _name(scope: Any, actor: str, key: str) -> str:  # noqa: ANN401 - an ASGI scope
    """Name a request: a key is the caller's own, and is of one path with its query."""
    path = scope["path"].rstrip("/")
    told = "\n".join((actor, scope["method"], path, scope["query_string"].decode("latin-1"), key))
    return f"once/{sha256(told.encode(errors='surrogatepass')).hexdigest()}"
