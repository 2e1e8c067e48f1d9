"""How the command line prints items: one with all its fields, or several as a table."""

import json
from collections.abc import Iterable

import rich_click as click

from catalog.domain.items.item import Item
from catalog.entrypoints.cli.tables import print_fields, print_table

_HEADINGS = ("SKU", "Name", "Category", "Price", "Version")


def print_item(item: Item, *, as_json: bool) -> None:
    """Print an item, one field per line."""
    from catalog.entrypoints.representations.items import encode_item  # noqa: PLC0415 - keeps --help fast

    text = encode_item(item)
    if as_json:
        click.echo(text)
        return
    fields: dict[str, object] = {}
    for name, value in json.loads(text).items():
        if name == "price" and value:
            fields[name] = f"{value['amount']} {value['currency']}"
        elif name == "attributes":
            fields |= {f"attr.{attribute}": json.dumps(content, ensure_ascii=False) for attribute, content in value.items()}
        else:
            fields[name] = value
    print_fields(fields)


def print_items(page_items: Iterable[Item]) -> None:
    """Print items as a table."""
    print_table(_HEADINGS, map(_row, page_items), wrapped="SKU", numbers=("Price", "Version"))


def _row(item: Item) -> tuple[object, ...]:
    amount = f"{item.price.amount} {item.price.currency}" if item.price else None
    return item.sku, item.name, item.category, amount, item.version
