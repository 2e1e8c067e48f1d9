"""JSON is read strictly."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.application.json_text import MAX_DEPTH, next_value, parse_json, read_json
from catalog.domain.errors import Malformed
from catalog.domain.numeral import Numeral


def test_numbers_keep_their_digits() -> None:
    """Integers are ints as long as they are of a sane size."""
    assert read_json(b'{"a": 12.50, "b": 12, "c": 1e2, "d": 123456789012345678901234567890}') == {
        "a": Numeral("12.50"),
        "b": 12,
        "c": Numeral("1e2"),
        "d": Numeral("123456789012345678901234567890"),
    }


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"{} x", "line 1, column 4"),
        (b'{"a": NaN}', "NaN"),
        (b"-Infinity", "-Infinity"),
        (b'{"a": {"b": 1, "b": 2}}', "'b' twice"),
        (b'"\xff"', "not UTF-8: byte 1"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'"a\x01"', "no JSON"),
        (b"[" * 100_000, "nested"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "nested"),
    ],
)
def test_what_is_not_strictly_json_is_refused(data: bytes, said: str) -> None:
    """With the reason, and where it lies."""
    with pytest.raises(Malformed, match=said):
        read_json(data)


def test_only_real_nesting_counts_as_depth() -> None:
    """Many brackets side by side, or in strings, are no depth; 32 levels are allowed."""
    assert read_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    assert len(read_json(json.dumps([[]] * 1000).encode())) == 1000
    assert read_json(json.dumps({"a": "[" * 1000 + '\\"{' * 100, "b": [1]}).encode())["b"] == [1]


def test_half_a_character_is_kept_for_the_domain_to_refuse() -> None:
    """For the JSON is well-formed."""
    assert parse_json('"\\ud800"') == "\ud800"


jsons = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=8,
)


@given(jsons)
def test_what_json_can_say_is_read(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """As the standard library reads it."""
    assert parse_json(json.dumps(value)) == value


@given(st.lists(jsons, min_size=1, max_size=4), st.integers(0, 200))
def test_a_stretch_gives_the_values_that_are_whole(values: list[Any], cut: int) -> None:
    """And never half of one, wherever it is cut."""
    text = " ".join(json.dumps(value) for value in values) + " "
    found, position = [], 0
    while (step := next_value(text[:cut], position)) is not None:
        found.append(step[0])
        position = step[1]
    assert found == values[: len(found)]
    if cut >= len(text):
        assert len(found) == len(values)
