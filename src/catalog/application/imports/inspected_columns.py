"""The columns of a file, for choosing which of them become which fields: what they have, and what they may be."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.application.files.cells import cell_text
from catalog.application.files.trailer import CATEGORY_KEY
from catalog.application.imports.amounts import read_amount
from catalog.application.imports.attribute_columns import type_of
from catalog.application.imports.attribute_names import fit_name
from catalog.application.imports.columns import field_of, suggestions
from catalog.application.imports.field_names import ATTRIBUTE
from catalog.application.imports.plan import ImportPlan

MAX_SAMPLES = 3
"""Different values of a column that are shown."""

MAX_SHOWN = 40
"""Characters of a value that are shown."""


@dataclass(frozen=True, slots=True)
class InspectedColumn:
    """A column of a file.

    `field` is the field that it becomes now, `suggested` one that it may be by its name, and `attribute` the name that it would
    have as an attribute, with the `type` that the first rows show. `samples` are some of its values.
    """

    name: str
    field: str | None
    suggested: str | None
    attribute: str | None
    type: str
    samples: Sequence[str]


def inspect_columns(
    names: Sequence[str], rows: Iterable[Mapping[str, Any]], mapping: Mapping[str, str], constants: Mapping[str, str]
) -> list[InspectedColumn]:
    """Return all columns of a file, in its order, by the values of its first rows."""
    cells: dict[str, list[Any]] = defaultdict(list)
    for values in rows:
        if values.get("id") != CATEGORY_KEY and CATEGORY_KEY not in values:
            for name, cell in values.items():
                cells[name].append(cell)
    fields: dict[str, str] = {}
    for field, column in mapping.items():
        fields.setdefault(column, field)
    suggested = {column: field for field, column in suggestions(names, {**mapping, **constants}).items()}
    return [
        InspectedColumn(
            name,
            fields.get(name),
            suggested.get(name),
            _attribute(name, fields.get(name)),
            type_of(cells[name]),
            _samples(cells[name]),
        )
        for name in names
        if name != CATEGORY_KEY
    ]


def missing_fields(rows: Iterable[Mapping[str, Any]], mapping: Mapping[str, str], plan: ImportPlan) -> list[str]:
    """Return the fields that a row needs and that have neither a column nor a constant.

    That is the SKU; and for new items the name, and the currency if there are prices that do not name it.
    """
    given = mapping.keys() | plan.all_constants.keys()
    required = ["sku"] if plan.on_conflict == "update" else ["sku", "name"]
    missing = [field for field in required if field not in given]
    if plan.on_conflict != "update" and "currency" not in given and "price" in mapping:
        prices = (values[mapping["price"]] for values in rows if mapping["price"] in values)
        if any(_lacks_currency(price) for price in prices):
            missing.append("currency")
    return missing


def _lacks_currency(price: object) -> bool:
    """Return whether a price is an amount only. Texts that are no amounts are not counted."""
    if not isinstance(price, str):
        return not isinstance(price, Mapping)
    amount = read_amount(price)
    return amount is not None and len(amount.currencies) != 1


def _attribute(column: str, field: str | None) -> str | None:
    """Return the name of a column as an attribute: the one that it has as a field, or else one that is made fit."""
    found = field if field is not None and field.startswith(ATTRIBUTE) else field_of(column)
    if found is not None and found.startswith(ATTRIBUTE):
        return found.removeprefix(ATTRIBUTE)
    return fit_name(column)


def _samples(cells: Iterable[Any]) -> list[str]:
    """Return the first different values that are not blank."""
    samples: dict[str, None] = {}
    for cell in cells:
        text = cell_text(cell).strip()[:MAX_SHOWN]
        if text:
            samples[text] = None
        if len(samples) == MAX_SAMPLES:
            break
    return list(samples)
