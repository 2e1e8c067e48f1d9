"""How the columns of a file become the fields of items."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from catalog.application.json_text import parse_json
from catalog.domain.errors import InvalidQuery, Malformed, Path
from catalog.domain.faults import Faults
from catalog.domain.item import KEPT_BY_US, Life
from catalog.domain.numeral import Numeral

OnConflict = Literal["fail", "skip", "update"]
"""What happens to a row whose SKU is there already."""

CONFLICTS: tuple[OnConflict, ...] = ("fail", "skip", "update")

FIELDS = ("sku", "name", "description", "category", "price", "currency", "attributes")
ATTRIBUTE = "attr."
TYPES = ("text", "integer", "number", "boolean")

MOST_ATOMIC = 10_000
"""Rows that an import of all or nothing takes: they are in memory together, and keep others from committing meanwhile."""

_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """Which column gives which field, what is fixed, what happens on a conflict, and whether categories come into being.

    With `preserve` new items keep the id, version and times that their rows have. With `atomic` all rows go in or none, up to
    `most_atomic` of them.

    Fields have flat names: sku, name, description, category, price, currency, attributes, attr.NAME.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    on_conflict: OnConflict = "fail"
    dry_run: bool = False
    create_categories: bool = False
    preserve: bool = False
    atomic: bool = False
    most_atomic: int = MOST_ATOMIC

    @classmethod
    def parse(  # noqa: PLR0913 - each is an option of the command
        cls,
        maps: Iterable[str] = (),
        sets: Iterable[str] = (),
        types: Iterable[str] = (),
        *,
        on_conflict: OnConflict = "fail",
        dry_run: bool = False,
        create_categories: bool = False,
        preserve: bool = False,
        atomic: bool = False,
        most_atomic: int = MOST_ATOMIC,
    ) -> Self:
        """Read `field=column`, `field=value` and `attr.NAME=type`. Raises InvalidQuery with every fault."""
        faults = Faults()
        plan = cls(
            _pairs("map", maps, faults),
            _pairs("set", sets, faults),
            _pairs("type", types, faults),
            on_conflict,
            dry_run,
            create_categories,
            preserve,
            atomic,
            most_atomic,
        )
        for name, kind in plan.types.items():
            if kind not in TYPES or not name.startswith(ATTRIBUTE):
                faults.add(("type",), "unknown_type", f"A type is attr.NAME={'|'.join(TYPES)}, not {name}={kind}.")
        faults.refuse(InvalidQuery)
        return plan

    def for_columns(self, columns: tuple[str, ...] | None) -> tuple[Mapping[str, str], list[str]]:
        """Return field -> column for a file with these columns, and the columns that give nothing.

        Raises InvalidQuery when a column that is mapped is not there.
        """
        names = columns or ()
        own = {name: name for name in names if is_field(name) and name not in self.columns}
        faults = Faults()
        for name, column in self.columns.items():
            if columns is not None and column not in columns:
                faults.add(
                    ("map",), "unknown_column", f"The file has no column {column} for {name}; it has {', '.join(columns)}."
                )
        faults.refuse(InvalidQuery)
        used = own | dict(self.columns)
        # What we keep ourselves stands in every export; nobody misses it.
        return used, [name for name in names if name not in used.values() and name not in KEPT_BY_US]

    def life(self, values: Mapping[str, Any], faults: Faults) -> Life | None:
        """Read what an item was in another catalog, where that is to be kept."""
        return Life.parse(values, faults) if self.preserve else None

    def fields(self, values: Mapping[str, Any], used: Mapping[str, str], faults: Faults) -> dict[str, Any]:
        """Make an item's fields, as the domain reads them, from a row's values."""
        given = {name: values[column] for name, column in used.items() if column in values}
        if self.fixed:
            given |= self.fixed
        fields: dict[str, Any] = {name: given[name] for name in ("sku", "name", "description", "category") if name in given}
        price = given.get("price")
        if isinstance(price, Mapping):
            fields["price"] = price
        elif price is not None:
            fields["price"] = {"amount": price} | ({"currency": given["currency"]} if "currency" in given else {})
        attributes = self._attributes(given, faults)
        if attributes:
            fields["attributes"] = attributes
        return fields

    def _attributes(self, given: Mapping[str, Any], faults: Faults) -> Any:  # noqa: ANN401 - any JSON value, for the domain to refuse
        """Gather the column of all attributes and those that have one each."""
        whole = given.get("attributes", {})
        if isinstance(whole, str):
            try:
                whole = parse_json(whole)
            except Malformed as error:
                faults.add(("attributes",), "malformed", str(error))
                return {}
        if not isinstance(whole, Mapping):
            return whole
        single = {
            name[len(ATTRIBUTE) :]: value if name not in self.types else _typed(value, self.types[name], name, faults)
            for name, value in given.items()
            if name[: len(ATTRIBUTE)] == ATTRIBUTE
        }
        if None in single.values():
            single = {name: value for name, value in single.items() if value is not None}
        return {**whole, **single} if whole else single


def is_field(name: str) -> bool:
    """Whether a flat name is a field's."""
    return name in FIELDS or (name.startswith(ATTRIBUTE) and len(name) > len(ATTRIBUTE))


def flat(path: Path) -> str:
    """Return the flat name of what a fault's path leads to."""
    if path[:1] == ("attributes",) and len(path) > 1:
        return f"{ATTRIBUTE}{path[1]}"
    if path[:2] == ("price", "currency"):
        return "currency"
    return str(path[0]) if path else ""


def _pairs(option: str, texts: Iterable[str], faults: Faults) -> dict[str, str]:
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


def _typed(value: Any, kind: str, name: str, faults: Faults) -> Any:  # noqa: ANN401 - any JSON value
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
        if isinstance(number, Numeral) and (kind == "number" or number.whole):
            return number
    faults.add(("attributes", name.removeprefix(ATTRIBUTE)), "wrong_type", f"The value {value!r} of {name} is no {kind}.")
    return None
