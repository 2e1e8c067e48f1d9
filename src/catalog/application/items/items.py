"""The use cases around single items and lists of them."""

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
    """Creates, finds, changes and removes items. `key` is an id or a SKU, as text, in any case."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids) -> None:
        """Work on these."""
        self._storage = storage
        self._clock = clock
        self._ids = ids

    async def create(self, fields: Mapping[str, object], origin: Origin, records_for: RecordsFor[Item] = no_records) -> Item:
        """Create an item. Raises InvalidInput, SkuTaken."""
        spare_sku = self._ids.sku() if fields.get("sku") is None else ""
        try:
            born = Item.create(fields, item_id=self._ids.item_id(), default_sku=spare_sku, now=self._clock.now())
        except InvalidInput as error:
            raise await self._with_category(error, fields) from None
        await commit(self._storage, (born,), origin, records_for(born.subject))
        return born.subject

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
        """Create an item under a SKU, or replace the one that is there; say whether it was created. An id only replaces.

        `present`: only where there is one; `absent`: only where there is none. Raises InvalidInput (another SKU in the
        fields included), ItemNotFound, NotAbsent, NotPresent, StaleVersion, SkuTaken, Contended.
        """
        replacing = isinstance(parse_key(key), UUID)
        if not replacing:
            fields = _with_sku(key, fields)
        for _ in range(MAX_ATTEMPTS):
            if not must_not_exist or replacing:
                try:
                    return await self._change(
                        key, lambda item: self._replace(item, fields, must_not_exist=must_not_exist), origin, expected
                    ), False
                except InvalidInput as error:
                    raise await self._with_category(error, fields) from None
                except ItemNotFound as error:
                    if must_exist:
                        raise NotPresent(key) from error
                    if replacing:
                        raise
            try:
                return await self.create(fields, origin), True
            except SkuTaken as error:
                if must_not_exist:
                    raise AlreadyPresent(key) from error
        raise TooManyConflicts(f"the item {key}")

    async def restore(self, key: str, origin: Origin, records_for: RecordsFor[Item] = no_records) -> Item:
        """Bring a removed item back as it was at its end, by its id, or by its SKU: then the last one that was removed with it.

        Raises ItemNotFound, NotDeleted, SkuTaken, UnknownCategory, Contended.
        """
        for _ in range(MAX_ATTEMPTS):
            subject = await self._deleted_id(key)
            last = None if subject is None else await self._storage.find_entry(subject)
            if last is None or not isinstance(last.change.subject, Item):
                raise ItemNotFound(key)
            if last.change.after is not None:
                raise NotDeleted(last.subject_id)
            item = last.change.subject
            back = item.restore(deleted_version=last.change.version, now=self._clock.now())
            try:
                await commit(self._storage, (back,), origin, records_for(back.subject))
            except (StaleVersion, ItemExists):
                continue
            return back.subject
        raise TooManyConflicts(f"the item {key}")

    async def revert(
        self, key: str, version: object, origin: Origin, expected: Expected = None, records_for: RecordsFor[Item] = no_records
    ) -> Item:
        """Make an item again what it was in a version. Raises InvalidInput, VersionNotFound, and what a change raises."""
        wanted = _version(version)

        async def decide(item: Item) -> Change[Item] | None:
            entry = await self._storage.find_entry(item.id, wanted)
            past = None if entry is None else entry.change.after
            if not isinstance(past, Item):
                raise VersionNotFound(item.id, wanted)
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

    async def update(self, key: str, patch: Mapping[str, object], origin: Origin, expected: Expected = None) -> Item:
        """Change an item by a merge patch. Raises InvalidInput, ItemNotFound, SkuTaken, StaleVersion, Contended."""
        try:
            return await self._change(key, lambda item: item.update(patch, now=self._clock.now()), origin, expected)
        except InvalidInput as error:
            raise await self._with_category(error, patch) from None

    async def reprice(self, key: str, price: object, origin: Origin, expected: Expected = None) -> Item:
        """Give an item another price. Raises InvalidInput, ItemNotFound, StaleVersion, Contended."""
        return await self._change(key, lambda item: item.reprice(price, now=self._clock.now()), origin, expected)

    async def delete(self, key: str, origin: Origin, expected: Expected = None) -> None:
        """Remove an item. Raises ItemNotFound, StaleVersion, Contended."""
        await self._change(key, lambda item: item.delete(now=self._clock.now()), origin, expected)

    async def _change(self, key: str, decide: Callable[[Item], Change[Item] | None], origin: Origin, expected: Expected) -> Item:
        """Change an item; nothing is asked for a decision but the item."""

        async def decided(item: Item) -> Change[Item] | None:
            return decide(item)

        return await update_with_retry(self._storage, lambda: self.get(key), decided, origin, expected, f"the item {key}")

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
        slug = parse_category(fields.get("category"), FieldErrors(), ())
        if isinstance(error, UnknownCategory) or slug is None or slug in await self._storage.lineages((slug,)):
            return error
        faults = FieldErrors()
        faults.extend(error)
        slugs = [category.slug for category in await self._storage.categories()]
        faults.extend(with_suggestion(UnknownCategory(slug, ("category",)), slugs))
        return faults.to_error(InvalidInput)

    def _replace(self, item: Item, fields: Mapping[str, object], *, must_not_exist: bool) -> Change[Item] | None:
        if must_not_exist:
            raise AlreadyPresent(item.sku)
        return item.replace(fields, now=self._clock.now())


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
