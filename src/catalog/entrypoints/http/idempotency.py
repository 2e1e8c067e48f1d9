"""Requests with an Idempotency-Key: done once, and answered alike each time they are sent.

(The header is that of the IETF's draft-ietf-httpapi-idempotency-key-header.)
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

from catalog.application.writes.commit import Noted, no_notes
from catalog.application.writes.idempotency import Asked, Once, Receipt
from catalog.domain.errors import Malformed
from catalog.entrypoints.http.requests.headers import header
from catalog.entrypoints.http.responses.prepared import Answer

T = TypeVar("T")

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_REPLAYED = (b"idempotency-replayed", b"true")


@dataclass(frozen=True, slots=True)
class Whole:
    """A body that is there."""

    body: bytes

    @property
    def digest(self) -> str:
        """Of its bytes."""
        return sha256(self.body).hexdigest()

    async def finish(self) -> None:
        """Nothing is missing."""


class Idempotency:
    """Answers requests, those with a key once."""

    def __init__(self, once: Once) -> None:
        """Keep the answers with this."""
        self._once = once

    async def answer(
        self,
        scope: Any,  # noqa: ANN401 - an ASGI scope
        actor: str,
        asked: Asked,
        do: Callable[[Noted[T]], Awaitable[T]],
        show: Callable[[T], Answer],
    ) -> Answer:
        """Do what a request asks for and show the result, or give the answer that it was given before.

        `do` is handed what makes the notes that it must commit with what it does. Raises Malformed, InFlight, KeyReused, and
        what `do` raises.
        """
        key = header(scope, b"idempotency-key")
        if key is None:
            return show(await do(no_notes))
        if not _KEY.fullmatch(key):
            message = "The header Idempotency-Key has 1 to 255 visible ASCII characters."
            raise Malformed(message)

        async def work(receipt: Receipt) -> bytes:
            packed = b""

            def notes(result: T) -> Any:  # noqa: ANN401 - a tuple of one note
                nonlocal packed
                packed = show(result).packed()
                return (receipt(packed),)

            result = await do(notes)
            return packed or show(result).packed()  # what is a refusal is not kept

        packed, replayed = await self._once.do(_name(scope, actor, key), asked, work)
        return Answer.unpacked(packed, _REPLAYED) if replayed else Answer.unpacked(packed)


def _name(scope: Any, actor: str, key: str) -> str:  # noqa: ANN401 - an ASGI scope
    """Name a request: a key is the caller's own, and is of one path with its query."""
    path = scope["path"].rstrip("/")
    told = "\n".join((actor, scope["method"], path, scope["query_string"].decode("latin-1"), key))
    return f"once/{sha256(told.encode(errors='surrogatepass')).hexdigest()}"
