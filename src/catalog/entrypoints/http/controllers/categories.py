"""`/categories`: the category tree."""

from contextlib import suppress
from functools import partial
from hashlib import sha256
from typing import Any, Final

from litestar import Controller, delete, get, patch, post
from litestar.params import FromPath

from catalog.application.categories.categories import Categories
from catalog.application.items.items import Items
from catalog.domain.categories.category import Category
from catalog.domain.errors import CategoryNotFound
from catalog.domain.identity.scopes import ITEMS_READ, ITEMS_WRITE
from catalog.domain.queries.filters import IN, WITHIN, Condition
from catalog.domain.values.fields import category_slug
from catalog.entrypoints.http.controllers.item_lists import RawListRequest, list_etag, respond_with_list
from catalog.entrypoints.http.controllers.items import ITEM_PAGE
from catalog.entrypoints.http.idempotency import Idempotency
from catalog.entrypoints.http.middleware.response_cache import ResponseCache
from catalog.entrypoints.http.openapi.operation import (
    ETAG,
    LOCATION,
    NO_CONTENT,
    NOT_MODIFIED,
    Operation,
    documented,
    json_body,
    json_response,
    patch_body,
)
from catalog.entrypoints.http.openapi.request_bodies import CategoryDraftBody, CategoryPatchBody
from catalog.entrypoints.http.requests.access import requires
from catalog.entrypoints.http.requests.bodies import JSON, MERGE_PATCH, parse_object, read_bytes, read_object
from catalog.entrypoints.http.requests.caller import AnyRequest, request_origin
from catalog.entrypoints.http.requests.list_parameters import CATEGORY_LIST
from catalog.entrypoints.http.requests.preconditions import etag, has_preconditions, is_not_modified, parse_if_match
from catalog.entrypoints.http.requests.query_parameters import AS, COUNTS, DESCENDANTS, MOVE_TO
from catalog.entrypoints.http.requests.query_string import read_choices, read_parameters, reject_parameters
from catalog.entrypoints.http.responses.conditional import respond_if_modified
from catalog.entrypoints.http.responses.preferences import write_response
from catalog.entrypoints.http.responses.prepared import PreparedResponse, json_content, no_content
from catalog.entrypoints.representations.categories import CategoriesBody, CategoryBody, encode_categories, encode_category
from catalog.ports.cache import ResponseContent

CATEGORIES: Final = "/api/v1/categories"

_CATEGORY = json_response(200, "The category", CategoryBody, ETAG)


class CategoriesController(Controller):
    """Endpoints for categories and the category tree."""

    path = CATEGORIES
    tags = ("categories",)
    categories: Categories
    items: Items
    reads: ResponseCache
    idempotency: Idempotency
    strict: bool
    """Whether If-Match is required."""

    @get(
        opt=documented(
            Operation(
                "list_categories",
                "List categories",
                requires(ITEMS_READ),
                parameters=(AS, COUNTS),
                responses=(json_response(200, "All categories", CategoriesBody, ETAG), NOT_MODIFIED),
            )
        )
    )
    async def list(self, request: AnyRequest) -> PreparedResponse:
        """Return all categories, roots first. With `counts=true`, each has the number of items in it and its descendants."""
        choices = read_choices(request.scope)
        tag = list_etag(await self.reads.head(), sorted(choices.sent.items()))
        if has_preconditions(request.scope) and is_not_modified(request.scope, tag):
            return PreparedResponse(304, no_content((b"etag", tag.encode())))
        tree = await self.categories.tree()
        totals = await self.categories.item_totals(tree) if choices.is_true(COUNTS) else None
        body = encode_categories(tree, totals, nested=choices.text(AS) == "tree")
        return PreparedResponse(200, json_content(body, (b"etag", tag.encode())))

    @post(
        opt=documented(
            Operation(
                "create_category",
                "Create a category",
                requires(ITEMS_WRITE),
                body=json_body(CategoryDraftBody),
                responses=(json_response(201, "The category was created", CategoryBody, LOCATION, ETAG),),
                errors=(409,),
                idempotent=True,
            )
        )
    )
    async def create(self, request: AnyRequest) -> PreparedResponse:
        """Create a category. The slug defaults to one made from the name, the position to the last among its siblings."""
        reject_parameters(request.scope)
        body = await read_bytes(request, JSON)
        fields = parse_object(body)
        ancestors = await self._parent_lineage(fields.get("parent"))
        write = self.categories.create(fields, request_origin(request))
        return await self.idempotency.respond(request.scope, body, write, partial(_created_response, request.scope, ancestors))

    @get(
        "/{slug:str}",
        opt=documented(
            Operation(
                "get_category",
                "Get a category",
                requires(ITEMS_READ),
                parameters=(COUNTS,),
                responses=(_CATEGORY, NOT_MODIFIED),
                errors=(404,),
            )
        ),
    )
    async def read(self, request: AnyRequest, slug: FromPath[str]) -> PreparedResponse:
        """Return one category, with its path from the root."""
        choices = read_choices(request.scope)
        lineage = await self.categories.lineage(slug)
        count = None
        if choices.is_true(COUNTS):
            tree = await self.categories.tree()
            count = (await self.categories.item_totals(tree)).get(slug, 0)
        return respond_if_modified(request.scope, _category_content(lineage, count))

    @get(
        "/{slug:str}/items",
        opt=documented(
            Operation(
                "list_category_items",
                "List or search items in a category",
                requires(ITEMS_READ),
                parameters=CATEGORY_LIST,
                responses=(ITEM_PAGE, NOT_MODIFIED),
                errors=(404,),
            )
        ),
    )
    async def list_items(self, request: AnyRequest, slug: FromPath[str]) -> PreparedResponse:
        """Return a page of the items in a category and its descendants; `descendants=false` leaves out the descendants.

        All parameters of the item list work here too.
        """
        category = await self.categories.get(slug)
        parameters, errors = read_parameters(request.scope)
        own_parameters = {name: parameters.pop(name) for name in (DESCENDANTS.name,) if name in parameters}
        descendants = own_parameters.get(DESCENDANTS.name, [""])[0] or "true"
        if descendants not in DESCENDANTS.choices:
            errors.add(("descendants",), "invalid_boolean", "Parameter descendants must be true or false.")
        filters = (Condition("category", WITHIN if descendants == "true" else IN, (category.slug,)),)
        path = f"{self.path}/{category.slug}/items"
        return await respond_with_list(
            request.scope, self.items, self.reads, RawListRequest(path, parameters, errors, filters, own_parameters)
        )

    @patch(
        "/{slug:str}",
        opt=documented(
            Operation(
                "update_category",
                "Update a category",
                requires(ITEMS_WRITE),
                body=patch_body(CategoryPatchBody),
                responses=(_CATEGORY, NO_CONTENT),
                errors=(404, 409, 412),
                conditional=True,
            )
        ),
    )
    async def revise(self, request: AnyRequest, slug: FromPath[str]) -> PreparedResponse:
        """Rename, move or reorder a category with a JSON Merge Patch (RFC 7396). The slug cannot be changed."""
        reject_parameters(request.scope)
        changes = await read_object(request, MERGE_PATCH, JSON)
        category = await self.categories.update(
            slug, changes, request_origin(request), parse_if_match(request.scope, required=self.strict)
        )
        return write_response(request.scope, 200, await self._content(category))

    @delete(
        "/{slug:str}",
        status_code=204,
        opt=documented(
            Operation(
                "delete_category",
                "Delete a category",
                requires(ITEMS_WRITE),
                parameters=(MOVE_TO,),
                responses=(NO_CONTENT,),
                errors=(404, 409, 412),
                conditional=True,
            )
        ),
    )
    async def remove(self, request: AnyRequest, slug: FromPath[str]) -> None:
        """Delete a category. Fails with 409 if it has children or items, unless `move_to` names a category to move them to."""
        choices = read_choices(request.scope)
        await self.categories.delete(
            slug, request_origin(request), parse_if_match(request.scope, required=self.strict), choices.text(MOVE_TO) or None
        )

    async def _content(self, category: Category) -> ResponseContent:
        """Encode a category that was just written, with its path from the root."""
        return _category_content((*await self._parent_lineage(category.parent), category), None)

    async def _parent_lineage(self, parent: object) -> tuple[Category, ...]:
        """Return the lineage of a parent; empty if there is no such category.

        The parent of a stored category may be missing too: another request may have moved its children and deleted it.
        """
        slug = category_slug(parent)
        if slug is not None:
            with suppress(CategoryNotFound):
                return await self.categories.lineage(slug)
        return ()


def _created_response(scope: Any, ancestors: tuple[Category, ...], category: Category) -> PreparedResponse:  # noqa: ANN401 - an ASGI scope
    location = (b"location", f"{CATEGORIES}/{category.slug}".encode())
    return write_response(scope, 201, _category_content((*ancestors, category), None), location)


def _category_content(lineage: tuple[Category, ...], count: int | None) -> ResponseContent:
    """Encode a category. Its ETag has the version, and a digest of the body, which also depends on ancestors and counts."""
    body = encode_category(lineage, count)
    return json_content(body, (b"etag", etag(lineage[-1], sha256(body).hexdigest()[:16]).encode()))
