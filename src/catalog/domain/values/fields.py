"""Parsers for the fields of an item: SKU, name, description, category. Each takes any value and collects errors."""

import re
from uuid import UUID

from catalog.domain.errors import FieldPath
from catalog.domain.text.normalization import find_unstorable, is_blank, trim
from catalog.domain.validation import FieldErrors
from catalog.domain.values.decimal_literal import whole_number

MAX_NAME = 200
MAX_DESCRIPTION = 10_000
MAX_SLUG = 100

RESERVED_SKUS = ("BATCH", "EXPORT", "IMPORT")
"""SKUs that items cannot have: in lower case they are paths of the API, so the item would be unreachable."""

SKU_PATTERN = "[A-Z0-9][A-Z0-9._+-]{0,63}"
SLUG_PATTERN = "[a-z0-9]+(-[a-z0-9]+)*"

_SKU = re.compile(SKU_PATTERN)
_SLUG = re.compile(SLUG_PATTERN)
_UUID = re.compile(r"[0-9A-F]{32}|[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}")

_SKU_RULE = "A SKU has 1 to 64 characters of A-Z, 0-9 and . _ + -, starting with a letter or digit"


def parse_sku(raw: object, errors: FieldErrors, path: FieldPath) -> str | None:
    """Parse a SKU: trimmed, upper-cased, and never in the form of a UUID, so that a path can contain either."""
    text = _parse_text(raw, "SKU", errors, path)
    if text is None:
        return None
    sku = _normalize_sku(text)
    if not _SKU.fullmatch(sku):
        errors.add(path, "invalid_sku", f"{_SKU_RULE}; no spaces or slashes.")
        return None
    if _UUID.fullmatch(sku):
        errors.add(path, "sku_like_id", "A SKU must not have the form of a UUID, which is reserved for ids.")
        return None
    return sku


def parse_key(text: str) -> UUID | str | None:
    """Parse an item's key: its id (with or without dashes) or its SKU (in any case). None if it is neither."""
    key = _normalize_sku(text)
    if _UUID.fullmatch(key):
        return UUID(key)
    return key if _SKU.fullmatch(key) else None


def is_slug(text: str) -> bool:
    """Return whether a text is a valid slug."""
    return len(text) <= MAX_SLUG and _SLUG.fullmatch(text) is not None


def category_slug(raw: object) -> str | None:
    """Return the slug if this is one, else None. To report errors, use `parse_category`."""
    return raw if isinstance(raw, str) and is_slug(raw) else None


def parse_name(raw: object, errors: FieldErrors, path: FieldPath) -> str | None:
    """Parse a name: 1 to 200 characters after trimming, at least one of them visible."""
    text = _parse_text(raw, "name", errors, path)
    if text is None:
        return None
    name = trim(text)
    if is_blank(name):
        errors.add(path, "blank", "The name is empty or has no visible characters; use 1 to 200 characters.")
    elif len(name) > MAX_NAME:
        errors.add(path, "too_long", f"The name has {len(name)} characters; the maximum is {MAX_NAME}.")
    else:
        return name
    return None


def parse_description(raw: object, errors: FieldErrors, path: FieldPath) -> str | None:
    """Parse a description of up to 10,000 characters. An empty one becomes None."""
    if raw is None:
        return None
    text = _parse_text(raw, "description", errors, path)
    if text is not None and len(text) > MAX_DESCRIPTION:
        errors.add(path, "too_long", f"The description has {len(text)} characters; the maximum is {MAX_DESCRIPTION}.")
        return None
    return text or None


def parse_category(raw: object, errors: FieldErrors, path: FieldPath) -> str | None:
    """Parse the slug of a category. Items refer to categories by slug, because slugs never change."""
    if raw is None:
        return None
    text = _parse_text(raw, "category", errors, path)
    if text is None:
        return None
    if not is_slug(text):
        errors.add(
            path, "invalid_slug", f"A category slug has up to {MAX_SLUG} characters of a-z, 0-9 and single dashes: garden-chairs."
        )
        return None
    return text


def _normalize_sku(text: str) -> str:
    """Trim and upper-case the text. Only ASCII is upper-cased, because other letters can change (ß becomes SS)."""
    trimmed = text.strip()
    return trimmed.upper() if trimmed.isascii() else trimmed


def parse_version(raw: object, errors: FieldErrors, path: FieldPath) -> int | None:
    """Parse a version number. If it is invalid, record an error and return None."""
    version = whole_number(raw)
    if version is not None and version > 0:
        return version
    errors.add(path, "invalid_version", "The version must be a whole number of at least 1.")
    return None


def _parse_text(raw: object, field: str, errors: FieldErrors, path: FieldPath) -> str | None:
    """Parse a string, and reject characters that not every store can hold."""
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
