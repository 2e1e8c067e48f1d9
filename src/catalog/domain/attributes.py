"""An item's free attributes: names with a string, integer, other number or boolean each."""

import json
import math
import re
from collections.abc import ItemsView, Iterator, Mapping
from typing import Self

from catalog.domain.errors import Path
from catalog.domain.faults import Faults
from catalog.domain.numeral import Numeral
from catalog.domain.text import unstorable

AttributeValue = str | int | float | bool

MAX_ATTRIBUTES = 64
MAX_BYTES = 8 * 1024

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_INT64 = range(-(2**63), 2**63)


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
    def parse(cls, raw: object, faults: Faults, path: Path) -> Self | None:
        """Read an object of attributes: up to 64, 8 KiB together (UTF-8 bytes of their JSON); null is none at all."""
        if raw is None:
            return cls({})
        if not isinstance(raw, Mapping):
            faults.add(path, "wrong_type", 'Attributes are an object of names and values: {"colour": "red"}.')
            return None
        before = len(faults.found)
        values: dict[str, AttributeValue] = {}
        for name, value in raw.items():
            valid = _value(name, value, faults, (*path, name))
            if valid is not None:
                values[name] = valid
        if len(raw) > MAX_ATTRIBUTES:
            faults.add(path, "too_many", f"There are {len(raw)} attributes; at most {MAX_ATTRIBUTES} are kept.")
        if len(faults.found) > before:
            return None
        size = len(json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode())
        if size > MAX_BYTES:
            faults.add(path, "too_large", f"The attributes take {size} bytes as JSON; at most {MAX_BYTES} are kept.")
            return None
        return cls(values)


def _value(name: str, raw: object, faults: Faults, path: Path) -> AttributeValue | None:
    """Read one attribute."""
    if not _NAME.fullmatch(name):
        faults.add(path, "invalid_name", "An attribute's name is 1 to 64 of a-z, 0-9 and _, beginning with a letter: page_count.")
    elif isinstance(raw, bool):
        return raw
    elif isinstance(raw, str):
        bad = unstorable(raw)
        if bad is None:
            return raw
        faults.add(path, "invalid_text", f"The attribute {name} contains {bad}; take it out.")
    elif isinstance(raw, int | float | Numeral):
        return _number(name, raw, faults, path)
    else:
        faults.add(path, "wrong_type", f"The attribute {name} is neither text, number nor boolean; nothing else can be kept.")
    return None


def _number(name: str, raw: float | Numeral, faults: Faults, path: Path) -> int | float | None:
    """Read a number: an integer within int64, any other as a finite double."""
    if (isinstance(raw, int) and raw not in _INT64) or (isinstance(raw, Numeral) and raw.whole):
        faults.add(path, "integer_too_large", f"The attribute {name} is an integer beyond 64 bits; give it as text.")
        return None
    number = float(raw.text) if isinstance(raw, Numeral) else raw
    if not math.isfinite(number):
        faults.add(path, "not_finite", f"The attribute {name} is beyond what a number can hold (or is none); give it as text.")
        return None
    return number
