"""`catalog serve`, `migrate`, `doctor`, and how settings reach them."""

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
from catalog.entrypoints.cli.doctor import _check_versions, _file_fault
from catalog.entrypoints.cli.exit_codes import code_of
from catalog.entrypoints.server import server
from tests.cli.conftest import Command
from tests.conftest import Databases
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
    """1 refused, 2 wrong usage, 3 unavailable."""
    assert code_of(error) == code


def test_help_names_every_command_and_what_the_exit_codes_mean(catalog: Command) -> None:
    """For somebody who sees it first."""
    said = catalog("--help").stdout
    for command in ("serve", "migrate", "seed", "items", "import", "doctor"):
        assert command in said
        catalog(command, "--help")
    assert "Exit codes" in said
    assert catalog("--version").stdout.startswith("catalog, version ")


def test_help_imports_nothing_heavy() -> None:
    """So that it answers at once."""
    code = (
        "import sys, contextlib, io\n"
        "from catalog.entrypoints.cli.main import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit): main(['items', '--help'])\n"
        "print(sorted({'sqlalchemy', 'litestar', 'pydantic', 'uvicorn', 'asyncpg', 'alembic', 'msgspec'} & set(sys.modules)))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_a_postgres_is_migrated_by_command(catalog: Command, databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before, commands say what to run; after, they run."""
    name = asyncio.run(databases.create())
    monkeypatch.setenv("CATALOG_STORAGE__URL", databases.url(name))
    assert "catalog migrate" in catalog("items", "list", code=3).stderr
    findings = json.loads(catalog("doctor", "--json", code=1).stdout)
    assert [(one["what"], one["remedy"]) for one in findings if not one["well"]] == [("schema", "catalog migrate")]
    assert catalog("migrate").stdout == f"The schema went from none to {HEAD_REVISION}.\n"
    assert catalog("migrate").stdout == f"The schema is up to date ({HEAD_REVISION}).\n"
    catalog("items", "list")
    catalog("doctor")
    asyncio.run(databases.drop(name))


def test_a_postgres_is_migrated_at_start_where_a_setting_says_so(
    catalog: Command, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CATALOG_STORAGE__MIGRATE."""
    name = asyncio.run(databases.create())
    monkeypatch.setenv("CATALOG_STORAGE__URL", databases.url(name))
    monkeypatch.setenv("CATALOG_STORAGE__MIGRATE", "true")
    catalog("items", "list")
    asyncio.run(databases.drop(name))


def test_sqlite_migrates_itself(catalog: Command, tmp_path: Path) -> None:
    """In ./catalog.db, when nothing is set."""
    catalog("items", "list")
    assert (tmp_path / "catalog.db").exists()


def test_doctor_says_what_is_wrong_and_what_to_do(catalog: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of settings, the door, and a store that is away; never a password."""
    said = catalog("doctor").stdout
    assert "WRONG" not in said
    assert "comes with the next start" in said
    monkeypatch.setenv("CATALOG_HTTP__HOST", "0.0.0.0")  # noqa: S104 - that is what is refused
    said = catalog("doctor", code=1).stdout
    assert "CATALOG_IDENTITY__MODE=open" in said
    monkeypatch.setenv("CATALOG_IDENTITY__MODE", "open")
    monkeypatch.setenv("CATALOG_STORAGE__URL", "postgresql://me:secret@127.0.0.1:1/x")
    result = catalog("doctor", code=3)
    assert "postgresql://me@127.0.0.1:1/x" in result.stdout
    assert "cannot be reached" in result.stdout
    assert "At 127.0.0.1:1: " in result.stdout
    assert "secret" not in result.output


def test_a_memory_store_is_refused_where_nothing_would_last(catalog: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Doctor looks at it all the same."""
    monkeypatch.setenv("CATALOG_STORAGE__URL", "memory://")
    for command in (("seed",), ("items", "list"), ("migrate",)):
        assert "would last" in catalog(*command, code=2).stderr
    catalog("doctor")


def test_serve_refuses_what_would_harm(catalog: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """An open door, a memory in several processes, a port in use, a folder that is not there."""
    said = catalog("serve", "--host", "0.0.0.0", code=2).stderr  # noqa: S104 - that is what is refused
    assert "CATALOG_IDENTITY__MODE=open" in said
    monkeypatch.setenv("CATALOG_HTTP__HOST", "127.0.0.1")
    monkeypatch.setenv("CATALOG_STORAGE__URL", "memory://")
    assert "--workers 1" in catalog("serve", "--workers", "2", code=2).stderr
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = catalog("serve", "--port", str(port), code=1).stderr
    assert said == f"catalog: Port {port} on 127.0.0.1 is in use; stop the program that uses it, or choose another with --port.\n"
    assert "Cannot listen on 127.1.2.300" in catalog("serve", "--host", "127.1.2.300", code=1).stderr
    assert "--reload watches one process" in catalog("serve", "--reload", "--workers", "2", code=2).stderr
    monkeypatch.setenv("CATALOG_HTTP__HOST", "127.0.0.1")
    monkeypatch.setenv("CATALOG_STORAGE__URL", "sqlite:///nowhere/catalog.db")
    assert "SQLite cannot work with the database file" in catalog("serve", "--port", "0", code=3).stderr


def test_bad_settings_are_all_told_by_variable(catalog: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 2, and no traceback."""
    monkeypatch.setenv("CATALOG_STORAGE__URL", "mysql://x")
    monkeypatch.setenv("CATALOG_STORAGE__POOL_SIZE", "many")
    monkeypatch.setenv("CATALOG_ENVIRONMENT", "moon")
    said = catalog("items", "list", code=2).stderr
    for variable in ("CATALOG_STORAGE__URL", "CATALOG_STORAGE__POOL_SIZE", "CATALOG_ENVIRONMENT"):
        assert variable in said
    assert "memory://, postgresql://, sqlite://" in said


def test_doctor_says_what_becomes_of_answers(catalog: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Off, here, or shared; and that a shared cache is away, without its password."""
    catalog("migrate")
    assert "in each process, 32 MiB, for 60 s" in catalog("doctor").stdout
    port = free_port()
    monkeypatch.setenv("CATALOG_CACHE__URL", f"redis://user:secret@127.0.0.1:{port}/0")
    (found,) = [one for one in json.loads(catalog("doctor", "--json", code=1).stdout) if one["what"] == "cache"]
    assert f"redis://user@127.0.0.1:{port}/0, which does not answer" in found["says"]
    assert "CATALOG_CACHE__URL" in found["remedy"]
    assert "secret" not in str(found)
    monkeypatch.setenv("CATALOG_CACHE__TTL_SECONDS", "0")
    (found,) = [one for one in json.loads(catalog("doctor", "--json").stdout) if one["what"] == "cache"]
    assert (found["says"], found["well"]) == ("off", True)


@pytest.mark.parametrize("url", ["redis://host:port/0", "redis://me:secret/x@host/0", "http://host", "redis"])
def test_a_shared_cache_whose_url_cannot_be_read_is_told_before_anything_is_served(
    catalog: Command, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """By the setting's name."""
    monkeypatch.setenv("CATALOG_CACHE__URL", url)
    said = catalog("serve", "--port", "0", code=2).stderr
    assert "CATALOG_CACHE__URL" in said
    assert "secret" not in said


def test_doctor_says_when_a_pooler_is_in_the_way() -> None:
    """What it costs, and which setting helps."""
    found = list(_check_versions({"PostgreSQL": "15.18", "JIT": "on", "pooler": "found one, used as in transaction mode"}))
    remedies = [finding.remedy for finding in found if finding.remedy]
    assert len(remedies) == 2
    assert "jit = off" in remedies[0]
    assert all("CATALOG_STORAGE__POOLER=session" in remedy for remedy in remedies)
    assert all(not finding.remedy for finding in _check_versions({"PostgreSQL": "15.18", "JIT": "off", "pooler": "none"}))


def test_doctor_names_the_folder_and_the_file_that_sqlite_cannot_use(
    catalog: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Which is missing, or not writable, and by whom."""
    (tmp_path / "folder").mkdir()
    for url, says, remedy in (
        ("sqlite:///nowhere/catalog.db", f"The folder {tmp_path}/nowhere does not exist.", "mkdir -p"),
        (f"sqlite:///{tmp_path}/folder", f"{tmp_path}/folder is a folder.", "Name a file"),
    ):
        monkeypatch.setenv("CATALOG_STORAGE__URL", url)
        (found,) = [one for one in json.loads(catalog("doctor", "--json", code=3).stdout) if not one["well"]]
        assert found["says"] == says
        assert remedy in found["remedy"]
    monkeypatch.setattr(os, "access", lambda place, _mode: place != tmp_path)
    said = _file_fault(tmp_path / "catalog.db")
    assert said is not None
    assert said[0] == f"The folder {tmp_path} cannot be written to by the user {getpass.getuser()}."
    monkeypatch.undo()
    assert _file_fault(tmp_path / "catalog.db") is None


def test_doctor_says_that_several_processes_may_write_to_one_file(catalog: Command) -> None:
    """Whatever SQLite's version is (ADR 19)."""
    catalog("migrate")
    (found,) = [one for one in json.loads(catalog("doctor", "--json").stdout) if one["what"] == "sqlite"]
    assert found["well"]
    assert found["says"].startswith(sqlite3.sqlite_version)


def test_serve_warns_where_every_request_would_be_refused(
    catalog: Command, databases: Databases, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A store that does not answer, or that has no schema; and not one that is ready."""
    name = asyncio.run(databases.create())
    served: list[str] = []
    monkeypatch.setattr(server, "serve", lambda settings, **_: served.append(settings.storage.url))
    for url, reason in ((databases.url(name), "catalog migrate"), ("postgresql://me:secret@127.0.0.1:1/x", "cannot be reached")):
        monkeypatch.setenv("CATALOG_STORAGE__URL", url)
        said = catalog("serve").stderr
        assert [word in said for word in ("store_not_ready", reason, "503", "secret")] == [True, True, True, False]
    for url in ("memory://", "sqlite:///catalog.db"):
        monkeypatch.setenv("CATALOG_STORAGE__URL", url)
        assert catalog("serve").stderr == ""
    assert len(served) == 4
    asyncio.run(databases.drop(name))


def test_settings_that_cannot_be_read_are_no_traceback(catalog: Command, tmp_path: Path) -> None:
    """From any command."""
    (tmp_path / ".env").write_bytes("CATALOG_HTTP__PORT=9000\n".encode("utf-16"))
    for command in (("doctor",), ("serve",), ("migrate",), ("items", "list"), ("seed",)):
        said = catalog(*command, code=2).stderr
        assert (
            said.splitlines()[1]
            == "  .env: The file is in UTF-16 (as PowerShell's > writes it), or no text at all. Save it as UTF-8."
        )
