"""Fixtures of imports on every store."""

import pytest

from catalog.ports.storage import Storage
from tests.contract.imports.importing import Imports


@pytest.fixture
def imports(storage: Storage) -> Imports:
    """Imports into an empty store."""
    return Imports(storage)
