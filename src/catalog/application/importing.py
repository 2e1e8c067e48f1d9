"""Importing many items: row by row in what is decided, slice by slice in what is read and committed."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from catalog.application.changing import TRIES, hinted
from catalog.application.import_plan import ImportPlan, flat
from catalog.application.tables import Broken, Row, Table
from catalog.domain.category import Category, name_of
from catalog.domain.change import Change, Origin
from catalog.domain.changelog import AnyChange, ChangeSet, Committed
from catalog.domain.errors import CatalogError, Contended, Fault, InvalidInput, ItemExists, SkuTaken, UnknownCategory
from catalog.domain.faults import Faults
from catalog.domain.item import Item, Life
from catalog.domain.tree import Tree
from catalog.domain.values import parse_sku
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids
from catalog.ports.storage import Storage

SLICE = 500
"""Rows that are read, decided and committed together: few round trips, and other writers get their turn between."""

_IGNORED_NAMES = 100


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a row was not taken: one for each of its faults. `field` is a flat name; empty for the row as a whole."""

    line: int
    sku: str
    field: str
    code: str
    reason: str


@dataclass(slots=True)
class ImportReport:
    """What became of the rows so far."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    refused: int = 0
    categories: int = 0
    ignored: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Entry:
    """A row on its way: what it says, and under which SKU."""

    line: int
    sku: str
    fields: Mapping[str, Any]
    life: Life | None = None
    tries: int = 0


class Importing:
    """Takes tables in. Items are matched by SKU."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids) -> None:
        """Work on these."""
        self._storage = storage
        self._clock = clock
        self._ids = ids

    async def run(
        self,
        table: Table,
        plan: ImportPlan,
        origin: Origin,
        *,
        on_refusal: Callable[[Refusal], None] = lambda _: None,
        on_progress: Callable[[ImportReport], None] = lambda _: None,
    ) -> ImportReport:
        """Import a table; refused rows are handed to `on_refusal` as they come, and the rest goes on.

        Slices that were committed stay when a later one fails. Raises InvalidQuery when the plan does not fit the
        file, and Unavailable.

        A dry run decides everything and writes nothing. To know a SKU again it keeps 8 bytes of each.
        """
        job = _Job(self._storage, self._clock, self._ids, plan, origin, on_refusal)
        job.fit(table.columns)
        for rows in _sliced(table.rows):
            await job.take(rows)
            on_progress(job.report)
        return job.report


class _Job:
    """One import under way."""

    def __init__(
        self, storage: Storage, clock: Clock, ids: Ids, plan: ImportPlan, origin: Origin, on_refusal: Callable[[Refusal], None]
    ) -> None:
        self.report = ImportReport()
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._plan = plan
        self._origin = origin
        self._on_refusal = on_refusal
        self._used: Mapping[str, str] | None = None
        self._imagined: set[int] = set()
        self._known: Tree | None = None
        self._hints: dict[str, UnknownCategory] = {}
        self._refusals: list[Refusal] = []

    def fit(self, columns: tuple[str, ...] | None) -> None:
        """Bind the plan to a file's header, where it has one."""
        used, ignored = self._plan.for_columns(columns)
        if columns is not None:
            self._used = used
            self.report.ignored += ignored

    async def take(self, rows: Iterable[Row | Broken]) -> None:
        """Take a slice: read what is there, decide, commit; where a SKU stands twice, or a rival was quicker, again.

        What was refused is told at its end, by line.
        """
        pending = [entry for entry in map(self._entry, rows) if entry is not None]
        while pending:
            now: dict[str, _Entry] = {}
            later: list[_Entry] = []
            for entry in pending:
                if entry.sku in now:
                    later.append(entry)
                else:
                    now[entry.sku] = entry
            pending = [*await self._settle(now), *later]
        for refusal in sorted(self._refusals, key=lambda one: one.line):
            self._on_refusal(refusal)
        self._refusals.clear()

    def _entry(self, row: Row | Broken) -> _Entry | None:
        """Read a row by the plan; None when it is refused."""
        self.report.rows += 1
        if isinstance(row, Broken):
            self._refuse(row.line, "", [Fault((), "malformed", row.message)])
            return None
        faults = Faults()
        fields = self._plan.fields(row.values, self._columns_of(row), faults)
        said = fields.get("sku")
        sku = parse_sku(said, faults, ("sku",))
        life = self._plan.life(row.values, faults)
        if sku is None or faults:
            try:
                self._born({**fields, "sku": "X"})
            except InvalidInput as error:
                faults.found += error.faults
            self._refuse(row.line, str(said or ""), faults.found)
            return None
        return _Entry(row.line, sku, fields, life)

    def _columns_of(self, row: Row) -> Mapping[str, str]:
        """Say which column gives which field; where there is no header, each row names its own."""
        if self._used is not None:
            return self._used
        used, ignored = self._plan.for_columns(tuple({*row.values, *self._plan.columns.values()}))
        known = self.report.ignored
        known += [name for name in ignored if name not in known][: max(0, _IGNORED_NAMES - len(known))]
        return used

    async def _settle(self, entries: dict[str, _Entry]) -> list[_Entry]:
        """Decide and commit entries of different SKUs; return those that are to be tried again."""
        there = await self._storage.items_by_sku(entries.keys())
        decided: list[tuple[_Entry, Change[Item]]] = []
        for entry in entries.values():
            try:
                change = self._decide(entry, there.get(entry.sku))
            except InvalidInput as error:
                self._refuse(entry.line, entry.sku, error.faults)
            except SkuTaken as error:
                self._refuse(entry.line, entry.sku, [Fault(("sku",), error.code, str(error))])
            else:
                if change is not None:
                    decided.append((entry, change))
        missing = await self._missing_categories(decided)
        if self._plan.dry_run:
            self._imagine(await self._with_categories(decided, missing))
            return []
        return await self._commit(decided, missing)

    def _decide(self, entry: _Entry, item: Item | None) -> Change[Item] | None:
        """Decide one row. None: there is nothing to write, and it is counted. Raises InvalidInput, SkuTaken."""
        imagined = hash(entry.sku) in self._imagined
        if item is None and not imagined:
            return self._born(entry.fields, entry.life)
        if self._plan.on_conflict == "fail":
            raise SkuTaken(entry.sku)
        if self._plan.on_conflict == "skip":
            self.report.skipped += 1
            return None
        if item is None:
            return self._born(entry.fields, entry.life)
        change = item.revise(entry.fields, now=self._clock.now())
        if change is None:
            self.report.unchanged += 1
        return change

    def _born(self, fields: Mapping[str, Any], life: Life | None = None) -> Change[Item]:
        """Decide a new item."""
        return Item.create(fields, item_id=self._ids.item_id(), spare_sku="", now=self._clock.now(), life=life)

    async def _missing_categories(self, decided: list[tuple[_Entry, Change[Item]]]) -> list[Change[Category]]:
        """Decide the categories that the items need and that are not there, where they are wanted."""
        if not (self._plan.create_categories or self._plan.dry_run):
            return []
        tree = await self._tree()
        slugs = dict.fromkeys(change.subject.category for _, change in decided)
        fields = [{"slug": slug, "name": name_of(slug)} for slug in slugs if slug is not None and slug not in tree.by_slug]
        first = max((root.position + 1 for root in tree.children(None)), default=0)
        now = self._clock.now()
        return [
            Category.create(its, category_id=self._ids.item_id(), spare_position=position, now=now)
            for position, its in enumerate(fields, first)
        ]

    async def _with_categories(
        self, decided: list[tuple[_Entry, Change[Item]]], missing: list[Change[Category]]
    ) -> list[tuple[_Entry, Change[Item]]]:
        """Return what a dry run would write: with the categories that would be there, or without those who need them."""
        if self._plan.create_categories:
            self.report.categories += len(missing)
            self._known = Tree((*await self._tree(), *(change.subject for change in missing)))
            return decided
        slugs = {change.subject.slug for change in missing}
        kept = []
        for entry, change in decided:
            if change.subject.category in slugs:
                await self._refuse_category(entry, UnknownCategory(str(change.subject.category), ("category",)))
            else:
                kept.append((entry, change))
        return kept

    async def _refuse_category(self, entry: _Entry, error: UnknownCategory) -> None:
        """Refuse a row for its category, with what may have been meant."""
        if error.slug not in self._hints:
            self._hints[error.slug] = hinted(error, (await self._tree()).by_slug)
        self._refuse(entry.line, entry.sku, self._hints[error.slug].faults)

    async def _tree(self) -> Tree:
        """Return the categories that are there, as far as this import knows."""
        if self._known is None:
            self._known = Tree(await self._storage.categories())
        return self._known

    async def _commit(self, decided: list[tuple[_Entry, Change[Item]]], missing: list[Change[Category]]) -> list[_Entry]:
        """Commit each change by itself, all in one go, the categories first; return the entries that lost to a rival."""
        changes: list[AnyChange] = [*missing, *(change for _, change in decided)]
        outcomes = await self._storage.commit([ChangeSet((change,), self._origin) for change in changes])
        if missing:
            self._known = None
            self.report.categories += sum(isinstance(outcome, Committed) for outcome in outcomes[: len(missing)])
        again: list[_Entry] = []
        for (entry, change), outcome in zip(decided, outcomes[len(missing) :], strict=True):
            if isinstance(outcome, Committed):
                self._count(known=change.before is not None)
                continue
            if isinstance(outcome, UnknownCategory):
                await self._refuse_category(entry, outcome)
                continue
            if isinstance(outcome, ItemExists) and entry.life is not None:
                self._refuse(entry.line, entry.sku, [Fault(("id",), outcome.code, str(outcome))])
                continue
            entry.tries += 1
            if entry.tries < TRIES:
                again.append(entry)
            else:
                error: CatalogError = Contended(entry.sku)
                self._refuse(entry.line, entry.sku, [Fault((), error.code, str(error))])
        return again

    def _imagine(self, decided: list[tuple[_Entry, Change[Item]]]) -> None:
        """Count what would be written, and remember the SKUs that would be there."""
        for entry, change in decided:
            self._count(known=change.before is not None or hash(entry.sku) in self._imagined)
            self._imagined.add(hash(entry.sku))

    def _count(self, *, known: bool) -> None:
        if known:
            self.report.updated += 1
        else:
            self.report.created += 1

    def _refuse(self, line: int, sku: str, faults: Iterable[Fault]) -> None:
        self.report.refused += 1
        self._refusals += (Refusal(line, sku, flat(fault.path), fault.code, fault.message) for fault in faults)


def _sliced(rows: Iterator[Row | Broken]) -> Iterator[tuple[Row | Broken, ...]]:
    """Part rows into slices (itertools.batched comes with Python 3.12)."""
    while part := tuple(islice(rows, SLICE)):
        yield part
