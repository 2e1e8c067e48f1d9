"""What happened to items: their history and prices; and bringing back what they were."""

from litestar import Controller, get, post
from litestar.params import FromPath

from catalog.application.changes.history import History, LogRequest
from catalog.application.items.items import Items
from catalog.domain.errors import FieldError, InvalidInput, InvalidQuery
from catalog.domain.items.item import Item
from catalog.domain.queries.operands import parse_moment
from catalog.domain.validation import FieldErrors
from catalog.entrypoints.http.controllers.items import AnyRequest, item_content, origin
from catalog.entrypoints.http.idempotency import BodyFingerprint, Idempotency
from catalog.entrypoints.http.middleware.response_cache import ITEMS
from catalog.entrypoints.http.openapi.document import Operation, documented
from catalog.entrypoints.http.requests.bodies import JSON, parse_object, read_bytes, read_nothing
from catalog.entrypoints.http.requests.preconditions import parse_if_match
from catalog.entrypoints.http.requests.query_string import read_choices, read_parameters, reject_parameters
from catalog.entrypoints.http.responses.preferences import write_response
from catalog.entrypoints.http.responses.prepared import PreparedResponse, json_content
from catalog.entrypoints.representations.changes import encode_history, encode_prices


class HistoryController(Controller):
    """The log, item by item."""

    path = f"{ITEMS}/{{key:str}}"
    tags = ("items", "log")
    history: History
    items: Items
    idempotency: Idempotency
    strict: bool
    """Whether If-Match is required."""

    @get(
        "/history",
        opt=documented(Operation("Tell an item's history", parameters=("after", "entries"), responses=("200-history", "404"))),
    )
    async def life(self, request: AnyRequest, key: FromPath[str]) -> PreparedResponse:
        """Every change, oldest first: who, when, in which request, and the item before and after; also of a deleted item.

        A SKU stands for the item that has it, else for the last one that was deleted with it; an id is exact.
        """
        found, faults = read_parameters(request.scope)
        said = {name: values[0] for name, values in found.items()}
        question = LogRequest.parse(said, faults, ("after", "limit"))
        return PreparedResponse(200, json_content(encode_history(await self.history.item_history(key, question))))

    @get("/prices", opt=documented(Operation("Tell an item's prices", parameters=("as_of",), responses=("200-prices", "404"))))
    async def prices(self, request: AnyRequest, key: FromPath[str]) -> PreparedResponse:
        """All of them, oldest first, or the one that was in force at a moment (`as_of`).

        `lowest_30_days` is the lowest of the 30 days up to then; `before_reduction` that of the 30 days before the price was
        reduced to what it is: the prior price of Directive 98/6/EC, article 6a.
        """
        said = read_choices(request.scope, as_of=())
        faults = FieldErrors()
        moment = parse_moment(said["as_of"], "as_of", faults) if "as_of" in said else None
        faults.raise_if_any(InvalidQuery)
        return PreparedResponse(200, json_content(encode_prices(await self.history.prices(key, moment))))

    @post(
        "/restore",
        status_code=200,
        opt=documented(
            Operation("Bring a deleted item back", responses=("200", "204", "404", "408", "409", "413", "415"), idempotent=True)
        ),
    )
    async def restore(self, request: AnyRequest, key: FromPath[str]) -> PreparedResponse:
        """By its id, or by its SKU (of several with that SKU, the one deleted last), as it was at its end.

        Its version goes on, so that what named it before stays stale.
        """
        reject_parameters(request.scope)
        body = await read_nothing(request)
        by = origin(request)

        def show(item: Item) -> PreparedResponse:
            return write_response(request.scope, 200, item_content(item))

        return await self.idempotency.respond(
            request.scope, by.actor, BodyFingerprint(body), lambda notes: self.items.restore(key, by, notes), show
        )

    @post(
        "/revert",
        status_code=200,
        opt=documented(
            Operation(
                "Make an item what it was",
                body="Revert",
                responses=("200", "204", "404", "409", "412"),
                conditional=True,
                idempotent=True,
            )
        ),
    )
    async def revert(self, request: AnyRequest, key: FromPath[str]) -> PreparedResponse:
        """In the version that the body names; as a new version."""
        reject_parameters(request.scope)
        body = await read_bytes(request, JSON)
        said = parse_object(body)
        if said.keys() != {"version"}:
            message = 'The body is {"version": n}, n being the version that the item is to be again.'
            raise InvalidInput([FieldError((), "wrong_members", message)])
        condition = parse_if_match(request.scope, required=self.strict)
        by = origin(request)

        def show(item: Item) -> PreparedResponse:
            return write_response(request.scope, 200, item_content(item))

        return await self.idempotency.respond(
            request.scope,
            by.actor,
            BodyFingerprint(body),
            lambda notes: self.items.revert(key, said["version"], by, condition, notes),
            show,
        )
