"""The use cases for single items and lists of items."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from uuid import UUID

from catalog.application.exports.export import Encode, ExportFormat, export
from catalog.application.items.listing import ListResult, list_items, refuse_unknown_categories
from catalog.application.writes.commit import (
    MAX_ATTEMPTS,
    Expected,
    RecordsFor,
    commit,
    no_records,
    update_with_retry,
    with_suggestion,
)
from catalog.domain.categories.category import Category
from catalog.domain.change import Change, Origin
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
    TooManyConflicts,
    UnknownCategory,
    VersionNotFound,
)
from catalog.domain.items.item import Item
from catalog.domain.queries.item_query import ItemQuery
from catalog.domain.queries.list_request import ListRequest
from catalog.domain.validation import FieldErrors
from catalog.domain.values.decimal_literal import whole_number
from catalog.domain.values.fields import parse_category, parse_key, parse_sku
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids
from catalog.ports.storage import Storage


class Items:
    """Creates, reads, updates and deletes items.

    `key` is an id or a SKU as text, in any case. `expected` are the revisions that may be changed; None allows any.
    """

    def __init__(self, storage: Storage, clock: Clock, ids: Ids) -> None:
        """Use this storage, clock and id generator."""
        self._storage = storage
        self._clock = clock
        self._ids = ids

    async def create(self, fields: Mapping[str, object], origin: Origin, records_for: RecordsFor[Item] = no_records) -> Item:
        """Create an item. Without a SKU it gets a generated one. Raises InvalidInput, SkuTaken."""
        default_sku = self._ids.sku() if fields.get("sku") is None else ""
        try:
            change = Item.create(fields, item_id=self._ids.item_id(), default_sku=default_sku, now=self._clock.now())
        except InvalidInput as error:
            raise await self._with_category_error(error, fields) from None
        await commit(self._storage, (change,), origin, records_for(change.subject))
        return change.subject

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
        """Replace the item with this key, or create one with this SKU. Return it, and whether it was created.

        An id can only replace. `must_exist` forbids creating, `must_not_exist` forbids replacing.

        Raises InvalidInput (also if the fields contain another SKU), ItemNotFound, AlreadyPresent, NotPresent, StaleVersion,
        SkuTaken, TooManyConflicts.
        """
        is_id = isinstance(parse_key(key), UUID)
        if not is_id:
            fields = _with_sku(key, fields)
        for _ in range(MAX_ATTEMPTS):
            if not must_not_exist or is_id:
                try:
                    return await self._update(
                        key, lambda item: self._replace(item, fields, must_not_exist=must_not_exist), origin, expected
                    ), False
                except InvalidInput as error:
                    raise await self._with_category_error(error, fields) from None
                except ItemNotFound as error:
                    if must_exist:
                        raise NotPresent(key) from error
                    if is_id:
                        raise
            try:
                return await self.create(fields, origin), True
            except SkuTaken as error:
                if must_not_exist:
                    raise AlreadyPresent(key) from error
        raise TooManyConflicts(f"the item {key}")

    async def restore(self, key: str, origin: Origin, records_for: RecordsFor[Item] = no_records) -> Item:
        """Restore a deleted item as it was when it was deleted. A SKU selects the item deleted last with that SKU.

        Raises ItemNotFound, NotDeleted, SkuTaken, UnknownCategory, TooManyConflicts.
        """
        for _ in range(MAX_ATTEMPTS):
            item_id = await self._deleted_id(key)
            entry = None if item_id is None else await self._storage.find_entry(item_id)
            if entry is None or not isinstance(entry.change.subject, Item):
                raise ItemNotFound(key)
            if entry.change.after is not None:
                raise NotDeleted(entry.subject_id)
            item = entry.change.subject
            change = item.restore(deleted_version=entry.change.version, now=self._clock.now())
            try:
                await commit(self._storage, (change,), origin, records_for(change.subject))
            except (StaleVersion, ItemExists):
                continue
            return change.subject
        raise TooManyConflicts(f"the item {key}")

    async def revert(
        self, key: str, version: object, origin: Origin, expected: Expected = None, records_for: RecordsFor[Item] = no_records
    ) -> Item:
        """Revert an item to an earlier version; this makes a new version.

        Raises InvalidInput, ItemNotFound, VersionNotFound, SkuTaken, UnknownCategory, StaleVersion, TooManyConflicts.
        """
        target_version = _parse_version(version)

        async def decide(item: Item) -> Change[Item] | None:
            entry = await self._storage.find_entry(item.id, target_version)
            past = None if entry is None else entry.change.after
            if not isinstance(past, Item):
                raise VersionNotFound(item.id, target_version)
            return item.revert(past, now=self._clock.now())

        return await update_with_retry(
            self._storage, lambda: self.get(key), decide, origin, expected, f"the item {key}", records_for=records_for
        )

    async def get(self, key: str) -> Item:
        """Return an item. Raises ItemNotFound."""
        parsed = parse_key(key)
        item = None
        if isinstance(parsed, UUID):
            item = (await self._storage.items_by_id((parsed,))).get(parsed)
        elif parsed is not None:
            item = (await self._storage.items_by_sku((parsed,))).get(parsed)
        if item is None:
            raise ItemNotFound(key)
        return item

    async def list(self, request: ListRequest) -> ListResult:
        """Return a page of items with everything else that was requested. Raises InvalidQuery."""
        return await list_items(self._storage, request)

    def export(
        self, query: ItemQuery, export_format: ExportFormat, encode: Encode, *, with_categories: bool = False
    ) -> AsyncGenerator[bytes, None]:
        """Export the items that match `query` as chunks of bytes (catalog.application.exports.export). Raises InvalidQuery."""
        return self._export_chunks(query, export_format, encode, with_categories=with_categories)

    async def lineage(self, item: Item) -> tuple[Category, ...]:
        """Return the lineage of an item's category, or an empty tuple if it has no category."""
        if item.category is None:
            return ()
        return (await self._storage.lineages((item.category,))).get(item.category, ())

    async def update(self, key: str, patch: Mapping[str, object], origin: Origin, expected: Expected = None) -> Item:
        """Update an item with a merge patch (RFC 7396).

        Raises InvalidInput, ItemNotFound, SkuTaken, StaleVersion, TooManyConflicts.
        """
        try:
            return await self._update(key, lambda item: item.update(patch, now=self._clock.now()), origin, expected)
        except InvalidInput as error:
            raise await self._with_category_error(error, patch) from None

    async def reprice(self, key: str, price: object, origin: Origin, expected: Expected = None) -> Item:
        """Change the price of an item. Raises InvalidInput, ItemNotFound, StaleVersion, TooManyConflicts."""
        return await self._update(key, lambda item: item.reprice(price, now=self._clock.now()), origin, expected)

    async def delete(self, key: str, origin: Origin, expected: Expected = None) -> None:
        """Delete an item. Raises ItemNotFound, StaleVersion, TooManyConflicts."""
        await self._update(key, lambda item: item.delete(now=self._clock.now()), origin, expected)

    async def _update(self, key: str, decide: Callable[[Item], Change[Item] | None], origin: Origin, expected: Expected) -> Item:
        """Update an item with a decision that needs nothing but the item."""

        async def decide_async(item: Item) -> Change[Item] | None:
            return decide(item)

        return await update_with_retry(self._storage, lambda: self.get(key), decide_async, origin, expected, f"the item {key}")

    async def _export_chunks(
        self, query: ItemQuery, export_format: ExportFormat, encode: Encode, *, with_categories: bool
    ) -> AsyncGenerator[bytes, None]:
        await refuse_unknown_categories(self._storage, query)
        async with aclosing(export(self._storage, query, export_format, encode, with_categories=with_categories)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _deleted_id(self, key: str) -> UUID | None:
        """Return the id of the item to restore, or None if the key is invalid. Raises ItemNotFound."""
        parsed = parse_key(key)
        if not isinstance(parsed, str):
            return parsed
        deletion = await self._storage.last_deletion(parsed)
        return (await self.get(key)).id if deletion is None else deletion.subject_id

    async def _with_category_error(self, error: InvalidInput, fields: Mapping[str, object]) -> InvalidInput:
        """Add an unknown category to the other errors. The commit would detect it, but invalid input never gets that far."""
        slug = parse_category(fields.get("category"), FieldErrors(), ())
        if isinstance(error, UnknownCategory) or slug is None or slug in await self._storage.lineages((slug,)):
            return error
        errors = FieldErrors()
        errors.extend(error)
        slugs = [category.slug for category in await self._storage.categories()]
        errors.extend(with_suggestion(UnknownCategory(slug, ("category",)), slugs))
        return errors.to_error(InvalidInput)

    def _replace(self, item: Item, fields: Mapping[str, object], *, must_not_exist: bool) -> Change[Item] | None:
        if must_not_exist:
            raise AlreadyPresent(item.sku)
        return item.replace(fields, now=self._clock.now())


def _with_sku(sku: str, fields: Mapping[str, object]) -> Mapping[str, object]:
    """Return fields with this SKU. They may omit the SKU. Raises InvalidInput if they contain another one."""
    raw_sku = fields.get("sku")
    if raw_sku is not None:
        errors = FieldErrors()
        field_sku = parse_sku(raw_sku, errors, ("sku",))
        if field_sku is not None and field_sku != parse_key(sku):
            message = (
                f"The SKU {field_sku} does not match {sku}, the SKU of the request. Omit it, or address the item by {field_sku}."
            )
            errors.add(("sku",), "other_sku", message)
        errors.raise_if_any()
    return {**fields, "sku": sku}


def _parse_version(raw: object) -> int:
    """Parse a version number. Raises InvalidInput."""
    version = whole_number(raw)
    if version is None or version < 1:
        raise InvalidInput([FieldError(("version",), "invalid_version", "The version must be a whole number of at least 1.")])
    return version
