"""Identity beside the catalog: separate locks, short transactions, missing schemas, and stores that are away."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import asyncpg
import pytest

from catalog.adapters.sql.identity.storage import SqlIdentityStorage
from catalog.domain.errors import CatalogError, SchemaOutdated, StoreUnavailable
from catalog.domain.identity.audit import EVERY_EVENT, AuditFilter
from catalog.domain.identity.changes import IdentityChange, KeyRevocation, SessionEnd
from catalog.entrypoints.identity_plugins import open_identity
from catalog.entrypoints.storage_plugins import UnknownScheme, open_store
from catalog.ports.identity.storage import IdentityStorage
from catalog.ports.storage import StorageOptions
from tests.conftest import Databases
from tests.contract.identity.making import add_key, add_user, event, seconds, start_session, token_hash
from tests.contract.identity.test_keys import signing_key
from tests.contract.identity.test_sessions import rotated
from tests.contract.queries.test_query_plans import PlanRecorder
from tests.making import NOON, certain, create_items, item_id
from tests.planted_secrets import planted
from tests.pooler import TransactionPooler
from tests.servers import free_port, postgres


async def run_every_operation(identity: IdentityStorage, first: int) -> None:
    """Call every operation, several times: from the sixth execution on, Postgres may reuse a generic plan."""
    for number in range(first, first + 70, 10):
        user = await add_user(identity, number, role="admin")
        session = await start_session(identity, user, number + 1)
        await start_session(identity, user, number + 2, secret=b"cookie %d" % number)
        await rotated(identity, number + 1, number + 3)
        key = await add_key(identity, user, number + 4)
        await identity.touch({session.id: NOON + seconds(1), key.id: NOON + seconds(1)})
        assert await identity.user(user.id) == await identity.user(user.username)
        assert await identity.users("user", after="user0", limit=2)
        assert await identity.users("", after=None, limit=2)
        assert await identity.has_users()
        assert len(await identity.sessions_of(user.id)) == 2
        assert await identity.session_of_browser(b"cookie %d" % number)
        assert await identity.refresh_token(token_hash(number + 1))
        assert await identity.api_key(key.id)
        assert await identity.api_keys(user.id)
        assert await identity.api_keys()
        await identity.add_signing_key(signing_key(number), [event(number)])
        await identity.add_signing_key(signing_key(number + 1), [], only_first=True)
        assert await identity.signing_keys()
        await identity.delete_signing_keys([f"key-{number}"])
        await identity.record([event(number)] * 3)
        for audit_filter in (EVERY_EVENT, AuditFilter(action="access.denied"), AuditFilter(subject="x", since=NOON)):
            await identity.security_entries(audit_filter, before=9, limit=5)
        assert (await identity.security_heads())[1].seq > 0
        await identity.security_chain(0, 5)
        disabled = certain(user.set_role("user", now=NOON)).subject
        other = await add_user(identity, number + 5, role="admin")
        await identity.commit(
            IdentityChange(
                user=certain(user.set_role("user", now=NOON)),
                ends=(SessionEnd(NOON, session_id=session.id),),
                revocation=KeyRevocation(key_id=key.id),
                forget_keys_of=user.id,
            )
        )
        assert (await identity.revocations(0, NOON)).ids >= {session.id, key.id}
        await identity.commit(IdentityChange(user=disabled.delete(now=NOON), ends=(SessionEnd(NOON, user_id=user.id),)))
        assert await identity.user(other.id)
        await identity.delete_expired(NOON)
        await identity.prune_security_log(number // 10)


async def raised_errors(identity: IdentityStorage) -> list[CatalogError]:
    """Run several operations, and return the errors that they raise."""
    operations = (
        identity.user("anna"),
        identity.users("", after=None, limit=1),
        identity.refresh_token(b"1"),
        identity.api_key(item_id(1)),
        identity.revocations(0, NOON),
        identity.security_heads(),
        identity.security_chain(0, 1),
        identity.record([event()]),
        identity.touch({item_id(1): NOON}),
        identity.delete_expired(NOON),
        add_user(identity, 1),
    )
    errors = []
    for operation in operations:
        with pytest.raises(CatalogError) as caught:
            await operation
        errors.append(caught.value)
    await identity.close()
    return errors


async def test_every_operation_works_at_once_on_several_storages(rivals: list[IdentityStorage]) -> None:
    """Every operation works, on all storages of a database at the same time."""
    await add_user(rivals[0], 90_000, role="admin")
    await asyncio.gather(*(run_every_operation(storage, 1_000 * number) for number, storage in enumerate(rivals[:3], 1)))


async def test_every_operation_works_through_a_pooler(databases: Databases, postgres_template: str) -> None:
    """Every operation works through a pooler in transaction mode."""
    name = await databases.create(postgres_template)
    async with TransactionPooler(databases.server).running() as pooler:
        identity = open_identity(StorageOptions(pooler.url(name), deadline=20))
        await add_user(identity, 90_000, role="admin")
        await run_every_operation(identity, 1_000)
        await identity.close()
    await databases.drop(name)


@pytest.fixture
async def explained(databases: Databases, postgres_template: str) -> AsyncIterator[str]:
    """The URL of a database that reports the plan of each statement."""
    name = await databases.create(postgres_template)
    connection = await asyncpg.connect(databases.url(name))
    for setting in (
        "session_preload_libraries = auto_explain",
        "auto_explain.log_min_duration = 0",
        "auto_explain.log_format = json",
        "auto_explain.log_level = notice",
    ):
        await connection.execute(f"ALTER DATABASE {name} SET {setting}")
    await connection.close()
    yield databases.url(name)
    await databases.drop(name)


async def test_no_statement_on_postgres_scans_a_table(explained: str) -> None:
    """Every statement finds its rows through an index, with and without statistics."""
    identity = open_identity(StorageOptions(explained, deadline=20))
    recorder = PlanRecorder(identity)  # type: ignore[arg-type]
    await add_user(identity, 90_000, role="admin")
    await run_every_operation(identity, 1_000)
    connection = await asyncpg.connect(explained)
    await connection.execute("ANALYZE")
    await connection.close()
    await run_every_operation(identity, 2_000)
    await identity.close()
    assert len(recorder.statements) > 500
    assert {statement.sql: tables for statement in recorder.statements if (tables := list(statement.sequential_scans))} == {}


async def test_no_statement_on_sqlite_scans_a_table(sqlite_url: str) -> None:
    """Every statement finds its rows through an index, or walks along one up to its limit. Only lists of all keys do not."""
    identity = open_identity(StorageOptions(sqlite_url, deadline=20))
    assert isinstance(identity, SqlIdentityStorage)
    statements: set[str] = set()
    driver = identity._database.driver
    fetch, begin, finish = driver.fetch, driver.begin, driver.finish

    async def recorded_fetch(connection: object, sql: str, parameters: Sequence[object]) -> Sequence[Sequence[object]]:
        statements.add(sql)
        return await fetch(connection, sql, parameters)

    async def recorded_begin(connection: object, sql: str, parameters: Sequence[object]) -> Sequence[Sequence[object]]:
        statements.add(sql)
        return await begin(connection, sql, parameters)

    async def recorded_finish(connection: object, steps: Sequence[Sequence[tuple[str, object]]]) -> None:
        statements.update(statement[0] for step in steps for statement in step)
        await finish(connection, steps)  # type: ignore[arg-type]

    vars(driver).update(fetch=recorded_fetch, begin=recorded_begin, finish=recorded_finish)
    await add_user(identity, 90_000, role="admin")
    await run_every_operation(identity, 1_000)
    await identity.close()
    scans = set()
    sorts = set()
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as connection:
        for sql in statements - {"ROLLBACK"}:
            steps = [step for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {sql}", (None,) * sql.count("?"))]
            if "LIMIT" not in sql:
                scans |= {step for step in steps if step.startswith("SCAN") and "VIRTUAL TABLE" not in step}
            sorts |= {sql for step in steps if step == "USE TEMP B-TREE FOR ORDER BY"}
    connection.close()
    assert len(statements) > 40
    assert scans == {"SCAN api_keys USING INDEX api_keys_created_at", "SCAN signing_keys USING INDEX signing_keys_created_at"}
    assert sorts == set()


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a migrated SQLite file."""
    (tmp_path / "catalog.db").write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{tmp_path / 'catalog.db'}"


async def test_identity_does_not_wait_for_the_lock_of_the_catalog(databases: Databases, postgres_template: str) -> None:
    """On Postgres, users change while a commit of the catalog holds its lock, and items while one of identity does."""
    name = await databases.create(postgres_template)
    identity, catalog = open_identity(StorageOptions(databases.url(name))), open_store(StorageOptions(databases.url(name)))
    holder = await asyncpg.connect(databases.url(name))
    async with holder.transaction():
        await holder.execute("SELECT seq FROM log_head FOR UPDATE")
        await add_user(identity, 1)
    async with holder.transaction():
        await holder.execute("SELECT seq FROM identity_head FOR UPDATE")
        await create_items(catalog, 1)
    await holder.close()
    await identity.close()
    await catalog.close()
    await databases.drop(name)


async def test_a_flood_of_events_leaves_the_lock_to_others(sqlite_url: str) -> None:
    """While many events are appended to a SQLite file, another connection gets the write lock in between."""
    identity = open_identity(StorageOptions(sqlite_url, deadline=20))
    other = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None, timeout=20, check_same_thread=False)

    def head() -> int:
        other.execute("BEGIN IMMEDIATE")
        (seq,) = other.execute("SELECT seq FROM security_head").fetchone()
        other.execute("ROLLBACK")
        return int(seq)

    recording = asyncio.create_task(identity.record([event(number) for number in range(20_000)]))
    while not await identity.security_chain(0, 1):
        pass
    seen = await asyncio.to_thread(head)
    assert 0 < seen < 20_000
    assert seen % 100 == 0
    await recording
    assert await asyncio.to_thread(head) == 20_000
    other.close()
    await identity.close()


async def test_a_cancelled_commit_is_finished(sqlite_url: str) -> None:
    """A commit that waits for the lock when its caller is cancelled is written, and closing waits for it."""
    identity = open_identity(StorageOptions(sqlite_url, deadline=20))
    holder = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    task = asyncio.create_task(add_user(identity, 1))
    await identity.user("anna")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    holder.execute("ROLLBACK")
    holder.close()
    await identity.close()
    reopened = open_identity(StorageOptions(sqlite_url))
    assert await reopened.user("user1")
    await reopened.close()


async def test_cancelled_commits_leave_no_lock(identity: IdentityStorage) -> None:
    """Cancelling callers leaves no lock behind, and each commit is written whole or not at all."""
    tasks = [asyncio.create_task(add_user(identity, number)) for number in range(1, 31)]
    for number, task in enumerate(tasks):
        await asyncio.sleep(0.001 * (number % 3))
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await add_user(identity, 100, "last")
    users = await identity.users("", after=None, limit=99)
    assert len(users) == len(await identity.security_chain(0, 99))


async def test_a_closed_store_refuses_commits(identity: IdentityStorage) -> None:
    """After `close`, whatever writes raises StoreUnavailable."""
    await identity.close()
    for operation in (add_user(identity, 1), identity.record([event()]), identity.touch({item_id(1): NOON})):
        with pytest.raises(StoreUnavailable):
            await operation


async def test_an_unreachable_postgres_raises_store_unavailable() -> None:
    """Every operation raises StoreUnavailable, without the password in the error."""
    url = f"postgresql://catalog:{planted('secret')}@127.0.0.1:{free_port()}/catalog"
    errors = await raised_errors(open_identity(StorageOptions(url)))
    assert {type(error) for error in errors} == {StoreUnavailable}
    assert not any("secret" in str(error) for error in errors)


async def test_a_postgres_that_was_restarted_is_used_again() -> None:
    """While the server is away, operations raise StoreUnavailable. Afterwards they work again."""
    with postgres() as server:
        catalog, identity = open_store(StorageOptions(server.url())), open_identity(StorageOptions(server.url()))
        await catalog.migrate()
        await catalog.close()
        user = await add_user(identity, 1)
        await asyncio.to_thread(server.stop, "immediate")
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                await add_user(identity, 2)
            with pytest.raises(StoreUnavailable):
                await identity.user(user.id)
        await asyncio.to_thread(server.start)
        assert await identity.user(user.id) == user
        await add_user(identity, 2)
        await identity.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_a_missing_schema_raises_schema_outdated(kind: str, tmp_path: Path, databases: Databases) -> None:
    """Every operation says to run `catalog migrate`."""
    name = await databases.create() if kind == "postgres" else ""
    url = databases.url(name) if name else f"sqlite:///{tmp_path / 'new.db'}"
    errors = await raised_errors(open_identity(StorageOptions(url)))
    assert {type(error) for error in errors} == {SchemaOutdated}
    assert "catalog migrate" in str(errors[0])
    if name:
        await databases.drop(name)


async def test_a_missing_head_raises_schema_outdated(sqlite_url: str) -> None:
    """Without the rows of the heads, nothing is written."""
    with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as connection:
        connection.execute("DELETE FROM identity_head")
    connection.close()
    identity = open_identity(StorageOptions(sqlite_url))
    for operation in (identity.record([event()]), identity.revocations(0, NOON), identity.security_heads()):
        with pytest.raises(SchemaOutdated, match="backup"):
            await operation
    await identity.close()


@pytest.mark.parametrize("content", ["no folder", "no database"])
async def test_an_unusable_sqlite_file_raises_store_unavailable(tmp_path: Path, content: str) -> None:
    """A file that cannot be opened or is no database raises StoreUnavailable."""
    path = tmp_path / "nowhere" / "catalog.db" if content == "no folder" else tmp_path / "text.db"
    if content == "no database":
        path.write_text("This is a text file and not a database.\n" * 100)
    errors = await raised_errors(open_identity(StorageOptions(f"sqlite:///{path}")))
    assert {type(error) for error in errors} == {StoreUnavailable}


def test_a_storage_without_identity_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the storages that have one."""
    with pytest.raises(UnknownScheme):
        open_identity(StorageOptions("mysql://x"))
    monkeypatch.setattr("catalog.entrypoints.identity_plugins._plugins", dict)
    with pytest.raises(UnknownScheme, match="cannot store users"):
        open_identity(StorageOptions("memory://"))
