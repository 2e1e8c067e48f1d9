"""The flat names of an item's fields, by which options, columns and refusals refer to them."""

from catalog.domain.errors import FieldPath

FIELDS = ("sku", "name", "description", "category", "price", "currency", "attributes")
ATTRIBUTE = "attr."
TYPES = ("text", "integer", "number", "boolean")


def is_field(name: str) -> bool:
    """Return whether this is the flat name of a field."""
    return name in FIELDS or (name.startswith(ATTRIBUTE) and len(name) > len(ATTRIBUTE))


def flatten(path: FieldPath) -> str:
    """Return the flat name of the field at an error's path, or an empty string for the row as a whole."""
    if path[:1] == ("attributes",) and len(path) > 1:
        return f"{ATTRIBUTE}{path[1]}"
    if path[:2] == ("price", "currency"):
        return "currency"
    return str(path[0]) if path else ""
