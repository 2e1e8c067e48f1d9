"""The options of an import, from query parameters and the fields of a form, as the route declares them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from multipart import parse_options_header

from catalog.application.files.delimited.delimiters import parse_delimiter
from catalog.application.files.encodings import parse_encoding
from catalog.application.files.read_options import ReadOptions
from catalog.application.imports.plan import CELL_TYPES, CONFLICTS, DECIMALS, EMPTY_CELLS, ImportPlan
from catalog.application.imports.profiles import NAMES as PROFILES
from catalog.domain.errors import InvalidQuery
from catalog.domain.queries.filters import without_empty
from catalog.entrypoints.http.requests.headers import header
from catalog.entrypoints.http.requests.import_parameters import FLAGS
from catalog.entrypoints.http.requests.query_string import read_options

MEDIA_TYPES: Final = (
    "text/csv",
    "text/tab-separated-values",
    "application/json",
    "application/jsonl",
    "application/x-ndjson",
    "application/x-jsonlines",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/gzip",
    "application/zip",
    "application/zstd",
    "application/x-xz",
    "application/x-bzip2",
    "application/octet-stream",
)
"""The media types of files that can be imported. The content decides what a file is; its charset is that of the media type."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """The options of an import: how to read the file, called `filename` in a form, and the plan."""

    reading: ReadOptions
    plan: ImportPlan
    filename: str | None = None


def parse_import_options(
    scope: Any,  # noqa: ANN401 - an ASGI scope
    max_atomic_rows: int,
    fields: Mapping[str, Sequence[str]] = {},
    filename: str | None = None,
) -> ImportOptions:
    """Parse the options in the query string and in the `fields` of a form, whose file is called `filename`.

    Raises: InvalidQuery, with every error.
    """
    parameters, errors = read_options(scope, fields)
    options = without_empty(parameters)
    single = {name: values[0] for name, values in options.items()}
    plan = ImportPlan()
    for name, parse in (("delimiter", parse_delimiter), ("encoding", parse_encoding)):
        try:
            if name in single:
                parse(single[name])
        except InvalidQuery as error:
            errors.extend(error)
    try:
        plan = ImportPlan.parse(
            options.get("map", ()),
            options.get("set", ()),
            options.get("type", ()),
            attributes=single.get("attributes", "none"),
            profile=next((name for name in PROFILES if name == single.get("profile")), None),
            category_separator=single.get("category_separator"),
            delete_missing=single.get("delete_missing") == "true",
            max_deletes=single.get("max_deletes"),
        )
    except InvalidQuery as error:
        errors.extend(error)
    errors.raise_if_any(InvalidQuery)
    flags = {name: single.get(name) == "true" for name in FLAGS}
    plan = replace(
        plan,
        on_conflict=next((choice for choice in CONFLICTS if choice == single.get("on_conflict")), "fail"),
        atomic=single.get("mode") == "all_or_nothing",
        max_atomic_rows=max_atomic_rows,
        dry_run=flags["dry_run"],
        create_categories=flags["create_categories"],
        preserve=flags["preserve"],
        decimal=next((mark for mark in DECIMALS if mark == single.get("decimal")), "auto"),
        create=single.get("create") != "false",
        empty=next((effect for effect in EMPTY_CELLS if effect == single.get("empty")), "keep"),
        cell_types=next((kind for kind in CELL_TYPES if kind == single.get("types")), "text"),
    )
    reading = ReadOptions(
        single.get("format"),
        single.get("encoding") or _charset(scope),
        single.get("delimiter"),
        single.get("sheet"),
        single.get("records"),
        partial=flags["partial"],
    )
    return ImportOptions(reading, plan, filename)


def _charset(scope: Any) -> str | None:  # noqa: ANN401 - an ASGI scope
    """Return the charset of the Content-Type; None if there is none, or if it is that of a form."""
    essence, options = parse_options_header(header(scope, b"content-type") or "")
    return options.get("charset") if essence in MEDIA_TYPES else None
