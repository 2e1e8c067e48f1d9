"""The map from values of a claim to roles."""

import pytest

from catalog.adapters.oidc.roles import parse_role_map


def test_a_role_map_is_read() -> None:
    """It is a JSON object."""
    assert parse_role_map('{"staff": "editor", "Ä.x": "admin"}') == {"staff": "editor", "Ä.x": "admin"}
    assert parse_role_map(" {} ") == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '"admin"',
        "null",
        '{"a": "root"}',
        '{"a": "guest"}',
        '{"a": "Admin"}',
        '{"a": ["admin"]}',
        '{"a": null}',
        "[" * 9_999,
    ],
)
def test_a_bad_role_map_is_refused(text: str) -> None:
    """Nobody can be given the role of guests, or one that does not exist."""
    with pytest.raises(ValueError, match="JSON object"):
        parse_role_map(text)
