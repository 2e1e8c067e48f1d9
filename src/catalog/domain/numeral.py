"""A number as its digits, so that an amount is read as it was written and never passes through a float."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number that an int cannot hold as it was written: 12.50, 1e3, or digits without end.

    Readers of documents make these from fractions, exponents and oversized integers; `text` is what was written.
    """

    text: str

    @property
    def whole(self) -> bool:
        """Whether it was written as an integer."""
        return self.text.lstrip("-").isdecimal()
