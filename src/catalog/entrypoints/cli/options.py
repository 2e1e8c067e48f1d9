"""Options shared by several commands."""

from collections.abc import Callable, Mapping

import rich_click as click

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
if_version = click.option("--if-version", type=click.IntRange(1), help="Fail unless the current version is this one.")

ParameterValue = str | tuple[str, ...]
OptionValue = str | int | tuple[str, ...] | None
"""The value of an option as click passes it."""


def filter_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that select items. `list_parameters` converts their values."""
    for option in (
        click.option(
            "--filter",
            "filters",
            multiple=True,
            metavar="FIELD__OPERATOR=VALUE",
            help="Filter by any field, for example version__gte=3, attr.size__lt=10, category__exists=false; repeatable.",
        ),
        click.option("--price-max", help="Maximum price; requires --currency."),
        click.option("--price-min", help="Minimum price; requires --currency."),
        click.option("--currency", help="Only items priced in this currency, for example EUR."),
        click.option("--category", multiple=True, help="Only items in any of these categories or their descendants; repeatable."),
        click.option("--sku", multiple=True, help="Only items with any of these SKUs; repeatable."),
        click.option("--q", help="Search for these words."),
    ):
        command = option(command)
    return command


def list_parameters(options: Mapping[str, OptionValue], filters: tuple[str, ...]) -> dict[str, ParameterValue]:
    """Convert the given options and filters to list request parameters."""
    parameters: dict[str, ParameterValue] = {
        name: value if isinstance(value, tuple) else str(value)
        for name, value in options.items()
        if value is not None and value != ()
    }
    for text in filters:
        name, _, value = text.partition("=")
        parameters[name] = value
    return parameters
