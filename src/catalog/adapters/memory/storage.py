"""The memory store: real in every promise but durability."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from threading import Lock
from uuid import UUID, uuid4

from catalog.domain.admission import Admission, Outcome, Spot, Standing, admit, named
from catalog.domain.category import Category
from catalog.domain.changelog import ALL, AnyChange, ChangeSet, LogEntry, LogFilter, LogHead, LogPage
from catalog.domain.facets import Facet, facet_of
from catalog.domain.item import Item
from catalog.domain.note import Note
from catalog.domain.ordering import arrange, comes_after, place
from catalog.domain.query import ItemQuery, Page
from catalog.domain.search import Rank, Search, SearchWords
from catalog.domain.spelling import MOST_SUGGESTIONS, corrections, corrects, may_be, stems
from catalog.domain.text import fold
from catalog.domain.tree import Tree
from catalog.ports.storage import Count, SchemaState, StorageOptions

_SLICE = 1_000
_SCHEMA = SchemaState(found="none needed", wanted="none needed")


class MemoryStorage:
    """Dictionaries under one lock. Nothing in it waits, so a caller that is cancelled cannot cut a commit in two."""

    durable = False

    def __init__(self) -> None:
        """Begin empty."""
        self._lock = Lock()
        self._items: dict[UUID, Item] = {}
        self._words: dict[UUID, SearchWords] = {}
        self._ids: dict[str, UUID] = {}
        self._tree = Tree(())
        self._log: list[LogEntry] = []
        self._floor = 0
        self._lives: dict[UUID, list[LogEntry]] = {}
        self._removals: dict[str, LogEntry] = {}
        self._notes: dict[str, Note] = {}
        self._identity = uuid4().hex
        self._committed = asyncio.Event()
        self._listeners: list[Callable[[Sequence[LogEntry]], None]] = []

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def items_by_id(self, ids: Collection[UUID]) -> Mapping[UUID, Item]:
        """Look the ids up."""
        return {item_id: self._items[item_id] for item_id in ids if item_id in self._items}

    async def items_by_sku(self, skus: Collection[str]) -> Mapping[str, Item]:
        """Look the SKUs up."""
        return {sku: self._items[self._ids[sku]] for sku in skus if sku in self._ids}

    async def list_items(self, query: ItemQuery) -> Page:
        """Filter, place, sort and cut."""
        found = [(place(item, query.walked, rank), (item, rank)) for item, rank in self._found(query)]
        if query.after is not None:
            mark = query.after
            found = [entry for entry in found if comes_after(entry[0], mark, query.walked)]
        arrange(found, query.walked)
        return query.page([entry for _, entry in found[query.offset : query.offset + query.limit + 1]])

    async def stream(self, query: ItemQuery) -> AsyncIterator[Sequence[Item]]:
        """Put them in order, and hand them out."""
        query = query.unranked()
        found = [(place(item, query.ordering), item) for item, _ in self._found(query)]
        arrange(found, query.ordering)
        for start in range(0, len(found), _SLICE):
            yield [item for _, item in found[start : start + _SLICE]]
            await asyncio.sleep(0)

    async def count(self, query: ItemQuery, *, exact: bool, seconds: float) -> Count:  # noqa: ARG002 - nothing takes long here
        """Go through the items."""
        return Count(len(self._found(query)), exact=True)

    async def facet(self, query: ItemQuery, name: str, *, seconds: float) -> Facet | None:  # noqa: ARG002 - likewise
        """Go through the items."""
        return facet_of(name, (item for item, _ in self._found(query)))

    async def suggest(self, search: Search) -> Sequence[Item]:
        """Go through the names."""
        names = {item_id: set(words.name.split()) for item_id, words in self._words.items()}
        every = {word for words in self._words.values() for word in words.spelled.split()}
        known = [[word for word in every if its is not None and may_be(word, its)] for its in stems(search)]
        found = {
            item_id
            for correction in corrections(search, known)
            for item_id, words in names.items()
            if corrects(words, correction)
        }
        by_name_key = sorted((fold(self._items[item_id].name), item_id) for item_id in found)
        return [self._items[item_id] for _, item_id in by_name_key[:MOST_SUGGESTIONS]]

    async def categories(self) -> Sequence[Category]:
        """Go through the tree."""
        return tuple(self._tree)

    async def lineages(self, slugs: Collection[str]) -> Mapping[str, tuple[Category, ...]]:
        """Go up the tree."""
        return {slug: self._tree.lineage(slug) for slug in slugs if slug in self._tree.by_slug}

    async def category_counts(self) -> Mapping[str, int]:
        """Go through the items."""
        return Counter(item.category for item in self._items.values() if item.category is not None)

    def prepare(self, changes: Sequence[AnyChange]) -> object:
        """There is nothing to do ahead."""

    async def commit(self, batch: Sequence[ChangeSet], ready: Sequence[object] = ()) -> Sequence[Outcome]:  # noqa: ARG002 - see above
        """Ask for admission and apply it, under the lock."""
        with self._lock:
            admission = admit(batch, self._standing(batch))
            self._apply(admission)
        for listener in self._listeners:
            listener(admission.entries)
        if admission.entries:
            self._committed.set()
            self._committed = asyncio.Event()
        return admission.outcomes

    def listen(self, listener: Callable[[Sequence[LogEntry]], None]) -> None:
        """Keep it."""
        self._listeners.append(listener)

    async def head(self) -> LogHead:
        """Count the log."""
        return LogHead(self._identity, self._head)

    async def wait(self, seq: int, seconds: float) -> None:
        """Wait for a commit."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._head <= seq:
                    await self._committed.wait()

    async def changes(self, *, after: int, limit: int, wanted: LogFilter = ALL) -> LogPage:
        """Cut a stretch out of the log."""
        if wanted == ALL:
            entries = self._log[max(0, after - self._floor) :][:limit]
        else:
            among = self._log if wanted.subject is None else self._lives.get(wanted.subject, [])
            entries = [entry for entry in among if entry.seq > after and wanted.finds(entry)][:limit]
        reached = entries[-1].seq if len(entries) == limit else self._head
        return LogPage(tuple(entries), self._head, self._floor, reached)

    async def change_of(self, subject_id: UUID, version: int | None = None) -> LogEntry | None:
        """Look through a life, from its end."""
        life = reversed(self._lives.get(subject_id, []))
        return next((entry for entry in life if version in (None, entry.change.version)), None)

    async def removal_of(self, sku: str) -> LogEntry | None:
        """Look it up."""
        return self._removals.get(sku)

    async def prune(self, upto: int) -> None:
        """Cut the log's beginning off."""
        with self._lock:
            count = max(0, min(upto, self._head) - self._floor)
            gone, self._log = self._log[:count], self._log[count:]
            self._floor += count
            for entry in gone:
                life = self._lives[entry.subject_id]
                life.remove(entry)
                if not life:
                    del self._lives[entry.subject_id]
            self._removals = {sku: entry for sku, entry in self._removals.items() if entry.seq > self._floor}

    async def notes(self, keys: Collection[str]) -> Mapping[str, Note]:
        """Look the keys up."""
        return {key: self._notes[key] for key in keys if key in self._notes}

    async def ping(self) -> None:
        """Memory always answers."""

    async def schema(self) -> SchemaState:
        """Memory has no schema."""
        return _SCHEMA

    async def migrate(self) -> SchemaState:
        """Memory has no schema."""
        return _SCHEMA

    async def versions(self) -> Mapping[str, str]:
        """Memory runs on nothing."""
        return {}

    def _found(self, query: ItemQuery) -> list[tuple[Item, Rank | None]]:
        """Filter and search; with the rank of each where something is searched."""
        shown = filter(query.shows(self._tree), tuple(self._items.values()))
        if query.search is None:
            return [(item, None) for item in shown]
        ranked = ((item, query.search.rank(item, self._words[item.id])) for item in shown)
        return [(item, rank) for item, rank in ranked if rank is not None]

    def _standing(self, batch: Sequence[ChangeSet]) -> Standing:
        """Read what the batch names."""
        names = named(batch)
        versions = {item_id: self._items[item_id].version for item_id in names.ids if item_id in self._items}
        owners = {sku: self._ids[sku] for sku in names.skus if sku in self._ids}
        known = self._tree.by_slug
        slugs = known if names.tree else names.slugs & known.keys()
        places = {slug: Spot(known[slug].id, known[slug].version, known[slug].parent) for slug in slugs}
        inhabitants = Counter(item.category for item in self._items.values()) if names.leaving else {}
        graves = {item_id: self._lives[item_id][-1].change.version for item_id in names.returning if item_id in self._lives}
        notes = {key: self._notes[key].at for key in names.notes if key in self._notes}
        return Standing(self._head, versions, owners, places, {slug: inhabitants[slug] for slug in names.leaving}, graves, notes)

    def _apply(self, admission: Admission) -> None:
        """Write what was admitted."""
        for item_id in (*(item.id for item in admission.removed), *admission.renamed):
            del self._ids[self._items[item_id].sku]
        for item in admission.removed:
            del self._items[item.id], self._words[item.id]
        for item in (*(born.item for born in admission.born), *(net.subject for net in admission.changed)):
            self._items[item.id] = item
            self._ids[item.sku] = item.id
            self._words[item.id] = SearchWords.of(item)
        grove = admission.grove
        if grove:
            kept = self._tree.by_slug | {category.slug: category for category in (*grove.born, *grove.changed)}
            gone = {category.id for category in grove.removed}
            self._tree = Tree(category for category in kept.values() if category.id not in gone)
        self._log += admission.entries
        for entry in admission.entries:
            self._lives.setdefault(entry.subject_id, []).append(entry)
            if entry.change.after is None and isinstance(entry.change.subject, Item):
                self._removals[entry.change.subject.sku] = entry
        if admission.notes:
            now = max(note.at for note in admission.notes)
            self._notes = {key: note for key, note in self._notes.items() if note.kept(now)}
            self._notes.update((note.key, note) for note in admission.notes)

    @property
    def _head(self) -> int:
        return self._floor + len(self._log)


def open_memory(_options: StorageOptions) -> MemoryStorage:
    """Make the store for `memory://`."""
    return MemoryStorage()
