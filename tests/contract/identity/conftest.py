"""Identity storages of each kind, and several of one database at once."""

from collections.abc import AsyncIterator

import pytest

from catalog.entrypoints.identity_plugins import open_identity
from catalog.ports.identity.storage import IdentityStorage
from catalog.ports.storage import StorageOptions
from tests.conftest import STORES

RIVALS = 5


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> str:
    """The kind of store. The minimal store has no identity."""
    kind: str = request.param
    return kind


@pytest.fixture
async def identity(store_url: str) -> AsyncIterator[IdentityStorage]:
    """A fresh, open identity storage."""
    opened = open_identity(StorageOptions(store_url, deadline=20))
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def rivals(store: str, store_url: str, identity: IdentityStorage) -> AsyncIterator[list[IdentityStorage]]:
    """Several storages of the same database, each with connections of its own. In memory, there is only one."""
    if store == "memory":
        yield [identity] * RIVALS
        return
    opened = [identity, *(open_identity(StorageOptions(store_url, deadline=20)) for _ in range(RIVALS - 1))]
    yield opened
    for storage in opened[1:]:
        await storage.close()
