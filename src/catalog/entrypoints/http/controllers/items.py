"""/items: create, put, list, export, read, change, reprice, remove."""

from hashlib import sha256
from typing import Any

from litestar import Controller, Request, delete, get, patch, post, put
from litestar.params import FromPath, SkipValidation

from catalog.application.caching.cached_reads import RenderedResponse
from catalog.application.caching.freshness import item_dependencies
from catalog.application.exports.export import parse_export, parse_format, parse_with_categories
from catalog.application.items.items import Items
from catalog.domain.change import Origin
from catalog.domain.items.item import Item
from catalog.domain.queries.filters import FILTER_PARAMETERS
from catalog.domain.queries.item_query import PARAMETERS
from catalog.domain.queries.list_request import PARAMETERS as BESIDE
from catalog.domain.queries.list_request import PRESENTATION_PARAMETERS
from catalog.entrypoints.http.controllers.item_lists import RawListRequest, respond_with_list
from catalog.entrypoints.http.idempotency import BodyFingerprint, Idempotency
from catalog.entrypoints.http.middleware.response_cache import ITEMS, ResponseCache
from catalog.entrypoints.http.openapi.document import Operation, documented
from catalog.entrypoints.http.requests.bodies import JSON, MERGE_PATCH, parse_object, read_body, read_bytes, read_object
from catalog.entrypoints.http.requests.preconditions import etag, parse_if_match, parse_put_conditions
from catalog.entrypoints.http.requests.query_string import read_parameters, read_presentation, reject_parameters
from catalog.entrypoints.http.responses.preferences import write_response
from catalog.entrypoints.http.responses.prepared import PreparedResponse, StreamingResponse, json_content
from catalog.entrypoints.representations.items import EVERYTHING, encode_item
from catalog.ports.cache import ResponseContent

# Litestar made it: to have it check its own request took 5 % of a read.
AnyRequest = SkipValidation[Request[Any, Any, Any]]


class ItemsController(Controller):
    """The items, one by one and as lists."""

    path = ITEMS
    tags = ("items",)
    items: Items
    reads: ResponseCache
    idempotency: Idempotency
    strict: bool
    """Whether If-Match is required."""

    @post(opt=documented(Operation("Create an item", body="ItemDraft", responses=("201", "409"), idempotent=True)))
    async def create(self, request: AnyRequest) -> PreparedResponse:
        """Without a SKU, one is made."""
        reject_parameters(request.scope)
        body = await read_bytes(request, JSON)
        by = origin(request)

        def show(item: Item) -> PreparedResponse:
            return write_response(request.scope, 201, item_content(item), (b"location", f"{self.path}/{item.id}".encode()))

        fields = parse_object(body)
        return await self.idempotency.respond(
            request.scope, by.actor, BodyFingerprint(body), lambda notes: self.items.create(fields, by, notes), show
        )

    @get(opt=documented(Operation("List or search items", parameters=(*PARAMETERS, *BESIDE), responses=("200-page", "304"))))
    async def list(self, request: AnyRequest) -> PreparedResponse:
        """Newest first, unless `sort` says otherwise; with `q`, the nearest first.

        Beside the parameters named here, fields take operators: `version__gte=3`, `price__lt=10&currency=EUR`,
        `category__exists=false`, `sku__in=A,B`, and so do attributes: `attr.size=10`, `attr.size__gte=10`, `attr.size="10"`
        (text); eq, ne, lt, lte, gt, gte, in, exists.
        """
        return await respond_with_list(
            request.scope, self.items, self.reads, RawListRequest(self.path, *read_parameters(request.scope))
        )

    @get(
        "/export",
        opt=documented(
            Operation(
                "Export items",
                parameters=("format", "with_categories", "sort", "q", *FILTER_PARAMETERS),
                responses=("200-export",),
            )
        ),
    )
    async def export(self, request: AnyRequest) -> StreamingResponse:
        """All items, or those that the filters choose, in one state of the catalog; the oldest first, unless `sort` differs.

        The last row tells how many rows stand before it, and the SHA-256 of the bytes before its line: in JSON
        `{"_end": {"rows": 2, "sha256": "…"}}`, in CSV a row whose `id` is `_end`, `sku` the number and `name` the digest.
        Without that row, what came is not whole. What is exported can be imported as it stands.
        """
        parameters, faults = read_parameters(request.scope)
        kind = parameters.pop("format", [""])[-1] or "csv"
        tree = parameters.pop("with_categories", [""])[-1] or "false"
        with_categories = parse_with_categories(tree, faults)
        query = parse_export(parameters, faults)
        form = parse_format(kind)
        pieces = self.items.export(query, form, encode_item, with_categories=with_categories)
        disposition = f'attachment; filename="items.{kind}"'.encode()
        # HEAD gets by without a look at the store.
        first = b"" if "bodiless" in request.scope["state"] else await anext(pieces)
        return StreamingResponse(
            first, pieces, (b"content-type", form.media_type.encode()), (b"content-disposition", disposition)
        )

    @get(
        "/{key:str}",
        opt=documented(
            Operation("Read an item", parameters=PRESENTATION_PARAMETERS, responses=("200-item", "304", "404"), head=True)
        ),
    )
    async def read(self, request: AnyRequest, key: FromPath[str]) -> PreparedResponse:
        """By its id, or by its SKU in any case."""
        presentation = read_presentation(request.scope)

        async def item() -> RenderedResponse:
            found = await self.items.get(key)
            if presentation == EVERYTHING:
                return RenderedResponse(item_content(found), item_dependencies(found))
            lineage = await self.items.lineage(found) if presentation.with_category else ()
            body = encode_item(found, presentation, lineage)
            tag = etag(found, sha256(body).hexdigest()[:16])
            return RenderedResponse(json_content(body, (b"etag", tag.encode())), item_dependencies(found))

        return await self.reads.respond(request.scope, item)

    @put(
        "/{key:str}",
        opt=documented(
            Operation(
                "Create or replace an item",
                body="ItemDraft",
                responses=("200", "201", "204", "404", "409", "412"),
                conditional=True,
            )
        ),
    )
    async def put(self, request: AnyRequest, key: FromPath[str]) -> PreparedResponse:
        """By its SKU, which the body may leave out: created where there is none, else replaced, and what is absent taken away.

        With `If-None-Match: *` it is only created. By its id, an item that is there is replaced.
        """
        reject_parameters(request.scope)
        fields = await read_object(request, JSON)
        where = parse_put_conditions(request.scope, required=self.strict)
        item, created = await self.items.put(
            key, fields, origin(request), where.expected, must_exist=where.present, must_not_exist=where.absent
        )
        if not created:
            return write_response(request.scope, 200, item_content(item))
        return write_response(request.scope, 201, item_content(item), (b"location", f"{self.path}/{item.id}".encode()))

    @patch(
        "/{key:str}",
        opt=documented(
            Operation("Change an item", body="ItemPatch", responses=("200", "204", "404", "409", "412"), conditional=True)
        ),
    )
    async def revise(self, request: AnyRequest, key: FromPath[str]) -> PreparedResponse:
        """By a merge patch (RFC 7396): what is absent stays, null takes away, a value replaces."""
        reject_parameters(request.scope)
        changes = await read_object(request, MERGE_PATCH, JSON)
        condition = parse_if_match(request.scope, required=self.strict)
        item = await self.items.update(key, changes, origin(request), condition)
        return write_response(request.scope, 200, item_content(item))

    @patch(
        "/{key:str}/price",
        opt=documented(
            Operation("Give an item another price", body="Money", responses=("200", "204", "404", "409", "412"), conditional=True)
        ),
    )
    async def reprice(self, request: AnyRequest, key: FromPath[str]) -> PreparedResponse:
        """An amount and a currency, both."""
        reject_parameters(request.scope)
        price = await read_body(request, JSON, MERGE_PATCH)
        condition = parse_if_match(request.scope, required=self.strict)
        item = await self.items.reprice(key, price, origin(request), condition)
        return write_response(request.scope, 200, item_content(item))

    @delete(
        "/{key:str}",
        status_code=204,
        opt=documented(Operation("Remove an item", responses=("204", "404", "409", "412"), conditional=True)),
    )
    async def remove(self, request: AnyRequest, key: FromPath[str]) -> None:
        """Its SKU is free at once; the log keeps what it was."""
        reject_parameters(request.scope)
        await self.items.delete(key, origin(request), parse_if_match(request.scope, required=self.strict))


def origin(request: AnyRequest) -> Origin:
    """Say who asks. There is no identity yet: whoever reaches the service is the local role."""
    return Origin("local", request.scope["state"]["request_id"])


def item_content(item: Item) -> ResponseContent:
    """Write an item, with its ETag."""
    return json_content(encode_item(item), (b"etag", etag(item).encode()))
