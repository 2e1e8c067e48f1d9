"""An item's free attributes: names with a string, integer, other number or boolean each."""

import json
import math
import re
from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from hashlib import sha256
from typing import Self

from catalog.domain.errors import FieldPath
from catalog.domain.text.normalization import find_unstorable
from catalog.domain.validation import FieldErrors
from catalog.domain.values.decimal_literal import DecimalLiteral

AttributeValue = str | int | float | bool

MAX_ATTRIBUTES = 64
MAX_BYTES = 8 * 1024

MAX_KEY = 200
"""Characters of a text that its comparison key holds as they are."""

# The most that a name, a number, and a character of a text take in JSON.
_MAX_NAME, _MAX_NUMBER_LENGTH, _MAX_ESCAPE_LENGTH = 64, 30, 6

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
INT64 = range(-(2**63), 2**63)


class Attributes(Mapping[str, AttributeValue]):
    """Frozen, sorted by name, and equal only when the types are too: 1, 1.0 and true are three values."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, AttributeValue]) -> None:
        """Take values that are valid already (out of a store); `parse` is for those that may not be."""
        self._values = dict(sorted(values.items()))

    def __getitem__(self, name: str) -> AttributeValue:
        """Return the value of an attribute."""
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        """Go through the names, in order."""
        return iter(self._values)

    def __len__(self) -> int:
        """Count the attributes."""
        return len(self._values)

    def items(self) -> ItemsView[str, AttributeValue]:
        """Return names and values, in order."""
        return self._values.items()

    def values(self) -> ValuesView[AttributeValue]:
        """Return the values, in the order of the names."""
        return self._values.values()

    def __eq__(self, other: object) -> bool:
        """Compare names, values and the values' types."""
        if not isinstance(other, Attributes):
            return NotImplemented
        return self._typed() == other._typed()

    def __hash__(self) -> int:
        """Hash what is compared."""
        return hash(self._typed())

    def __repr__(self) -> str:
        """Show the values."""
        return f"Attributes({self._values!r})"

    def _typed(self) -> tuple[tuple[str, type, AttributeValue], ...]:
        return tuple((name, type(value), value) for name, value in self._values.items())

    @classmethod
    def parse(cls, raw: object, faults: FieldErrors, path: FieldPath) -> Self | None:
        """Read an object of attributes: up to 64, 8 KiB together (UTF-8 bytes of their JSON).

        An attribute that is null is absent; null instead of the object is none at all.
        """
        if raw is None:
            return cls({})
        if not isinstance(raw, dict | Mapping):  # a dict is told sooner than any other mapping
            faults.add(path, "wrong_type", 'Attributes are an object of names and values: {"colour": "red"}.')
            return None
        before = faults.total
        values: dict[str, AttributeValue] = {}
        absent = 0
        for name, value in raw.items():
            if value is None:
                absent += 1
                continue
            valid = _value(name, value, faults, (*path, name))
            if valid is not None:
                values[name] = valid
        if len(raw) - absent > MAX_ATTRIBUTES:
            faults.add(path, "too_many", f"There are {len(raw) - absent} attributes; at most {MAX_ATTRIBUTES} are kept.")
        if faults.total > before:
            return None
        size = _size(values)
        if size > MAX_BYTES:
            faults.add(path, "too_large", f"The attributes take {size} bytes as JSON; at most {MAX_BYTES} are kept.")
            return None
        return cls(values)


def _size(values: Mapping[str, AttributeValue]) -> int:
    """Count the UTF-8 bytes of the JSON of some values; 0 for few that are small, where nobody need count."""
    characters = sum(len(value) if isinstance(value, str) else _MAX_NUMBER_LENGTH for value in values.values())
    if characters * _MAX_ESCAPE_LENGTH + len(values) * (_MAX_NAME + len('"":"",')) <= MAX_BYTES:
        return 0
    return len(json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode())


def is_name(text: str) -> bool:
    """Whether an attribute may have this name."""
    return _NAME.fullmatch(text) is not None


def sort_key(value: AttributeValue) -> str:
    """Return the ASCII-led text by which attributes are compared, by code point, on every store.

    Booleans (`b…`), numbers (`n…`) and texts (`t…`) are never equal to each other. Integers and other numbers are compared
    by what they are worth, exactly: 1 is 1.0, and 2**53 + 1 is not 2.0**53. Texts are compared by their first MAX_KEY
    characters; what is longer is equal only to itself.
    """
    if isinstance(value, bool):
        return f"b{value:d}"
    if isinstance(value, str):
        return f"t{value}" if len(value) <= MAX_KEY else f"t{value[:MAX_KEY]}{sha256(value.encode()).hexdigest()}"
    return f"n{_number_key(value)}"


def key_value(key: str) -> AttributeValue:
    """Return what a key stands for: a whole number as an integer, and of a text what its key holds."""
    kind, rest = key[0], key[1:]
    if kind == "b":
        return rest == "1"
    return rest[:MAX_KEY] if kind == "t" else _key_number(rest)


def _number_key(value: float) -> str:
    """Write a number so that texts are in the order of the numbers: sign, exponent of two, and 64 bits from the highest on.

    Every int64 and every double is that exactly.
    """
    if not value:
        return "1"
    numerator, denominator = abs(value).as_integer_ratio()  # the denominator is a power of two
    length = numerator.bit_length()
    bits = numerator << 64 - length if length <= 64 else numerator >> length - 64  # noqa: PLR2004 - see above
    digits = f"{length - denominator.bit_length() + _BIAS:04x}{bits:016x}"
    return f"2{digits}" if value > 0 else f"0{digits.translate(_COMPLEMENT)}"


def _key_number(rest: str) -> int | float:
    """Read what `_number_key` wrote."""
    if rest == "1":
        return 0
    digits = rest[1:] if rest[0] == "2" else rest[1:].translate(_COMPLEMENT)
    exponent, bits = int(digits[:4], 16) - _BIAS - 63, int(digits[4:], 16)
    sign = 1 if rest[0] == "2" else -1
    if exponent <= 0 and bits % (1 << -exponent) == 0:
        return sign * (bits >> -exponent)
    return sign * math.ldexp(bits, exponent)


_BIAS = 1100
"""Added to the exponents of two (-1,074 to 1,023), so that they are positive."""

_COMPLEMENT = str.maketrans("0123456789abcdef", "fedcba9876543210")


def _value(name: str, raw: object, faults: FieldErrors, path: FieldPath) -> AttributeValue | None:
    """Read one attribute."""
    if not _NAME.fullmatch(name):
        faults.add(path, "invalid_name", "An attribute's name is 1 to 64 of a-z, 0-9 and _, beginning with a letter: page_count.")
    elif isinstance(raw, bool):
        return raw
    elif isinstance(raw, str):
        bad = find_unstorable(raw)
        if bad is None:
            return raw
        faults.add(path, "invalid_text", f"The attribute {name} contains {bad}; take it out.")
    elif isinstance(raw, int | float | DecimalLiteral):
        return _number(name, raw, faults, path)
    else:
        faults.add(path, "wrong_type", f"The attribute {name} is neither text, number nor boolean; nothing else can be kept.")
    return None


def _number(name: str, raw: float | DecimalLiteral, faults: FieldErrors, path: FieldPath) -> int | float | None:
    """Read a number: an integer within int64, any other as a finite double."""
    if (isinstance(raw, int) and raw not in INT64) or (isinstance(raw, DecimalLiteral) and raw.whole):
        faults.add(path, "integer_too_large", f"The attribute {name} is an integer beyond 64 bits; give it as text.")
        return None
    number = float(raw.text) if isinstance(raw, DecimalLiteral) else raw
    if not math.isfinite(number):
        faults.add(path, "not_finite", f"The attribute {name} is beyond what a number can hold (or is none); give it as text.")
        return None
    return number
