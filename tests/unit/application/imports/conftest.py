"""Fixtures of import trials."""

import pytest

from tests.unit.application.imports.trial import Trial


@pytest.fixture
def trial() -> Trial:
    """Return a trial with an empty store."""
    return Trial()
