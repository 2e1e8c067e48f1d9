"""Sessions, refresh tokens, API keys, principals and the delay after failures."""

from dataclasses import replace
from datetime import timedelta

import pytest

from catalog.domain.errors import InvalidInput
from catalog.domain.identity.api_key import ApiKey, NewApiKey, key_text, parse_key_text
from catalog.domain.identity.back_off import FREE_FAILURES, LONGEST, Failures, delay_after, network_of
from catalog.domain.identity.errors import CredentialNotAllowed, InsufficientScope, InvalidToken, Unauthenticated
from catalog.domain.identity.principal import COMMAND_LINE, GUEST, LOCAL, Principal
from catalog.domain.identity.roles import ROLE_SCOPES
from catalog.domain.identity.session import (
    GRACE,
    MAX_UNUSED_TOKENS,
    MAX_USER_AGENT,
    PresentedToken,
    RefreshToken,
    Session,
    SessionLimits,
    rotate,
)
from catalog.domain.identity.signing_key import StoredSigningKey
from catalog.domain.identity.user import User
from tests.making import NOON, certain, item_id

LIMITS = SessionLimits()
USER = User.create(user_id=item_id(1), username="anna", role="user", password_hash="hash", now=NOON).subject
SESSION = Session.start(item_id(2), USER, "token", ROLE_SCOPES["user"], now=NOON, limits=LIMITS)
TOKEN = RefreshToken(token_hash=b"1", session_id=SESSION.id, created_at=NOON)
KEY = ApiKey(id=item_id(3), user_id=USER.id, name="key", scopes=ROLE_SCOPES["editor"], secret_hash=b"secret", created_at=NOON)
SECOND = timedelta(seconds=1)


def test_a_session_has_two_ends() -> None:
    """It ends when it is not used, when its time is over, or when somebody ends it."""
    assert SESSION.is_live(NOON, LIMITS)
    assert not SESSION.is_live(NOON + LIMITS.idle, LIMITS)
    used = replace(SESSION, last_used_at=NOON + timedelta(days=29))
    assert used.is_live(NOON + LIMITS.total - SECOND, LIMITS)
    assert not used.is_live(NOON + LIMITS.total, LIMITS)
    assert not replace(SESSION, ended_at=NOON).is_live(NOON, LIMITS)


def test_a_long_user_agent_is_cut() -> None:
    """It is what a client says, and nothing depends on it."""
    session = Session.start(
        item_id(2), USER, "cookie", ROLE_SCOPES["user"], now=NOON, limits=LIMITS, user_agent="x" * 999, secret_hash=b"1"
    )
    assert (session.user_agent, session.secret_hash) == ("x" * MAX_USER_AGENT, b"1")
    assert SESSION.user_agent is None


def test_a_token_is_rotated() -> None:
    """Its successor knows it, and its first use is kept."""
    rotation = certain(rotate(PresentedToken(TOKEN, SESSION, USER), b"2", now=NOON + SECOND, limits=LIMITS))
    assert rotation.before == TOKEN
    assert rotation.after.used_at == rotation.successor.created_at == rotation.session.last_used_at == NOON + SECOND
    assert (rotation.successor.parent, rotation.successor.used_at) == (b"1", None)
    again = PresentedToken(rotation.after, rotation.session, USER)
    second = certain(rotate(again, b"3", now=NOON + SECOND + GRACE, limits=LIMITS))
    assert second.after.used_at == NOON + SECOND


def test_a_stolen_token_is_recognized() -> None:
    """A used token is not rotated after the grace, or after a successor was used."""
    used = PresentedToken(replace(TOKEN, used_at=NOON), SESSION, USER)
    assert rotate(used, b"2", now=NOON + GRACE + SECOND, limits=LIMITS) is None
    assert rotate(replace(used, successor_used=True), b"2", now=NOON, limits=LIMITS) is None


def test_a_used_token_adds_no_token_to_too_many() -> None:
    """The session does not end. The first use of a token is always possible, because it adds none."""
    full = PresentedToken(replace(TOKEN, used_at=NOON), SESSION, USER, unused_tokens=MAX_UNUSED_TOKENS)
    with pytest.raises(InvalidToken, match="too many refresh tokens"):
        rotate(full, b"2", now=NOON, limits=LIMITS)
    assert rotate(full, b"2", now=NOON + GRACE + SECOND, limits=LIMITS) is None
    certain(rotate(replace(full, unused_tokens=MAX_UNUSED_TOKENS - 1), b"2", now=NOON, limits=LIMITS))
    certain(rotate(replace(full, token=TOKEN), b"2", now=NOON, limits=LIMITS))


def test_a_token_needs_a_live_session_and_an_enabled_user() -> None:
    """Otherwise it is not valid."""
    for presented in (
        PresentedToken(TOKEN, replace(SESSION, ended_at=NOON), USER),
        PresentedToken(TOKEN, SESSION, replace(USER, disabled=True)),
    ):
        with pytest.raises(InvalidToken):
            rotate(presented, b"2", now=NOON, limits=LIMITS)


def test_an_api_key_is_a_text_with_three_parts() -> None:
    """What has the form of a key is taken apart."""
    text = key_text(KEY.id, "s" * 43)
    assert text.startswith(KEY.prefix)
    assert parse_key_text(text) == (KEY.id, "s" * 43)
    assert parse_key_text(text[:-1]) is parse_key_text("") is parse_key_text("x" + text) is None


def test_an_api_key_may_expire() -> None:
    """Without an end it is valid until it is revoked."""
    assert KEY.is_valid(NOON)
    expiring = replace(KEY, expires_at=NOON)
    assert expiring.is_valid(NOON - SECOND)
    assert not expiring.is_valid(NOON)
    assert "secret" not in repr(KEY) + repr(StoredSigningKey("id", "secret", NOON))


def test_a_new_key_is_parsed() -> None:
    """Its end may be left out."""
    assert NewApiKey.parse({"name": " ci ", "scopes": ["items:read"]}, now=NOON) == NewApiKey("ci", frozenset({"items:read"}))
    fields = {"name": "ci", "scopes": ["items:read"], "expires_at": "2030-01-01T00:00:00Z"}
    parsed = NewApiKey.parse(fields, now=NOON)
    assert parsed.scopes == frozenset({"items:read"})
    assert certain(parsed.expires_at).year == 2030


@pytest.mark.parametrize(
    ("fields", "codes"),
    [
        ({}, ["required", "required"]),
        ({"name": "a", "scopes": []}, ["required"]),
        ({"name": "a", "scopes": ""}, ["wrong_type"]),
        ({"name": "a", "scopes": "items:read"}, ["wrong_type"]),
        ({"name": " ", "scopes": ["items:read"]}, ["invalid_name"]),
        ({"name": "x" * 101, "scopes": ["x"]}, ["invalid_name", "unknown_scope"]),
        ({"name": "a", "scopes": ["items:read"], "key": "x", "expires_at": 1}, ["unknown_field", "invalid_time"]),
        ({"name": "a", "scopes": ["items:read"], "expires_at": "tomorrow"}, ["invalid_time"]),
        ({"name": "a", "scopes": ["items:read"], "expires_at": "2020-01-01T00:00:00Z"}, ["expired"]),
    ],
)
def test_every_fault_of_a_new_key_is_reported(fields: dict[str, object], codes: list[str]) -> None:
    """All errors at once."""
    with pytest.raises(InvalidInput) as caught:
        NewApiKey.parse(fields, now=NOON)
    assert [error.code for error in caught.value.errors] == codes


def principal_of_session(scopes: frozenset[str] = ROLE_SCOPES["user"]) -> Principal:
    """Return a user who has signed in."""
    return Principal.of_session(SESSION.id, "anna", "user", scopes, USER.id, NOON)


def test_a_principal_has_the_scopes_of_role_and_credential() -> None:
    """A key or a token cannot do more than its user."""
    key = Principal.of_key(KEY, USER)
    assert key.scopes == ROLE_SCOPES["user"]
    assert (key.kind, key.credential, key.session_id, key.actor) == ("api_key", f"key:{KEY.id}", None, "anna")
    user = principal_of_session(frozenset({"items:read", "users:admin"}))
    assert user.scopes == {"items:read"}
    assert (user.credential, user.session_id) == (f"session:{SESSION.id}", SESSION.id)
    assert (user.rate_key, key.rate_key) == (f"user:{USER.id}", f"api_key:{USER.id}")
    assert (GUEST.rate_key, LOCAL.rate_key, COMMAND_LINE.actor) == (None, "local:local", "cli")


def test_a_scope_is_required() -> None:
    """A guest may sign in; everybody else lacks the right."""
    user = principal_of_session()
    user.require("items:read")
    GUEST.require("items:read")
    with pytest.raises(InsufficientScope) as caught:
        user.require("users:admin")
    assert caught.value.required == "users:admin"
    with pytest.raises(Unauthenticated):
        GUEST.require("items:create")


def test_a_sign_in_is_required() -> None:
    """Only a user with a session has signed in; for some things all scopes of the role are needed."""
    user = principal_of_session()
    user.require_full_sign_in()
    for principal in (LOCAL, Principal.of_key(KEY, USER)):
        with pytest.raises(CredentialNotAllowed):
            principal.require_sign_in()
    with pytest.raises(Unauthenticated):
        GUEST.require_sign_in()
    with pytest.raises(CredentialNotAllowed, match="some of the scopes"):
        principal_of_session(frozenset({"items:read"})).require_full_sign_in()


def test_the_delay_doubles() -> None:
    """The first failures are free. Then the delay doubles from a second to a quarter of an hour, from the last failure on."""
    delays = [delay_after(Failures(count, NOON), FREE_FAILURES, LONGEST, NOON).total_seconds() for count in range(4, 20)]
    assert delays == [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900, 900]
    assert delay_after(Failures(10**9, NOON), FREE_FAILURES, LONGEST, NOON) == timedelta(minutes=15)
    assert delay_after(Failures(), FREE_FAILURES, LONGEST, NOON) == timedelta(0)
    assert delay_after(Failures(6, NOON), FREE_FAILURES, LONGEST, NOON + SECOND) == SECOND
    assert delay_after(Failures(6, NOON), FREE_FAILURES, LONGEST, NOON + timedelta(days=1)) == timedelta(0)


def test_addresses_of_one_network_count_together() -> None:
    """A caller has many addresses of its network."""
    assert network_of("192.0.2.7") == network_of("192.0.2.255") == network_of("::ffff:192.0.2.1") == "192.0.2.0/24"
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") == "2001:db8::/64"
    assert network_of("unix:/run/socket") == "unix:/run/socket"
