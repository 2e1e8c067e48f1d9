"""The options of an import, from query parameters and the fields of a form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from catalog.application.files.csv_reader import parse_delimiter
from catalog.application.files.trailer import TrailerPolicy, trailer_policy
from catalog.application.imports.plan import CONFLICTS, ImportPlan
from catalog.domain.errors import InvalidQuery
from catalog.domain.queries.filters import without_empty
from catalog.domain.queries.operands import refuse_unknown
from catalog.domain.validation import FieldErrors
from catalog.entrypoints.http.requests.headers import header
from catalog.entrypoints.http.requests.import_parameters import FLAGS, IMPORT
from catalog.entrypoints.http.requests.parameters import names, repeatable_names
from catalog.entrypoints.http.requests.query_string import read_parameters

MEDIA_TYPES: Final[Mapping[str, tuple[str, ...]]] = {
    "csv": ("text/csv",),
    "json": ("application/json",),
    "jsonl": ("application/jsonl", "application/x-ndjson", "application/x-jsonlines"),
}
"""The media types of each file format."""

_EXTENSIONS = {"csv": (".csv",), "json": (".json",), "jsonl": (".jsonl", ".ndjson")}

_NAMES = names(IMPORT)
_REPEATABLE = repeatable_names(IMPORT)
_CHOICES = {parameter.name: parameter.choices for parameter in IMPORT if parameter.choices}


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """The options of an import: the file's format and CSV delimiter, the plan, and whether a trailer is required."""

    format: str
    delimiter: str
    plan: ImportPlan
    trailer_policy: TrailerPolicy


def parse_import_options(
    scope: Any,  # noqa: ANN401 - an ASGI scope
    max_atomic_rows: int,
    fields: Mapping[str, Sequence[str]] = {},
    filename: str | None = None,
) -> ImportOptions:
    """Parse the options in the query string and in the `fields` of a form, whose file is called `filename`.

    Raises: InvalidQuery, with every error.
    """
    parameters, errors = read_parameters(scope, IMPORT)
    for name, values in fields.items():
        parameters.setdefault(name, []).extend(values)
        if len(parameters[name]) > 1 and name not in _REPEATABLE:
            errors.add((name,), "repeated_parameter", f"Parameter {name} is repeated; send it once.")
    options = without_empty(parameters)
    for name, values in parameters.items():
        refuse_unknown((name,), _NAMES, errors)
        if name in options and name in _CHOICES and values[0] not in _CHOICES[name]:
            errors.add((name,), "invalid_choice", f"Parameter {name} must be {' or '.join(_CHOICES[name])}.")
    plan, delimiter = ImportPlan(), ","
    try:
        delimiter = parse_delimiter(options.get("delimiter", [","])[0])
    except InvalidQuery as error:
        errors.extend(error)
    try:
        plan = ImportPlan.parse(options.get("map", ()), options.get("set", ()), options.get("type", ()))
    except InvalidQuery as error:
        errors.extend(error)
    file_format = options["format"][0] if "format" in options else _detect_format(scope, filename, errors)
    errors.raise_if_any(InvalidQuery)
    single = {name: values[0] for name, values in options.items()}
    flags = {name: single.get(name) == "true" for name in FLAGS}
    plan = replace(
        plan,
        on_conflict=next((choice for choice in CONFLICTS if choice == single.get("on_conflict")), "fail"),
        atomic=single.get("mode") == "all_or_nothing",
        max_atomic_rows=max_atomic_rows,
        dry_run=flags["dry_run"],
        create_categories=flags["create_categories"],
        preserve=flags["preserve"],
    )
    return ImportOptions(file_format, delimiter, plan, trailer_policy(preserve=plan.preserve, partial=flags["partial"]))


def _detect_format(scope: Any, filename: str | None, errors: FieldErrors) -> str:  # noqa: ANN401 - an ASGI scope
    """Return the file format by the Content-Type, or by the extension of the file name in a form."""
    essence = (header(scope, b"content-type") or "").partition(";")[0].strip().lower()
    extension = "." + (filename or "").lower().rpartition(".")[2]
    for file_format, media_types in MEDIA_TYPES.items():
        if essence in media_types or extension in _EXTENSIONS[file_format]:
            return file_format
    errors.add(("format",), "missing", f"Cannot detect the file format. Set format to one of {', '.join(MEDIA_TYPES)}.")
    return "csv"
