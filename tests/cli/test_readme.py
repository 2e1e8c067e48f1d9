"""What README shows on the command line works as it stands there."""

import re
import shlex
from pathlib import Path

from tests.cli.conftest import Command

ROOT = Path(__file__).parents[2]


def test_the_books_of_the_examples_are_imported_as_readme_says(catalog: Command) -> None:
    """All of them, with one command."""
    shown = re.search(r"^catalog (import examples/(?:.*\\\n)*.*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert shown is not None
    command = [word for word in shlex.split(shown[1]) if word.strip()]
    command[1] = str(ROOT / command[1])
    assert catalog(*command).stdout.startswith("100 rows: 100 created")
