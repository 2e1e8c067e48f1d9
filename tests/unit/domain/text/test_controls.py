"""Tests of characters that a terminal would obey."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.domain.errors import InvalidInput
from catalog.domain.identity.api_key import NewApiKey
from catalog.domain.text.normalization import escape_controls, find_control
from tests.making import NOON

FAMILY = "\U0001f468\u200d\U0001f469"
"""An emoji of two, with a joiner."""


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("Chair", "Chair"),
        ("x\x1b[31m", "x\\x1b[31m"),
        ("\x9b2J", "\\x9b2J"),
        ("a\nb\tc\x7f", "a\\nb\\tc\\x7f"),
        ("a\u202eb\u2066\u2028", "a\\u202eb\\u2066\\u2028"),
        ("\ud800", "\\ud800"),
        (f"Caf\u00e9\u00a0{FAMILY}", f"Caf\u00e9\u00a0{FAMILY}"),
    ],
)
def test_characters_that_a_terminal_obeys_are_escaped(text: str, escaped: str) -> None:
    """The others stay, also spaces and joiners that are not printable by themselves."""
    assert escape_controls(text) == escaped
    assert (find_control(text) is None) == (text == escaped)


@given(st.text())
def test_an_escaped_text_has_none(text: str) -> None:
    """Escaping it again changes nothing."""
    assert find_control(escape_controls(text)) is None


@pytest.mark.parametrize("name", ["x\x1b[31m<b>", "x\x9by", "x\ny", "x\u202ey"])
def test_a_name_of_an_api_key_has_no_control_characters(name: str) -> None:
    """It is shown in terminals."""
    with pytest.raises(InvalidInput, match=r"control character U\+[0-9A-F]{4}") as caught:
        NewApiKey.parse({"name": name, "scopes": ["items:read"]}, now=NOON)
    assert [(error.path, error.code) for error in caught.value.errors] == [(("name",), "invalid_name")]
