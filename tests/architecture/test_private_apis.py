"""The private APIs of libraries that Catalog depends on: they still exist, are used in one place, and versions are bounded.

If a test fails after an upgrade, its message names what is missing and the file to change.
"""

import asyncio
import importlib
import inspect
import re
import sqlite3
import threading
import tomllib
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
import sqlalchemy
import uvicorn
from sqlalchemy.dialects import sqlite

import catalog
from catalog.adapters.sqlite.aiosqlite_internals import connect, interrupt, run_in_thread

SOURCE = Path(catalog.__file__).parent
PROJECT = SOURCE.parents[1] / "pyproject.toml"

AIOSQLITE_FILE = "adapters/sqlite/aiosqlite_internals.py"
SQLALCHEMY_FILE = "adapters/sql/compiled_statement.py"
UVICORN_FILES = (
    "entrypoints/server/http_protocol.py",
    "entrypoints/server/response_cycle.py",
    "entrypoints/server/server.py",
)

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT count(*) FROM n"


def missing(library: str, version: str, name: str, file: str) -> str:
    """Return the message for a private name that a version of a library does not have."""
    return f"{library} {version} has no {name}, which src/catalog/{file} uses. Change that file."


async def test_aiosqlite_still_has_the_private_api_that_is_used(tmp_path: Path) -> None:
    """A function runs in the connection's daemon thread, and a running statement can be interrupted."""
    thread = "_thread"  # exists before the connection is opened
    assert hasattr(aiosqlite.connect("unused"), thread), missing(
        "aiosqlite", aiosqlite.__version__, f"Connection.{thread}", AIOSQLITE_FILE
    )
    connection = await connect(str(tmp_path / "file.db"), sqlite3.Connection)
    try:
        for part in ("_conn", "_connection", "_execute"):
            assert hasattr(connection, part), missing("aiosqlite", aiosqlite.__version__, f"Connection.{part}", AIOSQLITE_FILE)

        def work(driver: object, argument: str) -> tuple[bool, bool, str]:
            thread = threading.current_thread()
            return isinstance(driver, sqlite3.Connection), thread.daemon and thread is not threading.main_thread(), argument

        assert await run_in_thread(connection, work, "argument") == (True, True, "argument")
        asyncio.get_running_loop().call_later(0.1, interrupt, connection)
        async with asyncio.timeout(30):
            with pytest.raises(sqlite3.OperationalError, match="interrupted"):
                await connection.execute_fetchall(ENDLESS)
    finally:
        await connection.close()
    interrupt(connection)  # a timer may come too late


def test_sqlalchemy_still_has_the_internals_that_are_used() -> None:
    """A compiled statement has its parameters in order, and types have converters for parameters and results."""
    dialect = sqlite.dialect(paramstyle="qmark")
    uuid = sqlalchemy.column("id", sqlalchemy.Uuid())
    key = sqlalchemy.bindparam("key", type_=sqlalchemy.Uuid())
    compiled = sqlalchemy.select(uuid).where(uuid == key).compile(dialect=dialect)
    for part in ("positiontup", "binds", "params"):
        assert hasattr(compiled, part), missing("SQLAlchemy", sqlalchemy.__version__, f"SQLCompiler.{part}", SQLALCHEMY_FILE)
    assert compiled.positiontup == ["key"]
    assert str(compiled).endswith("= ?")
    for part in ("dialect_impl", "bind_processor", "result_processor"):
        assert hasattr(uuid.type, part), missing("SQLAlchemy", sqlalchemy.__version__, f"TypeEngine.{part}", SQLALCHEMY_FILE)
    implementation = compiled.binds["key"].type.dialect_impl(dialect)
    assert callable(implementation.bind_processor(dialect))
    assert callable(implementation.result_processor(dialect, None))


def uvicorn_class(module: str, name: str, file: str) -> Any:  # noqa: ANN401 - a class whose members may be missing
    """Return a class of uvicorn, or fail with a message that names it."""
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        pytest.fail(missing("uvicorn", uvicorn.__version__, f"{module}.{name}", file))


def test_uvicorn_still_has_the_internals_that_are_used() -> None:
    """The classes and methods that are overridden or called exist, and uvicorn sets the attributes that are read."""
    protocol, cycle, server = UVICORN_FILES
    for module, name, methods, attributes, file in (
        (
            "uvicorn.protocols.http.httptools_impl",
            "HttpToolsProtocol",
            (
                "connection_made",
                "connection_lost",
                "data_received",
                "on_body",
                "on_response_complete",
                "pause_writing",
                "resume_writing",
                "send_400_response",
                "_start_asgi_task",
            ),
            (
                *("server_state", "connections", "transport", "client", "url", "scope", "headers", "cycle", "pipeline", "flow"),
                *("app", "parser", "root_path", "expect_100_continue", "logger", "access_logger", "access_log"),
            ),
            protocol,
        ),
        (
            "uvicorn.protocols.http.httptools_impl",
            "RequestResponseCycle",
            ("run_asgi", "receive", "send"),
            (
                *("scope", "transport", "flow", "default_headers", "disconnected", "keep_alive", "waiting_for_100_continue"),
                *("message_event", "on_response", "response_started", "response_complete"),
                *("chunked_encoding", "expected_content_length"),
            ),
            cycle,
        ),
        ("uvicorn.server", "ServerState", (), ("total_requests", "connections"), protocol),
        (
            "uvicorn.server",
            "Server",
            ("startup", "shutdown", "handle_exit", "on_tick"),
            ("config", "server_state", "servers", "lifespan", "should_exit", "force_exit"),
            server,
        ),
        ("uvicorn.config", "Config", (), ("http_protocol_class", "loaded_app"), server),
        ("uvicorn.supervisors", "ChangeReload", (), (), server),
        ("uvicorn.supervisors.multiprocess", "Multiprocess", (), (), server),
        ("uvicorn.supervisors.multiprocess", "Process", ("server",), ("config", "_server"), server),
    ):
        cls = uvicorn_class(module, name, file)
        for method in methods:
            assert hasattr(cls, method), missing("uvicorn", uvicorn.__version__, f"{name}.{method}", file)
        source = inspect.getsource(cls)
        for attribute in attributes:
            is_set = re.search(rf"\bself\.{attribute}\b", source) or attribute in getattr(cls, "__annotations__", {})
            assert is_set, missing("uvicorn", uvicorn.__version__, f"{name}.{attribute}", file)


def test_each_private_api_is_used_in_one_place() -> None:
    """Only the files named above access private members, SQLAlchemy's internals, or uvicorn."""
    sources = {path.relative_to(SOURCE).as_posix(): path.read_text() for path in SOURCE.rglob("*.py")}

    def using(*words: str) -> list[str]:
        return sorted(file for file, text in sources.items() if any(word in text for word in words))

    assert using("SLF001") == [AIOSQLITE_FILE]
    assert using(".positiontup", ".dialect_impl(", ".bind_processor(", ".result_processor(") == [SQLALCHEMY_FILE]
    assert using("import uvicorn", "from uvicorn") == list(UVICORN_FILES)


@pytest.mark.parametrize("library", ["aiosqlite", "sqlalchemy", "uvicorn"])
def test_the_versions_of_libraries_with_private_use_are_bounded(library: str) -> None:
    """The requirement has an upper bound, so a version with other internals is not installed by itself."""
    dependencies = tomllib.loads(PROJECT.read_text())["project"]["dependencies"]
    (requirement,) = [dependency for dependency in dependencies if dependency.startswith(library)]
    assert ",<" in requirement
