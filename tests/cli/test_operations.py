"""Tests of `catalog serve`, `catalog migrate` and `catalog doctor`, and of settings errors."""

import asyncio
import getpass
import json
import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.adapters.sql.schema.migrate import HEAD_REVISION
from catalog.domain.errors import CatalogError, InvalidCursor, InvalidQuery, ItemNotFound, SkuTaken, StoreBusy, TooManyConflicts
from catalog.entrypoints.cli.doctor import _check_versions, _file_problem
from catalog.entrypoints.cli.exit_codes import code_of
from catalog.entrypoints.server import server
from tests.cli.conftest import Command
from tests.conftest import Databases
from tests.planted_secrets import planted
from tests.servers import free_port


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ItemNotFound("x"), 1),
        (SkuTaken("x"), 1),
        (TooManyConflicts("x"), 1),
        (InvalidQuery([]), 2),
        (InvalidCursor("x"), 2),
        (StoreBusy("x"), 3),
    ],
)
def test_an_error_has_its_exit_code(error: CatalogError, code: int) -> None:
    """The codes are 1 for refused, 2 for invalid usage and 3 for unavailable."""
    assert code_of(error) == code


def test_help_lists_every_command_and_the_exit_codes(catalog: Command) -> None:
    """Every command has its own --help, too."""
    output = catalog("--help").stdout
    for command in ("serve", "migrate", "seed", "items", "import", "doctor"):
        assert command in output
        catalog(command, "--help")
    assert "Exit codes" in output
    assert catalog("--version").stdout.startswith("catalog, version ")


def test_the_package_can_be_run() -> None:
    """`python -m catalog` is the command line, also where the program is not on the path. Exit codes are the same."""
    run = [sys.executable, "-m", "catalog"]
    assert subprocess.run([*run, "--version"], capture_output=True, text=True, check=True).stdout.startswith("catalog, version ")
    result = subprocess.run([*run, "nothing"], capture_output=True, text=True, check=False)
    assert (result.returncode, "No such command" in result.stderr) == (2, True)


def test_help_imports_nothing_heavy() -> None:
    """Slow imports would delay every --help."""
    code = (
        "import sys, contextlib, io\n"
        "from catalog.entrypoints.cli.main import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit): main(['items', '--help'])\n"
        "print(sorted({'sqlalchemy', 'litestar', 'pydantic', 'uvicorn', 'asyncpg', 'alembic', 'msgspec'} & set(sys.modules)))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_a_postgres_is_migrated_by_command(catalog: Command, databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the migration, commands fail and name `catalog migrate`. Afterwards they work."""
    name = asyncio.run(databases.create())
    monkeypatch.setenv("CATALOG_STORAGE__URL", databases.url(name))
    assert "catalog migrate" in catalog("items", "list", code=3).stderr
    checks = json.loads(catalog("doctor", "--json", code=1).stdout)
    assert [(check["what"], check["remedy"]) for check in checks if not check["well"]] == [("schema", "catalog migrate")]
    assert catalog("migrate").stdout == f"Migrated the schema from none to {HEAD_REVISION}.\n"
    assert catalog("migrate").stdout == f"The schema is up to date ({HEAD_REVISION}).\n"
    catalog("items", "list")
    catalog("doctor")
    asyncio.run(databases.drop(name))


def test_a_postgres_is_migrated_at_startup_if_the_setting_says_so(
    catalog: Command, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The setting is CATALOG_STORAGE__MIGRATE; the command exits with 0."""
    name = asyncio.run(databases.create())
    monkeypatch.setenv("CATALOG_STORAGE__URL", databases.url(name))
    monkeypatch.setenv("CATALOG_STORAGE__MIGRATE", "true")
    catalog("items", "list")
    asyncio.run(databases.drop(name))


def test_sqlite_migrates_itself(catalog: Command, tmp_path: Path) -> None:
    """Without any settings, the store is ./catalog.db."""
    catalog("items", "list")
    assert (tmp_path / "catalog.db").exists()


def test_doctor_reports_problems_and_remedies(catalog: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """It checks settings, the network address and the store. Passwords are never shown."""
    output = catalog("doctor").stdout
    assert "FAIL" not in output
    assert "the next start migrates it to" in output
    monkeypatch.setenv("CATALOG_HTTP__HOST", "0.0.0.0")  # noqa: S104 - the address under test
    output = catalog("doctor", code=1).stdout
    assert "FAIL" in output
    assert "CATALOG_IDENTITY__MODE=open" in output
    monkeypatch.setenv("CATALOG_IDENTITY__MODE", "open")
    monkeypatch.setenv("CATALOG_STORAGE__URL", f"postgresql://me:{planted('secret')}@127.0.0.1:1/x")
    result = catalog("doctor", code=3)
    assert "postgresql://me@127.0.0.1:1/x" in result.stdout
    assert "cannot be reached" in result.stdout
    assert "At 127.0.0.1:1: " in result.stdout
    assert "secret" not in result.output


def test_a_memory_store_is_refused_by_commands_that_need_persistence(catalog: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """`catalog doctor` accepts it."""
    monkeypatch.setenv("CATALOG_STORAGE__URL", "memory://")
    for command in (("seed",), ("items", "list"), ("migrate",)):
        assert "does not persist data" in catalog(*command, code=2).stderr
    catalog("doctor")


def test_serve_refuses_unsafe_or_impossible_settings(catalog: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cases are a public address, a memory store with several workers, a port in use and a missing folder."""
    stderr = catalog("serve", "--host", "0.0.0.0", code=2).stderr  # noqa: S104 - the address under test
    assert "CATALOG_IDENTITY__MODE=open" in stderr
    monkeypatch.setenv("CATALOG_HTTP__HOST", "127.0.0.1")
    monkeypatch.setenv("CATALOG_STORAGE__URL", "memory://")
    assert "--workers 1" in catalog("serve", "--workers", "2", code=2).stderr
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        stderr = catalog("serve", "--port", str(port), code=1).stderr
    assert (
        stderr == f"catalog: Port {port} on 127.0.0.1 is in use; stop the program that uses it, or choose another with --port.\n"
    )
    assert "Cannot listen on 127.1.2.300" in catalog("serve", "--host", "127.1.2.300", code=1).stderr
    assert "--reload works with one process only" in catalog("serve", "--reload", "--workers", "2", code=2).stderr
    monkeypatch.setenv("CATALOG_HTTP__HOST", "127.0.0.1")
    monkeypatch.setenv("CATALOG_STORAGE__URL", "sqlite:///nowhere/catalog.db")
    assert "SQLite cannot work with the database file" in catalog("serve", "--port", "0", code=3).stderr


def test_every_invalid_setting_is_reported_by_variable(catalog: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command exits with code 2 and prints no traceback."""
    monkeypatch.setenv("CATALOG_STORAGE__URL", "mysql://x")
    monkeypatch.setenv("CATALOG_STORAGE__POOL_SIZE", "many")
    monkeypatch.setenv("CATALOG_ENVIRONMENT", "moon")
    stderr = catalog("items", "list", code=2).stderr
    for variable in ("CATALOG_STORAGE__URL", "CATALOG_STORAGE__POOL_SIZE", "CATALOG_ENVIRONMENT"):
        assert variable in stderr
    assert "memory://, postgresql://, sqlite://" in stderr


def test_doctor_reports_the_cache(catalog: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache is off, per process or shared. An unreachable shared cache is reported without its password."""
    catalog("migrate")
    assert "32 MiB per process, for 60 s" in catalog("doctor").stdout
    port = free_port()
    monkeypatch.setenv("CATALOG_CACHE__URL", f"redis://user:{planted('secret')}@127.0.0.1:{port}/0")
    (check,) = [check for check in json.loads(catalog("doctor", "--json", code=1).stdout) if check["what"] == "cache"]
    assert f"redis://user@127.0.0.1:{port}/0, which does not respond" in check["says"]
    assert "CATALOG_CACHE__URL" in check["remedy"]
    assert "secret" not in str(check)
    monkeypatch.setenv("CATALOG_CACHE__TTL_SECONDS", "0")
    (check,) = [check for check in json.loads(catalog("doctor", "--json").stdout) if check["what"] == "cache"]
    assert (check["says"], check["well"]) == ("off", True)


@pytest.mark.parametrize("url", ["redis://host:port/0", f"redis://me:{planted('secret')}/x@host/0", "http://host", "redis"])
def test_an_invalid_cache_url_stops_serve_at_startup(catalog: Command, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """The error names the setting and does not contain the password."""
    monkeypatch.setenv("CATALOG_CACHE__URL", url)
    stderr = catalog("serve", "--port", "0", code=2).stderr
    assert "CATALOG_CACHE__URL" in stderr
    assert "secret" not in stderr


def test_doctor_reports_a_connection_pooler() -> None:
    """Both checks name the setting that avoids the cost of a pooler."""
    checks = list(_check_versions({"PostgreSQL": "15.18", "JIT": "on", "pooler": "found one, used as in transaction mode"}))
    remedies = [check.remedy for check in checks if check.remedy]
    assert len(remedies) == 2
    assert "jit = off" in remedies[0]
    assert all("CATALOG_STORAGE__POOLER=session" in remedy for remedy in remedies)
    assert all(not check.remedy for check in _check_versions({"PostgreSQL": "15.18", "JIT": "off", "pooler": "none"}))


def test_doctor_reports_why_sqlite_cannot_use_the_file(catalog: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The folder is missing, the path is a folder, or the user cannot write to the folder."""
    (tmp_path / "folder").mkdir()
    for url, message, remedy in (
        ("sqlite:///nowhere/catalog.db", f"The folder {tmp_path}/nowhere does not exist.", "mkdir -p"),
        (f"sqlite:///{tmp_path}/folder", f"{tmp_path}/folder is a folder.", "to a file in it"),
    ):
        monkeypatch.setenv("CATALOG_STORAGE__URL", url)
        (check,) = [check for check in json.loads(catalog("doctor", "--json", code=3).stdout) if not check["well"]]
        assert check["says"] == message
        assert remedy in check["remedy"]
    monkeypatch.setattr(os, "access", lambda place, _mode: place != tmp_path)
    problem = _file_problem(tmp_path / "catalog.db")
    assert problem is not None
    assert problem[0] == f"The user {getpass.getuser()} cannot write to the folder {tmp_path}."
    monkeypatch.undo()
    assert _file_problem(tmp_path / "catalog.db") is None


def test_doctor_accepts_every_sqlite_version(catalog: Command) -> None:
    """Several processes may write to one file with any version (ADR 19)."""
    catalog("migrate")
    (check,) = [check for check in json.loads(catalog("doctor", "--json").stdout) if check["what"] == "sqlite"]
    assert check["well"]
    assert check["says"].startswith(sqlite3.sqlite_version)


def test_serve_warns_if_the_store_is_not_ready(
    catalog: Command, databases: Databases, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The store is unreachable or has no schema. There is no warning for a store that is ready."""
    name = asyncio.run(databases.create())
    served_urls: list[str] = []
    monkeypatch.setattr(server, "serve", lambda settings, **_: served_urls.append(settings.storage.url))
    for url, reason in (
        (databases.url(name), "catalog migrate"),
        (f"postgresql://me:{planted('secret')}@127.0.0.1:1/x", "cannot be reached"),
    ):
        monkeypatch.setenv("CATALOG_STORAGE__URL", url)
        stderr = catalog("serve").stderr
        assert [word in stderr for word in ("store_not_ready", reason, "503", "secret")] == [True, True, True, False]
    for url in ("memory://", "sqlite:///catalog.db"):
        monkeypatch.setenv("CATALOG_STORAGE__URL", url)
        assert catalog("serve").stderr == ""
    assert len(served_urls) == 4
    asyncio.run(databases.drop(name))


def test_an_unreadable_env_file_is_reported_by_every_command(catalog: Command, tmp_path: Path) -> None:
    """The message is one line; there is no traceback."""
    (tmp_path / ".env").write_bytes("CATALOG_HTTP__PORT=9000\n".encode("utf-16"))
    for command in (("doctor",), ("serve",), ("migrate",), ("items", "list"), ("seed",)):
        stderr = catalog(*command, code=2).stderr
        assert stderr.splitlines()[1] == (
            "  .env: The file is UTF-16 (the encoding of PowerShell's >) or not text. Save it as UTF-8."
        )
