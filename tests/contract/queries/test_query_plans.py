"""How Postgres plans the statements: too cheap for JIT compilation, and without sequential scans.

Postgres compiles statements that it expects to cost more than `jit_above_cost`. A sequential scan that `enable_seqscan`
forbids counts as ten billion. The server that the tests use may have no JIT, but the costs show what a server with JIT
would do.
"""

import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from sqlalchemy import event

from catalog.adapters.sql.storage import SqlStorage
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.storage import StorageOptions
from tests.conftest import Databases
from tests.contract.storage_operations import run_every_operation
from tests.making import create_categories, creation, sets

JIT_ABOVE_COST = 100_000
"""The default of the Postgres setting."""


@dataclass(frozen=True, slots=True)
class PlannedStatement:
    """A statement that was executed, and its plan."""

    sql: str
    plan: dict[str, Any]

    @property
    def cost(self) -> float:
        """The cost that Postgres estimated."""
        cost: float = self.plan["Total Cost"]
        return cost

    @property
    def sequential_scans(self) -> Iterator[str]:
        """The tables that the plan scans sequentially."""
        steps = [self.plan]
        while steps:
            step = steps.pop()
            steps += step.get("Plans", [])
            if step["Node Type"] == "Seq Scan":
                yield step["Relation Name"]


class PlanRecorder:
    """Records the plans of a store's statements. The server sends them as notices (auto_explain)."""

    def __init__(self, storage: SqlStorage) -> None:
        """Listen to every connection of a store."""
        self.statements: list[PlannedStatement] = []
        self.jit_settings: list[str] = []
        engines = storage._engines
        for engine in (engines.reading, engines.writing, engines.watching, engines.streaming):
            event.listen(engine.sync_engine, "connect", self._on_connect)

    def _on_connect(self, connection: Any, _record: object) -> None:  # noqa: ANN401 - SQLAlchemy's adapter
        connection.driver_connection.add_log_listener(self._on_notice)
        self.jit_settings.append(connection.run_async(lambda driver: driver.fetchval("SHOW jit")))

    def _on_notice(self, _connection: object, message: Any) -> None:  # noqa: ANN401 - asyncpg's
        match = re.search(r"plan:\s*(\{.*\})", message.message, re.DOTALL)
        if match is not None:
            plan = json.loads(match[1])
            # The driver looks up each type once per connection, with JIT turned off.
            if "typeinfo_tree" not in plan["Query Text"]:
                self.statements.append(PlannedStatement(plan["Query Text"], plan["Plan"]))


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


@pytest.mark.parametrize("size", [0, 120, 3_000])
async def test_no_statement_is_expensive_enough_for_jit(explained: str, size: int) -> None:
    """No statement reaches the cost for JIT, whatever the size of the catalog, before and after Postgres analyzed it."""
    storage = open_store(StorageOptions(explained, deadline=20))
    assert isinstance(storage, SqlStorage)
    recorder = PlanRecorder(storage)
    await create_categories(storage, "home/chairs")
    for first in range(1, size, 500):
        numbers = range(first, min(first + 500, size + 1))
        await storage.commit(
            sets(
                *(
                    creation(
                        number,
                        name=f"Oak chair {number}",
                        category="chairs" if number % 2 else None,
                        price={"amount": str(number), "currency": "EUR"} if number % 3 else None,
                        attributes={"color": "red", "size": number},
                    )
                    for number in numbers
                )
            )
        )
    await run_every_operation(storage, 100_000)
    connection = await asyncpg.connect(explained)
    await connection.execute("ANALYZE")
    await connection.close()
    await run_every_operation(storage, 200_000)
    await storage.prune(10)
    await storage.close()
    assert len(recorder.statements) > 1_000
    assert set(recorder.jit_settings) == {"off"}
    assert {statement.sql: tables for statement in recorder.statements if (tables := list(statement.sequential_scans))} == {}
    assert {statement.sql: statement.cost for statement in recorder.statements if statement.cost >= JIT_ABOVE_COST} == {}
