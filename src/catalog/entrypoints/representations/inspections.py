"""JSON representations of what an import would make of a file."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from catalog.application.imports.inspected_columns import MAX_SAMPLES, MAX_SHOWN, InspectedColumn
from catalog.application.imports.inspection import ROWS_SHOWN, InspectedRow, Inspection
from catalog.application.imports.report import ImportDetection
from catalog.domain.text.normalization import visible
from catalog.domain.values.decimal_literal import DecimalLiteral
from catalog.entrypoints.representations.imports import (
    ImportDetectionBody,
    ImportRefusalBody,
    to_detection_body,
    to_refusal_body,
)


class InspectedColumnBody(msgspec.Struct):
    """A column of a file."""

    name: str
    field: Annotated[str | None, Meta(description="The field that the column becomes; null if it is not imported.")]
    suggested: Annotated[str | None, Meta(description="A field without a column that this one may be, by its name.")]
    attribute: Annotated[str | None, Meta(description="The name that it has as an attribute; null if none can be made from it.")]
    type: Annotated[
        Literal["text", "integer", "number", "boolean"],
        Meta(description="The type that the values in the first rows have, as `types=auto` detects it."),
    ]
    samples: Annotated[
        list[str], Meta(description=f"Up to {MAX_SAMPLES} different values of the first rows, cut to {MAX_SHOWN} characters.")
    ]


class FittingProfileBody(msgspec.Struct):
    """A profile that the columns of a file fit."""

    name: Annotated[str, Meta(description="The value of the parameter `profile`.", examples=["shopify"])]
    title: str


class InspectedRowBody(msgspec.Struct):
    """A row as the import would read it."""

    line: int
    fields: Annotated[dict[str, Any], Meta(description="The fields that the row sets. Null clears a field.")]
    refusals: list[ImportRefusalBody]


class InspectionProblemErrorBody(msgspec.Struct):
    """One error of an import that would be refused. `parameter` is the option that it concerns, or empty."""

    code: str
    detail: str
    parameter: str


class InspectionProblemBody(msgspec.Struct):
    """Why an import with these options would be refused as a whole."""

    code: Annotated[str, Meta(examples=["invalid_file"])]
    title: str
    detail: str
    errors: list[InspectionProblemErrorBody]


class InspectionBody(msgspec.Struct):
    """What an import would make of a file."""

    detected: Annotated[str, Meta(description="How the file is read.", examples=["utf-16, tab-separated"])]
    detection: Annotated[ImportDetectionBody, Meta(description="How the file is read, in fields.")]
    warnings: Annotated[list[str], Meta(description="What to check, such as that the encoding is a guess.")]
    columns: list[InspectedColumnBody]
    mapping: Annotated[
        dict[str, str], Meta(description="The column of each field.", examples=[{"sku": "Item No", "attr.colour": "Colour"}])
    ]
    missing: Annotated[list[str], Meta(description="Fields that new items need, and that have neither a column nor a value.")]
    profiles: list[FittingProfileBody]
    sheets: Annotated[list[str], Meta(description="The sheets of a workbook.")]
    rows: Annotated[list[InspectedRowBody], Meta(description=f"The first rows of items, up to {ROWS_SHOWN}.")]
    truncated: Annotated[bool, Meta(description="Whether the file goes on after what was inspected.")]
    problem: InspectionProblemBody | None


def to_inspection_body(inspection: Inspection, problem: InspectionProblemBody | None) -> InspectionBody:
    """Return the body of an inspection."""
    return InspectionBody(
        detected=visible(inspection.description),
        detection=to_detection_body(ImportDetection.of(inspection.file, inspection.decided)),
        warnings=_texts(inspection.warnings),
        columns=[_to_column_body(column) for column in inspection.columns],
        mapping={visible(field): visible(column) for field, column in inspection.mapping.items()},
        missing=list(inspection.missing),
        profiles=[FittingProfileBody(profile.name, profile.title) for profile in inspection.profiles],
        sheets=_texts(inspection.file.sheets),
        rows=[_to_row_body(row) for row in inspection.rows],
        truncated=inspection.truncated,
        problem=problem,
    )


def _to_column_body(column: InspectedColumn) -> InspectedColumnBody:
    kind: Any = column.type
    return InspectedColumnBody(
        visible(column.name),
        column.field and visible(column.field),
        column.suggested,
        column.attribute and visible(column.attribute),
        kind,
        _texts(column.samples),
    )


def _to_row_body(row: InspectedRow) -> InspectedRowBody:
    return InspectedRowBody(row.line, _encodable(row.fields), [to_refusal_body(refusal) for refusal in row.refusals])


def _texts(texts: Iterable[str]) -> list[str]:
    return [visible(text) for text in texts]


def _encodable(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a value that JSON can represent: numbers that are too exact become text."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, DecimalLiteral):
        return value.text
    if isinstance(value, Mapping):
        return {visible(name): _encodable(member) for name, member in value.items()}
    return [_encodable(element) for element in value] if isinstance(value, list) else value
