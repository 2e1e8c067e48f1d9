"""Lists, counts, facets, exports and suggestions of the memory store."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Sequence
from itertools import islice
from uuid import UUID

from catalog.adapters.memory.indexed_items import MAX_SORTED, IndexedItems
from catalog.adapters.memory.sorted_items import BATCH_SIZE, KeyRange, SortOrder
from catalog.domain.categories.tree import Tree
from catalog.domain.items.item import Item
from catalog.domain.queries.facets import Facet, facet_of
from catalog.domain.queries.filters import IN, WITHIN
from catalog.domain.queries.item_query import ItemQuery, Page
from catalog.domain.queries.ordering import SortValues
from catalog.domain.search.search import Rank, SearchQuery
from catalog.domain.search.spelling import (
    MAX_SUGGESTIONS,
    WordPattern,
    corrections,
    is_corrected_by,
    matches_pattern,
    word_patterns,
)
from catalog.domain.text.normalization import fold
from catalog.ports.storage import Count

MAX_LOOKED_UP = 20_000
"""Maximum number of items that one condition may select by its index. Beyond that, using the index costs more than it saves."""


class ItemReader:
    """Reads items through their indexes."""

    def __init__(self, items: IndexedItems, tree: Callable[[], Tree]) -> None:
        """Read these items; `tree` returns the current category tree."""
        self._items = items
        self._tree = tree

    async def list_items(self, query: ItemQuery) -> Page:
        """Read from the cursor until the page is full. A ranked list consists of one list per rank, each ordered by name."""
        limit = query.offset + query.limit + 1
        if not query.is_ranked:
            items = await self._read(query, SortOrder(query.scan_order), query.after, limit)
            return query.page([(item, None) for item in items[query.offset :]])
        order = SortOrder(query.scan_order[1:])
        ranked: list[tuple[Item, int]] = []
        for rank in reversed(Rank) if order.backwards else Rank:
            after = None if query.after is None else query.after[1:]
            if query.after is not None and rank != query.after[0]:
                if (rank < query.after[0]) is not order.backwards:
                    continue  # all items of this rank come before the cursor
                after = None
            ranked += ((item, rank) for item in await self._read(query, order, after, limit - len(ranked), rank))
            if len(ranked) == limit:
                break
        return query.page(ranked[query.offset :])

    async def stream(self, query: ItemQuery) -> AsyncGenerator[Sequence[Item], None]:
        """Read from a copy of the sorted list."""
        query = query.unranked()
        order = SortOrder(query.ordering)
        entries = (await self._items.sorted_by(order)).entries.copy()
        matches = self._matcher(query)
        positions = order.positions(entries, None)
        for start in range(0, len(positions), BATCH_SIZE):
            batch = (entries[index][-1] for index in positions[start : start + BATCH_SIZE])
            yield list(batch if matches is None else filter(matches, batch))
            await asyncio.sleep(0)

    async def count(self, query: ItemQuery) -> Count:
        """Count the matching items exactly."""
        is_unfiltered = not query.filters and query.search is None
        return Count(len(self._items.by_id) if is_unfiltered else len(await self._matching_items(query)), exact=True)

    async def facet(self, query: ItemQuery, name: str) -> Facet:
        """Count the values of the matching items. Large results are counted in a thread so that the event loop is not blocked."""
        items = await self._matching_items(query)
        return facet_of(name, items) if len(items) <= BATCH_SIZE else await asyncio.to_thread(facet_of, name, items)

    async def suggest(self, search: SearchQuery) -> Sequence[Item]:
        """Find words of names that are one edit away from a search term, then the items with those words."""
        await self._items.update()
        candidates = [[] if pattern is None else self._candidate_words(pattern) for pattern in word_patterns(search)]
        item_ids = {
            item_id
            for correction in corrections(search, candidates)
            for item_id in self._items.suggestable.ids_with_any(correction.alternatives)
            if is_corrected_by(self._items.terms_of(self._items.by_id[item_id]), correction)
        }
        by_name_key = sorted((fold(self._items.by_id[item_id].name), item_id) for item_id in item_ids)
        return [self._items.by_id[item_id] for _, item_id in by_name_key[:MAX_SUGGESTIONS]]

    def _candidates(self, query: ItemQuery, ranges: Iterable[KeyRange], rank: Rank | None = None) -> Collection[UUID] | None:
        """Return a superset of the matching items (with a rank, of those items) from the indexes. None if no index is selective.

        The only assumptions are that an item matches if each search term is a prefix of one of its terms, and ranks as NAME if
        each is a prefix of a term of its name. `SearchQuery.rank` decides.
        """
        search = query.search
        selections: list[Sequence[Collection[UUID]]] = []
        if search is not None and rank is Rank.SKU:
            selections.append([[self._items.ids_by_sku[search.sku]]] if search.sku in self._items.ids_by_sku else [])
        elif search is not None:
            index = self._items.name_words if rank is Rank.NAME else self._items.words
            selections += map(index.ids_by_prefix, search.terms)
        for condition in query.filters:
            if condition.operator == WITHIN:
                slugs = self._tree().within(condition.values)
                selections.append([self._items.by_category[slug] for slug in slugs if slug in self._items.by_category])
            elif condition.attribute is not None and condition.operator in ("eq", IN):
                selections.append(
                    [
                        self._items.by_value[condition.field, value]
                        for value in condition.values
                        if (condition.field, value) in self._items.by_value
                    ]
                )
            elif condition.field == "sku" and condition.operator in ("eq", IN):
                selections.append([[self._items.ids_by_sku[sku]] for sku in condition.values if sku in self._items.ids_by_sku])
        selections += ([[item.id for item in items]] for items in self._items.items_in_ranges(ranges))
        selective = [ids for ids in sorted(selections, key=_size) if _size(ids) <= MAX_LOOKED_UP]
        if not selective:
            return None
        candidates = set[UUID]().union(*selective[0])
        for ids in selective[1:]:
            if len(candidates) > MAX_SORTED:
                candidates &= set[UUID]().union(*ids)
        return candidates

    def _matcher(self, query: ItemQuery, rank: Rank | None = None) -> Callable[[Item], bool] | None:
        """Return a predicate for items that match the query and, if given, have this rank. None if every item matches."""
        search = query.search
        if search is None:
            return query.predicate(self._tree()) if query.filters else None
        passes_filters = query.predicate(self._tree())
        if rank is None:
            return lambda item: passes_filters(item) and search.rank(item, self._items.terms_of(item)) is not None
        return lambda item: passes_filters(item) and search.rank(item, self._items.terms_of(item)) is rank

    async def _matching_items(self, query: ItemQuery) -> list[Item]:
        """Return all matching items, in no particular order."""
        ranges = await self._items.prepare_for(query)
        matches = self._matcher(query)
        candidates = self._candidates(query, ranges)
        checked = (
            tuple(self._items.by_id.values()) if candidates is None else [self._items.by_id[item_id] for item_id in candidates]
        )
        matching: list[Item] = []
        for start in range(0, len(checked), BATCH_SIZE):
            if start:
                await asyncio.sleep(0)
            matching += filter(matches, checked[start : start + BATCH_SIZE])
        return matching

    async def _read(
        self, query: ItemQuery, order: SortOrder, after: SortValues | None, limit: int, rank: Rank | None = None
    ) -> list[Item]:
        """Read up to `limit` matching items that follow the position `after`; with a rank, only items of that rank."""
        ranges = await self._items.prepare_for(query)
        matches = self._matcher(query, rank)
        candidates = self._candidates(query, ranges, rank)
        if candidates is not None and len(candidates) <= MAX_SORTED:
            entries = sorted(map(order.entry, filter(matches, [self._items.by_id[item_id] for item_id in candidates])))
            matches = None
        else:
            entries = (await self._items.sorted_by(order)).entries
        positions = order.positions(entries, after)
        if matches is None:
            return [entries[index][-1] for index in positions[:limit]]
        items: list[Item] = []
        for start in range(0, len(positions), BATCH_SIZE):
            if start == BATCH_SIZE:
                entries = entries.copy()  # from here on other tasks run in between and may write
            if start:
                await asyncio.sleep(0)
            batch = (entries[index][-1] for index in positions[start : start + BATCH_SIZE])
            items += islice(filter(matches, batch), limit - len(items))
            if len(items) == limit:
                break
        return items

    def _candidate_words(self, pattern: WordPattern) -> Collection[str]:
        """Return the words of names that match the pattern of a misspelled word."""
        return [word for word in self._items.suggestable.words if matches_pattern(word, pattern)]


def _size(id_sets: Sequence[Collection[UUID]]) -> int:
    return sum(map(len, id_sets))
