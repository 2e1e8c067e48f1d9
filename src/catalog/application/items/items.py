"""The use cases around single items and lists of them."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from uuid import UUID

from catalog.application.exports.export import Encode, Format, export
from catalog.application.items.listing import Listed, listed, refuse_unknown_categories
from catalog.application.writes.commit import TRIES, Expected, Noted, change, commit, hinted, no_notes
from catalog.domain.categories.category import Category
from catalog.domain.change import Change, Origin
from catalog.domain.errors import (
    Contended,
    Fault,
    InvalidInput,
    ItemExists,
    ItemNotFound,
    NotAbsent,
    NotDeleted,
    NotPresent,
    SkuTaken,
    StaleVersion,
    UnknownCategory,
    VersionNotFound,
)
from catalog.domain.items.item import Item
from catalog.domain.queries.item_query import ItemQuery
from catalog.domain.queries.list_request import Listing
from catalog.domain.validation import Faults
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

    async def create(self, fields: Mapping[str, object], origin: Origin, notes: Noted[Item] = no_notes) -> Item:
        """Create an item. Raises InvalidInput, SkuTaken."""
        spare_sku = self._ids.sku() if fields.get("sku") is None else ""
        try:
            born = Item.create(fields, item_id=self._ids.item_id(), spare_sku=spare_sku, now=self._clock.now())
        except InvalidInput as error:
            raise await self._with_category(error, fields) from None
        await commit(self._storage, (born,), origin, notes(born.subject))
        return born.subject

    async def put(
        self,
        key: str,
        fields: Mapping[str, object],
        origin: Origin,
        expected: Expected = None,
        *,
        present: bool = False,
        absent: bool = False,
    ) -> tuple[Item, bool]:
        """Create an item under a SKU, or replace the one that is there; say whether it was created. An id only replaces.

        `present`: only where there is one; `absent`: only where there is none. Raises InvalidInput (another SKU in the
        fields included), ItemNotFound, NotAbsent, NotPresent, StaleVersion, SkuTaken, Contended.
        """
        replacing = isinstance(parse_key(key), UUID)
        if not replacing:
            fields = _under(key, fields)
        for _ in range(TRIES):
            if not absent or replacing:
                try:
                    return await self._change(
                        key, lambda item: self._rewrite(item, fields, absent=absent), origin, expected
                    ), False
                except InvalidInput as error:
                    raise await self._with_category(error, fields) from None
                except ItemNotFound as error:
                    if present:
                        raise NotPresent(key) from error
                    if replacing:
                        raise
            try:
                return await self.create(fields, origin), True
            except SkuTaken as error:
                if absent:
                    raise NotAbsent(key) from error
        raise Contended(f"the item {key}")

    async def restore(self, key: str, origin: Origin, notes: Noted[Item] = no_notes) -> Item:
        """Bring a removed item back as it was at its end, by its id, or by its SKU: then the last one that was removed with it.

        Raises ItemNotFound, NotDeleted, SkuTaken, UnknownCategory, Contended.
        """
        for _ in range(TRIES):
            subject = await self._removed(key)
            last = None if subject is None else await self._storage.change_of(subject)
            if last is None or not isinstance(last.change.subject, Item):
                raise ItemNotFound(key)
            if last.change.after is not None:
                raise NotDeleted(last.subject_id)
            item = last.change.subject
            back = item.restore(removed=last.change.version, now=self._clock.now())
            try:
                await commit(self._storage, (back,), origin, notes(back.subject))
            except (StaleVersion, ItemExists):
                continue
            return back.subject
        raise Contended(f"the item {key}")

    async def revert(
        self, key: str, version: object, origin: Origin, expected: Expected = None, notes: Noted[Item] = no_notes
    ) -> Item:
        """Make an item again what it was in a version. Raises InvalidInput, VersionNotFound, and what a change raises."""
        wanted = _version(version)

        async def decide(item: Item) -> Change[Item] | None:
            entry = await self._storage.change_of(item.id, wanted)
            past = None if entry is None else entry.change.after
            if not isinstance(past, Item):
                raise VersionNotFound(item.id, wanted)
            return item.revert(past, now=self._clock.now())

        return await change(self._storage, lambda: self.get(key), decide, origin, expected, f"the item {key}", notes=notes)

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

    async def list(self, listing: Listing) -> Listed:
        """Return a page of items, and what is to be told beside it."""
        return await listed(self._storage, listing)

    def export(
        self, query: ItemQuery, form: Format, encode: Encode, *, with_categories: bool = False
    ) -> AsyncGenerator[bytes, None]:
        """Write the items that match `query`, piece by piece (catalog.application.exports.export). Raises InvalidQuery."""
        return self._exported(query, form, encode, with_categories=with_categories)

    async def lineage(self, item: Item) -> tuple[Category, ...]:
        """Return the way from the root to an item's category; nothing when it stands in none."""
        if item.category is None:
            return ()
        return (await self._storage.lineages((item.category,))).get(item.category, ())

    async def revise(self, key: str, patch: Mapping[str, object], origin: Origin, expected: Expected = None) -> Item:
        """Change an item by a merge patch. Raises InvalidInput, ItemNotFound, SkuTaken, StaleVersion, Contended."""
        try:
            return await self._change(key, lambda item: item.revise(patch, now=self._clock.now()), origin, expected)
        except InvalidInput as error:
            raise await self._with_category(error, patch) from None

    async def reprice(self, key: str, price: object, origin: Origin, expected: Expected = None) -> Item:
        """Give an item another price. Raises InvalidInput, ItemNotFound, StaleVersion, Contended."""
        return await self._change(key, lambda item: item.reprice(price, now=self._clock.now()), origin, expected)

    async def remove(self, key: str, origin: Origin, expected: Expected = None) -> None:
        """Remove an item. Raises ItemNotFound, StaleVersion, Contended."""
        await self._change(key, lambda item: item.remove(now=self._clock.now()), origin, expected)

    async def _change(self, key: str, decide: Callable[[Item], Change[Item] | None], origin: Origin, expected: Expected) -> Item:
        """Change an item; nothing is asked for a decision but the item."""

        async def decided(item: Item) -> Change[Item] | None:
            return decide(item)

        return await change(self._storage, lambda: self.get(key), decided, origin, expected, f"the item {key}")

    async def _exported(
        self, query: ItemQuery, form: Format, encode: Encode, *, with_categories: bool
    ) -> AsyncGenerator[bytes, None]:
        await refuse_unknown_categories(self._storage, query)
        async with aclosing(export(self._storage, query, form, encode, with_categories=with_categories)) as pieces:
            async for piece in pieces:
                yield piece

    async def _removed(self, key: str) -> UUID | None:
        """Return the id of what is to be restored, as far as the log knows of it."""
        parsed = parse_key(key)
        if not isinstance(parsed, str):
            return parsed
        removal = await self._storage.removal_of(parsed)
        return (await self.get(key)).id if removal is None else removal.subject_id

    async def _with_category(self, error: InvalidInput, fields: Mapping[str, object]) -> InvalidInput:
        """Report an unknown category together with the other faults: the commit, which would find it, is not reached."""
        slug = parse_category(fields.get("category"), Faults(), ())
        if isinstance(error, UnknownCategory) or slug is None or slug in await self._storage.lineages((slug,)):
            return error
        faults = Faults()
        faults.extend(error)
        slugs = [category.slug for category in await self._storage.categories()]
        faults.extend(hinted(UnknownCategory(slug, ("category",)), slugs))
        return faults.error(InvalidInput)

    def _rewrite(self, item: Item, fields: Mapping[str, object], *, absent: bool) -> Change[Item] | None:
        if absent:
            raise NotAbsent(item.sku)
        return item.rewrite(fields, now=self._clock.now())


def _under(sku: str, fields: Mapping[str, object]) -> Mapping[str, object]:
    """Return the fields of an item under a SKU, which they may leave out. Raises InvalidInput when they have another."""
    said = fields.get("sku")
    if said is not None:
        faults = Faults()
        its = parse_sku(said, faults, ("sku",))
        if its is not None and its != parse_key(sku):
            faults.add(("sku",), "other_sku", f"The SKU is {sku} where the item is put; leave {its} out, or put it there.")
        faults.refuse()
    return {**fields, "sku": sku}


def _version(raw: object) -> int:
    """Read the number of a version. Raises InvalidInput."""
    version = whole_number(raw)
    if version is None or version < 1:
        raise InvalidInput([Fault(("version",), "invalid_version", "The version is a whole number from 1 on.")])
    return version
