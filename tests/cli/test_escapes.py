"""Tests of what the command line prints of texts that anybody may have written."""

import asyncio
from pathlib import Path

import pytest

from catalog.application.identity.client import Client
from catalog.domain.identity.api_key import NewApiKey
from catalog.domain.identity.roles import ROLE_SCOPES
from catalog.domain.identity.security_log import SecurityEvent
from catalog.entrypoints.cli.identity_session import CALLER
from catalog.entrypoints.cli.tables import print_fields
from catalog.entrypoints.container import Container, identity_running
from catalog.entrypoints.settings.loading import load_settings
from tests.cli.conftest import Command

PASSWORD = "correct horse battery staple"
ESCAPES = "x\x1b[31m\x9b2J\u202e"
SHOWN = "x\\x1b[31m\\x9b2J\\u202e"


def assert_shown(output: str) -> None:
    """Assert that the escapes are shown, and that the terminal would obey none."""
    assert SHOWN in output
    assert not {"\x1b", "\x9b", "\u202e"} & set(output)


@pytest.fixture
def written(catalog: Command, store_url: str) -> None:
    """A key, a session and an event with escapes, as an older version or another program may have stored them."""
    catalog("users", "create", "anna", "--role", "admin", stdin=PASSWORD)

    async def run() -> None:
        container = Container(settings=load_settings())
        async with identity_running(container):
            anna = await container.users().get("anna")
            await container.api_keys().create(NewApiKey(ESCAPES), anna, CALLER, within=ROLE_SCOPES["admin"])
            await container.sign_in().for_tokens("anna", PASSWORD, Client("192.0.2.1", ESCAPES))
            event = SecurityEvent(action="user.created", at=container.clock().now(), subject=ESCAPES)
            await container.identity_storage().record([event])

    asyncio.run(run())


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize("command", [("keys", "list"), ("sessions", "list"), ("audit", "list")])
def test_tables_of_identity_show_escapes(catalog: Command, command: tuple[str, ...]) -> None:
    """A terminal must not obey what a user chose as a name, or sent as User-Agent."""
    assert_shown(catalog(*command).stdout)


def test_items_and_categories_show_escapes(catalog: Command, store_url: str, tmp_path: Path) -> None:
    """In tables, in fields, in the tree and in suggestions."""
    assert_shown(catalog("categories", "create", "--name", ESCAPES, "--slug", "c").stdout)
    assert_shown(catalog("categories", "list").stdout)
    assert_shown(catalog("categories", "tree").stdout)
    table = tmp_path / "items.csv"
    table.write_text(f"sku,name,brand\nA,chair {ESCAPES},{ESCAPES}\n", encoding="utf-8")
    catalog("import", str(table))
    assert_shown(catalog("items", "get", "A").stdout)
    assert_shown(catalog("items", "list").stdout)
    assert_shown(catalog("items", "list", "--q", "chiar").stderr)


def test_fields_are_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    """A line break in a value cannot pretend to be another field. Long names move all values."""
    print_fields({"name": "a\nrole admin", "nothing": None, "number": 1})
    assert capsys.readouterr().out == "name         a\\nrole admin\nnumber       1\n"
    print_fields({"a": "x", "attr.a long\x1b name": "y"})
    assert capsys.readouterr().out == f"{'a':20} x\nattr.a long\\x1b name y\n"
