"""Importing many items: row by row in what is decided, slice by slice in what is read and committed.

While one slice is committed, the next is decided and the one after it is read. What is in an import's notes (how far it is, which
rows were refused) is written with the slices, in the same commits.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields

from catalog.application.files.row_source import MalformedRow, Row, RowSource
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.rows import TURN_ROWS, ImportRow, Refusal, Slice, SliceReader, refusals_of
from catalog.application.writes.commit import MAX_ATTEMPTS, with_suggestion
from catalog.application.writes.staging import StagedChanges, read_category_nodes
from catalog.domain.categories.category import Category, name_from_slug
from catalog.domain.categories.tree import Tree
from catalog.domain.change import Change, Origin
from catalog.domain.changes.commit_plan import CategoryNode
from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.changes.log import AnyChange, ChangeSet, Committed
from catalog.domain.errors import (
    CatalogError,
    FieldError,
    InvalidInput,
    ItemExists,
    SkuTaken,
    SlugTaken,
    StaleVersion,
    TooManyConflicts,
    UnknownCategory,
)
from catalog.domain.items.item import Item
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids
from catalog.ports.storage import Storage


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

    def __add__(self, other: "ImportReport") -> "ImportReport":
        """Return both together."""
        counted = {its.name: getattr(self, its.name) + getattr(other, its.name) for its in fields(self) if its.name != "ignored"}
        return ImportReport(**counted, ignored=self.ignored)


_EXISTED_BEFORE = "An item of this id was here before, in later versions; import the row without the life it had elsewhere."

MakeRecords = Callable[[ImportReport, Sequence[Refusal]], tuple[ExpiringRecord, ...]]
"""Makes the notes that are committed with a slice: how far the import is then, and what was refused since the last."""


def no_records(_report: ImportReport, _refused: Sequence[Refusal]) -> tuple[ExpiringRecord, ...]:
    """Keep none."""
    return ()


async def _always_continue() -> None:
    """Go on, there is nothing to do."""


class ImportPipeline:
    """Takes tables in. Items are matched by SKU."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids) -> None:
        """Work on these."""
        self._storage = storage
        self._clock = clock
        self._ids = ids

    async def run(  # noqa: PLR0913 - what, how, by whom, and who is told
        self,
        source: RowSource,
        plan: ImportPlan,
        origin: Origin,
        *,
        on_refusal: Callable[[Refusal], None] = lambda _: None,
        on_progress: Callable[[ImportReport], None] = lambda _: None,
        make_records: MakeRecords = no_records,
        should_continue: Callable[[], Awaitable[None]] = _always_continue,
    ) -> ImportReport:
        """Import a table; refused rows are handed to `on_refusal` as they come, and the rest goes on.

        `go_on` is called before each slice, and may raise to end it all.

        Slices that were committed stay when a later one fails. With `plan.atomic` all rows go in with one commit, or none;
        as many as `plan.most_atomic`. Raises InvalidQuery when the plan does not fit the file, InvalidInput when it has more
        rows, and Unavailable.

        A dry run decides everything and writes nothing. To know a SKU again it keeps 8 bytes of each.
        """
        reader = SliceReader(source, plan, self._clock, self._ids)
        job = _ImportRun(self._storage, self._clock, self._ids, plan, origin, on_refusal, on_progress, make_records)
        job.report.ignored = reader.ignored_columns
        reading = _read_ahead(reader)
        decided = _DecidedSlice()
        settling = asyncio.create_task(_always_continue())
        try:
            while rows := await reading:
                await should_continue()
                reading = _read_ahead(reader)
                part = await reader.parse(rows)
                if plan.atomic:
                    job.collect(part)
                    continue
                if job.depends_on(decided, part):
                    await asyncio.shield(settling)
                following = await job.decide(part)
                await job.prepare(following)
                await asyncio.shield(settling)
                decided, settling = following, asyncio.create_task(job.commit(following))
            await asyncio.shield(settling)
            if plan.atomic:
                await job.commit_collected()
        except BaseException:
            source.stop()
            raise
        finally:
            # A commit is not cut off, and what it brought is told, also to who was cancelled meanwhile: hence the shields.
            # Nor is a thread, which ends with its slice; nobody reads the file after that.
            await asyncio.wait((reading, settling))
            for task in (reading, settling):
                _ = task.cancelled() or task.exception()  # asyncio warns of an exception that nobody has looked at
        return job.report


def _read_ahead(reader: SliceReader) -> "asyncio.Task[list[Row | MalformedRow]]":
    """Begin to read the rows of the next slice."""
    return asyncio.create_task(asyncio.to_thread(reader.read_rows))


@dataclass(slots=True)
class _DecidedSlice:
    """What is to be written for some entries, and what is to be counted then."""

    report: ImportReport = field(default_factory=ImportReport)
    changes: list[tuple[ImportRow, Change[Item]]] = field(default_factory=list)
    new_categories: list[Change[Category]] = field(default_factory=list)
    category_lines: dict[str, int] = field(default_factory=dict)
    """Where the file tells of categories, by their slugs."""
    refusals: list[Refusal] = field(default_factory=list)
    prepared: list[object] = field(default_factory=list)

    def refuse(self, row: ImportRow, errors: Iterable[FieldError]) -> None:
        """Count an entry as refused."""
        self.report.refused += 1
        self.refusals += refusals_of(row.line, row.sku, errors)

    def add(self, part: Slice) -> None:
        """Count the rows of a slice, and those that are no entries."""
        self.report.rows += part.row_count
        self.report.refused += part.refused
        self.refusals += part.refusals


class _ImportRun:
    """One import under way."""

    def __init__(  # noqa: PLR0913, PLR0917 - as its only caller says
        self,
        storage: Storage,
        clock: Clock,
        ids: Ids,
        plan: ImportPlan,
        origin: Origin,
        on_refusal: Callable[[Refusal], None],
        on_progress: Callable[[ImportReport], None],
        make_records: MakeRecords,
    ) -> None:
        self.report = ImportReport()
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._plan = plan
        self._origin = origin
        self._on_refusal = on_refusal
        self._on_progress = on_progress
        self._make_records = make_records
        self._dry_run_skus: set[int] = set()
        self._cached_tree: Tree | None = None
        self._cached_nodes: dict[str, CategoryNode] = {}
        self._suggestions: dict[str, UnknownCategory] = {}
        self._collected_rows: list[ImportRow] = []
        self._collected_categories: list[tuple[int, Change[Category]]] = []
        self._collected = _DecidedSlice()

    async def decide(self, part: Slice) -> _DecidedSlice:
        """Read what is there, and decide the rows of a slice."""
        decided = await self._decide_all(part.rows_to_import, part.categories)
        decided.add(part)
        return decided

    def depends_on(self, before: _DecidedSlice, part: Slice) -> bool:
        """Whether a slice can be decided only when the one before it is settled, for it may tell of what that one brings."""
        if self._plan.preserve or before.new_categories:
            return True
        return not {entry.sku for entry, _ in before.changes}.isdisjoint(entry.sku for entry in part.rows_to_import)

    async def prepare(self, decided: _DecidedSlice) -> None:
        """Have the store do ahead what it can, some at a time."""
        if self._plan.dry_run:
            return
        changes = [change for _, change in decided.changes]
        for start in range(0, len(changes), TURN_ROWS):
            decided.prepared.append(self._storage.prepare(changes[start : start + TURN_ROWS]))
            await asyncio.sleep(0)

    async def commit(self, decided: _DecidedSlice) -> None:
        """Commit a slice, and tell what was refused, by line."""
        if not await self._commit_together(decided):
            # A rival was quicker somewhere. Row by row, only who meets him need be decided again.
            pending = await self._commit_each(decided)
            while pending:
                more = await self._decide_all(pending)
                pending = await self._commit_each(more)
                decided.refusals += more.refusals
            await self._commit_together(_DecidedSlice(refusals=decided.refusals))
        self._report_progress(decided)

    def collect(self, part: Slice) -> None:
        """Keep the entries of a slice until all are there. Raises InvalidInput when there are too many."""
        self._collected.add(part)
        self._collected_rows += part.rows_to_import
        self._collected_categories += part.categories
        if len(self._collected_rows) + len(self._collected_categories) > self._plan.max_atomic_rows:
            message = (
                f"An import of all or nothing takes up to {self._plan.max_atomic_rows} rows, for it is one commit; "
                "import row by row, or in parts. Nothing was written."
            )
            raise InvalidInput([FieldError(("file",), "too_many_rows", message)])

    async def commit_collected(self) -> None:
        """Settle all that was gathered in one commit, or nothing of it. Raises Contended."""
        rows = self._collected
        for _ in range(MAX_ATTEMPTS):
            decided = await self._decide_all(self._collected_rows, self._collected_categories)
            refused = rows.report.refused + decided.report.refused
            if refused:
                # Nothing goes in, and so nothing of it is counted but what hinders.
                decided = _DecidedSlice(ImportReport(refused=decided.report.refused), refusals=decided.refusals)
            decided.report = decided.report.__add__(rows.report)
            decided.refusals += rows.refusals
            if await self._commit_together(decided):
                self._report_progress(decided)
                return
        message = "the items of the import"
        raise TooManyConflicts(message)

    def _report_progress(self, decided: _DecidedSlice) -> None:
        for refusal in sorted(decided.refusals, key=lambda one: one.line):
            self._on_refusal(refusal)
        self._on_progress(self.report)

    async def _decide_all(
        self, entries: Sequence[ImportRow], categories: Sequence[tuple[int, Change[Category]]] = ()
    ) -> _DecidedSlice:
        """Decide entries in order, each seeing those before it, and the categories of the file; of those, what is there stays."""
        decided = _DecidedSlice()
        if not entries and not categories:
            return decided
        there = (await self._tree()).by_slug if categories else {}
        brought = {change.subject.slug: change for _, change in categories if change.subject.slug not in there}
        decided.category_lines = {change.subject.slug: line for line, change in categories}
        items = dict(await self._storage.items_by_sku({entry.sku for entry in entries})) if entries else {}
        lives = [entry.provenance.id for entry in entries if entry.provenance is not None]
        if lives:
            items.update((item.sku, item) for item in (await self._storage.items_by_id(lives)).values())
        slugs = {entry.category for entry in entries}
        known, wanted = await self._resolve_categories(
            {slug for slug in (*slugs, *(item.category for item in items.values())) if slug is not None} - brought.keys()
        )
        spots = {slug: CategoryNode(change.subject.id, 1, change.subject.parent) for slug, change in (brought | wanted).items()}
        view = StagedChanges(items.values(), {**known, **spots})
        for number, entry in enumerate(entries):
            if not number % TURN_ROWS:
                await asyncio.sleep(0)
            try:
                self._decide(view, entry, decided)
            except UnknownCategory as error:
                decided.refuse(entry, (await self._add_suggestion(error)).errors)
            except InvalidInput as error:
                decided.refuse(entry, error.errors)
            except (SkuTaken, ItemExists) as error:
                decided.refuse(entry, [FieldError(("sku" if isinstance(error, SkuTaken) else "id",), error.code, str(error))])
        used = {change.subject.category for _, change in decided.changes}
        decided.new_categories = [*brought.values(), *(change for slug, change in wanted.items() if slug in used)]
        decided.report.categories += len(decided.new_categories)
        return decided

    def _decide(self, view: StagedChanges, entry: ImportRow, decided: _DecidedSlice) -> None:
        """Decide one row. Raises what it is refused with."""
        item = view.get(entry.sku)
        imagined = hash(entry.sku) in self._dry_run_skus
        if item is not None or imagined:
            if self._plan.on_conflict == "fail":
                raise SkuTaken(entry.sku)
            if self._plan.on_conflict == "skip":
                decided.report.skipped += 1
                return
        if item is not None:
            change = item.update(entry.fields, now=self._clock.now())
        elif isinstance(entry.change, InvalidInput):
            raise entry.change
        else:
            change = entry.change
        if change is None:
            decided.report.unchanged += 1
            return
        view.apply(change)
        decided.changes.append((entry, change))
        if change.before is not None or imagined:
            decided.report.updated += 1
        else:
            decided.report.created += 1

    async def _resolve_categories(self, slugs: set[str]) -> tuple[dict[str, CategoryNode], dict[str, Change[Category]]]:
        """Learn which of the categories are there; decide those that are not, where they are wanted."""
        # What is known may be forgotten while more is read, for the slice before is settled meanwhile.
        known = {slug: self._cached_nodes[slug] for slug in slugs & self._cached_nodes.keys()}
        known |= await read_category_nodes(self._storage, slugs - known.keys())
        self._cached_nodes |= known
        missing = sorted(slugs - known.keys()) if self._plan.create_categories else []
        if not missing:
            return known, {}
        tree = await self._tree()
        first = max((root.position + 1 for root in tree.children(None)), default=0)
        now = self._clock.now()
        return known, {
            slug: Category.create(
                {"slug": slug, "name": name_from_slug(slug)}, category_id=self._ids.item_id(), default_position=position, now=now
            )
            for position, slug in enumerate(missing, first)
        }

    async def _add_suggestion(self, error: UnknownCategory) -> UnknownCategory:
        """Say what may have been meant; the same for all rows of a category."""
        if error.slug not in self._suggestions:
            self._suggestions[error.slug] = with_suggestion(error, (await self._tree()).by_slug)
        return self._suggestions[error.slug]

    async def _tree(self) -> Tree:
        """Return the categories that are there, as far as this import knows."""
        if self._cached_tree is None:
            self._cached_tree = Tree(await self._storage.categories())
        return self._cached_tree

    async def _commit_together(self, decided: _DecidedSlice) -> bool:
        """Commit all changes with the notes, or say that a rival was quicker. A dry run imagines it."""
        missing = [change.subject for change in decided.new_categories]
        if self._plan.dry_run:
            self._dry_run_skus.update(hash(entry.sku) for entry, _ in decided.changes)
            self._cached_tree = Tree((*(self._cached_tree or ()), *missing)) if missing else self._cached_tree
        changes: list[AnyChange] = [*decided.new_categories, *(change for _, change in decided.changes)]
        notes = self._make_records(self.report.__add__(decided.report), decided.refusals)
        written = ChangeSet(() if self._plan.dry_run else tuple(changes), self._origin, notes)
        if written.changes or written.records:
            (outcome,) = await self._storage.commit((written,), decided.prepared)
            if isinstance(outcome, CatalogError):
                self._clear_caches()
                return False
        if missing and not self._plan.dry_run:
            self._cached_tree = None
        self._cached_nodes |= {
            category.slug: CategoryNode(category.id, category.version, category.parent) for category in missing
        }
        self.report = self.report.__add__(decided.report)
        return True

    async def _commit_each(self, decided: _DecidedSlice) -> list[ImportRow]:
        """Commit each change by itself, all in one go, the categories first; return the entries that lost to a rival."""
        changes: list[AnyChange] = [*decided.new_categories, *(change for _, change in decided.changes)]
        outcomes = await self._storage.commit([ChangeSet((change,), self._origin) for change in changes])
        self._clear_caches()
        first = len(decided.new_categories)
        for category, outcome in zip(decided.new_categories, outcomes[:first], strict=True):
            if isinstance(outcome, CatalogError):
                decided.report.categories -= 1
                slug = category.subject.slug
                if slug in decided.category_lines and not isinstance(outcome, SlugTaken):
                    decided.report.refused += 1
                    faults = outcome.errors if isinstance(outcome, InvalidInput) else [FieldError((), outcome.code, str(outcome))]
                    decided.refusals += refusals_of(decided.category_lines[slug], slug, faults)
        again: list[ImportRow] = []
        for (entry, change), outcome in zip(decided.changes, outcomes[first:], strict=True):
            if isinstance(outcome, Committed):
                continue
            if change.before is None:
                decided.report.created -= 1
            else:
                decided.report.updated -= 1
            entry.attempts += 1
            if entry.provenance is not None and isinstance(outcome, StaleVersion):
                decided.refuse(entry, [FieldError(("version",), outcome.code, _EXISTED_BEFORE)])
            elif entry.attempts < MAX_ATTEMPTS:
                again.append(entry)
            else:
                error = TooManyConflicts(entry.sku)
                decided.refuse(entry, [FieldError((), error.code, str(error))])
        self.report = self.report.__add__(decided.report)
        return again

    def _clear_caches(self) -> None:
        """What was known of the categories may be known no more."""
        self._cached_tree = None
        self._cached_nodes.clear()
