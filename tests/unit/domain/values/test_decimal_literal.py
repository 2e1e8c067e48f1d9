"""Numbers as they were written."""

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
    """As JSON Schema counts integers."""
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
def test_what_is_no_integer_within_64_bits_is_none(raw: object) -> None:
    """However large its exponent is."""
    assert whole_number(raw) is None
