"""A number as its digits, so that an amount is read as it was written and never passes through a float."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

_LONGEST_WHOLE = 40
"""Characters of a number that is still read as an integer."""


@dataclass(frozen=True, slots=True)
class DecimalLiteral:
    """A number that an int cannot hold as it was written: 12.50, 1e3, or digits without end.

    Readers of documents make these from fractions, exponents and oversized integers; `text` is what was written.
    """

    text: str

    @property
    def whole(self) -> bool:
        """Whether it was written as an integer."""
        return self.text.lstrip("-").isdecimal()


def whole_number(raw: object) -> int | None:
    """Return an integer within 64 bits, also one written with a fraction of zero or an exponent: 3, 3.0, 3e0.

    (JSON has one kind of number, and JSON Schema counts all of these as integers.) None for anything else.
    """
    if isinstance(raw, bool):
        return None
    if isinstance(raw, DecimalLiteral) and len(raw.text) <= _LONGEST_WHOLE:
        try:
            number = Decimal(raw.text)
        except InvalidOperation:
            return None
        raw = int(number) if abs(number) < 2**63 and number == number.to_integral_value() else None
    return raw if isinstance(raw, int) and -(2**63) <= raw < 2**63 else None
