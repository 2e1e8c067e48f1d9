"""Tests of the commands shown in the README."""

import re
import shlex
from pathlib import Path

from tests.cli.conftest import Command

ROOT = Path(__file__).parents[2]


def test_the_example_books_are_imported_with_the_command_in_the_readme(catalog: Command) -> None:
    """The command is read from README.md and imports all 100 rows."""
    match = re.search(r"^catalog (import examples/(?:.*\\\n)*.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert match is not None
    command = [word for word in shlex.split(match[1]) if word.strip()]
    command[1] = str(ROOT / command[1])
    assert catalog(*command).stdout.startswith("100 rows: 100 created")
