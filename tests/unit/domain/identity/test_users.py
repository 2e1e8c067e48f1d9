"""Users, usernames, roles, scopes and passwords."""

from itertools import pairwise
from uuid import UUID

import pytest

from catalog.domain.errors import InvalidInput
from catalog.domain.identity.errors import WeakPassword
from catalog.domain.identity.passwords import check_password, normalize_password
from catalog.domain.identity.roles import ROLE_SCOPES, ROLES, highest_role
from catalog.domain.identity.scopes import (
    ALL_SCOPES,
    ITEMS_CREATE,
    ITEMS_IMPORT,
    ITEMS_WRITE,
    SCOPES,
    Scopes,
    in_order,
    parse_scopes,
    with_implied,
)
from catalog.domain.identity.user import NewUser, User, UserPatch
from catalog.domain.identity.usernames import parse_user_key, parse_username
from catalog.domain.validation import FieldErrors
from tests.making import NOON, certain, item_id

USER = User.create(user_id=item_id(1), username="anna", role="user", password_hash="secret hash", now=NOON).subject


def codes(fields: dict[str, object], parse: type[NewUser | UserPatch] = NewUser) -> list[tuple[object, str]]:
    """Return the path and code of each error."""
    with pytest.raises(InvalidInput) as caught:
        parse.parse(fields)
    return [(error.path[0], error.code) for error in caught.value.errors]


def test_a_user_changes_by_values() -> None:
    """Each change has the next version; one that changes nothing is none."""
    role = certain(USER.set_role("admin", now=NOON))
    assert (role.kind, role.before, role.subject.role, role.subject.version) == ("user.role_changed", USER, "admin", 2)
    assert USER.set_role("user", now=NOON) is None
    disabled = certain(role.subject.set_disabled(disabled=True, now=NOON))
    assert (disabled.kind, disabled.subject.disabled, disabled.subject.version) == ("user.disabled", True, 3)
    assert certain(disabled.subject.set_disabled(disabled=False, now=NOON)).kind == "user.enabled"
    assert USER.set_disabled(disabled=False, now=NOON) is None
    assert USER.set_password("new", now=NOON).subject.password_hash == "new"
    assert USER.delete(now=NOON).after is None
    assert role.subject.is_active_admin
    assert not disabled.subject.is_active_admin
    assert not USER.is_active_admin


def test_secrets_are_not_shown() -> None:
    """Password and hash are not in the texts for logs and errors."""
    new = NewUser.parse({"username": " Anna ", "role": "user", "password": "secret words"})
    patch = UserPatch.parse({"password": "secret words"})
    assert new == NewUser("anna", "user", "secret words")
    assert not any("secret" in repr(value) for value in (USER, new, patch))
    assert "password=None" in repr(UserPatch())


def test_every_fault_of_a_new_user_is_reported() -> None:
    """Unknown fields, and each field that is missing or wrong."""
    assert codes({"id": 1}) == [
        ("id", "unknown_field"),
        ("username", "required"),
        ("role", "invalid_role"),
        ("password", "required"),
    ]
    assert codes({"username": "a", "role": "guest", "password": 1}) == [("role", "invalid_role"), ("password", "wrong_type")]


def test_a_patch_has_what_is_changed() -> None:
    """Fields that are left out stay."""
    assert UserPatch.parse({}) == UserPatch()
    assert UserPatch.parse({"role": "admin", "disabled": False}) == UserPatch("admin", disabled=False)
    faults = codes({"role": None, "disabled": None, "password": None, "username": "x"}, UserPatch)
    assert faults == [
        ("username", "unknown_field"),
        ("role", "invalid_role"),
        ("disabled", "wrong_type"),
        ("password", "required"),
    ]


@pytest.mark.parametrize("name", ["a", "0", "a" * 64, "anna.b_c@d+e-f", " ANNA "])
def test_usernames_that_are_accepted(name: str) -> None:
    """Letters become lower case, and spaces around are dropped."""
    errors = FieldErrors()
    assert parse_username(name, errors) == name.strip().lower()
    errors.raise_if_any()


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "invalid_username"),
        ("a" * 65, "invalid_username"),
        (".a", "invalid_username"),
        ("a b", "invalid_username"),
        ("ä", "invalid_username"),
        ("\u212a", "invalid_username"),
        ("0" * 32, "username_like_id"),
        (str(item_id(1)).upper(), "username_like_id"),
        ("local", "reserved_username"),
        (" CLI ", "reserved_username"),
        (1, "wrong_type"),
    ],
)
def test_usernames_that_are_refused(name: object, code: str) -> None:
    """Other characters, and the form of a UUID, are errors."""
    errors = FieldErrors()
    assert parse_username(name, errors) is None
    with pytest.raises(InvalidInput) as caught:
        errors.raise_if_any()
    assert [error.code for error in caught.value.errors] == [code]


def test_a_path_has_an_id_or_a_name() -> None:
    """A UUID in either form is an id, and a username is a name; anything else is neither."""
    assert parse_user_key(str(item_id(1))) == parse_user_key(item_id(1).hex.upper()) == item_id(1)
    assert isinstance(parse_user_key(item_id(1).hex), UUID)
    assert parse_user_key(" Anna") == "anna"
    assert parse_user_key("a/b") is None


def test_roles_grant_scopes() -> None:
    """Each role grants what is settled, and the highest of several wins."""
    granted = {role: " ".join(in_order(ROLE_SCOPES[role])) for role in ROLES}
    assert granted == {
        "guest": "items:read",
        "user": "items:read items:create",
        "editor": "items:read items:create items:write items:import changes:read",
        "auditor": "items:read changes:read audit:read",
        "admin": " ".join(SCOPES),
    }
    assert highest_role(["user", "admin", "editor"]) == "admin"
    assert highest_role([]) is None
    assert with_implied(["items:write"]) == {"items:write", "items:create"}
    assert set(SCOPES) == ALL_SCOPES


def test_roles_are_no_ladder() -> None:
    """Each of them grants what the one before it does, except that an auditor stands beside: it counts before an editor."""
    ladder = [role for role in ROLES if role != "auditor"]
    assert all(ROLE_SCOPES[lower] < ROLE_SCOPES[higher] for lower, higher in pairwise(ladder))
    assert highest_role(["auditor", "editor"]) == "auditor"
    assert not ROLE_SCOPES["auditor"] & {ITEMS_CREATE, ITEMS_WRITE, ITEMS_IMPORT}
    assert not ROLE_SCOPES["user"] <= ROLE_SCOPES["auditor"]


def test_scopes_are_a_list() -> None:
    """What a scope implies is added."""
    errors = FieldErrors()
    expected: Scopes = frozenset({"items:read", "items:write", "items:create"})
    assert parse_scopes(["items:read", "items:write"], errors) == expected
    errors.raise_if_any()


@pytest.mark.parametrize(
    ("raw", "paths"),
    [(["items:read", "x", "y"], [("scopes", 1), ("scopes", 2)]), ("items:read", [("scopes",)]), ([1], [("scopes",)])],
)
def test_unknown_scopes_are_errors(raw: object, paths: list[object]) -> None:
    """Each unknown scope is reported, with its place in a list."""
    errors = FieldErrors()
    assert parse_scopes(raw, errors) is None
    with pytest.raises(InvalidInput) as caught:
        errors.raise_if_any()
    assert [error.path for error in caught.value.errors] == paths


@pytest.mark.parametrize(
    "password", ["correct horse battery", " spaces stay here ", "caf\u00e9 " + "cafe\u0301" * 3, "x" * 64 + "y" * 64]
)
def test_passwords_that_are_accepted(password: str) -> None:
    """Length is what counts. Letters with accents are composed."""
    assert check_password(password, "anna", lambda _: False) == password.replace("e\u0301", "\u00e9")


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "too short"),
        ("fourteen chars", "too short"),
        ("x" * 129, "too long"),
        ("🙂" * 129, "too long"),
        ("x" * 600, "too long"),
        ("\x00" * 20, "cannot be stored"),
        ("Xx" * 10, "repeated"),
        ("this is ANNA's word", "username"),
        ("common password here", "common"),
    ],
)
def test_passwords_that_are_refused(password: str, reason: str) -> None:
    """The message says why, and does not quote the password."""
    with pytest.raises(WeakPassword, match=reason) as caught:
        check_password(password, "anna", lambda folded: folded == "common password here")
    assert caught.value.errors[0].path == ("password",)


def test_a_short_username_may_be_in_a_password() -> None:
    """It is likely to occur by chance."""
    assert check_password("an ordinary sentence", "ord", lambda _: False)


def test_a_password_that_nobody_can_have_is_not_hashed() -> None:
    """The empty one, and those beyond the limits in code points or bytes, are none."""
    assert normalize_password("") is None
    assert normalize_password("🙂" * 128) == "🙂" * 128
    assert normalize_password("a") == "a"
    assert normalize_password("e\u0301" * 129) is None
