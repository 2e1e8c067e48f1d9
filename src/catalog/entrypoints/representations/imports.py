"""JSON representations of imports: their reports, for HTTP and the command line alike."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.application.imports.progress import CANCELLED, DONE, FAILED, INTERRUPTED, REFUSED, RUNNING
from catalog.application.imports.refusals import MAX_VALUE, Refusal
from catalog.application.imports.report import ImportDetection, ImportReport
from catalog.domain.text.normalization import visible
from catalog.entrypoints.representations.fields import Count


class ImportRefusalBody(msgspec.Struct):
    """One reason why a row was refused."""

    line: int
    sku: str
    field: Annotated[str, Meta(description="A flat field name; empty if the reason concerns the whole row.")]
    code: str
    detail: str
    column: Annotated[str, Meta(description="The column that the field came from, as the file spells it, or empty.")]
    value: Annotated[str, Meta(description=f"The cell as it was, cut to {MAX_VALUE} characters.")]
    cure: Annotated[
        str, Meta(description="What would help: a parameter (`name=value`) or an action, or empty.", examples=["decimal=comma"])
    ]
    last_line: Annotated[int | UnsetType, Meta(description="The last line, if the row spans several.")] = UNSET


class ImportDetectionBody(msgspec.Struct):
    """How a file was read. What its format does not have is null."""

    format: Annotated[str, Meta(examples=["csv"])]
    compression: Annotated[str | None, Meta(examples=["gzip"])]
    encoding: Annotated[str | None, Meta(examples=["utf-8"])]
    delimiter: Annotated[str | None, Meta(examples=[";"])]
    sheet: Annotated[str | None, Meta(description="The sheet of a workbook.")]
    records: Annotated[str | None, Meta(description="The member of a JSON object that has the rows.")]
    decimal: Annotated[
        str | None,
        Meta(
            description="The decimal mark of prices; null if the first rows prove none.",
            extra_json_schema={"enum": ["comma", "point", None]},
        ),
    ]
    profile: str | None
    mapping: Annotated[dict[str, str], Meta(description="The column of each field.", examples=[{"sku": "Artikelnummer"}])]
    types: Annotated[dict[str, str], Meta(description="The types of attributes.", examples=[{"attr.size": "number"}])]


class ImportReportBody(msgspec.Struct, kw_only=True):
    """What an import has done."""

    status: Annotated[
        str,
        Meta(
            title="ImportPhase",
            extra_json_schema={"enum": [RUNNING, DONE, REFUSED, FAILED, CANCELLED, INTERRUPTED]},
        ),
    ]
    rows: Count
    created: Count
    updated: Count
    unchanged: Count
    skipped: Count
    refused: Count
    categories: Count
    filled: Annotated[Count, Meta(description="Rows with fewer cells than the header; the missing ones are absent.")]
    cut: Annotated[Count, Meta(description="Rows with more cells than the header, all of them empty.")]
    other_categories: Annotated[
        Count, Meta(description="Rows with several categories; all but the first are in the attribute other_categories.")
    ]
    missing: Annotated[Count, Meta(description="Items that are not in the file; counted with `delete_missing=true`.")]
    deleted: Annotated[Count, Meta(description="Missing items that were deleted or, in a dry run, would be.")]
    kept: Annotated[
        Count, Meta(description="Missing items that were not deleted, because others changed them while the import ran.")
    ]
    missing_skus: Annotated[list[str], Meta(description="The first missing items that are to be deleted.")]
    deletion_refused: Annotated[str | None, Meta(description="Why no missing item was deleted.")]
    ignored: Annotated[list[str], Meta(description="Columns that were not imported.")]
    detected: Annotated[str, Meta(description="How the file was read.", examples=["utf-16, tab-separated"])]
    detection: Annotated[
        ImportDetectionBody | None, Meta(description="How the file was read, in fields; null until its start is read.")
    ]
    warnings: Annotated[list[str], Meta(description="What to check, such as that the encoding is a guess.")]
    dry_run: bool
    error: Annotated[str | None, Meta(description="Why the import failed.")]
    refusals: Annotated[list[ImportRefusalBody] | UnsetType, Meta(description="The first reasons for refused rows.")] = UNSET


class ImportStatusBody(ImportReportBody):
    """The progress of an import, or its result."""

    id: Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
    bytes: Annotated[Count, Meta(description="Bytes of the file that were read so far.")]
    rate: Annotated[float, Meta(description="Rows per second.")]
    errors_url: Annotated[str, Meta(description="URL of the complete list of refused rows.")]


def to_report_fields(report: ImportReport, refusals: Sequence[Refusal] | None) -> dict[str, Any]:
    """Return the fields of an ImportReportBody that show a report and, unless None, its refusals."""
    return {
        "rows": report.rows,
        "created": report.created,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "skipped": report.skipped,
        "refused": report.refused,
        "categories": report.categories,
        "filled": report.filled,
        "cut": report.cut,
        "other_categories": report.other_categories,
        "missing": report.missing,
        "deleted": report.deleted,
        "kept": report.kept,
        "missing_skus": [visible(sku) for sku in report.missing_skus],
        "deletion_refused": visible(report.deletion_refused) or None,
        "ignored": [visible(name) for name in report.ignored],
        "detected": visible(report.detected),
        "detection": None if report.detection is None else to_detection_body(report.detection),
        "warnings": [visible(warning) for warning in report.warnings],
        "refusals": UNSET if refusals is None else [to_refusal_body(refusal) for refusal in refusals],
    }


def to_refusal_body(refusal: Refusal) -> ImportRefusalBody:
    """Represent a refusal."""
    return ImportRefusalBody(
        refusal.line,
        visible(refusal.sku),
        visible(refusal.field),
        refusal.code,
        visible(refusal.reason),
        visible(refusal.column),
        visible(refusal.value),
        visible(refusal.cure),
        UNSET if refusal.last_line is None else refusal.last_line,
    )


def to_detection_body(detection: ImportDetection) -> ImportDetectionBody:
    """Represent how a file was read."""
    return ImportDetectionBody(
        detection.format,
        detection.compression,
        detection.encoding,
        detection.delimiter,
        None if detection.sheet is None else visible(detection.sheet),
        None if detection.records is None else visible(detection.records),
        detection.decimal,
        detection.profile,
        {visible(field): visible(column) for field, column in detection.mapping.items()},
        {visible(field): type_name for field, type_name in detection.types.items()},
    )
