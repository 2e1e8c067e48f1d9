"""The second stage of an import: decides the rows of a slice on the stored state, and prepares their commit."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from catalog.application.imports.categories import KnownCategories
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.refusals import FileRow, RefusedRow, refusals_of
from catalog.application.imports.report import ImportReport
from catalog.application.imports.row_categories import RowCategories
from catalog.application.imports.row_parser import ImportRow
from catalog.application.imports.rows import TURN_ROWS, Slice
from catalog.application.writes.commit import with_suggestion
from catalog.application.writes.staging import StagedChanges
from catalog.domain.categories.category import Category
from catalog.domain.change import Change
from catalog.domain.changes.log import AnyChange
from catalog.domain.errors import FieldError, InvalidInput, ItemExists, SkuTaken, UnknownCategory
from catalog.domain.items.item import Item
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids
from catalog.ports.storage import Storage

_CREATE_CATEGORIES = "create_categories=true"
"""The cure for an unknown category."""

_CREATED, _UPDATED, _UNCHANGED, _SKIPPED, _REFUSED = "created", "updated", "unchanged", "skipped", "refused"


@dataclass(frozen=True, slots=True)
class DecidedSlice:
    """The decisions on some rows: what to write, and what to add to the report once it is committed."""

    report: ImportReport = ImportReport()  # noqa: RUF009 - immutable
    changes: Sequence[tuple[ImportRow, Change[Item]]] = ()
    deletions: Sequence[Change[Item]] = ()
    """The items that are missing from the file."""
    new_categories: Sequence[Change[Category]] = ()
    category_rows: Mapping[str, FileRow] = field(default_factory=dict)
    """Slug -> row, for the categories in the file."""
    refusals: Sequence[RefusedRow] = ()
    known: KnownCategories = KnownCategories()  # noqa: RUF009 - immutable
    """The categories as they were when the slice was decided."""
    prepared: Sequence[object] = ()
    """What the store prepared for the commit."""

    @property
    def all_changes(self) -> list[AnyChange]:
        """The changes to commit, those of categories first and deletions last."""
        return [*self.new_categories, *(change for _, change in self.changes), *self.deletions]

    def may_affect(self, row_slice: Slice, plan: ImportPlan) -> bool:
        """Return whether the next slice may refer to changes of this one, so that it must be decided after its commit."""
        if plan.preserve or self.new_categories:
            return True
        return not {row.sku for row, _ in self.changes}.isdisjoint(row.sku for row in row_slice.rows_to_import)


class SliceDecider:
    """Decides one slice after another. Keeps suggestions for misspelt categories, and the SKUs of a dry run."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids, plan: ImportPlan) -> None:
        """Decide by `plan` on what `storage` has."""
        self._storage = storage
        self._clock = clock
        self._plan = plan
        self._categories = RowCategories(storage, clock, ids, plan)
        self._suggestions: dict[str, UnknownCategory] = {}
        self._dry_run_skus: set[int] = set()

    async def decide(self, row_slice: Slice, known: KnownCategories) -> DecidedSlice:
        """Decide the categories of the file, leaving existing ones as they are, and the rows, each based on those before it."""
        rows, file_categories = row_slice.rows_to_import, row_slice.categories
        if not rows and not file_categories:
            return DecidedSlice(row_slice.report, refusals=row_slice.refusals, known=known)
        resolved = await self._categories.resolve(row_slice, known)
        items = await self._read_items(resolved.rows)
        stored_slugs = {item.category for item in items.values() if item.category is not None}
        known = await resolved.known.with_nodes(self._storage, stored_slugs)
        nodes = {slug: known.nodes[slug] for slug in known.nodes.keys() & stored_slugs.union(resolved.slugs)}
        staged = StagedChanges(items.values(), {**nodes, **resolved.new_nodes})
        decided = await self._decide_rows(resolved.rows, staged, known)
        new_categories = resolved.new_categories(change.subject.category for _, change in decided.changes)
        return replace(
            decided,
            report=decided.report + row_slice.report + ImportReport(categories=len(new_categories)),
            new_categories=new_categories,
            category_rows={change.subject.slug: row for row, change in file_categories},
            refusals=[*decided.refusals, *row_slice.refusals],
        )

    async def prepare(self, decided: DecidedSlice) -> DecidedSlice:
        """Let the store prepare the changes before the commit, some at a time."""
        if self._plan.dry_run:
            return decided
        changes = [*(change for _, change in decided.changes), *decided.deletions]
        prepared = []
        for start in range(0, len(changes), TURN_ROWS):
            prepared.append(self._storage.prepare(changes[start : start + TURN_ROWS]))
            await asyncio.sleep(0)
        return replace(decided, prepared=prepared)

    async def _read_items(self, rows: Sequence[ImportRow]) -> dict[str, Item]:
        """Read the items with the SKUs or the preserved ids of the rows."""
        items = dict(await self._storage.items_by_sku({row.sku for row in rows})) if rows else {}
        preserved_ids = [row.provenance.id for row in rows if row.provenance is not None]
        if preserved_ids:
            items.update((item.sku, item) for item in (await self._storage.items_by_id(preserved_ids)).values())
        return items

    async def _decide_rows(self, rows: Sequence[ImportRow], staged: StagedChanges, known: KnownCategories) -> DecidedSlice:
        """Decide rows, each based on those before it. Gives way to other tasks every TURN_ROWS rows."""
        outcomes: Counter[str] = Counter()
        changes: list[tuple[ImportRow, Change[Item]]] = []
        refusals: list[RefusedRow] = []
        for number, row in enumerate(rows):
            if not number % TURN_ROWS:
                await asyncio.sleep(0)
            try:
                outcome, change = self._decide_row(staged, row)
            except (InvalidInput, SkuTaken, ItemExists) as error:
                known, errors = await self._explain(error, known)
                outcomes[_REFUSED] += 1
                refusals += refusals_of(row, row.sku, errors)
                continue
            outcomes[outcome] += 1
            if row.has_other_categories and outcome != _SKIPPED:
                outcomes["other_categories"] += 1
            if change is not None:
                changes.append((row, change))
        if self._plan.dry_run:
            self._dry_run_skus.update(hash(row.sku) for row, _ in changes)
        return DecidedSlice(ImportReport.of(outcomes), changes, refusals=refusals, known=known)

    async def _explain(
        self, error: InvalidInput | SkuTaken | ItemExists, known: KnownCategories
    ) -> tuple[KnownCategories, Sequence[FieldError]]:
        """Return the errors of a refused row. An unknown category comes with a suggestion, made once for each slug."""
        if isinstance(error, UnknownCategory):
            if error.slug not in self._suggestions:
                known, tree = await known.with_tree(self._storage)
                self._suggestions[error.slug] = with_suggestion(error, tree.by_slug)
            return known, [replace(found, cure=_CREATE_CATEGORIES) for found in self._suggestions[error.slug].errors]
        if isinstance(error, InvalidInput):
            return known, error.errors
        if isinstance(error, SkuTaken):
            return known, [FieldError(("sku",), error.code, str(error), "on_conflict=update|skip")]
        return known, [FieldError(("id",), error.code, str(error))]

    def _decide_row(self, staged: StagedChanges, row: ImportRow) -> tuple[str, Change[Item] | None]:
        """Return the outcome of a row, and its change if there is one.

        Raises: SkuTaken, ItemExists, InvalidInput if the row is refused.
        """
        item = staged.get(row.sku)
        created_in_dry_run = hash(row.sku) in self._dry_run_skus
        if item is not None or created_in_dry_run:
            if self._plan.on_conflict == "fail":
                raise SkuTaken(row.sku)
            if self._plan.on_conflict == "skip":
                return _SKIPPED, None
        if row.category_error is not None:
            raise row.category_error
        if item is None and not created_in_dry_run and (not self._plan.create or self._lacks_name(row)):
            raise InvalidInput([_no_name(row.sku) if self._plan.create else _not_created(row.sku)])
        if item is not None:
            change = item.update(row.fields, now=self._clock.now())
        elif created_in_dry_run and self._lacks_name(row):
            return _UPDATED, None
        elif isinstance(row.change, InvalidInput):
            raise row.change
        else:
            change = row.change
        if change is None:
            return _UNCHANGED, None
        staged.apply(change)
        return _UPDATED if change.before is not None or created_in_dry_run else _CREATED, change

    def _lacks_name(self, row: ImportRow) -> bool:
        """Return whether the row can only update an item, because it has no name."""
        return self._plan.on_conflict == "update" and row.fields.get("name") is None


def _no_name(sku: str) -> FieldError:
    """Return the error of a row that would have to create its item, and cannot."""
    return FieldError(("sku",), "item_not_found", f"There is no item {sku}, and no name to create it.")


def _not_created(sku: str) -> FieldError:
    """Return the error of a row that would create its item, which the plan does not allow."""
    return FieldError(("sku",), "item_not_found", f"There is no item {sku}.", "create=true")
