"""The optional methods of a store, implemented by the required ones. Correct for every store; the cost is a scan where noted."""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import aclosing, suppress

from catalog.domain.categories.category import Category
from catalog.domain.categories.tree import Tree
from catalog.domain.changes.log import AnyChange, LogEntry
from catalog.domain.hash_chain import ChainEnd, Link
from catalog.domain.items.item import Item
from catalog.domain.queries.facets import Facet, count_values
from catalog.domain.queries.item_query import ItemQuery
from catalog.domain.queries.ordering import by_name
from catalog.domain.search.search import ItemTerms, SearchQuery
from catalog.domain.search.spelling import (
    MAX_SUGGESTIONS,
    WordPattern,
    corrections,
    is_corrected_by,
    matches_pattern,
    word_patterns,
)
from catalog.ports.commit_listeners import Listener, Listeners
from catalog.ports.storage.optional import Count, SchemaState
from catalog.ports.storage.storage import Storage

SUGGEST_SECONDS = 0.5
"""The maximum time in seconds for finding suggestions."""

WAIT_POLL_SECONDS = 0.1
"""The time in seconds between two looks at the log's head while waiting for a commit."""

_EVERY_ITEM = ItemQuery(None, by_name())
_NO_SCHEMA = SchemaState(current_version="none needed", required_version="none needed")


class StorageDefaults(Storage):
    """Base class of an adapter: it writes the methods of RequiredStorage, and overrides those here that it can do faster.

    Call `super().__init__()` in `__init__`, and `notify_listeners` in `commit`.
    """

    def __init__(self) -> None:
        """Start without listeners."""
        self._listeners = Listeners()

    async def count(self, query: ItemQuery, *, exact: bool, seconds: float) -> Count | None:  # noqa: ARG002 - there are no estimates
        """Stream the matching items and count them. None if that takes too long. Cost: one scan."""
        value = 0
        try:
            async with asyncio.timeout(seconds):
                async for batch in self.stream(query):
                    value += len(batch)
        except TimeoutError:
            return None
        return Count(value, exact=True)

    async def facet(self, query: ItemQuery, name: str, *, seconds: float) -> Facet | None:
        """Stream the matching items and count their values. Cost: one scan."""
        counts: Counter[str] = Counter()
        try:
            async with asyncio.timeout(seconds):
                async for batch in self.stream(query):
                    counts.update(count_values(name, batch))
        except TimeoutError:
            return None
        return Facet.from_counter(counts)

    async def suggest(self, search: SearchQuery) -> Sequence[Item]:
        """Stream all items in the order of their names, and correct the search by the words of each name. Cost: one scan."""
        patterns = word_patterns(search)
        found: list[Item] = []
        if any(patterns):
            with suppress(TimeoutError):
                async with asyncio.timeout(SUGGEST_SECONDS), aclosing(self.stream(_EVERY_ITEM)) as batches:
                    async for batch in batches:
                        found += (item for item in batch if _is_suggestion(item, search, patterns))
                        if len(found) >= MAX_SUGGESTIONS:
                            break
        return found[:MAX_SUGGESTIONS]

    async def lineages(self, slugs: Collection[str]) -> Mapping[str, tuple[Category, ...]]:
        """Build the tree of all categories. Cost: one read of all categories."""
        tree = Tree(await self.categories())
        return {slug: tree.lineage(slug) for slug in slugs if slug in tree.by_slug}

    async def category_counts(self) -> Mapping[str, int]:
        """Stream all items and count them. Cost: one scan."""
        counts: Counter[str] = Counter()
        async for batch in self.stream(_EVERY_ITEM):
            counts.update(item.category for item in batch if item.category is not None)
        return counts

    def prepare(self, changes: Sequence[AnyChange]) -> object:
        """Do nothing; all work is done in the commit."""

    def listen(self, listener: Listener) -> None:
        """Register the listener."""
        self._listeners.add(listener)

    def notify_listeners(self, entries: Sequence[LogEntry]) -> None:
        """Report the log entries of a commit. `commit` must call this after it has committed, in the order of the commits."""
        self._listeners.notify(entries)

    async def wait(self, seq: int, seconds: float) -> None:
        """Poll the head of the log."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while (await self.head()).seq <= seq:  # noqa: ASYNC110 - no event reports the commits of other processes
                    await asyncio.sleep(WAIT_POLL_SECONDS)

    async def ping(self) -> None:
        """Read the head of the log."""
        await self.head()

    async def chain_ends(self) -> tuple[ChainEnd, ChainEnd] | None:
        """Return None; there is no chain."""
        return None

    async def chain_links(self, *, after: int, limit: int) -> Sequence[Link]:  # noqa: ARG002 - there are none
        """Return nothing; there is no chain."""
        return ()

    async def schema(self) -> SchemaState:
        """Return a fixed state, as of a store without a schema."""
        return _NO_SCHEMA

    async def migrate(self) -> SchemaState:
        """Do nothing; there is no schema."""
        return _NO_SCHEMA

    async def versions(self) -> Mapping[str, str]:
        """Return an empty mapping."""
        return {}


def _is_suggestion(item: Item, search: SearchQuery, patterns: Sequence[WordPattern | None]) -> bool:
    """Return whether the search, with one term corrected to a word of the item's name, finds the item."""
    terms = ItemTerms.from_item(item)
    words = terms.suggestable.split()
    candidates = [[] if pattern is None else [word for word in words if matches_pattern(word, pattern)] for pattern in patterns]
    return any(is_corrected_by(terms, correction) for correction in corrections(search, candidates))
