"""JSON is read strictly."""

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.application.strict_json import MAX_DEPTH, depth, next_value, parse_json, read_json
from catalog.domain.errors import Malformed
from catalog.domain.values.decimal_literal import DecimalLiteral


def test_numbers_keep_their_digits() -> None:
    """Integers are ints as long as they are of a sane size."""
    assert read_json(b'{"a": 12.50, "b": 12, "c": 1e2, "d": 123456789012345678901234567890}') == {
        "a": DecimalLiteral("12.50"),
        "b": 12,
        "c": DecimalLiteral("1e2"),
        "d": DecimalLiteral("123456789012345678901234567890"),
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


def counted_depth(text: str) -> int:
    """Count the depth sign by sign."""
    depths = [0]
    inside = escaped = False
    for sign in text:
        if inside:
            inside, escaped = escaped or sign != '"', not escaped and sign == "\\"
        else:
            inside = sign == '"'
            depths.append(depths[-1] + (sign in "[{") - (sign in "]}"))
    return max(depths)


signs = st.text(alphabet='"\\[]{}a,é', max_size=8)


@given(st.recursive(signs, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(signs, inner, max_size=3))))
def test_depth_is_that_of_the_brackets_outside_of_strings(value: object) -> None:
    """Whatever the strings have in them."""
    for ascii_only in (True, False):
        text = json.dumps(value, ensure_ascii=ascii_only)
        assert depth(text) == counted_depth(text)


WORST = [
    '"' + '\\"' * 500_000 + "[" * 33,
    "[" * 1_000_000,
    '"' * 1_000_000,
    "\\" * 1_000_000,
    '"["[' * 250_000,
    '[{"":' * 200_000,
]


@pytest.mark.parametrize("text", WORST, ids=range(len(WORST)))
def test_the_depth_of_a_megabyte_takes_a_few_passes(text: str) -> None:
    """Counted in calls, of Python's functions and of C's: as many as for a hundred bytes."""
    assert calls(lambda: depth(text)) == calls(lambda: depth(text[:100]))


def calls(work: Callable[[], object]) -> int:
    """Count the functions that are called."""
    called = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal called
        called += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return called


@pytest.mark.parametrize("text", WORST, ids=range(len(WORST)))
def test_a_megabyte_of_the_worst_is_refused(text: str) -> None:
    """As a whole, and as a value among others."""
    with pytest.raises(Malformed):
        parse_json(text)
    if text.startswith("["):
        with pytest.raises(Malformed, match="nested more than 32 deep"):
            next_value(text, 0)


def test_a_value_among_others_is_as_deep_as_a_document() -> None:
    """And no deeper."""
    fits = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert next_value(fits, 0) is not None
    with pytest.raises(Malformed, match="nested more than 32 deep"):
        next_value(f"[{fits}]", 0)


def test_a_name_that_is_repeated_is_shortened() -> None:
    """In the message."""
    with pytest.raises(Malformed) as caught:
        parse_json(f'{{"{"x" * 1_000}": 1, "{"x" * 1_000}": 2}}')
    assert len(str(caught.value)) < 200


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
