"""`catalog items`: list, get, create, update, price, delete, history, prices, restore, revert."""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import rich_click as click

from catalog.application.changes.history import MAX_ENTRIES, ItemHistory, LogRequest, PriceHistory
from catalog.application.items.listing import ListResult
from catalog.domain.errors import FieldError, InvalidInput, InvalidQuery
from catalog.domain.items.item import Item
from catalog.domain.queries.item_query import MAX_LIMIT, MAX_OFFSET
from catalog.domain.queries.list_request import ListRequest
from catalog.domain.queries.operands import parse_moment
from catalog.domain.validation import FieldErrors
from catalog.entrypoints.cli.commands.changes import show_entries
from catalog.entrypoints.cli.options import Filters, as_json, filter_options, if_version, list_parameters
from catalog.entrypoints.cli.session import origin, run

FIELDS = ("sku", "name", "description", "category")


def fields(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say what an item is to be."""
    for option in (
        click.option(
            "--attr",
            "attributes",
            metavar="NAME=VALUE",
            multiple=True,
            help="An attribute; 12, 1.5, true are typed, '\"12\"' is text.",
        ),
        click.option("--currency", help="Of the price: ISO 4217, for example EUR."),
        click.option("--price", help="The amount, for example 12.50."),
        click.option("--category", help="The category's slug."),
        click.option("--description", help="Up to 10,000 characters."),
        click.option("--name", help="1 to 200 characters."),
        click.option("--sku", help="1 to 64 of A-Z, 0-9 and . _ + -."),
    ):
        command = option(command)
    return command


@click.group()
def items() -> None:
    """Look at items, one by one or as a list, and change them. KEY is an id or a SKU."""


@items.command("list")
@click.option("--sort", help="Keys with commas, a minus for descending: name,-price,created_at,updated_at,sku.")
@filter_options
@click.option("--count", type=click.Choice(["exact", "estimated"]), help="Say how many there are.")
@click.option("--facet", help="Count the values of fields: category,currency,attr.NAME.")
@click.option("--limit", type=click.IntRange(1, MAX_LIMIT), help="How many (50).")
@click.option("--offset", type=click.IntRange(0, MAX_OFFSET), help="How many to pass over.")
@click.option("--cursor", help="Where to go on: the cursor that the page before ended with.")
@as_json
def list_(*, as_json: bool, filters: tuple[str, ...], **parameters: Filters) -> None:
    """List or search items; newest first, unless --sort says otherwise."""

    async def work(container: Any) -> tuple[ListResult, ListRequest]:  # noqa: ANN401 - a Container
        listing = ListRequest.parse(list_parameters(parameters, filters))
        return await container.items().list(listing), listing

    found, listing = run(work)
    if as_json:
        from catalog.entrypoints.representations.items import encode_page  # noqa: PLC0415 - heavy imports stay out of --help

        click.echo(encode_page(found, listing))
        return
    if found.page.items:
        _table(found.page.items)
    elif not found.suggestions:
        chosen = any(parameters[name] for name in parameters if name not in ("sort", "count", "facet", "limit")) or filters
        click.echo("No items match." if chosen else "No items yet. Try `catalog seed` or `catalog items create`.", err=True)
    for name, facet in (found.facets or {}).items():
        values = ", ".join(f"{value} {number}" for value, number in facet.values)
        click.echo(f"{name}: {values}{', …' if facet.truncated else ''}")
    if found.partial:
        click.echo("Some facets would have taken too long; they are left out.", err=True)
    if found.count is not None:
        click.echo(f"{'' if found.count.exact else 'About '}{found.count.value} items in all.", err=True)
    if found.suggestions:
        meant = ", ".join(f"{item.name} ({item.sku})" for item in found.suggestions)
        click.echo(f"Nothing was found. Did you mean {meant}?", err=True)
    if found.page.next_cursor:
        click.echo(f"There are more: --cursor {found.page.next_cursor}", err=True)


@items.command()
@click.argument("key")
@as_json
def get(key: str, *, as_json: bool) -> None:
    """Show an item."""

    async def work(container: Any) -> Item:  # noqa: ANN401 - a Container
        item: Item = await container.items().get(key)
        return item

    _show(run(work), as_json=as_json)


@items.command()
@fields
@as_json
def create(*, as_json: bool, **said: Any) -> None:  # noqa: ANN401 - texts and tuples of texts
    """Create an item. Without --sku, one is made."""

    async def work(container: Any) -> Item:  # noqa: ANN401 - a Container
        item: Item = await container.items().create(_fields(said), origin())
        return item

    _show(run(work), as_json=as_json)


@items.command()
@click.argument("key")
@fields
@click.option("--unset", multiple=True, metavar="FIELD", help="Take away description, category, price, attributes or attr.NAME.")
@if_version
@as_json
def update(key: str, if_version: int | None, unset: tuple[str, ...], *, as_json: bool, **said: Any) -> None:  # noqa: ANN401 - as above
    """Change what is said, and leave the rest."""

    async def work(container: Any) -> Item:  # noqa: ANN401 - a Container
        patch = _fields(said)
        for name in unset:
            if name.startswith("attr."):
                patch.setdefault("attributes", {})[name.removeprefix("attr.")] = None
            else:
                patch[name] = None
        service = container.items()
        item: Item = await service.update(key, patch, origin(), await _expected(service, key, if_version))
        return item

    _show(run(work), as_json=as_json)


@items.command()
@click.argument("key")
@click.argument("amount")
@click.argument("currency")
@if_version
@as_json
def price(key: str, amount: str, currency: str, if_version: int | None, *, as_json: bool) -> None:
    """Give an item another price: catalog items price CHAIR-1 44.90 EUR."""

    async def work(container: Any) -> Item:  # noqa: ANN401 - a Container
        service = container.items()
        money = {"amount": amount, "currency": currency}
        item: Item = await service.reprice(key, money, origin(), await _expected(service, key, if_version))
        return item

    _show(run(work), as_json=as_json)


@items.command()
@click.argument("key")
@if_version
def delete(key: str, if_version: int | None) -> None:
    """Remove an item. The change log keeps what it was."""

    async def work(container: Any) -> Item:  # noqa: ANN401 - a Container
        service = container.items()
        item: Item = await service.get(key)
        await service.delete(str(item.id), origin(), None if if_version is None else {(item.id, if_version)})
        return item

    item = run(work)
    click.echo(f"Removed {item.sku}. To bring it back: catalog items restore {item.id}")


@items.command()
@click.argument("key")
@click.option("--after", type=click.IntRange(0), help="The number of an entry; what follows it.")
@click.option("--limit", type=click.IntRange(1, MAX_ENTRIES), help="How many (100).")
@as_json
def history(key: str, *, as_json: bool, **parameters: int | None) -> None:
    """Tell what happened to an item, oldest first; also to a deleted one."""

    async def work(container: Any) -> ItemHistory:  # noqa: ANN401 - a Container
        question = LogRequest.parse({name: str(value) for name, value in parameters.items() if value is not None})
        life: ItemHistory = await container.history().item_history(key, question)
        return life

    life = run(work)
    if as_json:
        from catalog.entrypoints.representations.changes import encode_history  # noqa: PLC0415 - heavy imports stay out of --help

        click.echo(encode_history(life))
        return
    show_entries(life.page.entries)
    _known_since(life.known_since)
    if life.page.next_after is not None:
        click.echo(f"There are more: --after {life.page.next_after}", err=True)


@items.command()
@click.argument("key")
@click.option("--as-of", metavar="TIME", help="Only the price that was in force then.")
@as_json
def prices(key: str, as_of: str | None, *, as_json: bool) -> None:
    """Tell the prices of an item, and the lowest of the last 30 days."""

    async def work(container: Any) -> PriceHistory:  # noqa: ANN401 - a Container
        faults = FieldErrors()
        moment = None if as_of is None else parse_moment(as_of, "as_of", faults)
        faults.raise_if_any(InvalidQuery)
        found: PriceHistory = await container.history().prices(key, moment)
        return found

    found = run(work)
    if as_json:
        from catalog.entrypoints.representations.changes import encode_prices  # noqa: PLC0415 - heavy imports stay out of --help

        click.echo(encode_prices(found))
        return
    if not found.prices:
        click.echo(f"No price {'has been recorded' if as_of is None else 'was in force then'} for {key}.", err=True)
    for one in found.prices:
        until = "now" if one.until is None else f"{one.until:%Y-%m-%d %H:%M:%S}"
        click.echo(f"{one.price.amount} {one.price.currency}  from {one.since:%Y-%m-%d %H:%M:%S} to {until}")
    for told, lowest in (("of the last 30 days", found.lowest), ("before the reduction", found.before_reduction)):
        if lowest is not None:
            click.echo(f"Lowest {told}: {lowest.price.amount} {lowest.price.currency}")
    _known_since(found.known_since)


@items.command()
@click.argument("key")
@as_json
def restore(key: str, *, as_json: bool) -> None:
    """Bring a deleted item back, by its id or its SKU (of several with that SKU, the one deleted last)."""

    async def work(container: Any) -> Item:  # noqa: ANN401 - a Container
        item: Item = await container.items().restore(key, origin())
        return item

    _show(run(work), as_json=as_json)


@items.command()
@click.argument("key")
@click.argument("version", type=click.IntRange(1))
@if_version
@as_json
def revert(key: str, version: int, if_version: int | None, *, as_json: bool) -> None:
    """Make an item again what it was in a version: catalog items revert CHAIR-1 3."""

    async def work(container: Any) -> Item:  # noqa: ANN401 - a Container
        service = container.items()
        item: Item = await service.revert(key, version, origin(), await _expected(service, key, if_version))
        return item

    _show(run(work), as_json=as_json)


def _known_since(moment: datetime | None) -> None:
    """Say so where the log does not reach back to an item's beginning."""
    if moment is not None:
        click.echo(f"What was before {moment:%Y-%m-%d %H:%M:%S} was pruned.", err=True)


async def _expected(service: Any, key: str, version: int | None) -> set[tuple[Any, int]] | None:  # noqa: ANN401 - an Items
    """Return the revision that is to be changed: this item in this version."""
    return None if version is None else {((await service.get(key)).id, version)}


def _fields(said: Mapping[str, Any]) -> dict[str, Any]:
    """Make the fields that the domain reads from the options that were given. Raises InvalidInput."""
    made: dict[str, Any] = {name: said[name] for name in FIELDS if said[name] is not None}
    price = {part: said[name] for part, name in (("amount", "price"), ("currency", "currency")) if said[name] is not None}
    if price:
        made["price"] = price
    if said["attributes"]:
        made["attributes"] = dict(_attribute(text) for text in said["attributes"])
    return made


def _attribute(text: str) -> tuple[str, Any]:
    """Read NAME=VALUE; what is a JSON number, boolean or text in quotes is that, anything else is text."""
    from catalog.application.strict_json import parse_json  # noqa: PLC0415 - heavy imports stay out of --help
    from catalog.domain.errors import Malformed  # noqa: PLC0415 - likewise

    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidInput([FieldError(("attributes",), "no_pair", f"An attribute is NAME=VALUE, not {text!r}.")])
    try:
        read = parse_json(value)
    except Malformed:
        return name, value
    return name, value if read is None or isinstance(read, list | dict) else read


def _show(item: Item, *, as_json: bool) -> None:
    """Print an item, a line a field."""
    from catalog.entrypoints.representations.items import encode_item  # noqa: PLC0415 - heavy imports stay out of --help

    text = encode_item(item)
    if as_json:
        click.echo(text)
        return
    lines: dict[str, str] = {}
    for name, value in json.loads(text).items():
        if name == "price" and value:
            lines[name] = f"{value['amount']} {value['currency']}"
        elif name == "attributes":
            lines |= {f"attr.{attribute}": json.dumps(its, ensure_ascii=False) for attribute, its in value.items()}
        elif value is not None:
            lines[name] = str(value)
    width = max(12, *map(len, lines))
    for name, shown in lines.items():
        click.echo(f"{name:{width}} {shown}")


def _table(listed: Iterable[Item]) -> None:
    """Print items, a line each."""
    from rich.console import Console  # noqa: PLC0415 - heavy imports stay out of --help
    from rich.table import Table  # noqa: PLC0415 - likewise
    from rich.text import Text  # noqa: PLC0415 - likewise

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("SKU", "Name", "Category"):
        table.add_column(heading, overflow="fold" if heading == "SKU" else "ellipsis", no_wrap=heading != "SKU")
    table.add_column("Price", justify="right", no_wrap=True)
    table.add_column("Version", justify="right")
    for item in listed:
        amount = f"{item.price.amount} {item.price.currency}" if item.price else ""
        table.add_row(item.sku, Text(item.name), item.category or "", amount, str(item.version))
    console = Console()
    if not console.is_terminal:
        console.width = 200
    console.print(table)
