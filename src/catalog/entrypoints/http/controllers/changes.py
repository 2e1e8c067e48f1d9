"""`/changes`: the change log, in pages or as a live stream."""

from typing import Any

from litestar import Controller, get

from catalog.application.changes.feed import Feed
from catalog.application.changes.history import History, LogRequest
from catalog.domain.changes.log import MAX_SEQ
from catalog.domain.errors import InvalidPosition
from catalog.domain.identity.scopes import CHANGES_READ
from catalog.entrypoints.http.live_streams import OpenStream
from catalog.entrypoints.http.openapi.operation import Content, Operation, ResponseSpec, documented
from catalog.entrypoints.http.requests.access import requires
from catalog.entrypoints.http.requests.bodies import JSON
from catalog.entrypoints.http.requests.caller import AnyRequest
from catalog.entrypoints.http.requests.header_parameters import LAST_EVENT_ID
from catalog.entrypoints.http.requests.headers import header
from catalog.entrypoints.http.requests.query_parameters import CHANGES
from catalog.entrypoints.http.requests.query_string import read_parameters
from catalog.entrypoints.http.responses.prepared import NO_STORE, AsgiResponse, PreparedResponse, json_content
from catalog.entrypoints.representations.changes import ChangesBody, encode_changes
from catalog.ports.cache import ResponseContent

EVENT_STREAM = "text/event-stream"

_EVENT_STREAM = (b"content-type", EVENT_STREAM.encode())

_MAX_DIGITS = 19


class ChangesController(Controller):
    """Endpoint for the change log."""

    path = "/api/v1/changes"
    tags = ("log",)
    history: History
    feed: Feed
    open_stream: OpenStream

    @get(
        opt=documented(
            Operation(
                "list_changes",
                "List or stream changes",
                requires(CHANGES_READ),
                parameters=(*CHANGES, LAST_EVENT_ID),
                responses=(
                    ResponseSpec(
                        200,
                        "A page of the change log, or a live stream",
                        {JSON: Content(ChangesBody), EVENT_STREAM: Content()},
                    ),
                ),
                errors=(404, 410),
            )
        )
    )
    async def list(self, request: AnyRequest) -> AsgiResponse:
        """Return the log entries after number `after`, oldest first. Pass `next_after` as `after` to get the next page.

        `next_after` is null if there are no more entries yet.

        With `Accept: text/event-stream`, the response is a stream of server-sent events that stays open for new entries. The id
        of an event is the number of its entry, its type the kind of change. The stream starts after `Last-Event-ID` or
        `after`; without either, it has new entries only. Slow consumers are disconnected, and can resume with `Last-Event-ID`.
        """
        parameters, errors = read_parameters(request.scope)
        log_request = LogRequest.parse({name: values[0] for name, values in parameters.items()}, errors)
        streaming = EVENT_STREAM in (header(request.scope, b"accept") or "").lower()
        if not streaming:
            return PreparedResponse(200, json_content(encode_changes(await self.history.changes(log_request))))
        if "bodiless" in request.scope["state"]:
            return PreparedResponse(200, ResponseContent(b"", (_EVENT_STREAM, NO_STORE)))
        last_event_id = _last_event_id(request.scope)
        response = self.open_stream(request.scope, _EVENT_STREAM, (b"x-accel-buffering", b"no"))
        log_filter = await self.history.log_filter(log_request)
        after = log_request.after if last_event_id is None else last_event_id
        response.stream(await self.feed.subscribe(after, log_filter, response.cut))
        return response


def _last_event_id(scope: Any) -> int | None:  # noqa: ANN401 - an ASGI scope
    """Return the Last-Event-ID header as a number, or None if there is none.

    Raises: InvalidPosition.
    """
    value = LAST_EVENT_ID.read(scope)
    if not value:
        return None
    if value.isascii() and value.isdecimal() and len(value) <= _MAX_DIGITS and int(value) < MAX_SEQ:
        return int(value)
    raise InvalidPosition(repr(value[:50]))
