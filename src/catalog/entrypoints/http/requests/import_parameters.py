"""The parameters of an import: fields of the form, or of the query string if the body is the file itself."""

from typing import Annotated, Literal

from msgspec import Meta

from catalog.application.imports.category_paths import MAX_SEPARATOR
from catalog.application.imports.field_names import FIELDS, TYPES
from catalog.application.imports.plan import MAX_DELETES, MOST_DELETES, CellTypes, Decimal, EmptyCells, OnConflict
from catalog.application.imports.profiles import NAMES as PROFILES
from catalog.domain.items.attributes import NAME_PATTERN
from catalog.entrypoints.http.requests.parameters import Parameter, names

_FIELD = rf"({'|'.join(FIELDS)}|attr\.[^=]+)"

_FLAGS = (
    Parameter("dry_run", "Validate and report the results, but write nothing.", bool, default=False),
    Parameter(
        "create_categories",
        "Create missing categories: as described in the file, with their paths, or else as root categories.",
        bool,
        default=False,
    ),
    Parameter("preserve", "Give new items the id, version and timestamps in their rows.", bool, default=False),
    Parameter(
        "partial",
        "Import a file whose last row is a proof (see `proof` of exports) without checking it, because the file was edited.",
        bool,
        default=False,
    ),
    Parameter(
        "delete_missing",
        "Delete the items that are not in the file, if all of its rows can be read. Try it with `dry_run=true` first.",
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
        "File format. By default the content decides. csv is any delimited text.",
        Literal["csv", "tsv", "json", "jsonl", "xlsx", "ods"],
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
        "max_deletes",
        "With `delete_missing=true`: if more items are not in the file, none is deleted.",
        Annotated[int, Meta(ge=0, le=MOST_DELETES)],
        default=MAX_DELETES,
    ),
    Parameter(
        "delimiter",
        "CSV delimiter; `tab` for a tab character. By default it is detected.",
        Annotated[str, Meta(pattern=r"^(tab|[!#-&(-/:-@\[-_{-~])$")],
    ),
    Parameter(
        "encoding",
        "Encoding of a text file, such as utf-8, utf-16, windows-1252 or shift-jis. By default, that of the Content-Type, or "
        "else it is detected.",
        Annotated[str, Meta(examples=["windows-1252"])],
    ),
    Parameter(
        "decimal",
        "Decimal mark of prices. With `auto`, the first rows decide, and prices that could be either are refused if they do not.",
        Decimal,
        default="auto",
    ),
    Parameter(
        "attributes",
        "Other columns to import as attributes: `all`, `none`, or their names, comma-separated.",
        Annotated[str, Meta(examples=["all", "Colour,Weight (kg)"])],
        default="none",
        key="import_attributes",
    ),
    Parameter(
        "types",
        "With `auto`, attributes get the type that the first rows show: integer, number, boolean or text.",
        CellTypes,
        default="text",
    ),
    Parameter(
        "profile",
        "The system that exported the file, whose columns are mapped.",
        Literal[PROFILES],
    ),
    Parameter("create", "Create items whose SKU does not exist; otherwise such rows are refused.", bool, default=True),
    Parameter(
        "empty",
        "What an empty cell of a table does to an existing item: keep the value, or clear it.",
        EmptyCells,
        default="keep",
    ),
    Parameter(
        "category_separator",
        "What separates the names of a category's path, as in `Clothing > T-shirts`. Not only spaces. "
        "The default is that of the profile, or `>`.",
        Annotated[str, Meta(min_length=1, max_length=MAX_SEPARATOR, pattern=r"\S", examples=["/"])],
    ),
    Parameter("sheet", "Sheet of a workbook: its name, or its number from 1. By default the first one with rows.", str),
    Parameter(
        "records",
        "Path of the member of a JSON object that has the array of rows.",
        Annotated[str, Meta(examples=["products", "data.items"])],
    ),
    *_REPEATABLE,
)

ERRORS_FORMAT = Parameter(
    "format",
    "`jsonl` for the reasons, or `csv` for the refused rows themselves, to be mended and imported again.",
    Literal["jsonl", "csv"],
    default="jsonl",
    key="errors_format",
)
