"""Strict JSON parsing."""

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
    """Integers are parsed as int unless they are very long."""
    assert read_json(b'{"a": 12.50, "b": 12, "c": 1e2, "d": 123456789012345678901234567890}') == {
        "a": DecimalLiteral("12.50"),
        "b": 12,
        "c": DecimalLiteral("1e2"),
        "d": DecimalLiteral("123456789012345678901234567890"),
    }


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "Invalid JSON: .* line 1, column 1"),
        (b"{", "Invalid JSON: .* line 1, column 2"),
        (b"{} x", "line 1, column 4"),
        (b'{"a": NaN}', "NaN"),
        (b"-Infinity", "-Infinity"),
        (b'{"a": {"b": 1, "b": 2}}', "'b' twice"),
        (b'"\xff"', "not UTF-8 at byte 1"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'"a\x01"', "Invalid JSON: .* line 1, column 3"),
        (b"[" * 100_000, "nested"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "nested"),
    ],
)
def test_invalid_json_is_refused(data: bytes, message: str) -> None:
    """The error names the reason and the position."""
    with pytest.raises(Malformed, match=message):
        read_json(data)


def test_only_real_nesting_counts_as_depth() -> None:
    """Adjacent brackets, and brackets in strings, add no depth. 32 levels are allowed."""
    assert read_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    assert len(read_json(json.dumps([[]] * 1000).encode())) == 1000
    assert read_json(json.dumps({"a": "[" * 1000 + '\\"{' * 100, "b": [1]}).encode())["b"] == [1]


def counted_depth(text: str) -> int:
    """Count the depth character by character."""
    depths = [0]
    in_string = escaped = False
    for character in text:
        if in_string:
            in_string, escaped = escaped or character != '"', not escaped and character == "\\"
        else:
            in_string = character == '"'
            depths.append(depths[-1] + (character in "[{") - (character in "]}"))
    return max(depths)


texts = st.text(alphabet='"\\[]{}a,é', max_size=8)


@given(st.recursive(texts, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3))))
def test_depth_counts_only_brackets_outside_of_strings(value: object) -> None:
    """Strings may contain anything."""
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
    """It makes as many Python and C calls as for a hundred bytes."""
    assert calls(lambda: depth(text)) == calls(lambda: depth(text[:100]))


def calls(work: Callable[[], object]) -> int:
    """Count the function calls that `work` makes."""
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
def test_a_megabyte_of_the_worst_input_is_refused(text: str) -> None:
    """As a whole document, and as one value of several."""
    with pytest.raises(Malformed):
        parse_json(text)
    if text.startswith("["):
        with pytest.raises(Malformed, match="nested more than 32 levels deep"):
            next_value(text, 0)


def test_a_value_in_a_sequence_may_be_as_deep_as_a_document() -> None:
    """And no deeper."""
    deepest = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert next_value(deepest, 0) is not None
    with pytest.raises(Malformed, match="nested more than 32 levels deep"):
        next_value(f"[{deepest}]", 0)


def test_a_long_repeated_name_is_shortened() -> None:
    """The error message stays short."""
    with pytest.raises(Malformed) as caught:
        parse_json(f'{{"{"x" * 1_000}": 1, "{"x" * 1_000}": 2}}')
    assert len(str(caught.value)) < 200


def test_a_lone_surrogate_is_left_for_the_domain_to_refuse() -> None:
    """The JSON itself is well-formed."""
    assert parse_json('"\\ud800"') == "\ud800"


documents = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=8,
)


@given(documents)
def test_all_valid_json_is_parsed(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """With the same result as the standard library."""
    assert parse_json(json.dumps(value)) == value


@given(st.lists(documents, min_size=1, max_size=4), st.integers(0, 200))
def test_only_complete_values_are_returned(values: list[Any], cut: int) -> None:
    """Wherever the text is cut off."""
    text = " ".join(json.dumps(value) for value in values) + " "
    parsed, position = [], 0
    while (result := next_value(text[:cut], position)) is not None:
        parsed.append(result[0])
        position = result[1]
    assert parsed == values[: len(parsed)]
    if cut >= len(text):
        assert len(parsed) == len(values)
