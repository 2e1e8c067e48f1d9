"""JSON representations of imports."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.application.imports.progress import CANCELLED, DONE, FAILED, INTERRUPTED, REFUSED, RUNNING
from catalog.entrypoints.representations.fields import Count


class ImportRefusalBody(msgspec.Struct):
    """One reason why a row was refused."""

    line: int
    sku: str
    field: Annotated[str, Meta(description="A flat field name; empty if the reason concerns the whole row.")]
    code: str
    detail: str


class ImportStatusBody(msgspec.Struct):
    """The progress of an import, or its result."""

    id: Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
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
    warnings: Annotated[list[str], Meta(description="What to check, such as that the encoding is a guess.")]
    dry_run: bool
    bytes: Annotated[Count, Meta(description="Bytes of the file that were read so far.")]
    rate: Annotated[float, Meta(description="Rows per second.")]
    error: Annotated[str | None, Meta(description="Why the import failed.")]
    errors_url: Annotated[str, Meta(description="URL of the complete list of refused rows.")]
    refusals: Annotated[list[ImportRefusalBody] | UnsetType, Meta(description="The first 1,000 reasons for refused rows.")] = (
        UNSET
    )
