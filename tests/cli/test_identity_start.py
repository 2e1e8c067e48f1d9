"""Tests of what a start does for identity: the first admin, the set-up link, and weak settings."""

import asyncio
import json
import re
from collections.abc import Callable

import pytest

from catalog.adapters.jwt.signing_keys import generate_key, to_pem
from catalog.application.identity.client import Client
from catalog.domain.identity.errors import InvalidToken
from catalog.domain.identity.user import NewUser
from catalog.entrypoints import log_config
from catalog.entrypoints.container import Container, identity_running
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.identity_start import start_identity
from catalog.entrypoints.server import server
from catalog.entrypoints.settings.loading import load_settings
from catalog.entrypoints.settings.problems import InvalidSettings
from tests.cli.conftest import Command
from tests.planted_secrets import MARK, PASSWORD, planted

NOBODY = Client()

Start = Callable[..., str]


@pytest.fixture
def start(catalog: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Start:
    """Do what a start does, with these settings, and return what it prints to stderr."""

    def run(**variables: str) -> str:
        for name, value in variables.items():
            monkeypatch.setenv(f"CATALOG_{name}", value)
        settings = load_settings()
        log_config.configure(settings.log)
        asyncio.run(start_identity(Container(settings=settings)))
        captured = capsys.readouterr()
        assert captured.out == ""
        return captured.err

    return run


def test_the_settings_name_the_first_admin(start: Start, catalog: Command, store_url: str) -> None:
    """Only if there are no users; later ones are ignored, and the start says so. The password is not printed."""
    admin = {"IDENTITY__ADMIN_USERNAME": "Root", "IDENTITY__ADMIN_PASSWORD": PASSWORD}
    assert start(IDENTITY__MODE="required", **admin) == "Created the admin root.\n"
    ignored = start(IDENTITY__ADMIN_USERNAME="other", IDENTITY__ADMIN_PASSWORD=f"another {PASSWORD}")
    assert ignored.endswith(
        "CATALOG_IDENTITY__ADMIN_USERNAME and CATALOG_IDENTITY__ADMIN_PASSWORD are ignored and can be removed.\n"
    )
    assert PASSWORD not in ignored
    (user,) = catalog.json("users", "list")["users"]
    assert (user["username"], user["role"]) == ("root", "admin")


@pytest.mark.prints_secrets("setup token")
def test_a_set_up_link_is_printed_once_for_an_empty_store(start: Start, catalog: Command, store_url: str) -> None:
    """To stderr, as plain text. It creates the first admin; then no other link is printed."""
    printed = start(IDENTITY__MODE="required", HTTP__PORT="8001", HTTP__ROOT_PATH="/shop")
    (token,) = re.findall(r"http://127\.0\.0\.1:8001/shop/#setup=([\w-]{43})$", printed, re.MULTILINE)
    assert [line[:2] for line in printed.splitlines()] == ["Th", "  ", "or", "  ", "or"]  # no log record among them
    assert catalog("users", "list").stdout == ""

    async def set_up() -> None:
        container = Container(settings=load_settings())
        async with identity_running(container):
            await container.first_admin().set_up(token, NewUser("anna", "admin", PASSWORD), NOBODY)
            with pytest.raises(InvalidToken):
                await container.first_admin().set_up(token, NewUser("bert", "admin", PASSWORD), NOBODY)

    asyncio.run(set_up())
    assert start() == ""
    assert token not in json.dumps(catalog.json("audit", "list"))


@pytest.mark.prints_secrets("setup token")
@pytest.mark.parametrize("store", ["sqlite"])
@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({"HTTP__PORT": "8001"}, "http://127.0.0.1:8001"),
        ({"HTTP__PORT": "8001", "HTTP__HOST": "::1"}, "http://[::1]:8001"),
        ({"HTTP__PORT": "8001", "HTTP__HOST": "0.0.0.0"}, "http://localhost:8001"),  # noqa: S104 - an address under test
        ({"HTTP__PORT": "8001", "HTTP__ALLOWED_HOSTS": "*,shop.example"}, "http://shop.example:8001"),
        ({"HTTP__TLS": "true", "HTTP__ALLOWED_HOSTS": "shop.example,b.example"}, "https://shop.example"),
        ({"HTTP__TLS": "true", "HTTP__ALLOWED_HOSTS": "*", "HTTP__ROOT_PATH": "/catalog"}, "https://127.0.0.1/catalog"),
    ],
)
def test_the_set_up_link_has_the_address_of_the_service(
    start: Start, variables: dict[str, str], url: str, store_url: str
) -> None:
    """That which browsers use. The request that does the same is printed beside it, with the members of its body."""
    printed = start(IDENTITY__MODE="required", **variables)
    ((found, token),) = re.findall(r"^  (\S+)/#setup=([\w-]{43})$", printed, re.MULTILINE)
    assert found == url
    ((address, body),) = re.findall(r"^  curl (\S+) -H 'Content-Type: application/json' -d '(.*)'$", printed, re.MULTILINE)
    assert address == f"{url}/api/v1/auth/setup"
    assert json.loads(body) == {"token": token, "username": "…", "password": "…"}


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"IDENTITY__ADMIN_USERNAME": "-", "IDENTITY__ADMIN_PASSWORD": PASSWORD}, "CATALOG_IDENTITY__ADMIN_USERNAME"),
        ({"IDENTITY__ADMIN_USERNAME": "root", "IDENTITY__ADMIN_PASSWORD": MARK}, "CATALOG_IDENTITY__ADMIN_PASSWORD"),
        ({"IDENTITY__SIGNING_KEY": planted("key")}, "CATALOG_IDENTITY__SIGNING_KEY"),
        (
            {
                "IDENTITY__OIDC__ISSUER": "https://i.example",
                "IDENTITY__OIDC__AUDIENCE": "a",
                "IDENTITY__OIDC__ROLE_MAP": planted("map"),
            },
            "CATALOG_IDENTITY__OIDC__ROLE_MAP",
        ),
    ],
)
@pytest.mark.parametrize("store", ["sqlite", "memory"])
def test_invalid_settings_of_identity_stop_the_start(start: Start, variables: dict[str, str], named: str, store_url: str) -> None:
    """They are named, and their values are not shown. A memory store is checked as well, before the process serves."""
    with pytest.raises(InvalidSettings, match=named) as caught:
        start(IDENTITY__MODE="required", **variables)
    assert "planted" not in str(caught.value)


@pytest.mark.prints_secrets("setup token")
@pytest.mark.parametrize("store", ["memory"])
def test_a_memory_store_is_prepared_by_its_process(start: Start, store_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The link is for the store that serves, which is another one than that of the check before."""
    assert start(IDENTITY__MODE="required") == ""

    async def serve() -> None:
        app = create_app(Container(settings=load_settings()))
        messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
        sent: list[object] = []

        async def receive() -> dict[str, str]:
            await asyncio.sleep(0)
            return next(messages)

        async def send(message: object) -> None:
            await asyncio.sleep(0)
            sent.append(message)

        await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}, "app": app}, receive, send)
        assert len(sent) == 2

    asyncio.run(serve())
    assert capsys.readouterr().err.count("/#setup=") == 1


def test_weak_settings_are_recorded(start: Start, catalog: Command, store_url: str) -> None:
    """One event for each at every start. Without weak settings there is none."""
    assert start() == ""
    assert start(IDENTITY__MODE="open", HTTP__CORS_ORIGINS="*") == ""
    events = catalog.json("audit", "list", "--action", "settings.insecure")["events"]
    assert [(event["subject"], event["actor"]) for event in reversed(events)] == [
        ("CATALOG_IDENTITY__MODE", None),
        ("CATALOG_HTTP__CORS_ORIGINS", None),
    ]
    assert "without signing in" in events[-1]["detail"]["reason"]


def test_a_store_that_is_away_does_not_stop_the_start(start: Start) -> None:
    """A warning says that no admin was created."""
    printed = start(STORAGE__URL=f"postgresql://me:{planted('p')}@127.0.0.1:1/x", IDENTITY__MODE="required")
    assert "identity_not_prepared" in printed
    assert "planted" not in printed


def test_serve_refuses_production_without_sign_in(catalog: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, with exit code 2, before it announces an address. Other commands work."""
    monkeypatch.setenv("CATALOG_ENVIRONMENT", "prod")
    result = catalog("serve", "--port", "0", code=2)
    assert result.stdout == ""
    assert "CATALOG_IDENTITY__MODE: " in result.stderr
    assert "CATALOG_IDENTITY__ALLOW_INSECURE=true" in result.stderr
    catalog("items", "list")
    checks = json.loads(catalog("doctor", "--json", code=1).stdout)
    (failed,) = [check for check in checks if not check["well"]]
    assert (failed["what"], "CATALOG_IDENTITY__MODE" in failed["remedy"]) == ("identity", True)


def test_the_start_says_who_may_call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """And warns of each weak setting, by name."""
    server._announce(load_settings(), 8000, 1)
    captured = capsys.readouterr()
    assert captured.out.splitlines()[0].endswith("; no sign-in, everybody on this machine is the local admin")
    assert captured.err == ""
    monkeypatch.setenv("CATALOG_IDENTITY__MODE", "open")
    monkeypatch.setenv("CATALOG_HTTP__HOST", "0.0.0.0")  # noqa: S104 - the address under test
    server._announce(load_settings(), 8000, 1)
    assert capsys.readouterr().err.startswith("Warning: CATALOG_IDENTITY__MODE=open: other machines can reach this address")


def test_doctor_shows_identity_without_secrets(catalog: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set or not set; and whether there are users."""
    monkeypatch.setenv("CATALOG_IDENTITY__MODE", "required")
    catalog("migrate")
    said = {check["what"]: check["says"] for check in json.loads(catalog("doctor", "--json").stdout)}
    assert said["identity"] == "required; guests may not read"
    assert (said["signing key"], said["first admin"], said["other issuer"]) == (
        "not set; one is kept in the store",
        "not set",
        "not set",
    )
    assert said["users"].startswith("none yet")
    catalog("users", "create", "anna", "--role", "admin", stdin=PASSWORD)
    for name, value in {
        "SIGNING_KEY": to_pem(generate_key()),
        "ADMIN_USERNAME": "root",
        "ADMIN_PASSWORD": planted("password"),
        "OIDC__ISSUER": "https://issuer.example",
        "OIDC__AUDIENCE": "shop",
        "PUBLIC_READ": "true",
    }.items():
        monkeypatch.setenv(f"CATALOG_IDENTITY__{name}", value)
    output = catalog("doctor").output
    assert "planted" not in output
    for words in ("guests may read", "root, password set", "https://issuer.example, for shop", "there are users"):
        assert words in output


@pytest.mark.parametrize(("count", "says"), [(1, "set"), (3, "3 are set; the first one signs, all verify")])
def test_doctor_counts_the_signing_keys(catalog: Command, monkeypatch: pytest.MonkeyPatch, count: int, says: str) -> None:
    """A change of keys that was half done shows: a deployment with one key, or with keys that nobody removed."""
    monkeypatch.setenv("CATALOG_IDENTITY__MODE", "required")
    monkeypatch.setenv("CATALOG_IDENTITY__SIGNING_KEY", "".join(to_pem(generate_key()) for _ in range(count)))
    catalog("migrate")
    said = {check["what"]: check["says"] for check in json.loads(catalog("doctor", "--json").stdout)}
    assert said["signing key"] == says


def test_doctor_names_a_signing_key_that_keeps_the_service_from_starting(
    catalog: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the number of the key, and without the key itself."""
    monkeypatch.setenv("CATALOG_IDENTITY__MODE", "required")
    monkeypatch.setenv("CATALOG_IDENTITY__SIGNING_KEY", to_pem(generate_key()) + planted("-----BEGIN PRIVATE KEY-----"))
    catalog("migrate")
    result = catalog("doctor", "--json", code=1)
    (failed,) = [check for check in json.loads(result.stdout) if not check["well"]]
    assert (failed["what"], failed["says"]) == ("signing key", "`catalog serve` will not start")
    assert failed["remedy"].startswith("CATALOG_IDENTITY__SIGNING_KEY: Key 2 of 2: ")
    assert "planted" not in result.output
