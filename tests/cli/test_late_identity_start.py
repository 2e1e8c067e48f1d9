"""A store that is away at the start: the first admin, or the set-up link, is made as soon as it is there."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.entrypoints import log_config
from catalog.entrypoints.container import Container
from catalog.entrypoints.identity_start import preparing_later, start_identity
from catalog.entrypoints.settings.loading import load_settings
from catalog.entrypoints.settings.model import Settings
from tests.cli.conftest import Command
from tests.planted_secrets import PASSWORD
from tests.servers import free_port, wait_until

NOT_MIGRATED = {"CATALOG_IDENTITY__MODE": "required", "CATALOG_STORAGE__MIGRATE": "false"}

Start = Callable[..., Settings]
Printed = Callable[[], str]


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """The URL of a store without tables: until it is migrated, it is as if it were away."""
    return f"sqlite:///{tmp_path / 'late.db'}"


@pytest.fixture
def start(catalog: Command, store_url: str, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Start on a store that has no tables yet, with these settings."""

    def run(**variables: str) -> Settings:
        for name, value in NOT_MIGRATED.items():
            monkeypatch.setenv(name, value)
        for name, value in variables.items():
            monkeypatch.setenv(f"CATALOG_IDENTITY__{name}", value)
        settings = load_settings()
        log_config.configure(settings.log)
        assert not asyncio.run(start_identity(Container(settings=settings)))
        return settings

    return run


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    """Return everything that was printed to stderr so far."""
    parts: list[str] = []

    def text() -> str:
        parts.append(capsys.readouterr().err)
        return "".join(parts)

    return text


def usernames(catalog: Command) -> list[str]:
    """Return the names of all users."""
    return [user["username"] for user in catalog.json("users", "list")["users"]]


def test_the_first_admin_is_created_when_the_store_is_there(
    start: Start, catalog: Command, printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is tried again until it works. Then there is nothing left to do."""
    monkeypatch.setenv("CATALOG_LOG__LEVEL", "DEBUG")
    settings = start(ADMIN_USERNAME="root", ADMIN_PASSWORD=PASSWORD)
    with preparing_later(settings, interval=0.05):
        wait_until(lambda: printed().count("identity_still_not_prepared") >= 2)
        catalog("migrate")
        wait_until(lambda: usernames(catalog) == ["root"])
    assert asyncio.run(start_identity(Container(settings=settings)))
    assert usernames(catalog) == ["root"]


def test_a_weak_password_is_logged(start: Start, catalog: Command, printed: Printed) -> None:
    """Without its value. The service goes on, without an admin."""
    settings = start(ADMIN_USERNAME="root", ADMIN_PASSWORD="planted")
    catalog("migrate")
    log_config.configure(settings.log)  # the command has bound it to its own output
    with preparing_later(settings, interval=0.01):
        wait_until(lambda: "CATALOG_IDENTITY__ADMIN_PASSWORD" in printed())
    assert "planted" not in printed()
    assert usernames(catalog) == []


def test_a_stop_ends_the_attempts(start: Start, catalog: Command) -> None:
    """Nothing is created after the context is closed."""
    settings = start(ADMIN_USERNAME="root", ADMIN_PASSWORD=PASSWORD)
    with preparing_later(settings, interval=60):
        catalog("migrate")
    assert usernames(catalog) == []


@pytest.mark.prints_secrets("setup token")
def test_a_service_prints_the_set_up_link_when_the_store_is_there(store_url: str, catalog: Command, tmp_path: Path) -> None:
    """Once, whatever the number of processes."""
    log = tmp_path / "log"
    environment = os.environ | NOT_MIGRATED | {"CATALOG_STORAGE__URL": store_url}
    command = [sys.executable, "-c", "from catalog.entrypoints.cli.main import main; main()"]
    with log.open("w") as output:
        serve = [*command, "serve", "--workers", "2", "--port", str(free_port())]
        process = subprocess.Popen(serve, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            wait_until(lambda: "Catalog " in log.read_text())
            assert "identity_not_prepared" in log.read_text()
            subprocess.run([*command, "migrate"], env=environment, check=True, capture_output=True)
            wait_until(lambda: "#setup=" in log.read_text())
        finally:
            process.terminate()
            process.wait(30)
    assert len(re.findall(r"/#setup=[\w-]{43}$", log.read_text(), re.MULTILINE)) == 1
