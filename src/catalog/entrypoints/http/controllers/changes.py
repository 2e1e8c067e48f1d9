"""/changes: the log, page by page or live."""

from typing import Any

from litestar import Controller, get

from catalog.application.changes.feed import Feed
from catalog.application.changes.history import History, LogRequest
from catalog.domain.changes.log import MAX_SEQ
from catalog.domain.errors import InvalidPosition
from catalog.entrypoints.http.controllers.items import AnyRequest
from catalog.entrypoints.http.openapi.document import Operation, documented
from catalog.entrypoints.http.requests.headers import header
from catalog.entrypoints.http.requests.query_string import read_parameters
from catalog.entrypoints.http.responses.prepared import NO_STORE, AsgiResponse, EventStream, PreparedResponse, json_content
from catalog.entrypoints.representations.changes import encode_changes
from catalog.ports.cache import ResponseContent

EVENTS = "text/event-stream"

_EVENTS = (b"content-type", EVENTS.encode())

_LONGEST = 19


class ChangesController(Controller):
    """Everything that was ever committed, in the order of the commits."""

    path = "/api/v1/changes"
    tags = ("log",)
    history: History
    feed: Feed

    @get(
        opt=documented(
            Operation(
                "Read or follow the log",
                parameters=("after", "entries", "kind", "item", "last_event_id"),
                responses=("200-changes", "404", "410"),
            )
        )
    )
    async def list(self, request: AnyRequest) -> AsgiResponse:
        """What follows number `after`, oldest first; `next_after` says where it goes on, null that this is all for now.

        With `Accept: text/event-stream` it goes on live: each entry is an event whose id is its number and whose type is its
        kind, from `Last-Event-ID` or `after` on, else from now on. Who takes too little is cut off, and goes on from there.
        """
        found, faults = read_parameters(request.scope)
        question = LogRequest.parse({name: values[0] for name, values in found.items()}, faults)
        live = EVENTS in (header(request.scope, b"accept") or "").lower()
        if not live:
            return PreparedResponse(200, json_content(encode_changes(await self.history.changes(question))))
        if "bodiless" in request.scope["state"]:
            return PreparedResponse(200, ResponseContent(b"", (_EVENTS, NO_STORE)))
        last = _last_event_id(request.scope)
        answer = EventStream(_EVENTS, (b"x-accel-buffering", b"no"))
        wanted = await self.history.log_filter(question)
        after = question.after if last is None else last
        answer.stream(await self.feed.subscribe(after, wanted, answer.cut))
        return answer


def _last_event_id(scope: Any) -> int | None:  # noqa: ANN401 - an ASGI scope
    """Return the number after which a reader goes on. Raises InvalidPosition."""
    said = header(scope, b"last-event-id")
    if not said:
        return None
    if said.isascii() and said.isdecimal() and len(said) <= _LONGEST and int(said) < MAX_SEQ:
        return int(said)
    raise InvalidPosition(repr(said[:50]))
