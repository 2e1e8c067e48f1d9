"""Idempotency-Key: a repeated request gets the stored response instead of being executed again.

The header is specified in the IETF draft draft-ietf-httpapi-idempotency-key-header.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

from catalog.application.writes.idempotency import Claim, IdempotentRequests, RequestFingerprint
from catalog.application.writes.write import Write
from catalog.domain.errors import Malformed
from catalog.entrypoints.http.requests.caller import caller_id
from catalog.entrypoints.http.requests.header_parameters import IDEMPOTENCY_KEY
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


@dataclass(slots=True)
class RequestClaim:
    """One request, with the claim to its Idempotency-Key if it has one."""

    claim: Claim | None

    async def stored_response(self) -> PreparedResponse | None:
        """Return the stored response, or None if the request has to be executed. Raises: KeyReused."""
        packed = None if self.claim is None else await self.claim.stored_response()
        return None if packed is None else PreparedResponse.unpack(packed, _REPLAYED)

    async def execute(self, write: Write[T], render: Callable[[T], PreparedResponse]) -> PreparedResponse:
        """Execute a write, render its result, and store the response in the same commit. Raises: whatever the write raises."""
        if self.claim is None:
            return render(await write)
        packed, replayed = await self.claim.execute(write, lambda result: render(result).pack())
        return PreparedResponse.unpack(packed, _REPLAYED) if replayed else PreparedResponse.unpack(packed)


class Idempotency:
    """Executes requests; those with an Idempotency-Key at most once."""

    def __init__(self, requests: IdempotentRequests) -> None:
        """Find and store responses with `requests`."""
        self._requests = requests

    async def respond(
        self,
        scope: Any,  # noqa: ANN401 - an ASGI scope
        body: bytes,
        write: Write[T],
        render: Callable[[T], PreparedResponse],
    ) -> PreparedResponse:
        """Execute a write and render its result, or return the stored response.

        Raises: Malformed, RequestInProgress, KeyReused, and whatever the write raises.
        """
        if IDEMPOTENCY_KEY.read(scope) is None:
            return render(await write)
        with self.claim(scope, BodyFingerprint(body)) as request:
            return await request.stored_response() or await request.execute(write, render)

    @contextmanager
    def claim(self, scope: Any, fingerprint: RequestFingerprint) -> Iterator[RequestClaim]:  # noqa: ANN401 - ASGI's
        """Claim the Idempotency-Key of a request whose body has not been received yet. Raises: Malformed, RequestInProgress."""
        key = _record_key(scope)
        with nullcontext() if key is None else self._requests.claim(key, fingerprint) as claim:
            yield RequestClaim(claim)


def _record_key(scope: Any) -> str | None:  # noqa: ANN401 - an ASGI scope
    """Return the key of the stored response, or None if the request has no Idempotency-Key. Raises: Malformed.

    The same Idempotency-Key is distinct per user, method, path and query string.
    """
    key = IDEMPOTENCY_KEY.read(scope)
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        message = "Invalid Idempotency-Key header. Use 1 to 255 visible ASCII characters."
        raise Malformed(message)
    path = scope["path"].rstrip("/")
    identity = "\n".join((caller_id(scope), scope["method"], path, scope["query_string"].decode("latin-1"), key))
    return f"once/{sha256(identity.encode(errors='surrogatepass')).hexdigest()}"
