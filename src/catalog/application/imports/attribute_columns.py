"""Columns that become attributes because the caller said so, and the types of their values."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from catalog.application.files.refused_rows import REFUSED_COLUMNS
from catalog.application.imports.attribute_names import fit_name
from catalog.application.imports.columns import find_column, list_names
from catalog.application.imports.field_names import ATTRIBUTE
from catalog.application.strict_json import parse_json
from catalog.domain.errors import Malformed, shorten
from catalog.domain.items.attributes import INT64
from catalog.domain.items.item import READ_ONLY_FIELDS
from catalog.domain.validation import FieldErrors
from catalog.domain.values.decimal_literal import DecimalLiteral

Attributes = Literal["all", "none"] | tuple[str, ...]
"""Which columns that are no fields become attributes."""

_SHOWN = 40

_TRUE = ("true", "yes", "y", "1", "wahr", "ja", "vrai", "oui")
_FALSE = ("false", "no", "n", "0", "falsch", "nein", "faux", "non")
_BOOLEANS = dict.fromkeys(_TRUE, True) | dict.fromkeys(_FALSE, False)

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,17})?")
"""A number without leading zeros, which would be lost, and without an exponent, which may be a code such as 1E5."""


def parse_attributes(text: str) -> Attributes:
    """Parse the option: all, none, or names of columns separated by commas."""
    if text in ("all", "none"):
        return "all" if text == "all" else "none"
    return tuple(name for name in map(str.strip, text.split(",")) if name)


def take_attributes(
    columns: Sequence[str], option: Attributes, used: Mapping[str, str], errors: FieldErrors
) -> tuple[dict[str, str], list[str]]:
    """Return the columns that become attributes, by field; and sentences about columns that cannot.

    With `all`, these are all columns that are not used, have a name, and have it alone. Adds an error for each column that was
    named and is missing.
    """
    if option == "none":
        return {}, []
    wanted = _unused(columns, used) if option == "all" else _named(columns, option, errors)
    taken: dict[str, str] = {}
    unfit: list[str] = []
    warnings: list[str] = []
    already = {column for field, column in used.items() if field.startswith(ATTRIBUTE)}
    for column in dict.fromkeys(wanted):
        if column in already:
            continue
        name = fit_name(column)
        field = f"{ATTRIBUTE}{name}"
        other = used.get(field, taken.get(field))
        if name is None:
            unfit.append(column)
        elif other is None:
            taken[field] = column
        else:
            warnings.append(
                f"The columns {list_names((other, column))} both become {field}; the first is taken. "
                f"To take the other too, map it: map={field}_2={list_names((column,))}."
            )
    if unfit:
        warnings.append(f"No attribute name can be made from {list_names(unfit)}; map it: map=attr.NAME={list_names(unfit[:1])}.")
    return taken, warnings


def _unused(columns: Sequence[str], used: Mapping[str, str]) -> list[str]:
    """Return the columns that no field uses. Those without a name, and those whose name is repeated, are left out."""
    counts, not_taken = Counter(columns), {*used.values(), *READ_ONLY_FIELDS, *REFUSED_COLUMNS}
    return [
        name
        for number, name in enumerate(columns, 1)
        if counts[name] == 1 and name not in not_taken and name != f"column {number}"
    ]


def _named(columns: Sequence[str], option: Sequence[str], errors: FieldErrors) -> list[str]:
    """Return the columns that the caller named. Add an error for each that is missing."""
    found = [(name, find_column(name, columns)) for name in option]
    for name, column in found:
        if column is None:
            message = f"The file has no column {name} for an attribute. Its columns: {list_names(columns)}."
            errors.add(("attributes",), "unknown_column", message)
    return [column for _, column in found if column is not None]


def detect_type(cells: Iterable[object]) -> str | None:
    """Return the type that fits all texts of a column: integer, number or boolean; None for text.

    Leading zeros, thousands separators, exponents, N/A and numbers too large to be exact all make it text, and so does a column
    of ones and zeros only an integer.
    """
    texts = [cell.strip() for cell in cells if isinstance(cell, str)]
    if not texts:
        return None
    if all(_INTEGER.fullmatch(text) and int(text) in INT64 for text in texts):
        return "integer"
    if all(map(_NUMBER.fullmatch, texts)):
        return "number"
    return "boolean" if all(text.lower() in _BOOLEANS for text in texts) else None


def type_of(cells: Iterable[object]) -> str:
    """Return the type that all values of a column have, or that its texts show. It is text if they differ."""
    types: set[str] = set()
    texts = []
    for cell in cells:
        if isinstance(cell, bool):
            types.add("boolean")
        elif isinstance(cell, int):
            types.add("integer")
        elif isinstance(cell, DecimalLiteral):
            types.add("number")
        else:
            texts.append(cell)
    if texts:
        types.add(detect_type(texts) or "text")
    if types == {"integer", "number"}:
        return "number"
    return types.pop() if len(types) == 1 else "text"


def convert(value: Any, type_name: str, name: str, errors: FieldErrors) -> Any:  # noqa: ANN401 - any JSON value
    """Convert a text cell to the type of its attribute; other values have a type already. Return None if it is refused."""
    if type_name == "text" or not isinstance(value, str):
        return value
    text = value.strip()
    if type_name == "boolean" and text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    if type_name != "boolean":
        try:
            number = parse_json(text)
        except Malformed:
            number = None
        if isinstance(number, int) and not isinstance(number, bool):
            return number
        if isinstance(number, DecimalLiteral) and (type_name == "number" or number.is_integer):
            return number
    message = f"The value {shorten(value, _SHOWN)!r} of {ATTRIBUTE}{name} is not of type {type_name}."
    errors.add(("attributes", name), "wrong_type", message, f"type={ATTRIBUTE}{name}=text")
    return None
