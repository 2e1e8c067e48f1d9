"""Options that several commands have."""

from collections.abc import Callable, Mapping

import rich_click as click

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
if_version = click.option("--if-version", type=click.IntRange(1), help="Only when it has this version still.")

OptionValues = str | tuple[str, ...]
Filters = str | int | tuple[str, ...] | None
"""What click makes of an option."""


def filter_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that choose items; `question` makes parameters of them."""
    for option in (
        click.option(
            "--filter",
            "filters",
            multiple=True,
            metavar="FIELD__OPERATOR=VALUE",
            help="version__gte=3, attr.size__lt=10, category__exists=false, created_at__lt=2026-11-20 and so on; repeatable.",
        ),
        click.option("--price-max", help="At most this amount; needs --currency."),
        click.option("--price-min", help="At least this amount; needs --currency."),
        click.option("--currency", help="Priced in this currency."),
        click.option("--category", multiple=True, help="In any of these categories or their descendants; repeatable."),
        click.option("--sku", multiple=True, help="Any of these SKUs; repeatable."),
        click.option("--q", help="Words to search for."),
    ):
        command = option(command)
    return command


def list_parameters(parameters: Mapping[str, Filters], filters: tuple[str, ...]) -> dict[str, OptionValues]:
    """Make the parameters of a question from the options that were given."""
    said: dict[str, OptionValues] = {
        name: value if isinstance(value, tuple) else str(value)
        for name, value in parameters.items()
        if value is not None and value != ()
    }
    for one in filters:
        name, _, value = one.partition("=")
        said[name] = value
    return said
