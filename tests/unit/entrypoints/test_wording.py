"""Tests of the words of messages that people read."""

import pytest

from catalog.adapters.jwt.signing_keys import parse_key
from catalog.domain.errors import InvalidInput
from catalog.domain.identity.errors import SigningKeyInSettings
from catalog.domain.identity.user import NewUser


def test_messages_about_settings_and_types() -> None:
    """The same words as elsewhere: a setting is set, and JSON has strings."""
    assert "is set in the settings" in str(SigningKeyInSettings())
    with pytest.raises(ValueError, match="is not a private JWK"):
        parse_key('{"kty": "OKP"}')
    with pytest.raises(InvalidInput, match="The username must be a string"):
        NewUser.parse({"username": 1, "role": "user", "password": "correct horse battery"})
