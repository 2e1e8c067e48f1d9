"""An item's free attributes: each has a name and a string, integer, float or boolean as its value."""

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
"""Maximum length of the string prefix, in characters, that a comparison key contains."""

# Upper bounds for the JSON length of a name, a number, and one character of a string.
_MAX_NAME, _MAX_NUMBER_LENGTH, _MAX_ESCAPE_LENGTH = 64, 30, 6

NAME_PATTERN = "[a-z][a-z0-9_]{0,63}"

_NAME = re.compile(NAME_PATTERN)
INT64 = range(-(2**63), 2**63)


class Attributes(Mapping[str, AttributeValue]):
    """An immutable mapping, sorted by name. Equality includes types: 1, 1.0 and true are three different values."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, AttributeValue]) -> None:
        """Take values that are already valid, such as those from a store; use `parse` for untrusted ones."""
        self._values = dict(sorted(values.items()))

    def __getitem__(self, name: str) -> AttributeValue:
        """Return the value of an attribute."""
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, in order."""
        return iter(self._values)

    def __len__(self) -> int:
        """Return the number of attributes."""
        return len(self._values)

    def items(self) -> ItemsView[str, AttributeValue]:
        """Return names and values, in order."""
        return self._values.items()

    def values(self) -> ValuesView[AttributeValue]:
        """Return the values, in the order of the names."""
        return self._values.values()

    def __eq__(self, other: object) -> bool:
        """Compare names, values, and the types of the values."""
        if not isinstance(other, Attributes):
            return NotImplemented
        return self._typed() == other._typed()

    def __hash__(self) -> int:
        """Hash names, values, and the types of the values."""
        return hash(self._typed())

    def __repr__(self) -> str:
        """Show the values."""
        return f"Attributes({self._values!r})"

    def _typed(self) -> tuple[tuple[str, type, AttributeValue], ...]:
        return tuple((name, type(value), value) for name, value in self._values.items())

    @classmethod
    def parse(cls, raw: object, errors: FieldErrors, path: FieldPath) -> Self | None:
        """Parse an object of up to 64 attributes and up to 8 KiB (UTF-8 bytes of its JSON).

        A null attribute is treated as absent, and null instead of the object as an empty object. Errors are added to `errors`,
        below `path`; the result is None then.
        """
        if raw is None:
            return cls({})
        if not isinstance(raw, dict | Mapping):  # isinstance is faster for dict than for the ABC
            errors.add(path, "wrong_type", 'Attributes must be an object of names and values: {"colour": "red"}.')
            return None
        errors_before = errors.total
        values: dict[str, AttributeValue] = {}
        null_count = 0
        for name, value in raw.items():
            if value is None:
                null_count += 1
                continue
            parsed = _parse_value(name, value, errors, (*path, name))
            if parsed is not None:
                values[name] = parsed
        if len(raw) - null_count > MAX_ATTRIBUTES:
            errors.add(path, "too_many", f"There are {len(raw) - null_count} attributes; the maximum is {MAX_ATTRIBUTES}.")
        if errors.total > errors_before:
            return None
        size = _json_size(values)
        if size > MAX_BYTES:
            errors.add(path, "too_large", f"The attributes take {size} bytes as JSON; the maximum is {MAX_BYTES}.")
            return None
        return cls(values)


def _json_size(values: Mapping[str, AttributeValue]) -> int:
    """Return the size of the values as JSON, in UTF-8 bytes; 0 if an upper bound already shows that they fit."""
    characters = sum(len(value) if isinstance(value, str) else _MAX_NUMBER_LENGTH for value in values.values())
    if characters * _MAX_ESCAPE_LENGTH + len(values) * (_MAX_NAME + len('"":"",')) <= MAX_BYTES:
        return 0
    return len(json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode())


def is_name(text: str) -> bool:
    """Return whether a text is a valid attribute name."""
    return _NAME.fullmatch(text) is not None


def sort_key(value: AttributeValue) -> str:
    """Return the comparison key of a value, which every store compares by code point.

    The first character is the type, so booleans (`b…`), numbers (`n…`) and strings (`t…`) are never equal to each other.
    Integers and floats are compared exactly by value: 1 equals 1.0, and 2**53 + 1 does not equal 2.0**53. Strings are ordered by
    their first MAX_KEY characters; one that is longer equals only itself.
    """
    if isinstance(value, bool):
        return f"b{value:d}"
    if isinstance(value, str):
        return f"t{value}" if len(value) <= MAX_KEY else f"t{value[:MAX_KEY]}{sha256(value.encode()).hexdigest()}"
    return f"n{_number_key(value)}"


def value_from_key(key: str) -> AttributeValue:
    """Return the value of a comparison key: integral numbers as int, long strings cut to MAX_KEY characters."""
    kind, encoded = key[0], key[1:]
    if kind == "b":
        return encoded == "1"
    return encoded[:MAX_KEY] if kind == "t" else _key_number(encoded)


def _number_key(value: float) -> str:
    """Encode a number so that keys sort like numbers: sign, binary exponent, and the 64 most significant bits.

    This is exact for every int64 and every double.
    """
    if not value:
        return "1"
    numerator, denominator = abs(value).as_integer_ratio()  # the denominator is a power of two
    length = numerator.bit_length()
    bits = numerator << 64 - length if length <= 64 else numerator >> length - 64  # noqa: PLR2004 - see above
    digits = f"{length - denominator.bit_length() + _BIAS:04x}{bits:016x}"
    return f"2{digits}" if value > 0 else f"0{digits.translate(_COMPLEMENT)}"


def _key_number(encoded: str) -> int | float:
    """Decode a key of `_number_key`."""
    if encoded == "1":
        return 0
    digits = encoded[1:] if encoded[0] == "2" else encoded[1:].translate(_COMPLEMENT)
    exponent, bits = int(digits[:4], 16) - _BIAS - 63, int(digits[4:], 16)
    sign = 1 if encoded[0] == "2" else -1
    if exponent <= 0 and bits % (1 << -exponent) == 0:
        return sign * (bits >> -exponent)
    return sign * math.ldexp(bits, exponent)


_BIAS = 1100
"""Added to binary exponents (-1,074 to 1,023) to make them positive."""

_COMPLEMENT = str.maketrans("0123456789abcdef", "fedcba9876543210")


def _parse_value(name: str, raw: object, errors: FieldErrors, path: FieldPath) -> AttributeValue | None:
    """Parse one attribute."""
    if not _NAME.fullmatch(name):
        message = "An attribute name has 1 to 64 characters of a-z, 0-9 and _, starting with a letter: page_count."
        errors.add(path, "invalid_name", message)
    elif isinstance(raw, bool):
        return raw
    elif isinstance(raw, str):
        unstorable = find_unstorable(raw)
        if unstorable is None:
            return raw
        errors.add(path, "invalid_text", f"The attribute {name} contains {unstorable}; remove it.")
    elif isinstance(raw, int | float | DecimalLiteral):
        return _parse_number(name, raw, errors, path)
    else:
        errors.add(path, "wrong_type", f"The attribute {name} must be a string, a number or a boolean.")
    return None


def _parse_number(name: str, raw: float | DecimalLiteral, errors: FieldErrors, path: FieldPath) -> int | float | None:
    """Parse a number: an int64 or a finite double."""
    if (isinstance(raw, int) and raw not in INT64) or (isinstance(raw, DecimalLiteral) and raw.is_integer):
        errors.add(path, "integer_too_large", f"The attribute {name} is an integer beyond 64 bits; use a string instead.")
        return None
    number = float(raw.text) if isinstance(raw, DecimalLiteral) else raw
    if not math.isfinite(number):
        errors.add(path, "not_finite", f"The attribute {name} is not a finite double; use a string instead.")
        return None
    return number
