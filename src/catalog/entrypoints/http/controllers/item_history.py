"""`/items/{key}/history` and `/prices`, and the operations that bring back an earlier state: `/restore` and `/revert`."""

from functools import partial

from litestar import Controller, get, post
from litestar.params import FromPath

from catalog.application.changes.history import History, LogRequest
from catalog.application.items.items import Items
from catalog.domain.errors import FieldError, InvalidInput, InvalidQuery
from catalog.domain.identity.scopes import ITEMS_READ, ITEMS_WRITE
from catalog.domain.queries.operands import parse_moment
from catalog.domain.validation import FieldErrors
from catalog.entrypoints.http.controllers.items import ITEMS, WRITTEN_ITEM, item_response
from catalog.entrypoints.http.idempotency import Idempotency
from catalog.entrypoints.http.openapi.operation import NO_CONTENT, Operation, documented, json_body, json_response
from catalog.entrypoints.http.openapi.request_bodies import RevertBody
from catalog.entrypoints.http.requests.access import requires
from catalog.entrypoints.http.requests.bodies import JSON, parse_object, read_bytes, read_nothing
from catalog.entrypoints.http.requests.caller import AnyRequest, principal_of, request_origin
from catalog.entrypoints.http.requests.path_parameters import item_key
from catalog.entrypoints.http.requests.preconditions import parse_if_match
from catalog.entrypoints.http.requests.query_parameters import AS_OF, HISTORY
from catalog.entrypoints.http.requests.query_string import read_choices, read_parameters, reject_parameters
from catalog.entrypoints.http.responses.prepared import PreparedResponse, json_content
from catalog.entrypoints.representations.changes import HistoryBody, PricesBody, encode_history, encode_prices


class HistoryController(Controller):
    """Endpoints for the history of one item."""

    path = f"{ITEMS}/{{key:str}}"
    tags = ("items", "log")
    history: History
    items: Items
    idempotency: Idempotency
    strict: bool
    """Whether If-Match is required."""

    @get(
        "/history",
        opt=documented(
            Operation(
                "get_item_history",
                "Get item history",
                requires(ITEMS_READ),
                parameters=HISTORY,
                responses=(json_response(200, "A page of the item's history", HistoryBody),),
                errors=(404,),
            )
        ),
    )
    async def life(self, request: AnyRequest, key: FromPath[str]) -> PreparedResponse:
        """Return every change of an item, oldest first: actor, time, request id, and the item before and after.

        This works for deleted items too. A SKU refers to the item that has it now, or else to the last item that was deleted
        with it; an id always refers to the same item.
        """
        parameters, errors = read_parameters(request.scope)
        log_request = LogRequest.parse({name: values[0] for name, values in parameters.items()}, errors)
        history = await self.history.item_history(item_key(key), log_request)
        with_actors = principal_of(request.scope).kind != "guest"
        return PreparedResponse(200, json_content(encode_history(history, with_actors=with_actors)))

    @get(
        "/prices",
        opt=documented(
            Operation(
                "get_item_prices",
                "Get item prices",
                requires(ITEMS_READ),
                parameters=(AS_OF,),
                responses=(json_response(200, "The prices of the item", PricesBody),),
                errors=(404,),
            )
        ),
    )
    async def prices(self, request: AnyRequest, key: FromPath[str]) -> PreparedResponse:
        """Return all prices of an item, oldest first, or only the price in force at the time `as_of`.

        `lowest_30_days` is the lowest price of the 30 days up to now, or up to `as_of`. `before_reduction` is the lowest price
        of the 30 days before the price was reduced to its current value: the prior price of Directive 98/6/EC, article 6a.
        """
        errors = FieldErrors()
        text = read_choices(request.scope).text(AS_OF)
        as_of = parse_moment(text, AS_OF.name, errors) if text else None
        errors.raise_if_any(InvalidQuery)
        return PreparedResponse(200, json_content(encode_prices(await self.history.prices(item_key(key), as_of))))

    @post(
        "/restore",
        status_code=200,
        opt=documented(
            Operation(
                "restore_item",
                "Restore a deleted item",
                requires(ITEMS_WRITE),
                responses=(WRITTEN_ITEM, NO_CONTENT),
                errors=(404, 408, 409, 413, 415),
                idempotent=True,
            )
        ),
    )
    async def restore(self, request: AnyRequest, key: FromPath[str]) -> PreparedResponse:
        """Restore a deleted item to its last state. A SKU refers to the last item that was deleted with it.

        The version continues from the last one, so ETags from before the deletion stay stale.
        """
        reject_parameters(request.scope)
        body = await read_nothing(request)
        write = self.items.restore(item_key(key), request_origin(request))
        return await self.idempotency.respond(request.scope, body, write, partial(item_response, request.scope))

    @post(
        "/revert",
        status_code=200,
        opt=documented(
            Operation(
                "revert_item",
                "Revert an item to an earlier version",
                requires(ITEMS_WRITE),
                body=json_body(RevertBody),
                responses=(WRITTEN_ITEM, NO_CONTENT),
                errors=(404, 409, 412),
                conditional=True,
                idempotent=True,
            )
        ),
    )
    async def revert(self, request: AnyRequest, key: FromPath[str]) -> PreparedResponse:
        """Set an item back to the version in the body. The result is a new version."""
        reject_parameters(request.scope)
        body = await read_bytes(request, JSON)
        fields = parse_object(body)
        if fields.keys() != {"version"}:
            message = 'The body must be {"version": n}, where n is the version to revert to.'
            raise InvalidInput([FieldError((), "wrong_members", message)])
        expected = parse_if_match(request.scope, required=self.strict)
        write = self.items.revert(item_key(key), fields["version"], request_origin(request), expected)
        return await self.idempotency.respond(request.scope, body, write, partial(item_response, request.scope))
