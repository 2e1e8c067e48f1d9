"""Fixtures of imports on every store."""

import pytest

from catalog.ports.storage import Storage
from tests.contract.imports.import_jobs import Jobs
from tests.contract.imports.importing import Imports


@pytest.fixture
def imports(storage: Storage) -> Imports:
    """Imports into an empty store."""
    return Imports(storage)


@pytest.fixture
def jobs(storage: Storage) -> Jobs:
    """Import jobs on each kind of store."""
    return Jobs(storage)
