"""A service whose callers sign in, on the memory and the SQLite store."""

from collections.abc import AsyncIterator

import pytest

from tests.http.identity.making import Service, serving


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest) -> str:
    """The kind of store."""
    kind: str = request.param
    return kind


@pytest.fixture
async def service(store_url: str) -> AsyncIterator[Service]:
    """A service with a user of each role."""
    async with serving(store_url) as running:
        yield running
