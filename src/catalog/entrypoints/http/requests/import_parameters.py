"""The parameters of an import: fields of the form, or of the query string if the body is the file itself."""

from typing import Annotated, Literal

from msgspec import Meta

from catalog.application.imports.field_names import FIELDS, TYPES
from catalog.application.imports.plan import OnConflict
from catalog.domain.items.attributes import NAME_PATTERN
from catalog.entrypoints.http.requests.parameters import Parameter, names

_FIELD = rf"({'|'.join(FIELDS)}|attr\.[^=]+)"

_FLAGS = (
    Parameter("dry_run", "Validate and report the results, but write nothing.", bool, default=False),
    Parameter(
        "create_categories",
        "Create missing categories: as described in the file, or else as root categories.",
        bool,
        default=False,
    ),
    Parameter("preserve", "Give new items the id, version and timestamps in their rows.", bool, default=False),
    Parameter(
        "partial",
        "Accept a file with the columns of an export but without its last row, which proves that the file is complete.",
        bool,
        default=False,
    ),
)

_REPEATABLE = (
    Parameter(
        "map",
        "Read a field from a column: `field=column`. Repeatable.",
        Annotated[list[Annotated[str, Meta(pattern=f"^{_FIELD}=.+$")]], Meta(examples=[["name=title", "attr.size=Size"]])],
    ),
    Parameter(
        "set",
        "Set a field to a value in every row: `field=value`. Repeatable.",
        Annotated[list[Annotated[str, Meta(pattern=f"^{_FIELD}=.+$")]], Meta(examples=[["currency=EUR"]])],
    ),
    Parameter(
        "type",
        f"Type of an attribute's values: `attr.NAME=type`, where type is one of {', '.join(TYPES)}. Repeatable.",
        Annotated[
            list[Annotated[str, Meta(pattern=rf"^attr\.{NAME_PATTERN}=({'|'.join(TYPES)})$")]],
            Meta(examples=[["attr.size=number"]]),
        ],
    ),
)

FLAGS = names(_FLAGS)

IMPORT = (
    Parameter(
        "format",
        "File format, if the Content-Type does not identify it.",
        Literal["csv", "json", "jsonl"],
        key="import_format",
    ),
    Parameter(
        "on_conflict",
        "How to handle a row whose SKU exists: refuse the row (`fail`), skip it, or update the item.",
        OnConflict,
        default="fail",
    ),
    Parameter(
        "mode", "Import each row on its own, or all rows or none.", Literal["per_row", "all_or_nothing"], default="per_row"
    ),
    *_FLAGS,
    Parameter(
        "delimiter",
        "CSV delimiter; `tab` for a tab character.",
        Annotated[str, Meta(pattern=r"^(tab|[!#-&(-/:-@\[-_{-~])$")],
    ),
    *_REPEATABLE,
)

ERRORS_FORMAT = Parameter("format", "Format of the response.", Literal["jsonl", "csv"], default="jsonl", key="errors_format")
