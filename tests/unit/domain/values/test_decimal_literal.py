"""Decimal literals, and which of them are integers."""

import pytest

from catalog.domain.values.decimal_literal import DecimalLiteral, whole_number


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        (0, 0),
        (-(2**63), -(2**63)),
        (2**63 - 1, 2**63 - 1),
        (DecimalLiteral("175.0"), 175),
        (DecimalLiteral("1.5e1"), 15),
        (DecimalLiteral("9223372036854775807.0"), 2**63 - 1),
        (DecimalLiteral("-0.0"), 0),
    ],
)
def test_an_integer_may_be_written_with_decimals_or_an_exponent(raw: object, number: int) -> None:
    """JSON Schema treats these as integers."""
    assert whole_number(raw) == number


@pytest.mark.parametrize(
    "raw",
    [
        None,
        True,
        "3",
        3.0,
        2**63,
        -(2**63) - 1,
        DecimalLiteral("3.5"),
        DecimalLiteral("9223372036854775808"),
        DecimalLiteral("1e400"),
        DecimalLiteral("1e99999999999999999999"),
        DecimalLiteral("3." + "0" * 40),
    ],
)
def test_anything_else_than_a_64_bit_integer_is_none(raw: object) -> None:
    """This includes literals with a huge exponent."""
    assert whole_number(raw) is None
