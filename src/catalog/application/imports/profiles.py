"""Profiles: which columns of another system's export are which fields. They are data; see the TOML files in `profiles/`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Self

from catalog.application.imports.category_paths import parse_separator
from catalog.application.imports.columns import find_column, normalize_name
from catalog.application.imports.field_names import is_field
from catalog.domain.errors import FieldError, InvalidQuery, shorten

_FOLDER = Path(__file__).parent / "profiles"

NAMES = ("amazon", "bestbuy", "google", "magento", "shopify", "woocommerce")
"""The profiles that come with the catalog."""

MAX_PROFILE_SIZE = 64 * 1024
"""Maximum bytes of a profile file."""


@dataclass(frozen=True, slots=True)
class RowRules:
    """How a profile changes rows before fields are taken from them.

    `group` has the column, or several of which the first filled one counts, whose value consecutive rows of a product share; the
    columns in `fill` are filled down from its first row. A row without a SKU and without the columns in `needs` is no item of its
    own. `images` become attributes of all rows of the product; `pairs` are columns with the name and the value of an attribute;
    `packed` are columns with several, such as `size=L,colour=red`. HTML in the columns in `html` becomes plain text. Lists
    of objects with a name, in the columns in `paths`, become one text. Rows with a value in a column in `skip` are left out.
    Numbers in the columns in `texts` become text.
    """

    group: tuple[str, ...] = ()
    fill: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    ignored_values: tuple[str, ...] = ()
    packed: tuple[str, ...] = ()
    html: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    def resolve(self, columns: Sequence[str]) -> Self:
        """Return the rules with the names of columns as a file spells them."""
        spelled = {name: find_column(name, columns) or name for name in self.column_names()}
        named = {name: tuple(spelled[column] for column in getattr(self, name)) for name in _COLUMN_RULES}
        return replace(self, pairs=tuple((spelled[name], spelled[value]) for name, value in self.pairs), **named)

    def column_names(self) -> set[str]:
        """Return the columns that the rules use."""
        return {column for name in _COLUMN_RULES for column in getattr(self, name)} | {
            name for pair in self.pairs for name in pair
        }

    @property
    def makes_attributes(self) -> bool:
        """Return whether the rules add attributes to rows."""
        return bool(self.images or self.pairs or self.packed)


_COLUMN_RULES = ("group", "fill", "needs", "images", "packed", "html", "paths", "skip", "texts")


@dataclass(frozen=True, slots=True)
class Profile:
    """The columns of a system's export. `signature` are columns by which such a file is recognized.

    With `currency_in_price`, an export writes the currency behind each amount; an import reads it in any case.
    """

    name: str
    title: str
    signature: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    category_separator: str | None = None
    rules: RowRules = RowRules()
    currency_in_price: bool = False

    @classmethod
    def parse(cls, text: str, name: str) -> Self:
        """Parse a profile from TOML. Raises: InvalidQuery."""
        import tomllib  # noqa: PLC0415 - only some imports need it

        try:
            document = tomllib.loads(text)
            rules = document.pop("rows", {})
            pairs = _pairs(rules.pop("pairs", []))
            profile = cls(
                name,
                _text(document.pop("title", name)),
                _names(document.pop("signature", [])),
                _fields(document.pop("columns", {})),
                _fields(document.pop("constants", {})),
                parse_separator(document.pop("category_separator")) if "category_separator" in document else None,
                RowRules(**{key: _names(value) for key, value in rules.items()}, pairs=pairs),
                _flag(document.pop("currency_in_price", False)),
            )
        except (ValueError, TypeError, AttributeError, InvalidQuery) as error:
            raise _invalid(f"The profile {name} is invalid: {shorten(str(error).rstrip('.'), 200)}.") from error
        if document:
            raise _invalid(f"The profile {name} has an unknown member {shorten(next(iter(document)))}.")
        return profile


def load_profile(name: str) -> Profile:
    """Return one of the profiles in NAMES. Raises: InvalidQuery."""
    if name not in NAMES:
        raise _invalid(f"Unknown profile {shorten(name)}. Allowed: {', '.join(NAMES)}.")
    return _load(name)


def load_profile_file(path: Path) -> Profile:
    """Return the profile in a file of the user. Raises: InvalidQuery."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_PROFILE_SIZE + 1)
        text = content.decode()
    except (OSError, ValueError) as error:
        raise _invalid(f"The profile {path} cannot be read: {shorten(error)}.") from error
    if len(content) > MAX_PROFILE_SIZE:
        raise _invalid(f"The profile {path} has more than {MAX_PROFILE_SIZE} bytes.")
    return Profile.parse(text, path.stem)


def detect_profiles(columns: Sequence[str]) -> list[Profile]:
    """Return the profiles whose signature these columns have."""
    names = set(map(normalize_name, columns))
    return [profile for profile in map(_load, NAMES) if names.issuperset(map(normalize_name, profile.signature))]


@cache
def _load(name: str) -> Profile:
    return Profile.parse((_FOLDER / f"{name}.toml").read_text("utf-8"), name)


def _fields(values: Any) -> dict[str, str]:  # noqa: ANN401 - a TOML value
    """Return texts by field. Raises: ValueError."""
    for name, value in values.items():
        if not is_field(name) or not isinstance(value, str) or not value:
            message = f"{name!r} must be a field, and its value a text"
            raise ValueError(message)
    return dict(values)


def _text(value: Any) -> str:  # noqa: ANN401 - a TOML value
    """Return a text that is not blank. Raises: ValueError."""
    if not isinstance(value, str) or not value.strip():
        message = f"{value!r} must be a string"
        raise ValueError(message)
    return value


def _flag(value: Any) -> bool:  # noqa: ANN401 - a TOML value
    """Return true or false. Raises: ValueError."""
    if not isinstance(value, bool):
        message = f"{value!r} must be true or false"
        raise ValueError(message)  # noqa: TRY004 - reported with the other errors of a profile
    return value


def _names(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - a TOML value
    """Return a list of names as a tuple. Raises: ValueError."""
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        message = f"{value!r} must be a list of column names"
        raise ValueError(message)
    return tuple(value)


def _pairs(value: Any) -> tuple[tuple[str, str], ...]:  # noqa: ANN401 - a TOML value
    """Return a list of pairs of names as tuples. Raises: ValueError."""
    return tuple((name, content) for name, content in map(_names, value))


def _invalid(message: str) -> InvalidQuery:
    return InvalidQuery([FieldError(("profile",), "invalid_profile", message)])
