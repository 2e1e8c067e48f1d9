"""Idempotency-Key: a repeated request gets the stored response instead of being executed again.

The header is specified in the IETF draft draft-ietf-httpapi-idempotency-key-header.
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
    """The fingerprint of a request body that has been received completely."""

    body: bytes

    @property
    def digest(self) -> str:
        """The SHA-256 of the body, in hexadecimal."""
        return sha256(self.body).hexdigest()

    async def receive_all(self) -> None:
        """Do nothing: the body is complete."""


class Idempotency:
    """Executes requests; those with an Idempotency-Key at most once."""

    def __init__(self, requests: IdempotentRequests) -> None:
        """Find and store responses with `requests`."""
        self._requests = requests

    async def respond(
        self,
        scope: Any,  # noqa: ANN401 - an ASGI scope
        actor: str,
        fingerprint: RequestFingerprint,
        execute: Callable[[RecordsFor[T]], Awaitable[T]],
        render: Callable[[T], PreparedResponse],
    ) -> PreparedResponse:
        """Execute a request and render its result, or return the stored response.

        `execute` gets a function that turns the result into records, which it must commit together with its changes.

        Raises: Malformed, RequestInProgress, KeyReused, and whatever `execute` raises.
        """
        key = header(scope, b"idempotency-key")
        if key is None:
            return render(await execute(no_records))
        if not _KEY.fullmatch(key):
            message = "Invalid Idempotency-Key header. Use 1 to 255 visible ASCII characters."
            raise Malformed(message)

        async def work(make_record: MakeRecord) -> bytes:
            packed = b""

            def records_for(result: T) -> Any:  # noqa: ANN401 - a tuple of one record
                nonlocal packed
                packed = render(result).pack()
                return (make_record(packed),)

            result = await execute(records_for)
            return packed or render(result).pack()  # a refusal commits no record, so it is not stored

        packed, replayed = await self._requests.execute(_record_key(scope, actor, key), fingerprint, work)
        return PreparedResponse.unpack(packed, _REPLAYED) if replayed else PreparedResponse.unpack(packed)


def _record_key(scope: Any, actor: str, key: str) -> str:  # noqa: ANN401 - an ASGI scope
    """Return the key of the stored response: the same Idempotency-Key is distinct per actor, method, path and query string."""
    path = scope["path"].rstrip("/")
    identity = "\n".join((actor, scope["method"], path, scope["query_string"].decode("latin-1"), key))
    return f"once/{sha256(identity.encode(errors='surrogatepass')).hexdigest()}"
