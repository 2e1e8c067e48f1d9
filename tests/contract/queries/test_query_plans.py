"""How Postgres plans the statements: cheaply enough that a server with JIT compiles none of them, and each by an index.

Postgres compiles what it expects to cost more than `jit_above_cost`, and a sequential scan that `enable_seqscan` forbids
counts as ten billion. The server that tests run on may have no JIT; what it would do is known from the costs.
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
from tests.contract.everything import work
from tests.making import create_categories, creation, sets

JIT_ABOVE_COST = 100_000
"""Postgres' default."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A statement that ran, and its plan."""

    sql: str
    plan: dict[str, Any]

    @property
    def cost(self) -> float:
        """What Postgres expected it to cost."""
        cost: float = self.plan["Total Cost"]
        return cost

    @property
    def forbidden(self) -> Iterator[str]:
        """The steps that are sequential scans of tables."""
        steps = [self.plan]
        while steps:
            step = steps.pop()
            steps += step.get("Plans", [])
            if step["Node Type"] == "Seq Scan":
                yield step["Relation Name"]


class Plans:
    """Gathers the plans of what a store runs, which the server tells in notices (auto_explain)."""

    def __init__(self, storage: SqlStorage) -> None:
        """Listen to each connection of a store."""
        self.found: list[Planned] = []
        self.jit: list[str] = []
        engines = storage._database.engines
        for engine in (engines.reading, engines.writing, engines.watching, engines.streaming):
            event.listen(engine.sync_engine, "connect", self._connected)

    def _connected(self, connection: Any, _record: object) -> None:  # noqa: ANN401 - SQLAlchemy's adapter
        connection.driver_connection.add_log_listener(self._noticed)
        self.jit.append(connection.run_async(lambda driver: driver.fetchval("SHOW jit")))

    def _noticed(self, _connection: object, message: Any) -> None:  # noqa: ANN401 - asyncpg's
        told = re.search(r"plan:\s*(\{.*\})", message.message, re.DOTALL)
        if told is not None:
            plan = json.loads(told[1])
            # The driver asks for each type once a connection, and turns JIT off while it does.
            if "typeinfo_tree" not in plan["Query Text"]:
                self.found.append(Planned(plan["Query Text"], plan["Plan"]))


@pytest.fixture
async def explained(databases: Databases, postgres_template: str) -> AsyncIterator[str]:
    """A database that tells the plan of each statement."""
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
async def test_no_statement_costs_what_jit_begins_at(explained: str, size: int) -> None:
    """Whether the catalog is empty, small or larger, and whether Postgres ever analysed it."""
    storage = open_store(StorageOptions(explained, deadline=20))
    assert isinstance(storage, SqlStorage)
    plans = Plans(storage)
    await create_categories(storage, "home/chairs")
    for first in range(1, size, 500):
        some = range(first, min(first + 500, size + 1))
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
                    for number in some
                )
            )
        )
    await work(storage, 100_000)
    connection = await asyncpg.connect(explained)
    await connection.execute("ANALYZE")
    await connection.close()
    await work(storage, 200_000)
    await storage.prune(10)
    await storage.close()
    assert len(plans.found) > 1_000
    assert set(plans.jit) == {"off"}
    assert {planned.sql: names for planned in plans.found if (names := list(planned.forbidden))} == {}
    assert {planned.sql: planned.cost for planned in plans.found if planned.cost >= JIT_ABOVE_COST} == {}
