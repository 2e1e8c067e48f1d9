"""Numbers kept as digits, so that an amount is parsed exactly as written and never converted to a float."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

_MAX_INTEGER_LENGTH = 40
"""Maximum length, in characters, of a literal that is parsed as an integer."""


@dataclass(frozen=True, slots=True)
class DecimalLiteral:
    """A number as it was written, for numbers that an int cannot represent as written: 12.50, 1e3, or very many digits.

    Parsers create these for numbers with a fraction or an exponent and for oversized integers.
    """

    text: str

    @property
    def is_integer(self) -> bool:
        """Return whether the number was written as an integer."""
        return self.text.lstrip("-").isdecimal()


def whole_number(raw: object) -> int | None:
    """Return a 64-bit integer, even if it was written with a zero fraction or an exponent: 3, 3.0, 3e0. None for anything else.

    JSON has only one number type, and JSON Schema treats all of these as integers.
    """
    if isinstance(raw, bool):
        return None
    if isinstance(raw, DecimalLiteral) and len(raw.text) <= _MAX_INTEGER_LENGTH:
        try:
            number = Decimal(raw.text)
        except InvalidOperation:
            return None
        raw = int(number) if abs(number) < 2**63 and number == number.to_integral_value() else None
    return raw if isinstance(raw, int) and -(2**63) <= raw < 2**63 else None
