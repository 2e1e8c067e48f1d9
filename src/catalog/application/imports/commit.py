"""The third stage of an import: commits the changes of a slice, row by row if other writers were quicker."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

from catalog.application.imports.categories import KnownCategories
from catalog.application.imports.decide import DecidedSlice, SliceDecider
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.refusals import Refusal, RefusedRow, by_line, flat, refusals_of
from catalog.application.imports.report import ImportReport, P
from catalog.application.imports.row_parser import ImportRow
from catalog.application.imports.rows import Slice
from catalog.application.writes.commit import MAX_ATTEMPTS
from catalog.domain.change import Origin
from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.changes.log import ChangeSet, Committed
from catalog.domain.errors import CatalogError, FieldError, InvalidInput, SlugTaken, StaleVersion, TooManyConflicts
from catalog.ports.storage import Storage

_EXISTED_BEFORE = (
    "An item with this id existed here before, with a higher version; "
    "import the row without preserving its id, version and timestamps."
)


@dataclass(frozen=True, slots=True)
class CommittedSlice(Generic[P]):
    """A slice that is committed: the progress with it, its refused rows by line, and the categories that are known now."""

    progress: P
    refused_rows: Sequence[RefusedRow] = ()
    known: KnownCategories = KnownCategories()  # noqa: RUF009 - immutable
    seqs: Sequence[range] = ()
    """The numbers of its log entries."""
    conflicted: bool = False
    """Whether other writers were quicker, so that categories known before may be out of date."""

    @property
    def report(self) -> ImportReport:
        """The counts of the import so far."""
        return self.progress.report

    @property
    def refusals(self) -> list[Refusal]:
        """The reasons of all refused rows."""
        return flat(self.refused_rows)


@dataclass(frozen=True, slots=True)
class _Settled:
    """What became of changes committed one by one: counts, refused rows, the rows to decide again, and the log entries."""

    report: ImportReport
    refusals: list[RefusedRow]
    retry: list[ImportRow]
    seqs: range = range(0)


class SliceCommitter:
    """Commits decided slices. A dry run writes no changes."""

    def __init__(self, storage: Storage, plan: ImportPlan, origin: Origin, retries: SliceDecider) -> None:
        """Commit to `storage`. Rows that conflict are decided again by `retries`, which no other stage uses."""
        self._storage = storage
        self._plan = plan
        self._origin = origin
        self._retries = retries

    async def commit(self, decided: DecidedSlice, progress: P) -> CommittedSlice[P]:
        """Commit a slice, row by row if it conflicts with a concurrent change."""
        return await self.commit_together(decided, progress) or await self._commit_rows(decided, progress)

    async def commit_together(self, decided: DecidedSlice, progress: P) -> CommittedSlice[P] | None:
        """Commit all changes with the records of the progress, or return None on a conflict."""
        refusals = by_line(decided.refusals)
        advanced = progress.advance(decided.report, refusals)
        change_set = ChangeSet(() if self._plan.dry_run else tuple(decided.all_changes), self._origin, advanced.records)
        outcomes: Sequence[Outcome] = ()
        if change_set.changes or change_set.records:
            outcomes = await self._storage.commit((change_set,), decided.prepared)
            if isinstance(outcomes[0], CatalogError):
                return None
        created = [change.subject for change in decided.new_categories]
        known = decided.known.with_dry_run(created) if self._plan.dry_run else decided.known.with_created(created)
        return CommittedSlice(advanced, refusals, known, [_seqs(outcomes)])

    async def _commit_rows(self, decided: DecidedSlice, progress: P) -> CommittedSlice[P]:
        """Commit each change by itself, and decide again only the rows that conflict. Store the progress at the end."""
        attempt = 1
        settled = await self._commit_each(decided, attempt)
        report, refusals, seqs = settled.report, settled.refusals, [settled.seqs]
        while settled.retry:
            attempt += 1
            retried = await self._retries.decide(Slice(rows_to_import=settled.retry), KnownCategories())
            settled = await self._commit_each(retried, attempt)
            report, refusals = report + settled.report, refusals + settled.refusals
            seqs.append(settled.seqs)
        refusals = by_line(refusals)
        advanced = progress.advance(report, refusals)
        if advanced.records:
            await self._storage.commit((ChangeSet((), self._origin, advanced.records),))
        return CommittedSlice(advanced, refusals, seqs=seqs, conflicted=True)

    async def _commit_each(self, decided: DecidedSlice, attempt: int) -> _Settled:
        """Commit each change as its own change set, in one batch, categories first."""
        outcomes = await self._storage.commit([ChangeSet((change,), self._origin) for change in decided.all_changes])
        category_count, row_count = len(decided.new_categories), len(decided.changes)
        categories = _settle_categories(decided, outcomes[:category_count])
        rows = _settle_rows(decided, outcomes[category_count : category_count + row_count], attempt)
        kept = sum(isinstance(outcome, CatalogError) for outcome in outcomes[category_count + row_count :])
        return _Settled(
            decided.report + categories.report + rows.report + ImportReport(deleted=-kept, kept=kept),
            [*decided.refusals, *categories.refusals, *rows.refusals],
            rows.retry,
            _seqs(outcomes),
        )


def _settle_categories(decided: DecidedSlice, outcomes: Sequence[Outcome]) -> _Settled:
    """Correct the counts by the categories that were not created. Those of the file are refused, unless they exist now."""
    counts: Counter[str] = Counter()
    refusals: list[RefusedRow] = []
    for category, outcome in zip(decided.new_categories, outcomes, strict=True):
        if isinstance(outcome, CatalogError):
            counts["categories"] -= 1
            slug = category.subject.slug
            if slug in decided.category_rows and not isinstance(outcome, SlugTaken):
                counts["refused"] += 1
                errors = outcome.errors if isinstance(outcome, InvalidInput) else [FieldError((), outcome.code, str(outcome))]
                refusals += refusals_of(decided.category_rows[slug], slug, errors)
    return _Settled(ImportReport.of(counts), refusals, [])


def _settle_rows(decided: DecidedSlice, outcomes: Sequence[Outcome], attempt: int) -> _Settled:
    """Correct the counts by the rows that were not committed: they are decided again, or refused in the last attempt."""
    counts: Counter[str] = Counter()
    refusals: list[RefusedRow] = []
    retry: list[ImportRow] = []
    for (row, change), outcome in zip(decided.changes, outcomes, strict=True):
        if isinstance(outcome, Committed):
            continue
        counts["created" if change.before is None else "updated"] -= 1
        counts["other_categories"] -= row.has_other_categories
        if row.provenance is not None and isinstance(outcome, StaleVersion):
            error = FieldError(("version",), outcome.code, _EXISTED_BEFORE)
        elif attempt < MAX_ATTEMPTS:
            retry.append(row)
            continue
        else:
            conflict = TooManyConflicts(row.sku)
            error = FieldError((), conflict.code, str(conflict))
        counts["refused"] += 1
        refusals += refusals_of(row, row.sku, [error])
    return _Settled(ImportReport.of(counts), refusals, retry)


def _seqs(outcomes: Sequence[Outcome]) -> range:
    """Return the numbers of the log entries of a batch. They are consecutive, because nobody else commits in between."""
    entries = [entry for outcome in outcomes if isinstance(outcome, Committed) for entry in outcome.entries]
    return range(entries[0].seq, entries[-1].seq + 1) if entries else range(0)
