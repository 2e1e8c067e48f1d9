"""The import plan: the options of an import, and what they decide about the columns of a file."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from catalog.application.files.refused_rows import REFUSED_COLUMNS
from catalog.application.files.row_source import MalformedRow, Row
from catalog.application.imports.amounts import DecimalMark, detect_mark
from catalog.application.imports.attribute_columns import Attributes, detect_type, parse_attributes, take_attributes
from catalog.application.imports.category_paths import DEFAULT_SEPARATOR, parse_separator
from catalog.application.imports.column_detection import ColumnDetection
from catalog.application.imports.column_layout import ColumnLayout
from catalog.application.imports.columns import (
    ColumnMatch,
    find_column,
    find_columns,
    header_problem,
    match_columns,
    match_names,
    suggest,
)
from catalog.application.imports.field_names import ATTRIBUTE, FIELDS, TYPES, is_field
from catalog.application.imports.profile_rows import MADE_ATTRIBUTES, MAX_IMAGES, arrange_rows
from catalog.application.imports.profiles import Profile, detect_profiles, load_profile
from catalog.domain.errors import InvalidInput, InvalidQuery
from catalog.domain.items.item import READ_ONLY_FIELDS
from catalog.domain.validation import FieldErrors

OnConflict = Literal["fail", "skip", "update"]
"""What to do with a row whose SKU already exists."""

CONFLICTS: tuple[OnConflict, ...] = ("fail", "skip", "update")

Decimal = Literal["auto", "point", "comma"]
"""The decimal mark of prices. With auto, the first rows decide."""

DECIMALS: tuple[Decimal, ...] = ("auto", "comma", "point")

CellTypes = Literal["text", "auto"]
"""Whether cells of attributes stay text, or get the type that the first rows show."""

CELL_TYPES: tuple[CellTypes, ...] = ("text", "auto")

EmptyCells = Literal["keep", "clear"]
"""What an empty cell of a table does to the field of an existing item."""

EMPTY_CELLS: tuple[EmptyCells, ...] = ("keep", "clear")

MAX_ATOMIC_ROWS = 10_000
"""Maximum rows of an atomic import. They are all in memory, and their commit blocks other writers."""


MAX_DELETES = 100
"""Maximum missing items that are deleted, unless the caller sets another maximum, of up to MOST_DELETES."""

MOST_DELETES = 10**9 - 1


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """The options of an import.

    `columns` maps fields to columns, `constants` sets fields to fixed values, and `types` sets the types of attributes. Fields
    have flat names: sku, name, description, category, price, currency, attributes, attr.NAME. With `create_categories`, missing
    categories are created. With `preserve`, new items keep the id, version and timestamps in their rows. With `atomic`, all rows
    are imported or none, up to `max_atomic_rows`. `decimal` is the decimal mark of prices, `attributes` says which other columns
    become attributes, `cell_types` whether the types of attributes are detected (auto), and `profile` is that of another system.
    Without `create`, rows of unknown SKUs are refused. With `empty` as clear, an empty cell clears the field of an existing item.
    `category_separator` stands between the names of a category's path; the default is that of the profile, or >. With
    `delete_missing`, items that are not in the file are deleted, up to `max_deletes`, or none if there are more.
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
    decimal: Decimal = "auto"
    attributes: Attributes = "none"
    cell_types: CellTypes = "text"
    profile: Profile | None = None
    create: bool = True
    empty: EmptyCells = "keep"
    category_separator: str | None = None
    delete_missing: bool = False
    max_deletes: int = MAX_DELETES

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
        decimal: Decimal = "auto",
        attributes: str = "none",
        cell_types: CellTypes = "text",
        profile: Profile | str | None = None,
        create: bool = True,
        empty: EmptyCells = "keep",
        category_separator: str | None = None,
        delete_missing: bool = False,
        max_deletes: str | int | None = None,
    ) -> Self:
        """Parse options of the form `field=column`, `field=value` and `attr.NAME=type`.

        `attributes` is all, none, or names of columns separated by commas. `profile` is one, or the name of one of the catalog's.
        `category_separator` has 1 to 10 characters.

        Raises: InvalidQuery with every error.
        """
        errors = FieldErrors()
        try:
            category_separator = None if category_separator is None else parse_separator(category_separator)
        except InvalidQuery as error:
            errors.extend(error)
        if empty not in EMPTY_CELLS:
            errors.add(("empty",), "invalid_choice", f"The option empty must be {' or '.join(EMPTY_CELLS)}, not {empty!r:.40}.")
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
            decimal,
            parse_attributes(attributes),
            cell_types,
            load_profile(profile) if isinstance(profile, str) else profile,
            create,
            empty,
            category_separator,
            delete_missing,
            _parse_max_deletes(max_deletes, errors),
        )
        for name, type_name in plan.types.items():
            if type_name not in TYPES or not name.startswith(ATTRIBUTE):
                errors.add(("type",), "unknown_type", f"A type must be attr.NAME={'|'.join(TYPES)}, not {name}={type_name}.")
        errors.raise_if_any(InvalidQuery)
        return plan

    @property
    def separator(self) -> str:
        """What stands between the names of a category's path: as the caller says, or else as in the profile's system."""
        return self.category_separator or (self.profile and self.profile.category_separator) or DEFAULT_SEPARATOR

    def layout(
        self, columns: tuple[str, ...] | None, sample: Sequence[Row | MalformedRow] = ()
    ) -> tuple[ColumnLayout, ColumnDetection]:
        """Decide how columns become fields, from the header (None if rows name their own values) and the first rows.

        Raises: InvalidQuery if a mapped column is missing, InvalidFile if there is no SKU or a used column is repeated.
        """
        detection = self.detect(columns, sample)
        detection.raise_problem()
        return self.layout_of(detection), detection

    def detect(self, columns: tuple[str, ...] | None, sample: Sequence[Row | MalformedRow] = ()) -> ColumnDetection:
        """Decide how columns become fields as `layout` does, as far as possible even if the file cannot be imported."""
        rows = [row.values for row in sample if isinstance(row, Row)]
        names = tuple(dict.fromkeys(name for values in rows for name in values)) if columns is None else columns
        option_errors, attribute_errors = FieldErrors(), FieldErrors()
        match = self._match(names, option_errors, has_header=columns is not None)
        mapping = dict(match.mapping)
        offers = _offers(names) if self.profile is None else []
        problem: InvalidInput | None = None
        if option_errors:
            problem = option_errors.to_error(InvalidQuery)
        elif rows or columns is not None:
            used = {field: column for field, column in mapping.items() if field not in READ_ONLY_FIELDS or self.preserve}
            has_sku = "sku" in mapping or "sku" in self.all_constants
            problem = header_problem(names, match, used, has_sku=has_sku, offers=offers)
        taken, attribute_warnings = take_attributes(names, self._attributes(names, columns), mapping, attribute_errors)
        if problem is None and attribute_errors:
            problem = attribute_errors.to_error(InvalidQuery)
        mapping |= taken
        mark, mark_warning = self._decimal_mark([values.get(mapping.get("price", "")) for values in rows])
        offered = suggest(names, mapping | dict(self.all_constants))
        return ColumnDetection(
            decimal=mark,
            mapping=mapping,
            types=self._types(mapping, rows) if columns is not None else self.types,
            attributes=tuple(taken.values()),
            ignored=self._ignored(names, mapping),
            profile=None if self.profile is None else self.profile.name,
            warnings=tuple(filter(None, (*match.warnings, *attribute_warnings, *offers, *offered, mark_warning))),
            problem=problem,
        )

    def layout_of(self, detection: ColumnDetection) -> ColumnLayout:
        """Return the layout of the rows of a file, as it was decided."""
        return self._layout(detection.mapping, detection)

    def layout_of_names(self, names: tuple[str, ...], detection: ColumnDetection) -> tuple[ColumnLayout, tuple[str, ...]]:
        """Return the layout of rows with these names, in a file without a header; and the names that are ignored."""
        mapping = dict(self._match(names, FieldErrors(), has_header=False).mapping)
        mapping |= take_attributes(names, self._attributes(names, None), mapping, FieldErrors())[0]
        return self._layout(mapping, detection), self._ignored(names, mapping)

    def arrange(
        self, rows: Iterator[Row | MalformedRow], detection: ColumnDetection, columns: Sequence[str] | None = None
    ) -> Iterator[Row | MalformedRow]:
        """Change rows as the profile says, if there is one: variants get what they share. `columns` are those of the header."""
        if self.profile is None:
            return rows
        rules = self.profile.rules.resolve(tuple(detection.mapping.values()) + detection.ignored)
        return arrange_rows(rows, rules, detection.mapping.get("sku", "sku"), columns or ())

    def _match(self, names: Sequence[str], errors: FieldErrors, *, has_header: bool) -> ColumnMatch:
        """Return the column of each field. Add an error for each column that the caller named and a header does not have."""
        given = find_columns(self.columns, names, errors) if has_header else dict(self.columns)
        warnings: list[str] = []
        if self.profile is not None:
            profile_columns = {field: find_column(name, names) for field, name in self.profile.columns.items()}
            given = {field: column for field, column in profile_columns.items() if column is not None} | given
            if self.profile.rules.images:
                warnings.append(f"Of the images of a product, the first {MAX_IMAGES} become attributes.")
            if self.profile.rules.makes_attributes:
                given.setdefault("attributes", MADE_ATTRIBUTES)
        if not has_header:
            return ColumnMatch(match_names(names, given, read_only=self.preserve), tuple(warnings))
        match = match_columns(names, given, read_only=self.preserve)
        return replace(match, warnings=(*match.warnings, *warnings))

    def _attributes(self, names: Sequence[str], columns: Sequence[str] | None) -> Attributes:
        """Return the option; without a header, only with the names that there are, because other rows may have the others."""
        if columns is not None or isinstance(self.attributes, str):
            return self.attributes
        return tuple(name for name in self.attributes if find_column(name, names) is not None)

    def _layout(self, mapping: Mapping[str, str], detection: ColumnDetection) -> ColumnLayout:
        return ColumnLayout(mapping, self.all_constants, detection.types, detection.decimal, preserve=self.preserve)

    @property
    def all_constants(self) -> Mapping[str, str]:
        """Return the constants of the caller and, for fields that the caller does not map, those of the profile."""
        if self.profile is None:
            return self.constants
        return {name: value for name, value in self.profile.constants.items() if name not in self.columns} | dict(self.constants)

    def _decimal_mark(self, prices: Sequence[object]) -> tuple[DecimalMark | None, str]:
        """Return the decimal mark of the prices, and a warning."""
        return detect_mark(prices) if self.decimal == "auto" else (self.decimal, "")

    def _types(self, mapping: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> Mapping[str, str]:
        """Return the types of attributes: those that were given, and if wanted, those that the first rows show."""
        if self.cell_types == "text":
            return self.types
        columns = {field: column for field, column in mapping.items() if field.startswith(ATTRIBUTE) and field not in self.types}
        detected = {field: detect_type(values.get(column) for values in rows) for field, column in columns.items()}
        return {field: name for field, name in detected.items() if name is not None} | dict(self.types)

    def _ignored(self, names: Sequence[str], mapping: Mapping[str, str]) -> tuple[str, ...]:
        """Return the columns that are not used. Read-only fields are in every export and are not worth reporting."""
        used = {*mapping.values(), *READ_ONLY_FIELDS, *REFUSED_COLUMNS}
        if self.profile is not None:
            rules = self.profile.rules.resolve(names)
            used.update(rules.column_names())
        return tuple(name for name in dict.fromkeys(names) if name not in used)


def _offers(columns: Sequence[str]) -> list[str]:
    """Offer the profiles that a header fits."""
    return [f"The file seems to be {profile.title}: profile={profile.name}." for profile in detect_profiles(columns)]


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


def _parse_max_deletes(raw: str | int | None, errors: FieldErrors) -> int:
    """Parse the maximum number of deletions."""
    if raw is None:
        return MAX_DELETES
    text = str(raw)
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MOST_DELETES))):
        errors.add(("max_deletes",), "invalid_integer", f"The option max_deletes must be an integer from 0 to {MOST_DELETES}.")
        return MAX_DELETES
    return int(text)
