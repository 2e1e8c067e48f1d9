"""The contract tests also run on the minimal store, which has only what an adapter must write."""

from functools import partialmethod
from importlib.metadata import EntryPoint

import pytest

from catalog.adapters.redis.connection import RedisConnection
from catalog.entrypoints import storage_plugins
from tests.conftest import STORES
from tests.contract.limits.counting import LONG


@pytest.fixture(params=(*STORES, "minimal"))
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The kind of store; the test runs once per kind. The minimal store is a plugin, as one from another package would be."""
    kind: str = request.param
    if kind == "minimal":
        plugins = storage_plugins._plugins() | {kind: EntryPoint(kind, "tests.minimal_store:open_minimal", storage_plugins.GROUP)}
        monkeypatch.setattr(storage_plugins, "_plugins", lambda: plugins)
    return kind


@pytest.fixture
def patient_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands take long on a busy machine, also on connections that the cache or the container makes."""
    monkeypatch.setattr(RedisConnection, "__init__", partialmethod(RedisConnection.__init__, timeout=LONG))
