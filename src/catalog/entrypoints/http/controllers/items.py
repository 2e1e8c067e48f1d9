"""`/items`: create, list, export, read, replace, update and delete items."""

from functools import partial
from hashlib import sha256
from typing import Any, Final

from litestar import Controller, delete, get, patch, post, put
from litestar.params import FromPath

from catalog.application.caching.cached_reads import RenderedResponse
from catalog.application.caching.freshness import item_dependencies
from catalog.application.items.items import Items
from catalog.domain.errors import AlreadyPresent
from catalog.domain.identity.errors import InsufficientScope
from catalog.domain.identity.scopes import ITEMS_CREATE, ITEMS_READ, ITEMS_WRITE
from catalog.domain.items.item import Item
from catalog.domain.values.sku import parse_key
from catalog.entrypoints.http.controllers.item_lists import RawListRequest, respond_with_list
from catalog.entrypoints.http.idempotency import Idempotency
from catalog.entrypoints.http.middleware.cache_keys import by_query, cached
from catalog.entrypoints.http.middleware.response_cache import ResponseCache
from catalog.entrypoints.http.openapi.file_bodies import EXPORT_RESPONSE
from catalog.entrypoints.http.openapi.operation import (
    ETAG,
    LINK,
    LOCATION,
    NO_CONTENT,
    NOT_MODIFIED,
    Operation,
    documented,
    json_body,
    json_response,
    patch_body,
)
from catalog.entrypoints.http.openapi.request_bodies import ItemDraftBody, ItemPatchBody, PriceDraftBody
from catalog.entrypoints.http.requests.access import EACH_OPERATION, requires
from catalog.entrypoints.http.requests.bodies import JSON, MERGE_PATCH, parse_object, read_body, read_bytes, read_object
from catalog.entrypoints.http.requests.caller import AnyRequest, principal_of, request_origin
from catalog.entrypoints.http.requests.export_options import parse_export_options
from catalog.entrypoints.http.requests.list_parameters import EXPORT, LIST, PRESENTATION
from catalog.entrypoints.http.requests.path_parameters import item_key
from catalog.entrypoints.http.requests.preconditions import etag, parse_if_match, parse_put_conditions
from catalog.entrypoints.http.requests.query_string import read_parameters, read_presentation, reject_parameters
from catalog.entrypoints.http.responses.preferences import write_response
from catalog.entrypoints.http.responses.prepared import PreparedResponse, StreamingResponse, file_headers, json_content
from catalog.entrypoints.http.responses.spooling import Spool
from catalog.entrypoints.representations.item_pages import ItemPageBody
from catalog.entrypoints.representations.items import EVERYTHING, ItemBody, SparseItemBody, encode_item
from catalog.ports.cache import ResponseContent

ITEMS: Final = "/api/v1/items"


def by_item_key(query: bytes, key: str) -> str | None:
    """Identify the response for one item: by its id or SKU. Partial representations are not cached."""
    parsed = None if query else parse_key(item_key(key))
    return None if parsed is None else str(parsed)


CREATED_ITEM = json_response(201, "The item was created", ItemBody, LOCATION, ETAG)
WRITTEN_ITEM = json_response(200, "The item", ItemBody, ETAG)
ITEM_PAGE = json_response(200, "A page of items", ItemPageBody, LINK, ETAG)


class ItemsController(Controller):
    """Endpoints for items."""

    path = ITEMS
    tags = ("items",)
    items: Items
    reads: ResponseCache
    idempotency: Idempotency
    spool: Spool
    strict: bool
    """Whether If-Match is required."""

    @post(
        opt=documented(
            Operation(
                "create_item",
                "Create an item",
                requires(ITEMS_CREATE),
                body=json_body(ItemDraftBody),
                responses=(CREATED_ITEM,),
                errors=(409,),
                idempotent=True,
            )
        )
    )
    async def create(self, request: AnyRequest) -> PreparedResponse:
        """Create an item. A SKU is generated if none is given."""
        reject_parameters(request.scope)
        body = await read_bytes(request, JSON)
        write = self.items.create(parse_object(body), request_origin(request))
        return await self.idempotency.respond(request.scope, body, write, partial(_created_response, request.scope))

    @get(
        opt=documented(
            Operation(
                "list_items", "List or search items", requires(ITEMS_READ), parameters=LIST, responses=(ITEM_PAGE, NOT_MODIFIED)
            )
        )
        | cached(by_query)
    )
    async def list(self, request: AnyRequest) -> PreparedResponse:
        """Return a page of items, newest first by default. With `q`, the best matches come first.

        All filters must match: `version__gte=3`, `price__lt=10&currency=EUR`, `category__exists=false`, `sku__in=A,B`,
        `attr.size=10`, `attr.size__gte=10`, `attr.size="10"` (text). An item without a value in a field matches only
        `exists=false` there.
        """
        return await respond_with_list(
            request.scope, self.items, self.reads, RawListRequest(self.path, *read_parameters(request.scope))
        )

    @get(
        "/export",
        opt=documented(
            Operation(
                "export_items",
                "Export items",
                requires(ITEMS_READ, guests=False),
                parameters=EXPORT,
                responses=(EXPORT_RESPONSE,),
                errors=(507,),
            )
        ),
    )
    async def export(self, request: AnyRequest) -> StreamingResponse:
        """Return all items, or all that match the filters, oldest first by default. The export is a consistent snapshot.

        If the export is interrupted, the response is cut off: it has no last chunk, which HTTP clients report. With `proof=true`,
        the file itself shows that it is complete: in JSON its last row is `{"_end": {"rows": 2, "sha256": "…"}}`; in CSV the
        `id` of its last row is `_end`, its `sku` the number of rows and its `name` the digest. Exports can be imported unchanged.

        A workbook, and a file with a `profile` or in an encoding other than Unicode, is sent when it is complete, so that an item
        that cannot be written is answered with 422.
        """
        wanted = parse_export_options(*read_parameters(request.scope))
        chunks = self.items.export(
            wanted.query,
            wanted.format,
            encode_item,
            request_origin(request),
            with_categories=wanted.with_categories,
            proof=wanted.proof,
        )
        if wanted.format.may_refuse:
            chunks = self.spool.whole(chunks)
        # HEAD does not read from the store.
        first_chunk = b"" if "bodiless" in request.scope["state"] else await anext(chunks, b"")
        return StreamingResponse(
            first_chunk,
            chunks,
            *file_headers(wanted.format.name, wanted.format.charset),
            compressible=not wanted.format.is_compressed,
        )

    @get(
        "/{key:str}",
        opt=documented(
            Operation(
                "get_item",
                "Get an item",
                requires(ITEMS_READ),
                parameters=PRESENTATION,
                responses=(json_response(200, "The item", SparseItemBody, ETAG), NOT_MODIFIED),
                errors=(404,),
            )
        )
        | cached(by_item_key),
    )
    async def read(self, request: AnyRequest, key: FromPath[str]) -> PreparedResponse:
        """Return one item by its id or SKU. SKUs are case-insensitive."""
        presentation = read_presentation(request.scope)

        async def render() -> RenderedResponse:
            item = await self.items.get(item_key(key))
            if presentation == EVERYTHING:
                return RenderedResponse(item_content(item), item_dependencies(item))
            lineage = await self.items.lineage(item) if presentation.with_category else ()
            body = encode_item(item, presentation, lineage)
            tag = etag(item, sha256(body).hexdigest()[:16])
            return RenderedResponse(json_content(body, (b"etag", tag.encode())), item_dependencies(item))

        return await self.reads.respond(request.scope, render)

    @put(
        "/{key:str}",
        opt=documented(
            Operation(
                "put_item",
                "Create or replace an item",
                EACH_OPERATION,
                body=json_body(ItemDraftBody),
                responses=(WRITTEN_ITEM, CREATED_ITEM, NO_CONTENT),
                errors=(404, 409, 412),
                conditional=True,
            )
        ),
    )
    async def put(self, request: AnyRequest, key: FromPath[str]) -> PreparedResponse:
        """Create the item with this SKU, or replace it if it exists. Omitted fields are cleared; the body may omit the SKU.

        With `If-None-Match: *`, an existing item is not replaced (412). With an id instead of a SKU, the item must exist.
        """
        reject_parameters(request.scope)
        fields = await read_object(request, JSON)
        conditions = parse_put_conditions(request.scope, required=self.strict)
        may_replace = ITEMS_WRITE in principal_of(request.scope).scopes
        if conditions.present and not may_replace:
            raise InsufficientScope(ITEMS_WRITE)
        try:
            item, created = await self.items.put(
                item_key(key),
                fields,
                request_origin(request),
                conditions.expected,
                must_exist=conditions.present,
                must_not_exist=conditions.absent or not may_replace,
            )
        except AlreadyPresent as error:
            if may_replace or conditions.absent:
                raise
            raise InsufficientScope(ITEMS_WRITE) from error
        return _created_response(request.scope, item) if created else item_response(request.scope, item)

    @patch(
        "/{key:str}",
        opt=documented(
            Operation(
                "update_item",
                "Update an item",
                requires(ITEMS_WRITE),
                body=patch_body(ItemPatchBody),
                responses=(WRITTEN_ITEM, NO_CONTENT),
                errors=(404, 409, 412),
                conditional=True,
            )
        ),
    )
    async def revise(self, request: AnyRequest, key: FromPath[str]) -> PreparedResponse:
        """Update an item with a JSON Merge Patch (RFC 7396): omitted fields stay unchanged, null clears a field."""
        reject_parameters(request.scope)
        changes = await read_object(request, MERGE_PATCH, JSON)
        expected = parse_if_match(request.scope, required=self.strict)
        item = await self.items.update(item_key(key), changes, request_origin(request), expected)
        return item_response(request.scope, item)

    @patch(
        "/{key:str}/price",
        opt=documented(
            Operation(
                "update_item_price",
                "Update an item's price",
                requires(ITEMS_WRITE),
                body=patch_body(PriceDraftBody),
                responses=(WRITTEN_ITEM, NO_CONTENT),
                errors=(404, 409, 412),
                conditional=True,
            )
        ),
    )
    async def reprice(self, request: AnyRequest, key: FromPath[str]) -> PreparedResponse:
        """Set the price of an item. Amount and currency are both required."""
        reject_parameters(request.scope)
        price = await read_body(request, JSON, MERGE_PATCH)
        expected = parse_if_match(request.scope, required=self.strict)
        item = await self.items.reprice(item_key(key), price, request_origin(request), expected)
        return item_response(request.scope, item)

    @delete(
        "/{key:str}",
        status_code=204,
        opt=documented(
            Operation(
                "delete_item",
                "Delete an item",
                requires(ITEMS_WRITE),
                responses=(NO_CONTENT,),
                errors=(404, 409, 412),
                conditional=True,
            )
        ),
    )
    async def remove(self, request: AnyRequest, key: FromPath[str]) -> None:
        """Delete an item. The SKU can be reused immediately. The history stays available, and the item can be restored."""
        reject_parameters(request.scope)
        await self.items.delete(item_key(key), request_origin(request), parse_if_match(request.scope, required=self.strict))


def item_content(item: Item) -> ResponseContent:
    """Return an item as JSON content, with its ETag."""
    return json_content(encode_item(item), (b"etag", etag(item).encode()))


def item_response(scope: Any, item: Item) -> PreparedResponse:  # noqa: ANN401 - an ASGI scope
    """Return the response to a request that changed an item."""
    return write_response(scope, 200, item_content(item))


def _created_response(scope: Any, item: Item) -> PreparedResponse:  # noqa: ANN401 - an ASGI scope
    return write_response(scope, 201, item_content(item), (b"location", f"{ITEMS}/{item.id}".encode()))
