"""The use cases for single items and lists of items."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from uuid import UUID

from catalog.application.exports.encoder import Encode
from catalog.application.exports.export import ExportCount, export
from catalog.application.exports.formats import ExportFormat
from catalog.application.identity.activities import UNRECORDED, ActivityLog
from catalog.application.items.listing import ListResult, list_items, refuse_unknown_categories
from catalog.application.writes.commit import with_suggestion
from catalog.application.writes.write import Decision, Expected, Write, check_expected, conflicts_of_change, decide_change
from catalog.domain.categories.category import Category
from catalog.domain.change import Origin
from catalog.domain.errors import (
    AlreadyPresent,
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
from catalog.domain.identity.security_log import ITEMS_EXPORTED
from catalog.domain.items.item import Item
from catalog.domain.queries.item_query import ItemQuery
from catalog.domain.queries.list_request import ListRequest
from catalog.domain.validation import FieldErrors, merged
from catalog.domain.values.fields import category_slug, parse_version
from catalog.domain.values.sku import parse_key, parse_sku
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids
from catalog.ports.storage import Storage


class Items:
    """Creates, reads, updates and deletes items.

    `key` is an id or a SKU as text, in any case. `expected` are the revisions that may be changed; None allows any.
    """

    def __init__(self, storage: Storage, clock: Clock, ids: Ids, activities: ActivityLog = UNRECORDED) -> None:
        """Use this storage, clock and id generator. Exports are recorded in `activities`."""
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._activities = activities

    def create(self, fields: Mapping[str, object], origin: Origin) -> Write[Item]:
        """Create an item. Without a SKU it gets a generated one. Raises InvalidInput, SkuTaken."""
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
        """Replace the item with this key, or create one with this SKU. Return it, and whether it was created.

        An id can only replace. `must_exist` forbids creating, `must_not_exist` forbids replacing.

        Raises InvalidInput (also if the fields contain another SKU), ItemNotFound, AlreadyPresent, NotPresent, StaleVersion,
        SkuTaken, TooManyConflicts.
        """
        is_id = isinstance(parse_key(key), UUID)
        complete = fields if is_id else _with_sku(key, fields)

        async def decide() -> Decision[tuple[Item, bool]]:
            item = await self._find(key) if is_id or not must_not_exist else None
            if item is None and must_exist:
                raise NotPresent(key)
            if item is None and is_id:
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
        if not is_id and not must_not_exist:
            retry_on += (SkuTaken,)
        try:
            return await Write(self._storage, origin, decide, f"the item {key}", retry_on)
        except SkuTaken as error:
            if must_not_exist:
                raise AlreadyPresent(key) from error
            raise

    def restore(self, key: str, origin: Origin) -> Write[Item]:
        """Restore a deleted item as it was when it was deleted. A SKU selects the item deleted last with that SKU.

        Raises ItemNotFound, NotDeleted, SkuTaken, UnknownCategory, TooManyConflicts.
        """

        async def decide() -> Decision[Item]:
            item_id = await self._deleted_id(key)
            entry = None if item_id is None else await self._storage.find_entry(item_id)
            if entry is None or not isinstance(entry.change.subject, Item):
                raise ItemNotFound(key)
            if entry.change.after is not None:
                raise NotDeleted(entry.subject_id)
            item = entry.change.subject
            return decide_change(item, item.restore(deleted_version=entry.change.version, now=self._clock.now()))

        return Write(self._storage, origin, decide, f"the item {key}", (StaleVersion, ItemExists))

    def revert(self, key: str, version: object, origin: Origin, expected: Expected = None) -> Write[Item]:
        """Revert an item to an earlier version; this makes a new version.

        Raises InvalidInput, ItemNotFound, VersionNotFound, SkuTaken, UnknownCategory, StaleVersion, TooManyConflicts.
        """

        async def decide() -> Decision[Item]:
            target_version = _required_version(version)
            item = await self._get_expected(key, expected)
            entry = await self._storage.find_entry(item.id, target_version)
            earlier = None if entry is None else entry.change.after
            if not isinstance(earlier, Item):
                raise VersionNotFound(item.id, target_version)
            return decide_change(item, item.revert(earlier, now=self._clock.now()))

        return Write(self._storage, origin, decide, f"the item {key}", conflicts_of_change(expected))

    async def get(self, key: str) -> Item:
        """Return an item. Raises ItemNotFound."""
        item = await self._find(key)
        if item is None:
            raise ItemNotFound(key)
        return item

    async def list(self, request: ListRequest) -> ListResult:
        """Return a page of items with everything else that was requested. Raises InvalidQuery."""
        return await list_items(self._storage, request)

    def export(
        self,
        query: ItemQuery,
        export_format: ExportFormat,
        encode: Encode,
        origin: Origin,
        *,
        with_categories: bool = False,
        proof: bool = False,
    ) -> AsyncGenerator[bytes, None]:
        """Export the items that match `query` as chunks of bytes (catalog.application.exports.export). Raises InvalidQuery.

        The export is recorded when it ends; it has failed if it is closed earlier.
        """
        return self._export_chunks(query, export_format, encode, origin, with_categories=with_categories, proof=proof)

    async def lineage(self, item: Item) -> tuple[Category, ...]:
        """Return the lineage of an item's category, or an empty tuple if it has no category."""
        if item.category is None:
            return ()
        return (await self._storage.lineages((item.category,))).get(item.category, ())

    def update(self, key: str, patch: Mapping[str, object], origin: Origin, expected: Expected = None) -> Write[Item]:
        """Update an item with a merge patch (RFC 7396).

        Raises InvalidInput, ItemNotFound, SkuTaken, StaleVersion, TooManyConflicts.
        """

        async def decide() -> Decision[Item]:
            item = await self._get_expected(key, expected)
            try:
                return decide_change(item, item.update(patch, now=self._clock.now()))
            except InvalidInput as error:
                raise await self._with_category_error(error, patch) from None

        return Write(self._storage, origin, decide, f"the item {key}", conflicts_of_change(expected))

    def reprice(self, key: str, price: object, origin: Origin, expected: Expected = None) -> Write[Item]:
        """Change the price of an item. Raises InvalidInput, ItemNotFound, StaleVersion, TooManyConflicts."""

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
            change = Item.create(fields, item_id=self._ids.new_id(), default_sku=default_sku, now=self._clock.now())
        except InvalidInput as error:
            raise await self._with_category_error(error, fields) from None
        return Decision((change,), change.subject)

    async def _decide_replace(self, item: Item, fields: Mapping[str, object]) -> Decision[Item]:
        try:
            return decide_change(item, item.replace(fields, now=self._clock.now()))
        except InvalidInput as error:
            raise await self._with_category_error(error, fields) from None

    async def _export_chunks(
        self,
        query: ItemQuery,
        export_format: ExportFormat,
        encode: Encode,
        origin: Origin,
        *,
        with_categories: bool,
        proof: bool,
    ) -> AsyncGenerator[bytes, None]:
        count = ExportCount()
        with self._activities.recording(ITEMS_EXPORTED, origin) as activity:
            try:
                await refuse_unknown_categories(self._storage, query)
                exported = export(
                    self._storage, query, export_format, encode, with_categories=with_categories, proof=proof, count=count
                )
                async with aclosing(exported) as chunks:
                    async for chunk in chunks:
                        yield chunk
            finally:
                activity.detail = {"format": export_format.name, "rows": count.rows}

    async def _deleted_id(self, key: str) -> UUID | None:
        """Return the id of the item to restore, or None if the key is invalid. Raises ItemNotFound."""
        parsed = parse_key(key)
        if not isinstance(parsed, str):
            return parsed
        deletion = await self._storage.last_deletion(parsed)
        return (await self.get(key)).id if deletion is None else deletion.subject_id

    async def _with_category_error(self, error: InvalidInput, fields: Mapping[str, object]) -> InvalidInput:
        """Add an unknown category to the other errors. The commit would detect it, but invalid input never gets that far."""
        slug = category_slug(fields.get("category"))
        if isinstance(error, UnknownCategory) or slug is None or slug in await self._storage.lineages((slug,)):
            return error
        slugs = [category.slug for category in await self._storage.categories()]
        return merged(error, with_suggestion(UnknownCategory(slug, ("category",)), slugs))


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


def _required_version(raw: object) -> int:
    """Parse a version number. Raises InvalidInput."""
    errors = FieldErrors()
    version = parse_version(raw, errors, ("version",))
    if version is None:
        raise errors.to_error(InvalidInput)
    return version
