"""How the command line prints items: one with all its fields, or several as a table."""

import json
from collections.abc import Iterable

import rich_click as click

from catalog.domain.items.item import Item


def print_item(item: Item, *, as_json: bool) -> None:
    """Print an item, one field per line."""
    from catalog.entrypoints.representations.items import encode_item  # noqa: PLC0415 - keeps --help fast

    text = encode_item(item)
    if as_json:
        click.echo(text)
        return
    lines: dict[str, str] = {}
    for name, value in json.loads(text).items():
        if name == "price" and value:
            lines[name] = f"{value['amount']} {value['currency']}"
        elif name == "attributes":
            lines |= {f"attr.{attribute}": json.dumps(content, ensure_ascii=False) for attribute, content in value.items()}
        elif value is not None:
            lines[name] = str(value)
    width = max(12, *map(len, lines))
    for name, line in lines.items():
        click.echo(f"{name:{width}} {line}")


def print_items(page_items: Iterable[Item]) -> None:
    """Print items as a table."""
    from rich.console import Console  # noqa: PLC0415 - keeps --help fast
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("SKU", "Name", "Category"):
        table.add_column(heading, overflow="fold" if heading == "SKU" else "ellipsis", no_wrap=heading != "SKU")
    table.add_column("Price", justify="right", no_wrap=True)
    table.add_column("Version", justify="right")
    for item in page_items:
        amount = f"{item.price.amount} {item.price.currency}" if item.price else ""
        table.add_row(item.sku, Text(item.name), item.category or "", amount, str(item.version))
    console = Console()
    if not console.is_terminal:
        console.width = 200
    console.print(table)
