"""The use cases around single items and lists of them."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from uuid import UUID

from catalog.application.exports.export import Encode, ExportFormat, export
from catalog.application.items.listing import ListResult, list_items, refuse_unknown_categories
from catalog.application.writes.commit import with_suggestion
from catalog.application.writes.write import Decision, Expected, Write, check_expected, conflicts_of_change, decide_change
from catalog.domain.categories.category import Category
from catalog.domain.change import Origin
from catalog.domain.errors import (
    AlreadyPresent,
    FieldError,
    InvalidInput,
    ItemExists,
    ItemNotFound,
    NotDeleted,
    NotPresent,
    SkuTaken,
    StaleVersion,
    UnknownCategory,
    VersionNotFound,
)
from catalog.domain.items.item import Item
from catalog.domain.queries.item_query import ItemQuery
from catalog.domain.queries.list_request import ListRequest
from catalog.domain.validation import FieldErrors
from catalog.domain.values.decimal_literal import whole_number
from catalog.domain.values.fields import category_slug, parse_key, parse_sku
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids
from catalog.ports.storage import Storage


class Items:
    """Creates, finds, changes and removes items. `key` is an id or a SKU, as text, in any case."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids) -> None:
        """Work on these."""
        self._storage = storage
        self._clock = clock
        self._ids = ids

    def create(self, fields: Mapping[str, object], origin: Origin) -> Write[Item]:
        """Create an item. Raises InvalidInput, SkuTaken."""
        return Write(self._storage, origin, lambda: self._decide_create(fields))

    async def put(
        self,
        key: str,
        fields: Mapping[str, object],
        origin: Origin,
        expected: Expected = None,
        *,
        must_exist: bool = False,
        must_not_exist: bool = False,
    ) -> tuple[Item, bool]:
        """Create an item under a SKU, or replace the existing one; return whether it was created. An id is only replaced.

        Raises InvalidInput (also if the fields have another SKU), ItemNotFound, AlreadyPresent, NotPresent, StaleVersion,
        SkuTaken, TooManyConflicts.
        """
        by_id = isinstance(parse_key(key), UUID)
        complete = fields if by_id else _with_sku(key, fields)

        async def decide() -> Decision[tuple[Item, bool]]:
            item = await self._find(key) if by_id or not must_not_exist else None
            if item is None and must_exist:
                raise NotPresent(key)
            if item is None and by_id:
                raise ItemNotFound(key)
            if item is None:
                creation = await self._decide_create(complete)
                return Decision(creation.changes, (creation.result, True))
            check_expected(item, expected)
            if must_not_exist:
                raise AlreadyPresent(item.sku)
            replacement = await self._decide_replace(item, complete)
            return Decision(replacement.changes, (replacement.result, False))

        # If the SKU was taken after no item was found, there is an item to replace now.
        retry_on = conflicts_of_change(expected)
        if not by_id and not must_not_exist:
            retry_on += (SkuTaken,)
        try:
            return await Write(self._storage, origin, decide, f"the item {key}", retry_on)
        except SkuTaken as error:
            if must_not_exist:
                raise AlreadyPresent(key) from error
            raise

    def restore(self, key: str, origin: Origin) -> Write[Item]:
        """Restore a deleted item to its last state. A SKU stands for the last item that was deleted with it.

        Raises ItemNotFound, NotDeleted, SkuTaken, UnknownCategory, TooManyConflicts.
        """

        async def decide() -> Decision[Item]:
            subject = await self._deleted_id(key)
            last = None if subject is None else await self._storage.find_entry(subject)
            if last is None or not isinstance(last.change.subject, Item):
                raise ItemNotFound(key)
            if last.change.after is not None:
                raise NotDeleted(last.subject_id)
            item = last.change.subject
            return decide_change(item, item.restore(deleted_version=last.change.version, now=self._clock.now()))

        return Write(self._storage, origin, decide, f"the item {key}", (StaleVersion, ItemExists))

    def revert(self, key: str, version: object, origin: Origin, expected: Expected = None) -> Write[Item]:
        """Set an item back to an earlier version. Raises InvalidInput, VersionNotFound, and what `update` raises."""

        async def decide() -> Decision[Item]:
            number = _version(version)
            item = await self._get_expected(key, expected)
            entry = await self._storage.find_entry(item.id, number)
            earlier = None if entry is None else entry.change.after
            if not isinstance(earlier, Item):
                raise VersionNotFound(item.id, number)
            return decide_change(item, item.revert(earlier, now=self._clock.now()))

        return Write(self._storage, origin, decide, f"the item {key}", conflicts_of_change(expected))

    async def get(self, key: str) -> Item:
        """Return an item. Raises ItemNotFound."""
        item = await self._find(key)
        if item is None:
            raise ItemNotFound(key)
        return item

    async def list(self, request: ListRequest) -> ListResult:
        """Return a page of items, and what is to be told beside it."""
        return await list_items(self._storage, request)

    def export(
        self, query: ItemQuery, export_format: ExportFormat, encode: Encode, *, with_categories: bool = False
    ) -> AsyncGenerator[bytes, None]:
        """Write the items that match `query`, piece by piece (catalog.application.exports.export). Raises InvalidQuery."""
        return self._export_chunks(query, export_format, encode, with_categories=with_categories)

    async def lineage(self, item: Item) -> tuple[Category, ...]:
        """Return the way from the root to an item's category; nothing when it stands in none."""
        if item.category is None:
            return ()
        return (await self._storage.lineages((item.category,))).get(item.category, ())

    def update(self, key: str, patch: Mapping[str, object], origin: Origin, expected: Expected = None) -> Write[Item]:
        """Update an item by a merge patch. Raises InvalidInput, ItemNotFound, SkuTaken, StaleVersion, TooManyConflicts."""

        async def decide() -> Decision[Item]:
            item = await self._get_expected(key, expected)
            try:
                return decide_change(item, item.update(patch, now=self._clock.now()))
            except InvalidInput as error:
                raise await self._with_category(error, patch) from None

        return Write(self._storage, origin, decide, f"the item {key}", conflicts_of_change(expected))

    def reprice(self, key: str, price: object, origin: Origin, expected: Expected = None) -> Write[Item]:
        """Set the price of an item. Raises InvalidInput, ItemNotFound, StaleVersion, TooManyConflicts."""

        async def decide() -> Decision[Item]:
            item = await self._get_expected(key, expected)
            return decide_change(item, item.reprice(price, now=self._clock.now()))

        return Write(self._storage, origin, decide, f"the item {key}", conflicts_of_change(expected))

    def delete(self, key: str, origin: Origin, expected: Expected = None) -> Write[None]:
        """Delete an item. Raises ItemNotFound, StaleVersion, TooManyConflicts."""

        async def decide() -> Decision[None]:
            item = await self._get_expected(key, expected)
            return Decision((item.delete(now=self._clock.now()),), None)

        return Write(self._storage, origin, decide, f"the item {key}", conflicts_of_change(expected))

    async def _find(self, key: str) -> Item | None:
        parsed = parse_key(key)
        if isinstance(parsed, UUID):
            return (await self._storage.items_by_id((parsed,))).get(parsed)
        return None if parsed is None else (await self._storage.items_by_sku((parsed,))).get(parsed)

    async def _get_expected(self, key: str, expected: Expected) -> Item:
        item = await self.get(key)
        check_expected(item, expected)
        return item

    async def _decide_create(self, fields: Mapping[str, object]) -> Decision[Item]:
        default_sku = self._ids.sku() if fields.get("sku") is None else ""
        try:
            change = Item.create(fields, item_id=self._ids.item_id(), default_sku=default_sku, now=self._clock.now())
        except InvalidInput as error:
            raise await self._with_category(error, fields) from None
        return Decision((change,), change.subject)

    async def _decide_replace(self, item: Item, fields: Mapping[str, object]) -> Decision[Item]:
        try:
            return decide_change(item, item.replace(fields, now=self._clock.now()))
        except InvalidInput as error:
            raise await self._with_category(error, fields) from None

    async def _export_chunks(
        self, query: ItemQuery, export_format: ExportFormat, encode: Encode, *, with_categories: bool
    ) -> AsyncGenerator[bytes, None]:
        await refuse_unknown_categories(self._storage, query)
        async with aclosing(export(self._storage, query, export_format, encode, with_categories=with_categories)) as pieces:
            async for piece in pieces:
                yield piece

    async def _deleted_id(self, key: str) -> UUID | None:
        """Return the id of what is to be restored, as far as the log knows of it."""
        parsed = parse_key(key)
        if not isinstance(parsed, str):
            return parsed
        removal = await self._storage.last_deletion(parsed)
        return (await self.get(key)).id if removal is None else removal.subject_id

    async def _with_category(self, error: InvalidInput, fields: Mapping[str, object]) -> InvalidInput:
        """Report an unknown category together with the other faults: the commit, which would find it, is not reached."""
        slug = category_slug(fields.get("category"))
        if isinstance(error, UnknownCategory) or slug is None or slug in await self._storage.lineages((slug,)):
            return error
        faults = FieldErrors()
        faults.extend(error)
        slugs = [category.slug for category in await self._storage.categories()]
        faults.extend(with_suggestion(UnknownCategory(slug, ("category",)), slugs))
        return faults.to_error(InvalidInput)


def _with_sku(sku: str, fields: Mapping[str, object]) -> Mapping[str, object]:
    """Return the fields of an item under a SKU, which they may leave out. Raises InvalidInput when they have another."""
    said = fields.get("sku")
    if said is not None:
        faults = FieldErrors()
        its = parse_sku(said, faults, ("sku",))
        if its is not None and its != parse_key(sku):
            faults.add(("sku",), "other_sku", f"The SKU is {sku} where the item is put; leave {its} out, or put it there.")
        faults.raise_if_any()
    return {**fields, "sku": sku}


def _version(raw: object) -> int:
    """Read the number of a version. Raises InvalidInput."""
    version = whole_number(raw)
    if version is None or version < 1:
        raise InvalidInput([FieldError(("version",), "invalid_version", "The version is a whole number from 1 on.")])
    return version
