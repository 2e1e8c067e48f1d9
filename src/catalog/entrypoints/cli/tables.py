"""How the command line prints users, sessions and keys: several as a table, one with a field per line."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import rich_click as click


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]], *, wrapped: str = "") -> None:
    """Print rows as a table. A cell is a text, a number, a time or None. `wrapped` is the heading of a long column."""
    from rich.console import Console  # noqa: PLC0415 - keeps --help fast
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, no_wrap=heading != wrapped, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    console = Console()
    if not console.is_terminal:
        console.width = 200
    console.print(table)


def print_fields(fields: Mapping[str, object]) -> None:
    """Print the fields that have a value, one per line."""
    for name, value in fields.items():
        if value is not None:
            click.echo(f"{name:12} {_cell(value)}")


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return "" if value is None else str(value)
