"""The options of an export, from query parameters."""

from dataclasses import dataclass

from catalog.application.exports.export import parse_export, parse_flag
from catalog.application.exports.formats import FORMATS, ExportFormat, ExportOptions, parse_format
from catalog.domain.errors import InvalidQuery
from catalog.domain.queries.item_query import ItemQuery
from catalog.domain.validation import FieldErrors


@dataclass(frozen=True, slots=True)
class Export:
    """What to export, and how to write it."""

    query: ItemQuery
    format: ExportFormat
    with_categories: bool
    proof: bool


def parse_export_options(parameters: dict[str, list[str]], errors: FieldErrors) -> Export:
    """Parse the parameters of an export. An empty value counts as absent.

    Raises: InvalidQuery, with every error.
    """
    values = {
        name: parameters.pop(name, [""])[-1] or None
        for name in ("format", "delimiter", "decimal", "encoding", "profile", "with_categories", "proof")
    }
    with_categories, proof = (parse_flag(name, values[name], errors) for name in ("with_categories", "proof"))
    options = ExportOptions(values["delimiter"], values["decimal"], values["encoding"], values["profile"], with_categories, proof)
    export_format = FORMATS["csv"]
    try:
        export_format = parse_format(values["format"] or "csv", options)
    except InvalidQuery as error:
        errors.extend(error)
    return Export(parse_export(parameters, errors), export_format, with_categories, proof)
