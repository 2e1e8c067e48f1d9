"""Tests of `catalog users`, `keys`, `sessions` and `signing-keys`."""

import asyncio
from uuid import uuid4

import pytest

from catalog.adapters.jwt.signing_keys import generate_key, to_pem
from catalog.application.identity.client import Client
from catalog.domain.identity.scopes import SCOPES
from catalog.entrypoints.cli import passwords
from catalog.entrypoints.container import Container, identity_running
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.sections import StorageSettings
from tests.cli.conftest import Command
from tests.planted_secrets import ANOTHER_PASSWORD as ANOTHER
from tests.planted_secrets import PASSWORD, planted


@pytest.fixture
def anna(catalog: Command, store_url: str) -> None:
    """An admin."""
    catalog("users", "create", "anna", "--role", "admin", stdin=f"{PASSWORD}\n")


def sign_in(store_url: str, username: str, password: str = PASSWORD) -> str:
    """Sign in as a process that serves the store, and return the access token."""

    async def run() -> str:
        container = Container(settings=Settings(storage=StorageSettings(url=store_url)))
        async with identity_running(container):
            client = Client(address="192.0.2.1", user_agent="test")
            token: str = (await container.sign_in().for_tokens(username, password, client)).access_token
            return token

    return asyncio.run(run())


def test_the_first_user_is_created_and_listed(catalog: Command, store_url: str) -> None:
    """The password is the first line of standard input, without its line end, and is printed nowhere."""
    assert "catalog users create NAME --role admin" in catalog("users", "list").stderr
    result = catalog("users", "create", "Anna", "--role", "admin", stdin=f"{PASSWORD}\r\nsecond line\n")
    assert PASSWORD not in result.output
    assert [line.split()[:2] for line in result.stdout.splitlines()[1:4]] == [
        ["username", "anna"],
        ["role", "admin"],
        ["state", "enabled"],
    ]
    created = catalog.json("users", "create", "bert", "--role", "user", stdin=PASSWORD)
    assert (created["username"], created["role"], created["disabled"], created["version"]) == ("bert", "user", False, 1)
    assert [line.split()[:3] for line in catalog("users", "list").stdout.splitlines()[1:]] == [
        ["anna", "admin", "enabled"],
        ["bert", "user", "enabled"],
    ]
    page = catalog.json("users", "list", "--q", "ber")
    assert (page["users"], page["next_cursor"]) == ([created], None)
    assert catalog("users", "list", "--q", "x").stderr == "No users.\n"
    sign_in(store_url, "anna")


@pytest.mark.parametrize("store", ["sqlite"])
@pytest.mark.parametrize("mode", ["local", "open", "required"])
def test_a_user_without_effect_is_announced(catalog: Command, store_url: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody signs in, a hint says what to set."""
    monkeypatch.setenv("CATALOG_IDENTITY__MODE", mode)
    hint = catalog("users", "create", "anna", "--role", "admin", stdin=PASSWORD).stderr
    assert (hint == "") == (mode == "required")
    assert mode == "required" or f"With CATALOG_IDENTITY__MODE={mode}, nobody signs in" in hint


@pytest.mark.usefixtures("anna")
def test_a_user_is_changed_and_deleted(catalog: Command, store_url: str) -> None:
    """Users are named or given by id. The actor in the security log is `cli`."""
    bert = catalog.json("users", "create", "bert", "--role", "user", stdin=PASSWORD)
    assert catalog.json("users", "role", "bert", "editor")["role"] == "editor"
    assert catalog.json("users", "disable", bert["id"])["disabled"] is True
    assert "state        disabled" in catalog("users", "disable", "bert").stdout
    assert catalog.json("users", "enable", "BERT")["disabled"] is False
    assert ANOTHER not in catalog("users", "password", "bert", stdin=f"{ANOTHER}\n").output
    sign_in(store_url, "bert", ANOTHER)
    assert catalog("users", "delete", "bert").stdout == "Deleted the user bert.\n"
    events = catalog.json("audit", "list", "--stream", "security", "--actor", "cli")["events"]
    assert [event["action"] for event in reversed(events)] == [
        "user.created",
        "user.created",
        "user.role_changed",
        "user.disabled",
        "user.enabled",
        "password.changed",
        "user.deleted",
    ]
    assert {event["credential"] for event in events} == {"cli"}


@pytest.mark.usefixtures("anna")
def test_what_cannot_be_done_is_refused(catalog: Command) -> None:
    """The exit code is 1, or 2 for input that cannot be understood. No message quotes a password."""
    for command in (("delete", "anna"), ("disable", "anna"), ("role", "anna", "user")):
        assert "admin" in catalog("users", *command, code=1).stderr
    assert "There is no user nobody" in catalog("users", "delete", "nobody", code=1).stderr
    assert "belongs to another user" in catalog("users", "create", "anna", "--role", "user", stdin=PASSWORD, code=1).stderr
    for weak in ("little", "a" * 20, "my name is anna, hello"):
        result = catalog("users", "password", "anna", stdin=weak, code=1)
        assert "The password" in result.stderr
        assert weak not in result.output
    for stdin, message in ((b"", "no password"), (b"\n" + PASSWORD.encode(), "no password"), (b"\xff" * 20, "not UTF-8")):
        assert message in catalog("users", "password", "anna", stdin=stdin, code=2).stderr
    assert "Invalid value for '--role'" in catalog("users", "create", "x", "--role", "guest", code=2).stderr
    assert "username" in catalog("users", "create", "-", "--role", "user", stdin=PASSWORD, code=1).stderr


def test_a_terminal_is_asked_for_the_password(catalog: Command, store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice, and without showing it."""
    monkeypatch.setattr(passwords, "_is_terminal", lambda: True)
    result = catalog("users", "create", "anna", "--role", "admin", stdin=f"{PASSWORD}\n{PASSWORD}\n")
    assert "Password:" in result.stderr
    assert PASSWORD not in result.output
    sign_in(store_url, "anna")


@pytest.mark.prints_secrets("API key")
@pytest.mark.usefixtures("anna")
def test_keys_are_created_listed_and_revoked(catalog: Command) -> None:
    """The key is shown once. Its scopes are given."""
    assert catalog("keys", "list").stderr == "No API keys.\n"
    create = ("keys", "create", "--user", "anna", "--name", "backup")
    created = catalog.json(*create, "--scope", "items:read", "--scope", "items:write", "--expires", "2999-01-31T12:00:00Z")
    assert created["scopes"] == ["items:read", "items:create", "items:write"]
    assert created["expires_at"].startswith("2999-01-31T12:00:00")
    assert created["key"].startswith(f"{created['prefix']}_")
    result = catalog(*create, *(option for scope in SCOPES for option in ("--scope", scope)))
    (text,) = [line.split()[1] for line in result.stdout.splitlines() if line.startswith("key ")]
    assert text.startswith("cat_")
    assert "not shown again" in result.stderr
    assert f"scopes       {' '.join(SCOPES)}" in result.stdout
    listed = catalog("keys", "list", "--user", "anna").stdout
    assert listed.count("backup") == 2
    assert created["key"] not in listed
    (_, oldest) = catalog.json("keys", "list")["api_keys"]
    assert (oldest["id"], oldest["user"], oldest["name"], "key" in oldest) == (created["id"], "anna", "backup", False)
    assert catalog("keys", "revoke", created["id"]).stdout == f"Revoked the API key {created['id']}.\n"
    assert len(catalog.json("keys", "list")["api_keys"]) == 1
    assert "There is no API key" in catalog("keys", "revoke", created["id"], code=1).stderr


@pytest.mark.usefixtures("anna")
def test_keys_that_cannot_be_created_are_refused(catalog: Command) -> None:
    """Messages name options."""
    catalog("users", "create", "bert", "--role", "user", stdin=PASSWORD)
    create = ("keys", "create", "--user", "bert", "--name", "k")
    assert "bert's role user does not grant items:write." in catalog(*create, "--scope", "items:write", code=1).stderr
    assert "Missing option '--scope'" in catalog(*create, code=2).stderr
    scoped = (*create, "--scope", "items:read")
    assert "--expires must be in the future" in catalog(*scoped, "--expires", "2020-01-01T00:00:00Z", code=1).stderr
    assert "--expires must be a time" in catalog(*scoped, "--expires", "soon", code=1).stderr
    catalog("users", "disable", "bert")
    assert "The user bert is disabled" in catalog(*scoped, code=1).stderr
    assert "Invalid value for 'ID'" in catalog("keys", "revoke", "x", code=2).stderr


@pytest.mark.usefixtures("anna")
def test_sessions_are_listed_and_ended(catalog: Command, store_url: str) -> None:
    """One by its id, or all of a user."""
    assert catalog("sessions", "list").stderr == "No sessions.\n"
    catalog("users", "create", "bert", "--role", "user", stdin=PASSWORD)
    for username in ("anna", "bert", "bert"):
        sign_in(store_url, username)
    (first, *others) = catalog.json("sessions", "list")["sessions"]
    assert (first["user"], first["address"], first["user_agent"]) == ("anna", "192.0.2.1", "test")
    assert [session["user"] for session in others] == ["bert", "bert"]
    assert [line.split()[1:3] for line in catalog("sessions", "list", "--user", "bert").stdout.splitlines()[1:]] == [
        ["bert", "token"],
        ["bert", "token"],
    ]
    assert catalog("sessions", "end", first["id"]).stdout == f"Ended the session {first['id']} of anna.\n"
    assert "There is no session" in catalog("sessions", "end", first["id"], code=1).stderr
    assert "There is no session" in catalog("sessions", "end", str(uuid4()), code=1).stderr
    assert catalog("sessions", "end", "--user", "bert").stdout == "Ended 2 sessions of bert.\n"
    assert catalog("sessions", "end", "--user", "bert").stdout == "Ended 0 sessions of bert.\n"
    assert catalog.json("sessions", "list")["sessions"] == []
    assert "either" in catalog("sessions", "end", code=2).stderr
    assert "either" in catalog("sessions", "end", first["id"], "--user", "bert", code=2).stderr


@pytest.mark.usefixtures("anna")
def test_signing_keys_are_listed_and_rotated(catalog: Command, store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new key is published first and signs later. Private parts are not printed."""
    assert "No signing keys yet" in catalog("signing-keys", "list").stderr
    sign_in(store_url, "anna")
    (first,) = catalog.json("signing-keys", "list")["signing_keys"]
    assert (list(first), first["state"]) == (["id", "created_at", "state"], "signing")
    rotated = catalog.json("signing-keys", "rotate")["id"]
    assert [(key["id"], key["state"]) for key in catalog.json("signing-keys", "list")["signing_keys"]] == [
        (rotated, "next"),
        (first["id"], "signing"),
    ]
    assert catalog("signing-keys", "rotate").stdout.startswith("Made the signing key ")
    assert [line.split()[1] for line in catalog("signing-keys", "list").stdout.splitlines()[1:]] == ["next", "next", "signing"]
    (event, *_) = catalog.json("audit", "list", "--action", "signing_key.rotated")["events"]
    assert event["actor"] == "cli"
    monkeypatch.setenv("CATALOG_IDENTITY__SIGNING_KEY", planted("secret nonsense"))
    result = catalog("signing-keys", "list", code=2)
    assert "CATALOG_IDENTITY__SIGNING_KEY" in result.stderr
    assert "nonsense" not in result.output


@pytest.mark.parametrize("store", ["sqlite"])
def test_signing_keys_of_the_settings_are_listed(catalog: Command, store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order: the first one signs. They are not rotated, and an invalid list of them is an error."""
    first, second = generate_key(), generate_key()
    monkeypatch.setenv("CATALOG_IDENTITY__SIGNING_KEY", to_pem(first) + to_pem(second))
    assert catalog.json("signing-keys", "list")["signing_keys"] == [
        {"id": first.id, "created_at": None, "state": "signing"},
        {"id": second.id, "created_at": None, "state": "verifying"},
    ]
    listed = catalog("signing-keys", "list").stdout
    assert [line.split() for line in listed.splitlines()[1:]] == [[first.id, "signing"], [second.id, "verifying"]]
    assert "is set in the settings" in catalog("signing-keys", "rotate", code=1).stderr
    monkeypatch.setenv("CATALOG_IDENTITY__SIGNING_KEY", to_pem(first) * 2)
    assert "Signing keys 1 and 2 are the same one" in catalog("signing-keys", "list", code=2).stderr
