"""The options that describe an item, and the fields they stand for."""

from collections.abc import Callable, Mapping
from typing import Any

import rich_click as click

from catalog.domain.errors import FieldError, InvalidInput

_TEXT_FIELDS = ("sku", "name", "description", "category")


def item_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options for an item's fields."""
    for option in (
        click.option(
            "--attr",
            "attributes",
            metavar="NAME=VALUE",
            multiple=True,
            help="An attribute; 12, 1.5 and true are typed, '\"12\"' is text. Repeatable.",
        ),
        click.option("--currency", help="ISO 4217 currency of the price, for example EUR."),
        click.option("--price", help="Price amount, for example 12.50."),
        click.option("--category", help="Slug of the category."),
        click.option("--description", help="Up to 10,000 characters."),
        click.option("--name", help="1 to 200 characters."),
        click.option("--sku", help="1 to 64 characters: A-Z, 0-9 and . _ + -."),
    ):
        command = option(command)
    return command


def fields_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """Convert the given options to item fields. Raises: InvalidInput."""
    fields: dict[str, Any] = {name: options[name] for name in _TEXT_FIELDS if options[name] is not None}
    price = {part: options[name] for part, name in (("amount", "price"), ("currency", "currency")) if options[name] is not None}
    if price:
        fields["price"] = price
    if options["attributes"]:
        fields["attributes"] = dict(_parse_attribute(text) for text in options["attributes"])
    return fields


def _parse_attribute(text: str) -> tuple[str, Any]:
    """Parse NAME=VALUE. A JSON number, boolean or quoted string keeps its type; anything else is text. Raises: InvalidInput."""
    from catalog.application.strict_json import parse_json  # noqa: PLC0415 - keeps --help fast
    from catalog.domain.errors import Malformed  # noqa: PLC0415 - as above

    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidInput([FieldError(("attributes",), "no_pair", f"Expected NAME=VALUE for an attribute, not {text!r}.")])
    try:
        parsed = parse_json(value)
    except Malformed:
        return name, value
    return name, value if parsed is None or isinstance(parsed, list | dict) else parsed
