"""How the columns of a file become the fields of items."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal, Self

from catalog.application.strict_json import parse_json
from catalog.domain.errors import FieldError, FieldPath, InvalidFile, InvalidQuery, Malformed
from catalog.domain.items.item import READ_ONLY_FIELDS, Provenance
from catalog.domain.text.normalization import printable
from catalog.domain.validation import FieldErrors
from catalog.domain.values.decimal_literal import DecimalLiteral

OnConflict = Literal["fail", "skip", "update"]
"""What happens to a row whose SKU is there already."""

CONFLICTS: tuple[OnConflict, ...] = ("fail", "skip", "update")

FIELDS = ("sku", "name", "description", "category", "price", "currency", "attributes")
ATTRIBUTE = "attr."
TYPES = ("text", "integer", "number", "boolean")

MAX_ATOMIC_ROWS = 10_000
"""Rows that an import of all or nothing takes: they are in memory together, and keep others from committing meanwhile."""

_SEPARATORS = {";": ";", "\t": "tab", "|": "|"}
"""What often separates cells instead of a comma, and how that is said."""

_MAX_NAMES_SHOWN = 20
_MAX_CHARACTERS_SHOWN = 40

_TOTALS = frozenset({"total", "totals", "subtotal", "grand total", "sum", "summe", "gesamt"})
"""What the first cell of a row of sums says."""

_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """Which column gives which field, what is fixed, what happens on a conflict, and whether categories come into being.

    With `preserve` new items keep the id, version and times that their rows have. With `atomic` all rows go in or none, up to
    `most_atomic` of them.

    Fields have flat names: sku, name, description, category, price, currency, attributes, attr.NAME.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    on_conflict: OnConflict = "fail"
    dry_run: bool = False
    create_categories: bool = False
    preserve: bool = False
    atomic: bool = False
    max_atomic_rows: int = MAX_ATOMIC_ROWS

    @classmethod
    def parse(  # noqa: PLR0913 - each is an option of the command
        cls,
        mappings: Iterable[str] = (),
        constants: Iterable[str] = (),
        types: Iterable[str] = (),
        *,
        on_conflict: OnConflict = "fail",
        dry_run: bool = False,
        create_categories: bool = False,
        preserve: bool = False,
        atomic: bool = False,
        max_atomic_rows: int = MAX_ATOMIC_ROWS,
    ) -> Self:
        """Read `field=column`, `field=value` and `attr.NAME=type`. Raises InvalidQuery with every fault."""
        faults = FieldErrors()
        plan = cls(
            _parse_pairs("map", mappings, faults),
            _parse_pairs("set", constants, faults),
            _parse_pairs("type", types, faults),
            on_conflict,
            dry_run,
            create_categories,
            preserve,
            atomic,
            max_atomic_rows,
        )
        for name, kind in plan.types.items():
            if kind not in TYPES or not name.startswith(ATTRIBUTE):
                faults.add(("type",), "unknown_type", f"A type is attr.NAME={'|'.join(TYPES)}, not {name}={kind}.")
        faults.raise_if_any(InvalidQuery)
        return plan

    def layout(self, columns: tuple[str, ...] | None) -> tuple["ColumnLayout", list[str]]:
        """Say how the rows of a file with these columns are read, and which columns give nothing.

        Raises InvalidQuery when a column that is mapped is not there.
        """
        names = columns or ()
        own = {name: name for name in names if is_field(name) and name not in self.columns}
        faults = FieldErrors()
        for name, column in self.columns.items():
            if columns is not None and column not in columns:
                faults.add(
                    ("map",), "unknown_column", f"The file has no column {column} for {name}; it has {_list_names(columns)}."
                )
        faults.raise_if_any(InvalidQuery)
        used = own | dict(self.columns)
        if columns is not None:
            self._check_header(columns, used)
        # What we keep ourselves stands in every export; nobody misses it.
        ignored = [name for name in dict.fromkeys(names) if name not in used.values() and name not in READ_ONLY_FIELDS]
        return ColumnLayout(self, used), ignored

    def _check_header(self, columns: Sequence[str], used: Mapping[str, str]) -> None:
        """Refuse a header that names no SKU, or a column twice that is taken. Raises InvalidFile."""
        counted = Counter(columns)
        taken = {*used.values(), *(READ_ONLY_FIELDS if self.preserve else ())}
        twice = sorted(name for name in taken if counted[name] > 1)
        if twice:
            message = f"The header names columns twice: {_list_names(twice)}."
            raise InvalidFile([FieldError((), "invalid_file", message)])
        if "sku" in used or "sku" in self.constants:
            return
        found = f"Its columns: {_list_names(columns)}." if columns else "Its first row is empty."
        message = f"The file has no column sku, and each row needs a SKU. {found}"
        separators = [sign for sign in _SEPARATORS if sign in columns[0]] if len(columns) == 1 else []
        if separators:
            message += f" Its cells seem to be separated otherwise: set the delimiter to {_SEPARATORS[separators[0]]}."
        elif columns:
            near = get_close_matches("sku", [name.lower() for name in columns], 1)
            nearest = next((name for name in columns if name.lower() in near), columns[0])
            message += f" Map the column that has it: map sku={_list_names((nearest,))}."
        raise InvalidFile([FieldError((), "invalid_file", message)])

    def provenance(self, values: Mapping[str, Any], errors: FieldErrors) -> Provenance | None:
        """Read what an item was in another catalog, where that is to be kept."""
        return Provenance.parse(values, errors) if self.preserve else None


def _list_names(names: Sequence[str]) -> str:
    """List names out of a file: not too many, not too long, and nothing that a terminal obeys."""
    listed = ", ".join(printable(name)[:_MAX_CHARACTERS_SHOWN] for name in names[:_MAX_NAMES_SHOWN])
    return f"{listed} and {len(names) - _MAX_NAMES_SHOWN} more" if len(names) > _MAX_NAMES_SHOWN else listed


class ColumnLayout:
    """Where the fields stand in rows of the same names: found out once, for all of them."""

    def __init__(self, plan: ImportPlan, used: Mapping[str, str]) -> None:
        """Take each field from the column that `used` names, unless the plan has a value for it."""
        # A fixed value stands beside a row's own, under a key that no column has.
        self._constants: dict[Any, str] = {(name,): value for name, value in plan.constants.items()}
        places: dict[str, Any] = {**used, **{name: (name,) for name in plan.constants}}
        self._plain_fields = [(name, places[name]) for name in ("sku", "name", "description", "category") if name in places]
        self._price, self._currency, self._attributes = (places.get(name) for name in ("price", "currency", "attributes"))
        self._attribute_columns = [
            (name[len(ATTRIBUTE) :], place, plan.types.get(name)) for name, place in places.items() if name.startswith(ATTRIBUTE)
        ]

    def fields(self, values: Mapping[Any, Any], errors: FieldErrors) -> dict[str, Any]:
        """Make an item's fields, as the domain reads them, from a row's values."""
        if self._constants:
            values = {**values, **self._constants}
        fields: dict[str, Any] = {name: values[place] for name, place in self._plain_fields if place in values}
        if self._constants:
            self._refuse_filler_rows(fields, values, errors)
        price = values.get(self._price)
        if isinstance(price, dict):
            fields["price"] = price
        elif price is not None:
            currency = values.get(self._currency)
            fields["price"] = {"amount": price} if currency is None else {"amount": price, "currency": currency}
        attributes = self._collect_attributes(values, errors)
        if attributes:
            fields["attributes"] = attributes
        return fields

    def _refuse_filler_rows(self, fields: Mapping[str, Any], values: Mapping[Any, Any], faults: FieldErrors) -> None:
        """Refuse rows that only look like items because fixed values fill what they lack: those of sums, and empty ones."""
        if len(values) == len(self._constants):
            faults.add((), "empty_row", "The row has no values of its own.")
        said = fields.get("sku")
        if isinstance(said, str) and said.strip().rstrip(":").casefold() in _TOTALS:
            faults.add(("sku",), "total_row", f"The row seems to be a sum ({said.strip()}), not an item.")

    def _collect_attributes(self, values: Mapping[Any, Any], faults: FieldErrors) -> Any:  # noqa: ANN401 - any JSON value, for the domain to refuse
        """Gather the column of all attributes and those that have one each."""
        whole = values.get(self._attributes, {})
        if isinstance(whole, str):
            try:
                whole = parse_json(whole)
            except Malformed as error:
                faults.add(("attributes",), "malformed", str(error))
                return {}
        if not isinstance(whole, dict):
            return whole
        gathered = whole.copy()
        for name, place, kind in self._attribute_columns:
            value = values.get(place)
            if value is not None and kind is not None:
                value = _convert(value, kind, name, faults)
            if value is not None:
                gathered[name] = value
        return gathered


def is_field(name: str) -> bool:
    """Whether a flat name is a field's."""
    return name in FIELDS or (name.startswith(ATTRIBUTE) and len(name) > len(ATTRIBUTE))


def flatten(path: FieldPath) -> str:
    """Return the flat name of what a fault's path leads to."""
    if path[:1] == ("attributes",) and len(path) > 1:
        return f"{ATTRIBUTE}{path[1]}"
    if path[:2] == ("price", "currency"):
        return "currency"
    return str(path[0]) if path else ""


def _parse_pairs(option: str, texts: Iterable[str], faults: FieldErrors) -> dict[str, str]:
    """Read `field=what`."""
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, what = text.partition("=")
        if not equals or not what:
            faults.add((option,), "no_pair", f"The option --{option} is a pair with an equals sign, not {text!r}.")
        elif not is_field(name):
            known = ", ".join((*FIELDS, f"{ATTRIBUTE}NAME"))
            faults.add((option,), "unknown_field", f"The option --{option} names no field {name}; there are {known}.")
        elif name in pairs:
            faults.add((option,), "repeated_field", f"The option --{option} names {name} twice.")
        else:
            pairs[name] = what
    return pairs


def _convert(value: Any, kind: str, name: str, faults: FieldErrors) -> Any:  # noqa: ANN401 - any JSON value
    """Turn a cell into the type that its attribute is to have; what is no text has one already. None: it is refused."""
    if kind == "text" or not isinstance(value, str):
        return value
    text = value.strip()
    if kind == "boolean" and text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    if kind != "boolean":
        try:
            number = parse_json(text)
        except Malformed:
            number = None
        if isinstance(number, int) and not isinstance(number, bool):
            return number
        if isinstance(number, DecimalLiteral) and (kind == "number" or number.whole):
            return number
    faults.add(("attributes", name), "wrong_type", f"The value {value!r} of {ATTRIBUTE}{name} is no {kind}.")
    return None
