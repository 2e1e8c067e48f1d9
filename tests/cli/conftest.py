"""Fixtures that run the command line in this process, on a separate store per test."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from catalog.entrypoints.cli.main import main


class Command:
    """Runs the `catalog` command."""

    def __init__(self) -> None:
        """Create the runner."""
        self.runner = CliRunner()

    def run(self, *arguments: str) -> Result:
        """Run a command, and return its result whatever its exit code is."""
        return self.runner.invoke(main, arguments, prog_name="catalog")

    def __call__(self, *arguments: str, code: int = 0, stdin: str | bytes | None = None) -> Result:
        """Run a command and assert its exit code."""
        result = self.runner.invoke(main, arguments, prog_name="catalog", input=stdin)
        assert result.exit_code == code, (result.exit_code, result.output, result.exception)
        return result

    def json(self, *arguments: str, stdin: str | None = None) -> Any:  # noqa: ANN401 - any JSON value
        """Run a command with --json and return the parsed output."""
        return json.loads(self(*arguments, "--json", stdin=stdin).stdout)


Catalog = Callable[..., Result]


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Command:
    """The `catalog` command, on the test's `store_url` if it has one, otherwise on ./catalog.db in an empty folder."""
    if "store_url" in request.fixturenames:
        monkeypatch.setenv("CATALOG_STORAGE__URL", request.getfixturevalue("store_url"))
    return Command()


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> str:
    """The kinds of store that persist data."""
    kind: str = request.param
    return kind
