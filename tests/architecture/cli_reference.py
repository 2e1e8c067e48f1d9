"""Generates docs/reference/cli.md from the commands: `make docs`."""

import inspect
from collections.abc import Iterator
from pathlib import Path

import rich_click as click

from catalog.entrypoints.cli.main import main

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
HEAD = """# Command line

`catalog --help` and `catalog COMMAND --help` print the same. Commands work on the store in `CATALOG_STORAGE__URL`, also
while the service is running.

Exit codes: 0 success, 1 refused, 2 invalid usage or settings, 3 store unavailable.
"""


def reference() -> str:
    """Return the text of the page."""
    return HEAD + "".join(_command(main.commands[name], f"catalog {name}") for name in sorted(main.commands))


def _command(command: click.Command, path: str) -> str:
    text = inspect.cleandoc(command.help or "")
    if isinstance(command, click.Group):
        return f"\n## {path}\n\n{text}\n" + "".join(
            _command(command.commands[name], f"{path} {name}") for name in sorted(command.commands)
        )
    arguments = " ".join(command.collect_usage_pieces(click.Context(command)))
    level = "##" if path.count(" ") == 1 else "###"
    options = "".join(_options(command))
    table = f"\n| option | |\n|---|---|\n{options}" if options else ""
    return f"\n{level} {path}\n\n```\n{path} {arguments}\n```\n\n{text}\n{table}"


def _options(command: click.Command) -> Iterator[str]:
    context = click.Context(command)
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context) if parameter.name != "help" else None
        if record is not None:
            option, text = (cell.replace("|", "\\|") for cell in record)
            yield f"| `{option}` | {text} |\n"


if __name__ == "__main__":
    PAGE.write_text(reference())
