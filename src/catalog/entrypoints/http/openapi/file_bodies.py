"""The shapes of files that are imported and exported. Documentation only: files are read and written row by row."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from catalog.application.files.trailer import CATEGORY_KEY, TRAILER_KEY
from catalog.entrypoints.http.openapi.operation import CONTENT_DISPOSITION, Content, ResponseSpec
from catalog.entrypoints.representations.fields import Count, Name, Position, Slug
from catalog.entrypoints.representations.items import ItemBody

ImportFile = Annotated[str, Meta(title="ImportFile", min_length=1, description="A file with one item per row.")]


class ImportFormBody(msgspec.Struct):
    """The file, and the parameters as further fields. The content determines the format."""

    file: Annotated[Any, Meta(extra_json_schema={"type": "string", "format": "binary"})]


class ExportedCategoryBody(msgspec.Struct):
    """A category in an export."""

    slug: Slug
    name: Name
    parent: Slug | None
    position: Position


class ExportCategoryBody(msgspec.Struct, rename={"category": CATEGORY_KEY}):
    """The row of a category. With `with_categories=true`, such rows come before the items."""

    category: ExportedCategoryBody


class ExportTotalsBody(msgspec.Struct):
    """What proves that an export is complete."""

    rows: Count
    sha256: str


class ExportEndBody(msgspec.Struct, rename={"end": TRAILER_KEY}):
    """The last row of an export with `proof=true`."""

    end: ExportTotalsBody


_EXPORT_ROWS = (ItemBody, ExportCategoryBody, ExportEndBody)

ExportRow = Annotated[
    Any,
    Meta(
        title="ExportRow",
        extra_json_schema={"anyOf": [{"$ref": f"#/components/schemas/{row.__name__}"} for row in _EXPORT_ROWS]},
    ),
]

_JSON_LINE = '{"sku": "CHAIR-1", "name": "Garden chair", "price": {"amount": "49.90", "currency": "EUR"}}\n'

EXPORT_RESPONSE = ResponseSpec(
    200,
    "The items",
    {
        "text/csv": Content(),
        "text/tab-separated-values": Content(),
        "application/jsonl": Content(),
        "application/json": Content(list[ExportRow], related=_EXPORT_ROWS),
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": Content(),
    },
    (CONTENT_DISPOSITION,),
)

IMPORT_CONTENT = {
    "text/csv": Content(ImportFile, "sku,name,price,currency\nCHAIR-1,Garden chair,49.90,EUR\n"),
    "application/jsonl": Content(ImportFile, _JSON_LINE),
    "application/x-ndjson": Content(ImportFile, _JSON_LINE),
    "multipart/form-data": Content(ImportFormBody),
}
"""The body of an import, or of its inspection, by media type.

`application/json`, an array of rows, is accepted but left out: openapi-python-client generates code that cannot run for an array
beside a form.
"""
