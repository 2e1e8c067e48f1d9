"""/items: create, list, read, change, reprice, remove."""

from typing import Any

from litestar import Controller, Request, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from catalog.application.items import Items
from catalog.domain.change import Origin
from catalog.domain.item import Item
from catalog.domain.query import PARAMETERS, ItemQuery
from catalog.entrypoints.http.answers import Answer
from catalog.entrypoints.http.bodies import JSON, MERGE_PATCH, read_body, read_object
from catalog.entrypoints.http.conditions import conditional, etag, expected, unchanged
from catalog.entrypoints.http.openapi import Operation, documented
from catalog.entrypoints.http.parameters import link, read_parameters, refuse_parameters
from catalog.entrypoints.shapes import encode_item, encode_page

ItemsService = NamedDependency[SkipValidation[Items]]
AnyRequest = Request[Any, Any, Any]


class ItemsController(Controller):
    """The items, one by one and as lists."""

    path = "/api/v1/items"
    tags = ("items",)

    @post(opt=documented(Operation("Create an item", body="ItemDraft", answers=("201", "409"))))
    async def create(self, request: AnyRequest, items: ItemsService) -> Answer:
        """Without a SKU, one is made."""
        refuse_parameters(request.scope)
        item = await items.create(await read_object(request, JSON), origin(request))
        return Answer(201, encode_item(item), (b"etag", etag(item).encode()), (b"location", f"{self.path}/{item.id}".encode()))

    @get(opt=documented(Operation("List or search items", parameters=PARAMETERS, answers=("200-page",))))
    async def list(self, request: AnyRequest, items: ItemsService) -> Answer:
        """Newest first, unless `sort` says otherwise; with `q`, the nearest first."""
        parameters, faults = read_parameters(request.scope)
        page = await items.list(ItemQuery.parse(parameters, faults))
        links = [link(self.path, parameters, "first", cursor=None, offset=None)]
        if page.next_cursor is not None:
            links.append(link(self.path, parameters, "next", cursor=page.next_cursor, offset=None))
        return Answer(200, encode_page(page), (b"link", ", ".join(links).encode()))

    @get("/{key:str}", opt=documented(Operation("Read an item", answers=("200", "304", "404"), head=True)))
    async def read(self, request: AnyRequest, items: ItemsService, key: FromPath[str]) -> Answer:
        """By its id, or by its SKU in any case."""
        refuse_parameters(request.scope)
        return _answer(await items.get(key), request)

    @patch(
        "/{key:str}",
        opt=documented(Operation("Change an item", body="ItemPatch", answers=("200", "404", "409", "412"), conditional=True)),
    )
    async def revise(self, request: AnyRequest, items: ItemsService, key: FromPath[str]) -> Answer:
        """By a merge patch (RFC 7396): what is absent stays, null takes away, a value replaces."""
        refuse_parameters(request.scope)
        changes = await read_object(request, MERGE_PATCH, JSON)
        return _answer(await items.revise(key, changes, origin(request), expected(request.headers)))

    @patch(
        "/{key:str}/price",
        opt=documented(
            Operation("Give an item another price", body="Money", answers=("200", "404", "409", "412"), conditional=True)
        ),
    )
    async def reprice(self, request: AnyRequest, items: ItemsService, key: FromPath[str]) -> Answer:
        """An amount and a currency, both."""
        refuse_parameters(request.scope)
        price = await read_body(request, JSON, MERGE_PATCH)
        return _answer(await items.reprice(key, price, origin(request), expected(request.headers)))

    @delete(
        "/{key:str}",
        status_code=204,
        opt=documented(Operation("Remove an item", answers=("204", "404", "409", "412"), conditional=True)),
    )
    async def remove(self, request: AnyRequest, items: ItemsService, key: FromPath[str]) -> None:
        """Its SKU is free at once; the log keeps what it was."""
        refuse_parameters(request.scope)
        await items.remove(key, origin(request), expected(request.headers))


def origin(request: AnyRequest) -> Origin:
    """Say who asks. There is no identity yet: whoever reaches the service is the local role."""
    return Origin("local", request.scope["state"]["request_id"])


def _answer(item: Item, request: AnyRequest | None = None) -> Answer:
    """Answer with an item; to a request that has it already, with 304."""
    tag = etag(item)
    header = (b"etag", tag.encode())
    if request is not None and conditional(request.scope) and unchanged(request.headers, tag):
        return Answer(304, b"", header)
    return Answer(200, encode_item(item), header)
