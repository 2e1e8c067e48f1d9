"""/categories: the tree that items stand in."""

from contextlib import suppress
from hashlib import sha256
from typing import Final

from litestar import Controller, delete, get, patch, post
from litestar.params import FromPath

from catalog.application.categories.categories import Categories
from catalog.application.items.items import Items
from catalog.domain.categories.category import Category
from catalog.domain.errors import CategoryNotFound
from catalog.domain.queries.filters import IN, WITHIN, Condition
from catalog.domain.queries.item_query import PARAMETERS
from catalog.domain.queries.list_request import PARAMETERS as BESIDE
from catalog.domain.validation import FieldErrors
from catalog.domain.values.fields import parse_category
from catalog.entrypoints.http.controllers.item_lists import RawListRequest, list_etag, respond_with_list
from catalog.entrypoints.http.controllers.items import AnyRequest, origin
from catalog.entrypoints.http.idempotency import BodyFingerprint, Idempotency
from catalog.entrypoints.http.middleware.response_cache import ResponseCache, respond_if_modified
from catalog.entrypoints.http.openapi.document import Operation, documented
from catalog.entrypoints.http.requests.bodies import JSON, MERGE_PATCH, parse_object, read_bytes, read_object
from catalog.entrypoints.http.requests.preconditions import etag, has_preconditions, is_not_modified, parse_if_match
from catalog.entrypoints.http.requests.query_string import read_choices, read_parameters, reject_parameters
from catalog.entrypoints.http.responses.preferences import write_response
from catalog.entrypoints.http.responses.prepared import PreparedResponse, json_content, no_content
from catalog.entrypoints.representations.items import encode_categories, encode_category
from catalog.ports.cache import ResponseContent

CATEGORIES: Final = "/api/v1/categories"

_YES_NO = ("true", "false")


class CategoriesController(Controller):
    """The categories, one by one and as a tree."""

    path = CATEGORIES
    tags = ("categories",)
    categories: Categories
    items: Items
    reads: ResponseCache
    idempotency: Idempotency
    strict: bool
    """Whether If-Match is required."""

    @get(opt=documented(Operation("List the categories", parameters=("as", "counts"), responses=("200-categories", "304"))))
    async def list(self, request: AnyRequest) -> PreparedResponse:
        """All of them, from the roots down; with `counts=true` each says how many items it and its descendants have."""
        chosen = read_choices(request.scope, **{"as": ("flat", "tree"), "counts": _YES_NO})
        tag = list_etag(await self.reads.head(), sorted(chosen.items()))
        if has_preconditions(request.scope) and is_not_modified(request.scope, tag):
            return PreparedResponse(304, no_content((b"etag", tag.encode())))
        tree = await self.categories.tree()
        totals = await self.categories.item_totals(tree) if chosen.get("counts") == "true" else None
        body = encode_categories(tree, totals, nested=chosen.get("as") == "tree")
        return PreparedResponse(200, json_content(body, (b"etag", tag.encode())))

    @post(
        opt=documented(Operation("Create a category", body="CategoryDraft", responses=("201-category", "409"), idempotent=True))
    )
    async def create(self, request: AnyRequest) -> PreparedResponse:
        """Without a slug, one is made from the name; without a position, it is the last among its siblings."""
        reject_parameters(request.scope)
        body = await read_bytes(request, JSON)
        fields = parse_object(body)
        by = origin(request)
        above = await self._above(fields.get("parent"))

        def show(category: Category) -> PreparedResponse:
            location = (b"location", f"{self.path}/{category.slug}".encode())
            return write_response(request.scope, 201, _content((*above, category), None), location)

        return await self.idempotency.respond(
            request.scope, by.actor, BodyFingerprint(body), lambda notes: self.categories.create(fields, by, notes), show
        )

    @get(
        "/{slug:str}",
        opt=documented(Operation("Read a category", parameters=("counts",), responses=("200-category", "304", "404"))),
    )
    async def read(self, request: AnyRequest, slug: FromPath[str]) -> PreparedResponse:
        """With the way to it from the root."""
        chosen = read_choices(request.scope, counts=_YES_NO)
        lineage = await self.categories.lineage(slug)
        count = None
        if chosen.get("counts") == "true":
            tree = await self.categories.tree()
            count = (await self.categories.item_totals(tree)).get(slug, 0)
        return respond_if_modified(request.scope, _content(lineage, count))

    @get(
        "/{slug:str}/items",
        opt=documented(
            Operation(
                "List or search the items of a category",
                parameters=("descendants", *PARAMETERS, *BESIDE),
                responses=("200-page", "304", "404"),
            )
        ),
    )
    async def list_items(self, request: AnyRequest, slug: FromPath[str]) -> PreparedResponse:
        """As a list of all items, which it has all parameters of; with the items of descendants, unless `descendants=false`."""
        category = await self.categories.get(slug)
        parameters, faults = read_parameters(request.scope)
        chosen = {name: parameters.pop(name) for name in ("descendants",) if name in parameters}
        descendants = chosen.get("descendants", [""])[0] or "true"
        if descendants not in _YES_NO:
            faults.add(("descendants",), "invalid_boolean", "The parameter descendants is true or false.")
        within = (Condition("category", WITHIN if descendants == "true" else IN, (category.slug,)),)
        path = f"{self.path}/{category.slug}/items"
        return await respond_with_list(
            request.scope, self.items, self.reads, RawListRequest(path, parameters, faults, within, chosen)
        )

    @patch(
        "/{slug:str}",
        opt=documented(
            Operation(
                "Rename or move a category",
                body="CategoryPatch",
                responses=("200-category", "204", "404", "409", "412"),
                conditional=True,
            )
        ),
    )
    async def revise(self, request: AnyRequest, slug: FromPath[str]) -> PreparedResponse:
        """By a merge patch (RFC 7396): another name, parent or position. The slug never changes."""
        reject_parameters(request.scope)
        changes = await read_object(request, MERGE_PATCH, JSON)
        category = await self.categories.update(
            slug, changes, origin(request), parse_if_match(request.scope, required=self.strict)
        )
        return write_response(request.scope, 200, await self._content(category))

    @delete(
        "/{slug:str}",
        status_code=204,
        opt=documented(
            Operation("Remove a category", parameters=("move_to",), responses=("204", "404", "409", "412"), conditional=True)
        ),
    )
    async def remove(self, request: AnyRequest, slug: FromPath[str]) -> None:
        """409 while children or items are in it, unless `move_to` says where they go."""
        chosen = read_choices(request.scope, move_to=())
        await self.categories.delete(
            slug, origin(request), parse_if_match(request.scope, required=self.strict), chosen.get("move_to")
        )

    async def _content(self, category: Category) -> ResponseContent:
        """Write a category as it was just written, with the way to it."""
        return _content((*await self._above(category.parent), category), None)

    async def _above(self, parent: object) -> tuple[Category, ...]:
        """Return the way to a parent, if it is there (still: others may have moved what stood below it, and removed it)."""
        slug = parse_category(parent, FieldErrors(), ())
        if slug is not None:
            with suppress(CategoryNotFound):
                return await self.categories.lineage(slug)
        return ()


def _content(lineage: tuple[Category, ...], count: int | None) -> ResponseContent:
    """Write a category, with its ETag: its version, and for the rest what the bytes are."""
    body = encode_category(lineage, count)
    return json_content(body, (b"etag", etag(lineage[-1], sha256(body).hexdigest()[:16]).encode()))
