"""The import pipeline: slices of a file are read, decided and committed.

While one slice is committed, the next is decided and the one after that is read. The stages run concurrently and share nothing:
each passes immutable values to the next. What a slice has to know of the one before it is passed with it. Only `MissingItems` is
told of every slice that was read and committed; it begins its work when the last row is committed.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractContextManager, aclosing
from dataclasses import replace

from catalog.application.files.row_source import RowSource
from catalog.application.identity.activities import UNRECORDED, ActivityLog
from catalog.application.imports.categories import KnownCategories
from catalog.application.imports.commit import CommittedSlice, SliceCommitter
from catalog.application.imports.decide import DecidedSlice, SliceDecider
from catalog.application.imports.missing_items import MissingItems
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.report import ImportReport, P
from catalog.application.imports.rows import Slice, SliceReader
from catalog.application.writes.commit import MAX_ATTEMPTS
from catalog.domain.change import Origin
from catalog.domain.errors import FieldError, InvalidInput, TooManyConflicts
from catalog.domain.identity.security_log import ITEMS_IMPORTED
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids
from catalog.ports.storage import Storage

Slices = AsyncGenerator[Slice, None]
CommittedSlices = AsyncGenerator[CommittedSlice[P], None]


REFUSED = "refused"
"""The error of an atomic import of which rows were refused, so that nothing was imported."""

_COUNTED = ("rows", "created", "updated", "deleted", "refused")
"""The counts of an import that are recorded."""


async def _do_nothing() -> None:
    """Do nothing."""


class ImportPipeline:
    """Imports the rows of files as items. Existing items are matched by SKU."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids, activities: ActivityLog = UNRECORDED) -> None:
        """Import into `storage`, and record in `activities` how each import ended, except dry runs."""
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._activities = activities

    async def run(
        self,
        source: RowSource,
        plan: ImportPlan,
        origin: Origin,
        progress: P,
        *,
        before_slice: Callable[[], Awaitable[None]] = _do_nothing,
    ) -> CommittedSlices[P]:
        """Import the rows of a file. Yield each slice once it is committed, and first an empty one when the header is read.

        Refused rows are yielded with their slice, and the import continues. The records of the progress are written in the
        commits. `before_slice` is called before each slice, and now and then while items are compared with the file. It may raise
        an exception to stop the import.

        Committed slices stay if a later one fails. Even if the import is cancelled, a commit under way finishes, and its slice
        is yielded before the exception is raised. Close the generator if you stop early. With `plan.atomic`, all rows are
        imported in one commit or none are, up to `plan.max_atomic_rows`. A dry run decides everything and writes nothing; it
        remembers a hash of each SKU, to recognize repeated ones. With `plan.delete_missing`, slices follow that delete the items
        which the file does not have.

        Raises: InvalidQuery if the plan does not fit the file, InvalidFile, InvalidInput if an atomic import has too many rows,
        TooManyConflicts, Unavailable.
        """
        report = progress.report
        with self._recorded(plan).recording(ITEMS_IMPORTED, origin, progress.import_id) as activity:
            async with aclosing(self._run(source, plan, origin, progress, before_slice)) as slices:
                async for committed in slices:
                    report = committed.progress.report
                    activity.detail = _counts(report)
                    yield committed
            if plan.atomic and report.is_refused:
                activity.error = REFUSED

    def opening(self, plan: ImportPlan, origin: Origin, import_id: str | None = None) -> AbstractContextManager[None]:
        """Return a context to open a file in. If that fails, a failed import is recorded when the context closes."""
        return self._recorded(plan).recording_failure(ITEMS_IMPORTED, origin, import_id)

    def _recorded(self, plan: ImportPlan) -> ActivityLog:
        return UNRECORDED if plan.dry_run else self._activities

    async def _run(
        self, source: RowSource, plan: ImportPlan, origin: Origin, progress: P, before_slice: Callable[[], Awaitable[None]]
    ) -> CommittedSlices[P]:
        reader = SliceReader(source, plan, self._clock, self._ids)
        reader.detection.raise_problem()
        missing = None
        if plan.delete_missing:
            missing = await MissingItems.start(self._storage, self._clock, plan, source, before_slice)
        progress = progress.start(reader.noticed)
        yield CommittedSlice(progress)
        committer = SliceCommitter(self._storage, plan, origin, self._decider(plan))
        stages = _Stages(plan, self._decider(plan), committer, missing)
        async with aclosing(reader.slices(before_slice)) as slices:
            committed_slices = stages.commit_as_one(slices, progress) if plan.atomic else stages.commit_each(slices, progress)
            async with aclosing(committed_slices):
                async for committed in committed_slices:
                    yield committed

    def _decider(self, plan: ImportPlan) -> SliceDecider:
        return SliceDecider(self._storage, self._clock, self._ids, plan)


class _Stages:
    """The stages after reading, for one import."""

    def __init__(
        self, plan: ImportPlan, decider: SliceDecider, committer: SliceCommitter, missing: MissingItems | None = None
    ) -> None:
        self._plan = plan
        self._decider = decider
        self._committer = committer
        self._missing = missing

    async def commit_each(self, slices: Slices, progress: P) -> CommittedSlices[P]:
        """Commit each slice, and read, decide and prepare the next one meanwhile."""
        decided = await self._decide_first(slices)
        while decided is not None:
            committing = asyncio.create_task(self._commit(decided, progress))
            upcoming = asyncio.create_task(self._decide_next(slices, decided, committing))
            try:
                await asyncio.wait((committing,))
            except asyncio.CancelledError:
                await _cancel(upcoming)
                await asyncio.wait((committing,))
                if committing.exception() is None:
                    yield committing.result()
                raise
            try:
                committed = committing.result()
                yield committed
                decided = await upcoming
            except BaseException:
                await _cancel(upcoming)
                raise
            progress = committed.progress
            if committed.conflicted and decided is not None:
                decided = replace(decided, known=KnownCategories())

    async def _commit(self, decided: DecidedSlice, progress: P) -> CommittedSlice[P]:
        committed = await self._committer.commit(decided, progress)
        if self._missing is not None:
            self._missing.exclude(committed.seqs)
        return committed

    async def _next(self, slices: Slices) -> Slice | None:
        """Return the next slice of the file, or None at its end."""
        row_slice = await anext(slices, None)
        if row_slice is not None and self._missing is not None:
            self._missing.add(row_slice)
        return row_slice

    async def _decide_first(self, slices: Slices) -> DecidedSlice | None:
        row_slice = await self._next(slices)
        return await self._decide_deletions() if row_slice is None else await self._decide(row_slice, KnownCategories())

    async def _decide_next(
        self, slices: Slices, previous: DecidedSlice, committing: "asyncio.Task[CommittedSlice[P]]"
    ) -> DecidedSlice | None:
        """Decide the next slice while the previous one is committed, or after that if it may depend on it."""
        row_slice = await self._next(slices)
        if row_slice is None:
            return await self._decide_deletions(committing)
        known = previous.known
        if previous.may_affect(row_slice, self._plan):
            known = (await asyncio.shield(committing)).known
        return await self._decide(row_slice, known)

    async def _decide(self, row_slice: Slice, known: KnownCategories) -> DecidedSlice:
        return await self._decider.prepare(await self._decider.decide(row_slice, known))

    async def _decide_deletions(self, committing: "asyncio.Task[CommittedSlice[P]] | None" = None) -> DecidedSlice | None:
        """Decide to delete the next items that the file does not have, after the previous commit. None at the end."""
        if self._missing is None:
            return None
        if committing is not None:
            await asyncio.shield(committing)
        decided = await self._missing.decide_next()
        return None if decided is None else await self._decider.prepare(decided)

    async def commit_as_one(self, slices: Slices, progress: P) -> CommittedSlices[P]:
        """Commit all slices together, and the deletion of what is missing. If either is refused, commit nothing.

        Raises: InvalidInput if there are too many rows, TooManyConflicts.
        """
        collected = await self._collect(slices)
        found = None if self._missing is None else await self._missing.find()
        self._check_size(collected.size + (0 if found is None else len(found.revisions)))
        for _ in range(MAX_ATTEMPTS):
            decided = await self._decider.decide(collected, KnownCategories())
            if self._missing is not None and found is not None:
                deletions = await self._missing.decide_all(found)
                decided = replace(decided, report=decided.report + deletions.report, deletions=deletions.deletions)
            committed = await self._committer.commit_together(_all_or_nothing(decided, collected), progress)
            if committed is not None:
                yield committed
                return
        message = "the items of the import"
        raise TooManyConflicts(message)

    async def _collect(self, slices: Slices) -> Slice:
        """Read all slices. Raises: InvalidInput if there are too many rows."""
        parts: list[Slice] = []
        size = 0
        while (row_slice := await self._next(slices)) is not None:
            parts.append(row_slice)
            size += row_slice.size
            self._check_size(size)
        return Slice.joined(parts)

    def _check_size(self, size: int) -> None:
        """Check how many rows, and missing items, are committed together. Raises: InvalidInput if there are too many."""
        if size > self._plan.max_atomic_rows:
            what = "rows and deletions" if self._plan.delete_missing else "rows"
            message = (
                f"An atomic import takes up to {self._plan.max_atomic_rows} {what}, because they are committed together; "
                "split the file or import without atomic. Nothing was written."
            )
            raise InvalidInput([FieldError(("file",), "too_many_rows", message)])


def _counts(report: ImportReport) -> dict[str, str | int]:
    """Return what is recorded of an import: the format of the file, and the counts."""
    file_format: dict[str, str | int] = {} if report.detection is None else {"format": report.detection.format}
    return file_format | {name: getattr(report, name) for name in _COUNTED}


def _all_or_nothing(decided: DecidedSlice, collected: Slice) -> DecidedSlice:
    """If any row or the deletion is refused, drop the changes and count only the rows, the refused ones, and what is missing."""
    report = decided.report
    if not report.is_refused:
        return decided
    counted = replace(
        collected.report,
        refused=report.refused,
        missing=report.missing,
        kept=report.kept,
        missing_skus=report.missing_skus,
        deletion_refused=report.deletion_refused,
    )
    return DecidedSlice(counted, refusals=decided.refusals)


async def _cancel(task: "asyncio.Task[DecidedSlice | None]") -> None:
    """Cancel a task and wait until it ends."""
    task.cancel()
    await asyncio.wait((task,))
    _ = task.cancelled() or task.exception()  # asyncio warns about exceptions that were never retrieved
