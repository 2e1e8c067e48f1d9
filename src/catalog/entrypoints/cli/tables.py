"""How the command line prints what is stored: several as a table, one with a field per line.

Anybody may have written it, so characters that a terminal would obey are printed as escapes.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

import rich_click as click

from catalog.domain.text.normalization import escape_controls

_MIN_WIDTH = 12
"""Width of the names of fields, unless one is longer."""


def print_table(
    headings: Sequence[str], rows: Iterable[Sequence[object]], *, wrapped: str = "", numbers: Collection[str] = ()
) -> None:
    """Print rows as a table. A cell is a text, a number, a time or None.

    `wrapped` is the heading of a long column, `numbers` are those of columns that are aligned to the right.
    """
    from rich.console import Console  # noqa: PLC0415 - keeps --help fast
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(
            heading,
            justify="right" if heading in numbers else "left",
            no_wrap=heading != wrapped,
            overflow="fold" if heading == wrapped else "ellipsis",
        )
    for row in rows:
        table.add_row(*(Text(printed(value)) for value in row))
    console = Console()
    if not console.is_terminal:
        console.width = 200
    console.print(table)


def print_fields(fields: Mapping[str, object]) -> None:
    """Print the fields that have a value, one per line."""
    lines = {escape_controls(name): printed(value) for name, value in fields.items() if value is not None}
    width = max(_MIN_WIDTH, *map(len, lines))
    for name, line in lines.items():
        click.echo(f"{name:{width}} {line}")


def printed(value: object) -> str:
    """Return a stored value as it is printed."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return "" if value is None else escape_controls(str(value))
