"""`catalog items`: list, get, create, update, price, delete, history, prices, restore and revert."""

from datetime import datetime
from typing import Any

import rich_click as click

from catalog.application.changes.history import MAX_ENTRIES, ItemHistory, LogRequest, PriceHistory
from catalog.application.items.listing import ListResult
from catalog.domain.errors import InvalidQuery
from catalog.domain.items.item import Item
from catalog.domain.queries.item_query import MAX_LIMIT, MAX_OFFSET
from catalog.domain.queries.list_request import ListRequest
from catalog.domain.queries.operands import parse_moment
from catalog.domain.validation import FieldErrors
from catalog.entrypoints.cli.commands.changes import print_entries
from catalog.entrypoints.cli.item_options import fields_of, item_options
from catalog.entrypoints.cli.item_printing import print_item, print_items
from catalog.entrypoints.cli.options import OptionValue, as_json, filter_options, if_version, list_parameters
from catalog.entrypoints.cli.session import origin, run
from catalog.entrypoints.cli.tables import printed


@click.group()
def items() -> None:
    """List, show and change items. KEY is an id or a SKU."""


@items.command("list")
@click.option("--sort", help="Sort keys, comma-separated, with a minus for descending: name, price, created_at, updated_at, sku.")
@filter_options
@click.option("--count", type=click.Choice(["exact", "estimated"]), help="Show the number of matching items.")
@click.option("--facet", help="Count the values of these fields, comma-separated: category, currency, attr.NAME.")
@click.option("--limit", type=click.IntRange(1, MAX_LIMIT), help="Maximum number of items (default 50).")
@click.option("--offset", type=click.IntRange(0, MAX_OFFSET), help="Number of items to skip.")
@click.option("--cursor", help="Continue from the cursor printed after the previous page.")
@as_json
def list_(*, as_json: bool, filters: tuple[str, ...], **parameters: OptionValue) -> None:
    """List or search items, newest first by default."""

    async def work(container: Any) -> tuple[ListResult, ListRequest]:  # noqa: ANN401 - a Container
        request = ListRequest.parse(list_parameters(parameters, filters))
        return await container.items().list(request), request

    result, request = run(work)
    if as_json:
        from catalog.entrypoints.representations.item_pages import encode_page  # noqa: PLC0415 - keeps --help fast

        click.echo(encode_page(result, request))
        return
    if result.page.items:
        print_items(result.page.items)
    elif not result.suggestions:
        is_filtered = any(parameters[name] for name in parameters if name not in ("sort", "count", "facet", "limit")) or filters
        click.echo("No items match." if is_filtered else "No items yet. Try `catalog seed` or `catalog items create`.", err=True)
    for name, facet in (result.facets or {}).items():
        values = ", ".join(f"{printed(value)} {count}" for value, count in facet.values)
        click.echo(f"{printed(name)}: {values}{', …' if facet.truncated else ''}")
    if result.partial:
        click.echo("Some facets are omitted because counting them took too long.", err=True)
    if result.count is not None:
        click.echo(f"{'' if result.count.exact else 'About '}{result.count.value} items in total.", err=True)
    if result.suggestions:
        suggestions = ", ".join(f"{printed(item.name)} ({item.sku})" for item in result.suggestions)
        click.echo(f"No items match. Did you mean {suggestions}?", err=True)
    if result.page.next_cursor:
        click.echo(f"More results: --cursor {result.page.next_cursor}", err=True)


@items.command()
@click.argument("key")
@as_json
def get(key: str, *, as_json: bool) -> None:
    """Show an item."""

    async def work(container: Any) -> Item:  # noqa: ANN401 - a Container
        item: Item = await container.items().get(key)
        return item

    print_item(run(work), as_json=as_json)


@items.command()
@item_options
@as_json
def create(*, as_json: bool, **options: Any) -> None:  # noqa: ANN401 - strings and tuples of strings
    """Create an item. Without --sku, a SKU is generated."""

    async def work(container: Any) -> Item:  # noqa: ANN401 - a Container
        item: Item = await container.items().create(fields_of(options), origin())
        return item

    print_item(run(work), as_json=as_json)


@items.command()
@click.argument("key")
@item_options
@click.option(
    "--unset",
    multiple=True,
    metavar="FIELD",
    help="Clear a field: description, category, price, attributes or attr.NAME. Repeatable.",
)
@if_version
@as_json
def update(key: str, if_version: int | None, unset: tuple[str, ...], *, as_json: bool, **options: Any) -> None:  # noqa: ANN401 - as above
    """Update the given fields of an item and leave the others unchanged."""

    async def work(container: Any) -> Item:  # noqa: ANN401 - a Container
        patch = fields_of(options)
        for name in unset:
            if name.startswith("attr."):
                patch.setdefault("attributes", {})[name.removeprefix("attr.")] = None
            else:
                patch[name] = None
        service = container.items()
        item: Item = await service.update(key, patch, origin(), await _expected_version(service, key, if_version))
        return item

    print_item(run(work), as_json=as_json)


@items.command()
@click.argument("key")
@click.argument("amount")
@click.argument("currency")
@if_version
@as_json
def price(key: str, amount: str, currency: str, if_version: int | None, *, as_json: bool) -> None:
    """Change the price of an item: catalog items price CHAIR-1 44.90 EUR."""

    async def work(container: Any) -> Item:  # noqa: ANN401 - a Container
        service = container.items()
        money = {"amount": amount, "currency": currency}
        item: Item = await service.reprice(key, money, origin(), await _expected_version(service, key, if_version))
        return item

    print_item(run(work), as_json=as_json)


@items.command()
@click.argument("key")
@if_version
def delete(key: str, if_version: int | None) -> None:
    """Delete an item. It can be restored from the change log."""

    async def work(container: Any) -> Item:  # noqa: ANN401 - a Container
        service = container.items()
        item: Item = await service.get(key)
        await service.delete(str(item.id), origin(), None if if_version is None else {(item.id, if_version)})
        return item

    item = run(work)
    click.echo(f"Deleted {item.sku}. To restore it: catalog items restore {item.id}")


@items.command()
@click.argument("key")
@click.option("--after", type=click.IntRange(0), help="List entries after this number.")
@click.option("--limit", type=click.IntRange(1, MAX_ENTRIES), help="Maximum number of entries (default 100).")
@as_json
def history(key: str, *, as_json: bool, **parameters: int | None) -> None:
    """List the changes of an item, oldest first. Works for deleted items too."""

    async def work(container: Any) -> ItemHistory:  # noqa: ANN401 - a Container
        request = LogRequest.parse({name: str(value) for name, value in parameters.items() if value is not None})
        item_history: ItemHistory = await container.history().item_history(key, request)
        return item_history

    item_history = run(work)
    if as_json:
        from catalog.entrypoints.representations.changes import encode_history  # noqa: PLC0415 - keeps --help fast

        click.echo(encode_history(item_history))
        return
    print_entries(item_history.page.entries)
    _print_known_since(item_history.known_since)
    if item_history.page.next_after is not None:
        click.echo(f"More results: --after {item_history.page.next_after}", err=True)


@items.command()
@click.argument("key")
@click.option("--as-of", metavar="TIME", help="Only the price in force at this time.")
@as_json
def prices(key: str, as_of: str | None, *, as_json: bool) -> None:
    """List the prices of an item, and the lowest of the last 30 days."""

    async def work(container: Any) -> PriceHistory:  # noqa: ANN401 - a Container
        errors = FieldErrors()
        moment = None if as_of is None else parse_moment(as_of, "as_of", errors)
        errors.raise_if_any(InvalidQuery)
        price_history: PriceHistory = await container.history().prices(key, moment)
        return price_history

    price_history = run(work)
    if as_json:
        from catalog.entrypoints.representations.changes import encode_prices  # noqa: PLC0415 - keeps --help fast

        click.echo(encode_prices(price_history))
        return
    if not price_history.prices:
        click.echo(f"No price {'recorded' if as_of is None else 'was in force at that time'} for {key}.", err=True)
    for period in price_history.prices:
        until = "now" if period.until is None else f"{period.until:%Y-%m-%d %H:%M:%S}"
        click.echo(f"{period.price.amount} {period.price.currency}  from {period.since:%Y-%m-%d %H:%M:%S} to {until}")
    for span, lowest in (
        ("of the last 30 days", price_history.lowest),
        ("before the reduction", price_history.before_reduction),
    ):
        if lowest is not None:
            click.echo(f"Lowest {span}: {lowest.price.amount} {lowest.price.currency}")
    _print_known_since(price_history.known_since)


@items.command()
@click.argument("key")
@as_json
def restore(key: str, *, as_json: bool) -> None:
    """Restore a deleted item by id or SKU. If several items had the SKU, restores the one deleted last."""

    async def work(container: Any) -> Item:  # noqa: ANN401 - a Container
        item: Item = await container.items().restore(key, origin())
        return item

    print_item(run(work), as_json=as_json)


@items.command()
@click.argument("key")
@click.argument("version", type=click.IntRange(1))
@if_version
@as_json
def revert(key: str, version: int, if_version: int | None, *, as_json: bool) -> None:
    """Revert an item to an earlier version: catalog items revert CHAIR-1 3."""

    async def work(container: Any) -> Item:  # noqa: ANN401 - a Container
        service = container.items()
        item: Item = await service.revert(key, version, origin(), await _expected_version(service, key, if_version))
        return item

    print_item(run(work), as_json=as_json)


def _print_known_since(moment: datetime | None) -> None:
    """Print a note if the log does not go back to the item's creation."""
    if moment is not None:
        click.echo(f"Changes before {moment:%Y-%m-%d %H:%M:%S} were pruned.", err=True)


async def _expected_version(service: Any, key: str, version: int | None) -> set[tuple[Any, int]] | None:  # noqa: ANN401 - an Items
    """Return the item id and version that the change requires, or None if any version will do."""
    return None if version is None else {((await service.get(key)).id, version)}
