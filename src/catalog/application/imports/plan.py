"""The import plan: how the columns of a file map to the fields of items."""

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
"""What to do with a row whose SKU already exists."""

CONFLICTS: tuple[OnConflict, ...] = ("fail", "skip", "update")

EmptyCells = Literal["keep", "clear"]
"""What an empty cell of a table does to the field of an existing item."""

FIELDS = ("sku", "name", "description", "category", "price", "currency", "attributes")
ATTRIBUTE = "attr."
TYPES = ("text", "integer", "number", "boolean")

MAX_ATOMIC_ROWS = 10_000
"""Maximum rows of an atomic import. They are all in memory, and their commit blocks other writers."""

_SEPARATORS = {";": ";", "\t": "tab", "|": "|"}
"""Common delimiters other than the comma, and their names in the delimiter option."""

_CLEARABLE = ("name", "description", "category")
"""Plain fields that an empty cell clears. The item then refuses to be without a name."""

_MAX_NAMES_SHOWN = 20
_MAX_CHARACTERS_SHOWN = 40

_TOTALS = frozenset({"total", "totals", "subtotal", "grand total", "sum", "summe", "gesamt"})
"""SKU values that mark a row of totals."""

_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """The options of an import.

    `columns` maps fields to columns, `constants` sets fields to fixed values, and `types` sets the types of attributes. Fields
    have flat names: sku, name, description, category, price, currency, attributes, attr.NAME. With `create_categories`, missing
    categories are created. With `preserve`, new items keep the id, version and timestamps in their rows. With `atomic`, all rows
    are imported or none, up to `max_atomic_rows`. Without `create`, rows of unknown SKUs are refused. With `empty` as clear, an
    empty cell clears the field of an existing item. `category_separator` stands between the names of a category's path.
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
    create: bool = True
    empty: EmptyCells = "keep"
    category_separator: str = ">"

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
        create: bool = True,
        empty: EmptyCells = "keep",
        category_separator: str = ">",
    ) -> Self:
        """Parse options of the form `field=column`, `field=value` and `attr.NAME=type`.

        Raises: InvalidQuery with every error.
        """
        errors = FieldErrors()
        plan = cls(
            _parse_pairs("map", mappings, errors),
            _parse_pairs("set", constants, errors),
            _parse_pairs("type", types, errors),
            on_conflict,
            dry_run,
            create_categories,
            preserve,
            atomic,
            max_atomic_rows,
            create,
            empty,
            category_separator,
        )
        for name, type_name in plan.types.items():
            if type_name not in TYPES or not name.startswith(ATTRIBUTE):
                errors.add(("type",), "unknown_type", f"A type must be attr.NAME={'|'.join(TYPES)}, not {name}={type_name}.")
        errors.raise_if_any(InvalidQuery)
        return plan

    def layout(self, columns: tuple[str, ...] | None) -> tuple["ColumnLayout", list[str]]:
        """Return the layout for rows with these columns, and the columns that are ignored.

        Raises: InvalidQuery if a mapped column is missing, InvalidFile if there is no SKU or a used column is repeated.
        """
        names = columns or ()
        same_name = {name: name for name in names if is_field(name) and name not in self.columns}
        errors = FieldErrors()
        for name, column in self.columns.items():
            if columns is not None and column not in columns:
                errors.add(
                    ("map",),
                    "unknown_column",
                    f"The file has no column {column} for {name}. Its columns: {_list_names(columns)}.",
                )
        errors.raise_if_any(InvalidQuery)
        used = same_name | dict(self.columns)
        if columns is not None:
            self._check_header(columns, used)
        # Read-only fields are in every export and are not worth reporting.
        ignored = [name for name in dict.fromkeys(names) if name not in used.values() and name not in READ_ONLY_FIELDS]
        return ColumnLayout(self, used), ignored

    def _check_header(self, columns: Sequence[str], used: Mapping[str, str]) -> None:
        """Refuse a header without a SKU, or with a used column twice.

        Raises: InvalidFile.
        """
        counts = Counter(columns)
        used_columns = {*used.values(), *(READ_ONLY_FIELDS if self.preserve else ())}
        duplicates = sorted(name for name in used_columns if counts[name] > 1)
        if duplicates:
            message = f"Duplicate columns in the header: {_list_names(duplicates)}."
            raise InvalidFile([FieldError((), "invalid_file", message)])
        if "sku" in used or "sku" in self.constants:
            return
        columns_found = f"Its columns: {_list_names(columns)}." if columns else "Its first row is empty."
        message = f"The file has no column sku, but every row needs a SKU. {columns_found}"
        separators = [delimiter for delimiter in _SEPARATORS if delimiter in columns[0]] if len(columns) == 1 else []
        if separators:
            message += f" It seems to use another delimiter; set the delimiter to {_SEPARATORS[separators[0]]}."
        elif columns:
            matches = get_close_matches("sku", [name.lower() for name in columns], 1)
            nearest = next((name for name in columns if name.lower() in matches), columns[0])
            message += f" Map the column that contains the SKU: map sku={_list_names((nearest,))}."
        raise InvalidFile([FieldError((), "invalid_file", message)])

    def provenance(self, values: Mapping[str, Any], errors: FieldErrors) -> Provenance | None:
        """Parse the id, version and timestamps that an item had in another catalog, if the plan preserves them."""
        return Provenance.parse(values, errors) if self.preserve else None


def _list_names(names: Sequence[str]) -> str:
    """List names from a file, limited in number and length, without terminal control characters."""
    listed = ", ".join(printable(name)[:_MAX_CHARACTERS_SHOWN] for name in names[:_MAX_NAMES_SHOWN])
    return f"{listed} and {len(names) - _MAX_NAMES_SHOWN} more" if len(names) > _MAX_NAMES_SHOWN else listed


class ColumnLayout:
    """Maps fields to columns for all rows with the same column names, so that it is computed once."""

    def __init__(self, plan: ImportPlan, used: Mapping[str, str]) -> None:
        """Take each field from its column in `used`, unless the plan has a constant for it."""
        # Constants are added to the row's values under tuple keys, which no column has.
        self._constants: dict[Any, str] = {(name,): value for name, value in plan.constants.items()}
        sources: dict[str, Any] = {**used, **{name: (name,) for name in plan.constants}}
        self._plain_fields = [(name, sources[name]) for name in ("sku", "name", "description", "category") if name in sources]
        self._price, self._currency, self._attributes = (sources.get(name) for name in ("price", "currency", "attributes"))
        self._attribute_columns = [
            (name[len(ATTRIBUTE) :], source, plan.types.get(name))
            for name, source in sources.items()
            if name.startswith(ATTRIBUTE)
        ]

    def fields(self, values: Mapping[Any, Any], errors: FieldErrors) -> dict[str, Any]:
        """Convert the values of a row to the fields of an item, in the form that the domain parses."""
        if self._constants:
            values = {**values, **self._constants}
        fields: dict[str, Any] = {name: values[source] for name, source in self._plain_fields if source in values}
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

    def with_cleared(self, fields: Mapping[str, Any], values: Mapping[Any, Any]) -> dict[str, Any]:
        """Return the fields as a merge patch that clears those with an empty cell."""
        values = {**values, **self._constants}
        cleared: dict[str, Any] = {
            name: None for name, source in self._plain_fields if name in _CLEARABLE and values.get(source) is None
        }
        if self._price is not None and values.get(self._price) is None:
            cleared["price"] = None
        attributes = {name: None for name, source, _ in self._attribute_columns if values.get(source) is None}
        if self._attributes is not None and values.get(self._attributes) is None and not self._attribute_columns:
            cleared["attributes"] = None
        elif attributes and isinstance(given := fields.get("attributes", {}), dict):
            cleared["attributes"] = {**attributes, **given}
        return {**fields, **cleared}

    def _refuse_filler_rows(self, fields: Mapping[str, Any], values: Mapping[Any, Any], errors: FieldErrors) -> None:
        """Refuse rows of totals and empty rows, which only look like items because constants fill in their missing values."""
        if len(values) == len(self._constants):
            errors.add((), "empty_row", "The row has no values of its own.")
        sku = fields.get("sku")
        if isinstance(sku, str) and sku.strip().rstrip(":").casefold() in _TOTALS:
            errors.add(("sku",), "total_row", f"The row seems to be a total ({sku.strip()}), not an item.")

    def _collect_attributes(self, values: Mapping[Any, Any], errors: FieldErrors) -> Any:  # noqa: ANN401 - any JSON value, which the domain validates
        """Merge the attributes column and the attr.NAME columns."""
        attributes = values.get(self._attributes, {})
        if isinstance(attributes, str):
            try:
                attributes = parse_json(attributes)
            except Malformed as error:
                errors.add(("attributes",), "malformed", str(error))
                return {}
        if not isinstance(attributes, dict):
            return attributes
        merged = attributes.copy()
        for name, source, type_name in self._attribute_columns:
            value = values.get(source)
            if value is not None and type_name is not None:
                value = _convert(value, type_name, name, errors)
            if value is not None:
                merged[name] = value
        return merged


def is_field(name: str) -> bool:
    """Return whether this is the flat name of a field."""
    return name in FIELDS or (name.startswith(ATTRIBUTE) and len(name) > len(ATTRIBUTE))


def flatten(path: FieldPath) -> str:
    """Return the flat name of the field at an error's path, or an empty string for the row as a whole."""
    if path[:1] == ("attributes",) and len(path) > 1:
        return f"{ATTRIBUTE}{path[1]}"
    if path[:2] == ("price", "currency"):
        return "currency"
    return str(path[0]) if path else ""


def _parse_pairs(option: str, texts: Iterable[str], errors: FieldErrors) -> dict[str, str]:
    """Parse `field=value` pairs."""
    pairs: dict[str, str] = {}
    for text in texts:
        name, separator, value = text.partition("=")
        if not separator or not value:
            errors.add((option,), "no_pair", f"The option --{option} must be a FIELD=VALUE pair, not {text!r}.")
        elif not is_field(name):
            allowed = ", ".join((*FIELDS, f"{ATTRIBUTE}NAME"))
            errors.add((option,), "unknown_field", f"Unknown field {name} in the option --{option}. Allowed: {allowed}.")
        elif name in pairs:
            errors.add((option,), "repeated_field", f"Duplicate field {name} in the option --{option}.")
        else:
            pairs[name] = value
    return pairs


def _convert(value: Any, type_name: str, name: str, errors: FieldErrors) -> Any:  # noqa: ANN401 - any JSON value
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
    errors.add(("attributes", name), "wrong_type", f"The value {value!r} of {ATTRIBUTE}{name} is not of type {type_name}.")
    return None
