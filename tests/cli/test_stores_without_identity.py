"""A store whose plug-in has no identity: it can be used, but nobody can sign in (docs/how-to/write-a-store.md)."""

import asyncio
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from catalog.entrypoints import identity_plugins, storage_plugins
from catalog.entrypoints.container import Container
from catalog.entrypoints.identity_start import start_identity
from catalog.entrypoints.settings.loading import load_settings
from catalog.entrypoints.settings.problems import InvalidSettings
from tests.cli.conftest import Command

CANNOT = "CATALOG_STORAGE__URL: The storage plugin:// cannot store users."


@pytest.fixture(autouse=True)
def plugin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A store of another package that persists data, and has no identity."""
    point = EntryPoint("plugin", "tests.cli.test_stores_without_identity:open_plugin", storage_plugins.GROUP)
    plugins = storage_plugins._plugins() | {"plugin": point}
    monkeypatch.setattr(storage_plugins, "_plugins", lambda: plugins)
    monkeypatch.setenv("CATALOG_STORAGE__URL", f"plugin:///{tmp_path / 'catalog.db'}")


def open_plugin(options: object) -> object:
    """Return a store of the minimal kind that says it persists data."""
    from tests.minimal_store import MinimalStorage  # noqa: PLC0415 - as a plug-in is loaded

    assert options
    storage = MinimalStorage()
    storage.durable = True
    return storage


@pytest.mark.parametrize("mode", ["local", "open"])
def test_it_works_without_sign_in(catalog: Command, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    """There is nowhere to record weak settings, which does not stop the start."""
    monkeypatch.setenv("CATALOG_IDENTITY__MODE", mode)
    assert asyncio.run(start_identity(Container(settings=load_settings())))
    assert catalog("items", "create", "--sku", "A", "--name", "Chair").stdout
    assert catalog("audit", "list").stderr == "No events.\n"


def test_a_service_that_requires_sign_in_does_not_start(catalog: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the stores that can store users."""
    monkeypatch.setenv("CATALOG_IDENTITY__MODE", "required")
    with pytest.raises(InvalidSettings, match="cannot store users"):
        asyncio.run(start_identity(Container(settings=load_settings())))
    result = catalog("serve", "--port", "0", code=2)
    assert CANNOT in result.stderr
    assert "postgresql://" in result.stderr


@pytest.mark.parametrize("command", [("users",), ("keys",), ("sessions",), ("signing-keys",)], ids=str)
def test_commands_say_why_they_cannot_work(catalog: Command, command: tuple[str]) -> None:
    """With the exit code of a wrong setting."""
    assert CANNOT in catalog(*command, "list", code=2).stderr


def test_our_own_stores_have_identity() -> None:
    """Each scheme that has a store."""
    ours = {"memory", "sqlite", "postgresql"}
    assert ours <= set(storage_plugins.schemes()) & set(identity_plugins._plugins())
