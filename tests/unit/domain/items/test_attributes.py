"""Attributes: which are taken, and when two are the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.domain.items.attributes import MAX_KEY, Attributes, key_value, sort_key
from catalog.domain.validation import FieldErrors
from catalog.domain.values.decimal_literal import DecimalLiteral


def read(raw: object) -> tuple[dict[str, object] | None, list[tuple[str, str]]]:
    """Read attributes; return them with where and which faults they have."""
    faults = FieldErrors()
    attributes = Attributes.parse(raw, faults, ("attributes",))
    found = [("/".join(map(str, fault.path)), fault.code) for fault in faults.found]
    return (None if attributes is None else dict(attributes)), found


def test_strings_integers_numbers_and_booleans_are_taken_and_sorted_by_name() -> None:
    """Each keeps its type."""
    values, faults = read(
        {"d": True, "a": "x", "b": 2**63 - 1, "c": DecimalLiteral("1.50"), "e": DecimalLiteral("1e3"), "f": 0.5}
    )
    assert faults == []
    assert values is not None
    assert list(values) == ["a", "b", "c", "d", "e", "f"]
    assert [type(value) for value in values.values()] == [str, int, float, bool, float, float]
    assert (values["c"], values["e"]) == (1.5, 1000.0)


def test_null_is_no_attributes_at_all() -> None:
    """As an empty object is."""
    assert read(None) == read({}) == ({}, [])


@pytest.mark.parametrize(
    ("raw", "where", "code"),
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
def test_what_cannot_be_kept_is_refused(raw: object, where: str, code: str) -> None:
    """With the place and a code."""
    assert read(raw) == (None, [(where, code)])


def test_eight_kibibytes_are_counted_as_utf_8_of_their_json() -> None:
    """The last byte that fits, and the first that does not."""
    fits = 8 * 1024 - len('{"a":""}')
    assert read({"a": "x" * fits})[1] == []
    assert read({"a": "x" * (fits + 1)})[1] == [("attributes", "too_large")]


def test_values_of_different_types_are_different() -> None:
    """Although Python finds 1, 1.0 and True equal."""
    one, number, truth = (Attributes({"a": value}) for value in (1, 1.0, True))
    assert len({one, number, truth}) == 3
    assert one == Attributes({"a": 1})
    assert one != {"a": 1}
    assert repr(one) == "Attributes({'a': 1})"


names = st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True)
values = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
)


@given(st.dictionaries(names, values, max_size=20))
def test_every_allowed_value_is_kept_exactly(raw: dict[str, str | int | float | bool]) -> None:
    """Whatever its type."""
    kept, faults = read(raw)
    assert faults == []
    assert kept is not None
    assert {name: (type(value), value) for name, value in kept.items()} == {
        name: (type(value), value) for name, value in raw.items()
    }


_NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.integers(-9, 9), st.floats(allow_nan=False, allow_infinity=False), st.just(2.0**53 + 2)
)


@given(st.lists(_NUMBERS, max_size=20))
def test_numbers_are_in_the_order_of_their_keys(numbers: list[float]) -> None:
    """Exactly, integers among the others; and the keys give them back."""
    assert sorted(numbers, key=sort_key) == sorted(numbers)
    for one in numbers:
        assert key_value(sort_key(one)) == one
        assert all((sort_key(one) == sort_key(other)) == (one == other) for other in numbers)


def test_keys_keep_kinds_and_long_texts_apart() -> None:
    """And hold of a text what is shown of it."""
    assert len({sort_key(value) for value in (1, True, "1", "true", "n1", 0, False, "")}) == 8
    assert [key_value(sort_key(value)) for value in (True, False, "a", 0, 2.0, -3, 1e300)] == [True, False, "a", 0, 2, -3, 1e300]
    assert isinstance(key_value(sort_key(2.0)), int)
    long = "x" * 300
    assert sort_key(long) != sort_key(long + "y")
    assert sort_key(long) < sort_key("y")
    assert key_value(sort_key(long)) == "x" * MAX_KEY
