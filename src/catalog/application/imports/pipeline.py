"""The import pipeline: reads and commits an import in slices, and decides it row by row.

While one slice is committed, the next is decided and the one after that is read. The records of an import (its progress and its
refused rows) are written in the same commits as the slices.
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
    """Counts of the rows imported so far, by outcome."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    refused: int = 0
    categories: int = 0
    ignored: list[str] = field(default_factory=list)

    def __add__(self, other: "ImportReport") -> "ImportReport":
        """Return the sum of both."""
        names = [counter.name for counter in fields(self) if counter.name != "ignored"]
        return ImportReport(**{name: getattr(self, name) + getattr(other, name) for name in names}, ignored=self.ignored)


_EXISTED_BEFORE = (
    "An item with this id existed here before, with a higher version; "
    "import the row without preserving its id, version and timestamps."
)

MakeRecords = Callable[[ImportReport, Sequence[Refusal]], tuple[ExpiringRecord, ...]]
"""Makes the records that are committed with a slice, from the report after it and the refusals since the last commit."""


def no_records(_report: ImportReport, _refused: Sequence[Refusal]) -> tuple[ExpiringRecord, ...]:
    """Return no records."""
    return ()


async def _do_nothing() -> None:
    """Do nothing."""


class ImportPipeline:
    """Imports the rows of files as items. Existing items are matched by SKU."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids) -> None:
        """Import into `storage`."""
        self._storage = storage
        self._clock = clock
        self._ids = ids

    async def run(  # noqa: PLR0913 - the callbacks are optional
        self,
        source: RowSource,
        plan: ImportPlan,
        origin: Origin,
        *,
        on_refusal: Callable[[Refusal], None] = lambda _: None,
        on_progress: Callable[[ImportReport], None] = lambda _: None,
        make_records: MakeRecords = no_records,
        before_slice: Callable[[], Awaitable[None]] = _do_nothing,
    ) -> ImportReport:
        """Import the rows of a file. Refused rows are passed to `on_refusal`, and the import continues.

        `before_slice` is called before each slice and may raise an exception to stop the import.

        Committed slices stay if a later one fails. With `plan.atomic`, all rows are imported in one commit or none are, up to
        `plan.max_atomic_rows`. A dry run decides everything and writes nothing; it remembers a hash of each SKU, to recognize
        repeated ones.

        Raises: InvalidQuery if the plan does not fit the file, InvalidFile, InvalidInput if an atomic import has too many rows,
        TooManyConflicts, Unavailable.
        """
        reader = SliceReader(source, plan, self._clock, self._ids)
        import_run = _ImportRun(self._storage, self._clock, self._ids, plan, origin, on_refusal, on_progress, make_records)
        import_run.report.ignored = reader.ignored_columns
        reading = _read_ahead(reader)
        decided = _DecidedSlice()
        committing = asyncio.create_task(_do_nothing())
        try:
            while rows := await reading:
                await before_slice()
                reading = _read_ahead(reader)
                row_slice = await reader.parse(rows)
                if plan.atomic:
                    import_run.collect(row_slice)
                    continue
                if import_run.depends_on(decided, row_slice):
                    await asyncio.shield(committing)
                next_decided = await import_run.decide(row_slice)
                await import_run.prepare(next_decided)
                await asyncio.shield(committing)
                decided, committing = next_decided, asyncio.create_task(import_run.commit(next_decided))
            await asyncio.shield(committing)
            if plan.atomic:
                await import_run.commit_collected()
        except BaseException:
            source.stop()
            raise
        finally:
            # Even if the import is cancelled, a commit under way finishes and its result is reported: hence the shields.
            # The reading thread also finishes its slice, and nothing reads the file after that.
            await asyncio.wait((reading, committing))
            for task in (reading, committing):
                _ = task.cancelled() or task.exception()  # asyncio warns about exceptions that were never retrieved
        return import_run.report


def _read_ahead(reader: SliceReader) -> "asyncio.Task[list[Row | MalformedRow]]":
    """Start reading the rows of the next slice in a thread."""
    return asyncio.create_task(asyncio.to_thread(reader.read_rows))


@dataclass(slots=True)
class _DecidedSlice:
    """The decisions on some rows: what to write, and what to add to the report once it is committed."""

    report: ImportReport = field(default_factory=ImportReport)
    changes: list[tuple[ImportRow, Change[Item]]] = field(default_factory=list)
    new_categories: list[Change[Category]] = field(default_factory=list)
    category_lines: dict[str, int] = field(default_factory=dict)
    """Slug -> line, for the categories in the file."""
    refusals: list[Refusal] = field(default_factory=list)
    prepared: list[object] = field(default_factory=list)

    def refuse(self, row: ImportRow, errors: Iterable[FieldError]) -> None:
        """Refuse a row and count it."""
        self.report.refused += 1
        self.refusals += refusals_of(row.line, row.sku, errors)

    def add(self, row_slice: Slice) -> None:
        """Add the row count of a slice, and the rows that were refused when it was parsed."""
        self.report.rows += row_slice.row_count
        self.report.refused += row_slice.refused
        self.refusals += row_slice.refusals


class _ImportRun:
    """One running import."""

    def __init__(  # noqa: PLR0913, PLR0917 - private, with one caller
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

    async def decide(self, row_slice: Slice) -> _DecidedSlice:
        """Read the stored state for a slice and decide its rows."""
        decided = await self._decide_all(row_slice.rows_to_import, row_slice.categories)
        decided.add(row_slice)
        return decided

    def depends_on(self, previous: _DecidedSlice, row_slice: Slice) -> bool:
        """Return whether a slice may refer to changes of the previous one, so that it must wait for that commit."""
        if self._plan.preserve or previous.new_categories:
            return True
        return not {row.sku for row, _ in previous.changes}.isdisjoint(row.sku for row in row_slice.rows_to_import)

    async def prepare(self, decided: _DecidedSlice) -> None:
        """Let the store prepare the changes before the commit, some at a time."""
        if self._plan.dry_run:
            return
        changes = [change for _, change in decided.changes]
        for start in range(0, len(changes), TURN_ROWS):
            decided.prepared.append(self._storage.prepare(changes[start : start + TURN_ROWS]))
            await asyncio.sleep(0)

    async def commit(self, decided: _DecidedSlice) -> None:
        """Commit a slice and report its refusals, ordered by line."""
        if not await self._commit_together(decided):
            # A concurrent change conflicts. Commit row by row, and decide only the conflicting rows again.
            pending = await self._commit_each(decided)
            while pending:
                retried = await self._decide_all(pending)
                pending = await self._commit_each(retried)
                decided.refusals += retried.refusals
            await self._commit_together(_DecidedSlice(refusals=decided.refusals))
        self._report_progress(decided)

    def collect(self, row_slice: Slice) -> None:
        """Keep the rows of a slice for `commit_collected`.

        Raises: InvalidInput if there are too many.
        """
        self._collected.add(row_slice)
        self._collected_rows += row_slice.rows_to_import
        self._collected_categories += row_slice.categories
        if len(self._collected_rows) + len(self._collected_categories) > self._plan.max_atomic_rows:
            message = (
                f"An atomic import takes up to {self._plan.max_atomic_rows} rows, because they are committed together; "
                "split the file or import without atomic. Nothing was written."
            )
            raise InvalidInput([FieldError(("file",), "too_many_rows", message)])

    async def commit_collected(self) -> None:
        """Commit all collected rows in one commit, or none of them.

        Raises: TooManyConflicts.
        """
        collected = self._collected
        for _ in range(MAX_ATTEMPTS):
            decided = await self._decide_all(self._collected_rows, self._collected_categories)
            refused_count = collected.report.refused + decided.report.refused
            if refused_count:
                # Nothing is written, so only the refused rows are counted.
                decided = _DecidedSlice(ImportReport(refused=decided.report.refused), refusals=decided.refusals)
            decided.report = decided.report + collected.report
            decided.refusals += collected.refusals
            if await self._commit_together(decided):
                self._report_progress(decided)
                return
        message = "the items of the import"
        raise TooManyConflicts(message)

    def _report_progress(self, decided: _DecidedSlice) -> None:
        for refusal in sorted(decided.refusals, key=lambda refusal: refusal.line):
            self._on_refusal(refusal)
        self._on_progress(self.report)

    async def _decide_all(
        self, rows: Sequence[ImportRow], categories: Sequence[tuple[int, Change[Category]]] = ()
    ) -> _DecidedSlice:
        """Decide the categories of the file, leaving existing ones as they are, and the rows, each based on those before it."""
        decided = _DecidedSlice()
        if not rows and not categories:
            return decided
        existing = (await self._tree()).by_slug if categories else {}
        from_file = {change.subject.slug: change for _, change in categories if change.subject.slug not in existing}
        decided.category_lines = {change.subject.slug: line for line, change in categories}
        items = dict(await self._storage.items_by_sku({row.sku for row in rows})) if rows else {}
        preserved_ids = [row.provenance.id for row in rows if row.provenance is not None]
        if preserved_ids:
            items.update((item.sku, item) for item in (await self._storage.items_by_id(preserved_ids)).values())
        slugs = {row.category for row in rows}
        nodes, from_rows = await self._resolve_categories(
            {slug for slug in (*slugs, *(item.category for item in items.values())) if slug is not None} - from_file.keys()
        )
        new_nodes = {
            slug: CategoryNode(change.subject.id, 1, change.subject.parent) for slug, change in (from_file | from_rows).items()
        }
        staged = StagedChanges(items.values(), {**nodes, **new_nodes})
        for number, row in enumerate(rows):
            if not number % TURN_ROWS:
                await asyncio.sleep(0)
            try:
                self._decide(staged, row, decided)
            except UnknownCategory as error:
                decided.refuse(row, (await self._add_suggestion(error)).errors)
            except InvalidInput as error:
                decided.refuse(row, error.errors)
            except (SkuTaken, ItemExists) as error:
                decided.refuse(row, [FieldError(("sku" if isinstance(error, SkuTaken) else "id",), error.code, str(error))])
        used = {change.subject.category for _, change in decided.changes}
        decided.new_categories = [*from_file.values(), *(change for slug, change in from_rows.items() if slug in used)]
        decided.report.categories += len(decided.new_categories)
        return decided

    def _decide(self, staged: StagedChanges, row: ImportRow, decided: _DecidedSlice) -> None:
        """Decide one row.

        Raises: SkuTaken, ItemExists, InvalidInput if the row is refused.
        """
        item = staged.get(row.sku)
        created_in_dry_run = hash(row.sku) in self._dry_run_skus
        if item is not None or created_in_dry_run:
            if self._plan.on_conflict == "fail":
                raise SkuTaken(row.sku)
            if self._plan.on_conflict == "skip":
                decided.report.skipped += 1
                return
        if item is not None:
            change = item.update(row.fields, now=self._clock.now())
        elif isinstance(row.change, InvalidInput):
            raise row.change
        else:
            change = row.change
        if change is None:
            decided.report.unchanged += 1
            return
        staged.apply(change)
        decided.changes.append((row, change))
        if change.before is not None or created_in_dry_run:
            decided.report.updated += 1
        else:
            decided.report.created += 1

    async def _resolve_categories(self, slugs: set[str]) -> tuple[dict[str, CategoryNode], dict[str, Change[Category]]]:
        """Return the nodes of existing categories, and changes to create the missing ones if the plan allows it."""
        # Copy before reading: the commit of the previous slice may clear the cache meanwhile.
        nodes = {slug: self._cached_nodes[slug] for slug in slugs & self._cached_nodes.keys()}
        nodes |= await read_category_nodes(self._storage, slugs - nodes.keys())
        self._cached_nodes |= nodes
        missing = sorted(slugs - nodes.keys()) if self._plan.create_categories else []
        if not missing:
            return nodes, {}
        tree = await self._tree()
        first_position = max((root.position + 1 for root in tree.children(None)), default=0)
        now = self._clock.now()
        return nodes, {
            slug: Category.create(
                {"slug": slug, "name": name_from_slug(slug)}, category_id=self._ids.item_id(), default_position=position, now=now
            )
            for position, slug in enumerate(missing, first_position)
        }

    async def _add_suggestion(self, error: UnknownCategory) -> UnknownCategory:
        """Add a spelling suggestion to the error, computed once per slug."""
        if error.slug not in self._suggestions:
            self._suggestions[error.slug] = with_suggestion(error, (await self._tree()).by_slug)
        return self._suggestions[error.slug]

    async def _tree(self) -> Tree:
        """Return the category tree, as cached by this import."""
        if self._cached_tree is None:
            self._cached_tree = Tree(await self._storage.categories())
        return self._cached_tree

    async def _commit_together(self, decided: _DecidedSlice) -> bool:
        """Commit all changes with the records and return True, or return False on a conflict. A dry run writes no changes."""
        new_categories = [change.subject for change in decided.new_categories]
        if self._plan.dry_run:
            self._dry_run_skus.update(hash(row.sku) for row, _ in decided.changes)
            self._cached_tree = Tree((*(self._cached_tree or ()), *new_categories)) if new_categories else self._cached_tree
        changes: list[AnyChange] = [*decided.new_categories, *(change for _, change in decided.changes)]
        records = self._make_records(self.report + decided.report, decided.refusals)
        change_set = ChangeSet(() if self._plan.dry_run else tuple(changes), self._origin, records)
        if change_set.changes or change_set.records:
            (outcome,) = await self._storage.commit((change_set,), decided.prepared)
            if isinstance(outcome, CatalogError):
                self._clear_caches()
                return False
        if new_categories and not self._plan.dry_run:
            self._cached_tree = None
        self._cached_nodes |= {
            category.slug: CategoryNode(category.id, category.version, category.parent) for category in new_categories
        }
        self.report += decided.report
        return True

    async def _commit_each(self, decided: _DecidedSlice) -> list[ImportRow]:
        """Commit each change as its own change set, in one batch, categories first. Return the rows to decide again."""
        changes: list[AnyChange] = [*decided.new_categories, *(change for _, change in decided.changes)]
        outcomes = await self._storage.commit([ChangeSet((change,), self._origin) for change in changes])
        self._clear_caches()
        category_count = len(decided.new_categories)
        for category, outcome in zip(decided.new_categories, outcomes[:category_count], strict=True):
            if isinstance(outcome, CatalogError):
                decided.report.categories -= 1
                slug = category.subject.slug
                if slug in decided.category_lines and not isinstance(outcome, SlugTaken):
                    decided.report.refused += 1
                    errors = outcome.errors if isinstance(outcome, InvalidInput) else [FieldError((), outcome.code, str(outcome))]
                    decided.refusals += refusals_of(decided.category_lines[slug], slug, errors)
        retry: list[ImportRow] = []
        for (row, change), outcome in zip(decided.changes, outcomes[category_count:], strict=True):
            if isinstance(outcome, Committed):
                continue
            if change.before is None:
                decided.report.created -= 1
            else:
                decided.report.updated -= 1
            row.attempts += 1
            if row.provenance is not None and isinstance(outcome, StaleVersion):
                decided.refuse(row, [FieldError(("version",), outcome.code, _EXISTED_BEFORE)])
            elif row.attempts < MAX_ATTEMPTS:
                retry.append(row)
            else:
                error = TooManyConflicts(row.sku)
                decided.refuse(row, [FieldError((), error.code, str(error))])
        self.report += decided.report
        return retry

    def _clear_caches(self) -> None:
        """Clear the cached categories, which may be out of date."""
        self._cached_tree = None
        self._cached_nodes.clear()
