"""The two database roles of docs/SECURITY.md: one migrates and prunes, the other serves."""

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.storage import StorageOptions
from tests.cli.conftest import Command
from tests.http.identity.making import serving
from tests.servers import UNSAFE_BUT_FAST, PostgresServer, postgres

ROOT = Path(__file__).parents[2]
CREATING, GRANTING = re.findall(r"^```sql\n(.*?)^```", (ROOT / "docs/SECURITY.md").read_text(), re.MULTILINE | re.DOTALL)[:2]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server with the roles, and a migrated database."""
    with postgres(UNSAFE_BUT_FAST) as running:
        asyncio.run(prepare(running))
        yield running


async def prepare(server: PostgresServer) -> None:
    """Run the statements as the page says."""
    before, after = CREATING.split("\\connect catalog\n")
    for statement in filter(str.strip, before.split(";")):  # CREATE DATABASE must be alone
        await execute(server.url(), statement)
    await execute(server.url("catalog"), after)
    storage = open_store(StorageOptions(url_of(server, "catalog_owner")))
    await storage.migrate()
    await storage.close()
    await execute(url_of(server, "catalog_owner"), GRANTING)


async def execute(url: str, sql: str) -> None:
    """Run statements."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def url_of(server: PostgresServer, role: str) -> str:
    """Return the database's URL for a role."""
    return server.url("catalog").replace("//catalog@", f"//{role}@")


async def use(url: str) -> None:
    """Use everything that writes: users, sessions, keys, items, categories, imports."""
    async with serving(url) as service, service.client(**await service.bearer("admin")) as client:
        assert (await client.post("/api/v1/categories", json={"name": "Garden"})).status_code == 201
        created = await client.post("/api/v1/items", json={"name": "Chair", "sku": "A", "category": "garden"})
        assert created.status_code == 201, created.text
        headers = {"Content-Type": "text/csv"}
        imported = await client.post("/api/v1/items/import", content=b"sku,name\nB,Lamp\n", headers=headers)
        assert imported.json()["created"] == 1, imported.text
        async with service.client(**await service.api_key("user", "items:read")) as program:
            assert (await program.get("/api/v1/items")).status_code == 200
        assert (await client.patch("/api/v1/users/user", json={"role": "editor"})).status_code == 200
        assert (await client.delete("/api/v1/items/A")).status_code == 204
        token = (await service.sign_in("auditor"))["refresh_token"]
        refreshed = await client.post("/api/v1/auth/refresh", json={"refresh_token": token})
        assert refreshed.status_code == 200, refreshed.text
        assert (await client.post("/api/v1/auth/logout", json={"all": True})).status_code == 204


def test_the_service_works_as_its_role_and_cannot_alter_the_logs(
    server: PostgresServer, catalog: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It verifies them. Only the owner prunes."""
    asyncio.run(use(url_of(server, "catalog_service")))
    monkeypatch.setenv("CATALOG_STORAGE__URL", url_of(server, "catalog_service"))
    assert "entries verified" in catalog("audit", "verify").stdout
    assert "FAIL" not in catalog("doctor").stdout
    prunes = [(name, "prune", "--before", datetime.now(UTC).isoformat(), "--archive", name) for name in ("changes", "audit")]
    for command in prunes:
        refused = catalog.run(*command)
        assert refused.exit_code != 0, refused.output
        assert isinstance(refused.exception, SystemExit)
        assert "does not permit" in refused.output
        Path(command[-1]).unlink()
    monkeypatch.setenv("CATALOG_STORAGE__URL", url_of(server, "catalog_owner"))
    for command in prunes:
        catalog(*command)
    assert catalog("audit", "verify").exit_code == 0


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE change_log SET actor = 'x'",
        "DELETE FROM change_log",
        "UPDATE security_log SET actor = 'x'",
        "DELETE FROM security_log",
        "TRUNCATE security_log",
        "DELETE FROM security_head",
        "DELETE FROM log_head",
        "UPDATE alembic_version SET version_num = '0'",
        "ALTER TABLE users ADD COLUMN x int",
        "DROP TABLE users",
        "CREATE TABLE x (y int)",
    ],
)
def test_the_role_of_the_service_is_refused(server: PostgresServer, sql: str) -> None:
    """Neither the schema nor entries of the logs can be changed."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        asyncio.run(execute(url_of(server, "catalog_service"), sql))
