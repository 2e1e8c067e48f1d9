"""What an import has done so far: immutable values that the stages of the pipeline pass on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self, TypeVar

from catalog.application.imports.refusals import Refusal
from catalog.domain.changes.expiring_record import ExpiringRecord

MAX_NAMED = 10
"""Missing items that a report names."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """Counts of rows by outcome, the number of new categories, and what was noticed in the file.

    `missing` items are not in the file; of them, `deleted` were deleted, and `kept` were created or changed by others while the
    import ran. `missing_skus` are the first MAX_NAMED to delete. `deletion_refused` says why nothing was deleted.

    `filled` rows had fewer cells than the header, and `cut` ones more, all of them empty. `ignored` are the names of columns that
    were not imported. `other_categories` rows name several categories: they are in the first, and an attribute has the others.
    `detected` describes how the file was read, and `warnings` are sentences about it.
    """

    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    refused: int = 0
    categories: int = 0
    filled: int = 0
    cut: int = 0
    other_categories: int = 0
    missing: int = 0
    deleted: int = 0
    kept: int = 0
    ignored: tuple[str, ...] = ()
    detected: str = ""
    warnings: tuple[str, ...] = ()
    missing_skus: tuple[str, ...] = ()
    deletion_refused: str = ""

    @property
    def is_refused(self) -> bool:
        """Whether rows or the deletion of missing items were refused."""
        return self.refused > 0 or self.deletion_refused != ""

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> "ImportReport":
        """Return a report with counts by name."""
        return replace(cls(), **dict[str, Any](counts))

    def __add__(self, other: "ImportReport") -> "ImportReport":
        """Return the sum of both."""
        return ImportReport(
            **{name: getattr(self, name) + getattr(other, name) for name in _COUNTS},
            ignored=tuple(dict.fromkeys((*self.ignored, *other.ignored))),
            detected=self.detected or other.detected,
            warnings=tuple(dict.fromkeys((*self.warnings, *other.warnings))),
            missing_skus=self.missing_skus + other.missing_skus,
            deletion_refused=self.deletion_refused or other.deletion_refused,
        )


_COUNTS = [counter.name for counter in fields(ImportReport) if counter.default == 0]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportProgress:
    """How far an import has come. Each commit replaces it with the next value."""

    report: ImportReport = ImportReport()

    @property
    def records(self) -> tuple[ExpiringRecord, ...]:
        """The records that are written in the commit that leads to this progress."""
        return ()

    def start(self, noticed: ImportReport) -> Self:
        """Return the progress of an import whose header is read, with what was noticed in it."""
        return replace(self, report=self.report + noticed)

    def advance(self, counts: ImportReport, refusals: Sequence[Refusal]) -> Self:  # noqa: ARG002 - for those that store them
        """Return the progress after a commit with these counts and refusals."""
        return replace(self, report=self.report + counts)


P = TypeVar("P", bound=ImportProgress)
