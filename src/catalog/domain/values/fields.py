"""Parsers for the fields of an item: name, description, category, version. Each takes any value and collects errors."""

import re

from catalog.domain.errors import FieldPath
from catalog.domain.text.normalization import is_blank, trim
from catalog.domain.validation import FieldErrors
from catalog.domain.values.decimal_literal import whole_number
from catalog.domain.values.text import parse_text

MAX_NAME = 200
MAX_DESCRIPTION = 10_000
MAX_SLUG = 100

SLUG_PATTERN = "[a-z0-9]+(-[a-z0-9]+)*"

_SLUG = re.compile(SLUG_PATTERN)


def is_slug(text: str) -> bool:
    """Return whether a text is a valid slug."""
    return len(text) <= MAX_SLUG and _SLUG.fullmatch(text) is not None


def category_slug(raw: object) -> str | None:
    """Return the slug if this is one, else None. To report errors, use `parse_category`."""
    return raw if isinstance(raw, str) and is_slug(raw) else None


def parse_name(raw: object, errors: FieldErrors, path: FieldPath) -> str | None:
    """Parse a name: 1 to 200 characters after trimming, at least one of them visible."""
    text = parse_text(raw, "name", errors, path)
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
    text = parse_text(raw, "description", errors, path)
    if text is not None and len(text) > MAX_DESCRIPTION:
        errors.add(path, "too_long", f"The description has {len(text)} characters; the maximum is {MAX_DESCRIPTION}.")
        return None
    return text or None


def parse_category(raw: object, errors: FieldErrors, path: FieldPath) -> str | None:
    """Parse the slug of a category. Items refer to categories by slug, because slugs never change."""
    if raw is None:
        return None
    text = parse_text(raw, "category", errors, path)
    if text is None:
        return None
    if not is_slug(text):
        errors.add(
            path, "invalid_slug", f"A category slug has up to {MAX_SLUG} characters of a-z, 0-9 and single dashes: garden-chairs."
        )
        return None
    return text


def parse_version(raw: object, errors: FieldErrors, path: FieldPath) -> int | None:
    """Parse a version number. If it is invalid, record an error and return None."""
    version = whole_number(raw)
    if version is not None and version > 0:
        return version
    errors.add(path, "invalid_version", "The version must be a whole number of at least 1.")
    return None
