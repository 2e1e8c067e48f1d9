"""What an import has done so far: immutable values that the stages of the pipeline pass on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self, TypeVar

from catalog.application.files.detection import FileDetection
from catalog.application.imports.amounts import DecimalMark
from catalog.application.imports.column_detection import ColumnDetection
from catalog.application.imports.profile_rows import MADE_ATTRIBUTES
from catalog.application.imports.refusals import RefusedRow
from catalog.domain.changes.expiring_record import ExpiringRecord

MAX_NAMED = 10
"""Missing items that a report names."""


@dataclass(frozen=True, slots=True)
class ImportDetection:
    """How a file was read: what the caller fixed, and what the content showed. What a file of its format has not is None.

    `decimal` is the decimal mark of prices, None if the first rows prove none. `mapping` has the column of each field, and
    `types` the types of attributes.
    """

    format: str
    compression: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    records: str | None = None
    decimal: DecimalMark | None = None
    profile: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, file: FileDetection, columns: ColumnDetection) -> Self:
        """Return what was detected in the file and in its columns."""
        return cls(
            file.format,
            file.compression,
            file.encoding,
            file.delimiter,
            file.sheet,
            file.records,
            columns.decimal,
            columns.profile,
            {name: column for name, column in columns.mapping.items() if column != MADE_ATTRIBUTES},
            dict(columns.types),
        )


@dataclass(frozen=True, slots=True)
class ImportReport:
    """Counts of rows by outcome, the number of new categories, and what was noticed in the file.

    `missing` items are not in the file; of them, `deleted` were deleted, and `kept` were created or changed by others while the
    import ran. `missing_skus` are the first MAX_NAMED to delete. `deletion_refused` says why nothing was deleted.

    `filled` rows had fewer cells than the header, and `cut` ones more, all of them empty. `ignored` are the names of columns that
    were not imported. `other_categories` rows name several categories: they are in the first, and an attribute has the others.
    `detected` describes how the file was read, `detection` has it as fields, and `warnings` are sentences about it.
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
    detection: ImportDetection | None = None
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
            detection=self.detection or other.detection,
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
    def import_id(self) -> str | None:
        """The id under which the import is known, if it has one."""
        return None

    @property
    def records(self) -> tuple[ExpiringRecord, ...]:
        """The records that are written in the commit that leads to this progress."""
        return ()

    def start(self, noticed: ImportReport) -> Self:
        """Return the progress of an import whose header is read, with what was noticed in it."""
        return replace(self, report=self.report + noticed)

    def advance(self, counts: ImportReport, refusals: Sequence[RefusedRow]) -> Self:  # noqa: ARG002 - for those that store them
        """Return the progress after a commit with these counts and refusals."""
        return replace(self, report=self.report + counts)


P = TypeVar("P", bound=ImportProgress)
