"""How request bodies are read."""

import asyncio
from collections.abc import Mapping
from typing import Any

from litestar import Request
from litestar.exceptions import HTTPException

from catalog.application.strict_json import read_json
from catalog.domain.errors import FieldError, InvalidInput, StoreBusy, shorten
from catalog.entrypoints.http.requests.deadlines import Deadlines
from catalog.entrypoints.http.requests.headers import header

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"

_LONGEST_LENGTH = 19

MIN_RATE = 16 * 1024
"""Bytes of a body that have to arrive per second, once `HttpSettings.read_seconds` have passed."""

MAX_RECEIVING = 64 * 1024 * 1024
"""Bytes of unfinished bodies that one process keeps in memory; beyond, 503."""


async def read_body(request: "Request[Any, Any, Any]", *types: str) -> Any:  # noqa: ANN401 - any JSON value
    """Read a JSON body of one of the media types. Raises Malformed; an HTTPException with 408, 413 or 415."""
    return read_json(await read_bytes(request, *types))


async def read_object(request: "Request[Any, Any, Any]", *types: str) -> Mapping[str, object]:
    """Read a JSON object. Raises what `read_body` raises, and InvalidInput when it is none."""
    return parse_object(await read_bytes(request, *types))


async def read_bytes(request: "Request[Any, Any, Any]", *types: str, most: int | None = None) -> bytes:
    """Read a body of one of the media types as it is. Raises StoreBusy; an HTTPException with 408, 413 or 415."""
    refuse_other_types(request.scope, types)
    return await _whole(request, most)


async def read_nothing(request: "Request[Any, Any, Any]") -> bytes:
    """Read a body that says nothing: none at all, or an empty object. Raises InvalidInput, Malformed, an HTTPException."""
    if header(request.scope, b"content-type") is None:
        body = await _whole(request, None)
    else:
        body = await read_bytes(request, JSON)
    if body and parse_object(body):
        raise InvalidInput([FieldError((), "unknown_field", "There is nothing to say here; leave the body out.")])
    return body


def parse_object(data: bytes) -> Mapping[str, object]:
    """Read a JSON object out of bytes. Raises Malformed, InvalidInput."""
    body = read_json(data)
    if not isinstance(body, dict):
        raise InvalidInput([FieldError((), "wrong_type", "The body is an object: {…}.")])
    return body


class BodyLimits:
    """What all bodies that are being received share: their deadlines, and how many bytes of them are in memory."""

    def __init__(self, read_seconds: float) -> None:
        """Give a body so many seconds, and more by MIN_RATE when it is large."""
        self.read_seconds = read_seconds
        self.deadlines = Deadlines()
        self.size = 0


async def _whole(request: "Request[Any, Any, Any]", limit: int | None) -> bytes:
    """Read the body to its end. Litestar's own way takes a tenth of a create's time."""
    app = request.app
    most: Any = limit or app.request_max_body_size  # create_app has set it
    if announced_length(request.scope) > most:
        raise HTTPException(status_code=413, detail=_too_large(most))
    receiving: BodyLimits = app.state.receiving
    deadlines = receiving.deadlines
    task: Any = asyncio.current_task()  # a handler always runs in one
    due = task.get_loop().time() + receiving.read_seconds
    read: list[bytes] = []
    size = counted = 0
    more = True
    deadlines.set(task, due)
    try:
        while more:
            event: Any = await request.receive()
            if event["type"] == "http.disconnect":
                raise HTTPException(status_code=400, detail="The body ended too early.")
            read.append(event.get("body", b""))
            size += len(read[-1])
            if size > most:
                raise HTTPException(status_code=413, detail=_too_large(most))
            more = event.get("more_body", False)
            if more:
                deadlines.set(task, due + size / MIN_RATE)
                receiving.size += size - counted
                counted = size
                if receiving.size > MAX_RECEIVING:
                    message = f"Request bodies of more than {MAX_RECEIVING // 1024**2} MiB are coming in at once; try again."
                    raise StoreBusy(message)
    except asyncio.CancelledError as error:
        if not deadlines.has_expired(task):
            raise
        patience = receiving.read_seconds
        detail = f"The body did not arrive in time: it may take {patience:g} s, and 1 s more for each {MIN_RATE // 1024} KiB."
        raise HTTPException(status_code=408, detail=detail, headers={"Connection": "close"}) from error
    finally:
        deadlines.clear(task)
        receiving.size -= counted
    return read[0] if len(read) == 1 else b"".join(read)


def announced_length(scope: Any) -> int:  # noqa: ANN401 - an ASGI scope
    """Return how many bytes a body is to have, by its Content-Length; 0 where that is not said."""
    said = header(scope, b"content-length") or ""
    if not (said.isascii() and said.isdecimal()):
        return 0
    return int(said[:_LONGEST_LENGTH])  # as many digits are too many, whatever follows


def _too_large(most: int) -> str:
    return f"The body has more than the {most} bytes that this path takes; send less at once."


def refuse_other_types(scope: Any, types: tuple[str, ...]) -> None:  # noqa: ANN401 - an ASGI scope
    """Take JSON in UTF-8, sent plainly and called so; a browser's form cannot be mistaken for it."""
    came = header(scope, b"content-type")
    if came not in types and not _is_one_of(came or "", types):
        what = "without a Content-Type" if came is None else f"as {shorten(came)}"
        detail = (
            f"The body came {what}; this path takes {' or '.join(types)}, in UTF-8. With curl: -H 'Content-Type: {types[0]}'."
        )
        raise HTTPException(status_code=415, detail=detail, headers={"Accept": ", ".join(types)})
    if (header(scope, b"content-encoding") or "identity").lower() != "identity":
        raise HTTPException(status_code=415, detail="The body has a Content-Encoding; send it as it is.")


def _is_one_of(media_type: str, types: tuple[str, ...]) -> bool:
    """Return whether a media type is one of `types`, with no other parameter than UTF-8 as its charset."""
    essence, _, parameters = media_type.partition(";")
    charset = parameters.lower().replace(" ", "").replace('"', "")
    return essence.strip().lower() in types and charset in ("", "charset=utf-8")
