"""Attributes: which values are accepted, and when two are equal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.domain.items.attributes import MAX_KEY, Attributes, sort_key, value_from_key
from catalog.domain.validation import FieldErrors
from catalog.domain.values.decimal_literal import DecimalLiteral


def parse(raw: object) -> tuple[dict[str, object] | None, list[tuple[str, str]]]:
    """Parse attributes; return them with the path and code of each error."""
    errors = FieldErrors()
    attributes = Attributes.parse(raw, errors, ("attributes",))
    return (None if attributes is None else dict(attributes)), [
        ("/".join(map(str, error.path)), error.code) for error in errors.found
    ]


def test_strings_integers_floats_and_booleans_are_accepted_and_sorted_by_name() -> None:
    """Each value keeps its type."""
    values, errors = parse(
        {"d": True, "a": "x", "b": 2**63 - 1, "c": DecimalLiteral("1.50"), "e": DecimalLiteral("1e3"), "f": 0.5}
    )
    assert errors == []
    assert values is not None
    assert list(values) == ["a", "b", "c", "d", "e", "f"]
    assert [type(value) for value in values.values()] == [str, int, float, bool, float, float]
    assert (values["c"], values["e"]) == (1.5, 1000.0)


def test_null_is_no_attributes_at_all() -> None:
    """Null and an empty object are the same."""
    assert parse(None) == parse({}) == ({}, [])


@pytest.mark.parametrize(
    ("raw", "path", "code"),
    [
        ([], "attributes", "wrong_type"),
        ({"A": 1}, "attributes/A", "invalid_name"),
        ({"1a": 1}, "attributes/1a", "invalid_name"),
        ({"a" * 65: 1}, "attributes/" + "a" * 65, "invalid_name"),
        ({"a": []}, "attributes/a", "wrong_type"),
        ({"a": 2**63}, "attributes/a", "integer_too_large"),
        ({"a": DecimalLiteral("9" * 30)}, "attributes/a", "integer_too_large"),
        ({"a": DecimalLiteral("1e400")}, "attributes/a", "not_finite"),
        ({"a": float("nan")}, "attributes/a", "not_finite"),
        ({"a": "\x00"}, "attributes/a", "invalid_text"),
        ({f"a{number}": 1 for number in range(65)}, "attributes", "too_many"),
        ({"a": "ü" * 4096}, "attributes", "too_large"),
    ],
)
def test_invalid_attributes_are_rejected(raw: object, path: str, code: str) -> None:
    """The error has the attribute's path and a code."""
    assert parse(raw) == (None, [(path, code)])


def test_eight_kibibytes_are_counted_as_utf_8_of_their_json() -> None:
    """One byte more than the limit is rejected."""
    longest = 8 * 1024 - len('{"a":""}')
    assert parse({"a": "x" * longest})[1] == []
    assert parse({"a": "x" * (longest + 1)})[1] == [("attributes", "too_large")]


def test_values_of_different_types_are_different() -> None:
    """In Python, 1, 1.0 and True are equal; as attributes they are not."""
    integer, number, boolean = (Attributes({"a": value}) for value in (1, 1.0, True))
    assert len({integer, number, boolean}) == 3
    assert integer == Attributes({"a": 1})
    assert integer != {"a": 1}
    assert repr(integer) == "Attributes({'a': 1})"


names = st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True)
values = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
)


@given(st.dictionaries(names, values, max_size=20))
def test_every_valid_value_is_preserved_exactly(raw: dict[str, str | int | float | bool]) -> None:
    """Value and type are preserved."""
    parsed, errors = parse(raw)
    assert errors == []
    assert parsed is not None
    assert {name: (type(value), value) for name, value in parsed.items()} == {
        name: (type(value), value) for name, value in raw.items()
    }


_NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.integers(-9, 9), st.floats(allow_nan=False, allow_infinity=False), st.just(2.0**53 + 2)
)


@given(st.lists(_NUMBERS, max_size=20))
def test_numbers_sort_by_their_keys(numbers: list[float]) -> None:
    """Keys order integers and floats exactly, and can be decoded."""
    assert sorted(numbers, key=sort_key) == sorted(numbers)
    for number in numbers:
        assert value_from_key(sort_key(number)) == number
        assert all((sort_key(number) == sort_key(other)) == (number == other) for other in numbers)


def test_keys_distinguish_types_and_long_strings() -> None:
    """The key of a long string can be decoded to its first MAX_KEY characters."""
    assert len({sort_key(value) for value in (1, True, "1", "true", "n1", 0, False, "")}) == 8
    assert [value_from_key(sort_key(value)) for value in (True, False, "a", 0, 2.0, -3, 1e300)] == [
        True,
        False,
        "a",
        0,
        2,
        -3,
        1e300,
    ]
    assert isinstance(value_from_key(sort_key(2.0)), int)
    long = "x" * 300
    assert sort_key(long) != sort_key(long + "y")
    assert sort_key(long) < sort_key("y")
    assert value_from_key(sort_key(long)) == "x" * MAX_KEY
