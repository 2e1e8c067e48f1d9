"""What an import has done so far: immutable values that the stages of the pipeline pass on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Self, TypeVar

from catalog.application.imports.refusals import Refusal
from catalog.domain.changes.expiring_record import ExpiringRecord


@dataclass(frozen=True, slots=True)
class ImportReport:
    """Counts of rows by outcome, the number of new categories, and the names of the ignored columns."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    refused: int = 0
    categories: int = 0
    ignored: tuple[str, ...] = ()

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> "ImportReport":
        """Return a report with counts by name."""
        return cls(**counts, ignored=())

    def __add__(self, other: "ImportReport") -> "ImportReport":
        """Return the sum of both."""
        ignored = tuple(dict.fromkeys((*self.ignored, *other.ignored)))
        return ImportReport(**{name: getattr(self, name) + getattr(other, name) for name in _COUNTS}, ignored=ignored)


_COUNTS = [counter.name for counter in fields(ImportReport) if counter.name != "ignored"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportProgress:
    """How far an import has come. Each commit replaces it with the next value."""

    report: ImportReport = ImportReport()

    @property
    def records(self) -> tuple[ExpiringRecord, ...]:
        """The records that are written in the commit that leads to this progress."""
        return ()

    def start(self, ignored: tuple[str, ...]) -> Self:
        """Return the progress of an import whose header is read."""
        return replace(self, report=self.report + ImportReport(ignored=ignored))

    def advance(self, counts: ImportReport, refusals: Sequence[Refusal]) -> Self:  # noqa: ARG002 - for those that store them
        """Return the progress after a commit with these counts and refusals."""
        return replace(self, report=self.report + counts)


P = TypeVar("P", bound=ImportProgress)
