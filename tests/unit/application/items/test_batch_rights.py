"""Rights within a batch: each operation needs its own, and an atomic batch is refused whole."""

from collections.abc import Mapping

import pytest

from catalog.adapters.memory.storage import MemoryStorage
from catalog.adapters.system import RandomIds, SystemClock
from catalog.application.items.batch import Batch, BatchOperations
from catalog.domain.change import Origin
from catalog.domain.errors import BatchRefused
from catalog.domain.identity.errors import InsufficientScope
from catalog.domain.identity.roles import ROLE_SCOPES
from catalog.domain.identity.scopes import ALL_SCOPES, Scopes

USER = ROLE_SCOPES["user"]
READER = ROLE_SCOPES["auditor"]
ORIGIN = Origin("tester")

CREATE = {"op": "create", "item": {"sku": "A", "name": "A"}}
UPSERT = {"op": "upsert", "item": {"sku": "A", "name": "B"}}
UPDATE = {"op": "update", "key": "A", "patch": {"name": "C"}}
INVALID = {"op": "eat"}


def batch(*operations: Mapping[str, object], atomic: bool = False) -> Batch:
    """Return a batch."""
    return Batch.parse({"operations": list(operations), "atomic": atomic})


async def run(scopes: Scopes, *operations: Mapping[str, object], atomic: bool = False) -> list[str]:
    """Run a batch on an empty store and return the scope that each operation lacks, or what it did."""
    runner = BatchOperations(MemoryStorage(), SystemClock(), RandomIds())
    result = await runner.run(batch(*operations, atomic=atomic), ORIGIN, scopes)
    return [one.error.required if isinstance(one.error, InsufficientScope) else one.action for one in result.results]


async def test_each_operation_needs_its_own_scope() -> None:
    """An upsert needs more if there is something to replace, or to expect."""
    assert await run(USER, CREATE, UPSERT, UPDATE, INVALID) == ["created", "items:write", "items:write", "refused"]
    assert await run(USER, UPSERT, {**UPSERT, "if_version": 1}) == ["created", "items:write"]
    assert await run(READER, CREATE, UPSERT) == ["items:create", "items:create"]
    assert await run(ALL_SCOPES, CREATE, UPSERT, UPDATE) == ["created", "updated", "updated"]


async def test_an_atomic_batch_is_refused_whole() -> None:
    """With the scope that is missing, whatever else is wrong."""
    for operations in ((INVALID, CREATE, UPDATE), (CREATE, UPSERT)):
        with pytest.raises(InsufficientScope, match="items:write"):
            await run(USER, *operations, atomic=True)
    with pytest.raises(BatchRefused):
        await run(USER, INVALID, CREATE, atomic=True)


def test_what_certainly_may_not_be_done_is_known_before_the_batch_runs() -> None:
    """So that nothing is replayed that the caller may not do any more."""
    batch(UPDATE).check_rights(USER)  # not atomic: each operation answers for itself
    batch(CREATE, UPSERT, INVALID, atomic=True).check_rights(USER)
    with pytest.raises(InsufficientScope, match="items:write"):
        batch(CREATE, UPDATE, atomic=True).check_rights(USER)
