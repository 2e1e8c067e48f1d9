"""The command line, run in this process on a store of its own."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from catalog.entrypoints.cli.main import main


class Command:
    """Runs `catalog …`."""

    def __init__(self) -> None:
        """Begin."""
        self.runner = CliRunner()

    def __call__(self, *arguments: str, code: int = 0) -> Result:
        """Run a command that ends with this exit code."""
        result = self.runner.invoke(main, arguments, prog_name="catalog")
        assert result.exit_code == code, (result.exit_code, result.output, result.exception)
        return result

    def json(self, *arguments: str) -> Any:  # noqa: ANN401 - any JSON value
        """Run a command, and read what it prints."""
        return json.loads(self(*arguments, "--json").stdout)


Catalog = Callable[..., Result]


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Command:
    """`catalog`, on the store of the test where it has one, else on ./catalog.db of an empty folder."""
    if "store_url" in request.fixturenames:
        monkeypatch.setenv("CATALOG_STORAGE__URL", request.getfixturevalue("store_url"))
    return Command()


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> str:
    """The kinds of store that last."""
    kind: str = request.param
    return kind
