"""Parsing of strings, for the fields of items and categories."""

from catalog.domain.errors import FieldPath
from catalog.domain.text.normalization import find_unstorable
from catalog.domain.validation import FieldErrors


def parse_text(raw: object, field: str, errors: FieldErrors, path: FieldPath) -> str | None:
    """Parse a string, and reject characters that not every store can hold. If it is invalid, record an error and return None."""
    if raw is None:
        errors.add(path, "required", f"The {field} is missing.")
        return None
    if not isinstance(raw, str):
        errors.add(path, "wrong_type", f"The {field} must be a string.")
        return None
    unstorable = find_unstorable(raw)
    if unstorable is not None:
        errors.add(path, "invalid_text", f"The {field} contains {unstorable}; remove it.")
        return None
    return raw
