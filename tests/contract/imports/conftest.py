"""Fixtures of imports on every store."""

import pytest

from catalog.ports.storage import Storage
from tests.contract.imports.import_jobs import Jobs


@pytest.fixture
def jobs(storage: Storage) -> Jobs:
    """Import jobs on each kind of store."""
    return Jobs(storage)
