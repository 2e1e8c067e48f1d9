"""A process with a memory store, quick fakes and a fixed clock."""

import pytest

from tests.identity_use import FlakyIdentity, Process, Shared


@pytest.fixture
def shared() -> Shared:
    """What all processes have in common."""
    return Shared()


@pytest.fixture
def storage() -> FlakyIdentity:
    """An empty store."""
    return FlakyIdentity()


@pytest.fixture
async def process(storage: FlakyIdentity, shared: Shared) -> Process:
    """A process that has started."""
    process = Process(storage, shared)
    await process.start()
    return process


@pytest.fixture
async def other(process: Process, storage: FlakyIdentity, shared: Shared) -> Process:
    """A second process of the same store."""
    other = Process(storage, shared)
    await other.start()
    return other
