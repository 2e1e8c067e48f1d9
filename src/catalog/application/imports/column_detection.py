"""What was decided about the columns of a file. It becomes part of the report, so that nothing is guessed silently."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from catalog.application.imports.amounts import DecimalMark
from catalog.domain.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class ColumnDetection:
    """How columns become fields: what the caller fixed, and what the header and the sample showed.

    `mapping` has the column of each field, `types` the types of attributes, `attributes` the columns that the option of this name
    took. `decimal` is the decimal mark of prices, None if the sample does not prove one. `warnings` are sentences for people.
    `problem` is why the file cannot be imported so; the rest is what was decided nevertheless.
    """

    decimal: DecimalMark | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    attributes: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    profile: str | None = None
    warnings: tuple[str, ...] = ()
    problem: InvalidInput | None = None

    def raise_problem(self) -> None:
        """Refuse the file if it cannot be imported so.

        Raises: InvalidQuery if a column that the caller named is missing, InvalidFile if there is no SKU or a used column is
        repeated.
        """
        if self.problem is not None:
            raise self.problem

    def describe(self) -> str:
        """Describe in a few words what is not the default: "decimal comma; 212 columns ignored"."""
        words = [
            f"profile {self.profile}" if self.profile else "",
            "decimal comma" if self.decimal == "comma" else "",
            _count(len(self.attributes), "taken as attributes", "taken as an attribute"),
            _count(len(self.ignored), "ignored", "ignored"),
        ]
        return "; ".join(word for word in words if word)


def _count(number: int, many: str, one: str) -> str:
    """Count columns in words; an empty string for none."""
    return "" if not number else f"1 column {one}" if number == 1 else f"{number} columns {many}"
