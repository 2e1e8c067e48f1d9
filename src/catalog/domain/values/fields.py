"""The values an item is described by: SKU, name, description, category. Each is read from anything, and faults are told."""

import re
from uuid import UUID

from catalog.domain.errors import FieldPath
from catalog.domain.text.normalization import find_unstorable, is_blank, trim
from catalog.domain.validation import FieldErrors

MAX_NAME = 200
MAX_DESCRIPTION = 10_000
MAX_SLUG = 100

RESERVED_SKUS = ("BATCH", "EXPORT", "IMPORT")
"""SKUs that no item can take: in lower case they are paths of our own, so that the item could not be asked for."""

_SKU = re.compile(r"[A-Z0-9][A-Z0-9._+-]{0,63}")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_UUID = re.compile(r"[0-9A-F]{32}|[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}")

_SKU_RULE = "A SKU is 1 to 64 of A-Z, 0-9 and . _ + -, beginning with a letter or digit"


def parse_sku(raw: object, faults: FieldErrors, path: FieldPath) -> str | None:
    """Read a SKU: trimmed, upper-cased, and never shaped like a UUID, so that a path can hold either."""
    text = _text(raw, "SKU", faults, path)
    if text is None:
        return None
    sku = _sku_form(text)
    if not _SKU.fullmatch(sku):
        faults.add(path, "invalid_sku", f"{_SKU_RULE}; no spaces, no slashes.")
        return None
    if _UUID.fullmatch(sku):
        faults.add(path, "sku_like_id", "A SKU must not have the form of a UUID; ids have that.")
        return None
    return sku


def parse_key(text: str) -> UUID | str | None:
    """Read what an item is asked for by: its id (with or without dashes), or its SKU in any case. None: neither."""
    form = _sku_form(text)
    if _UUID.fullmatch(form):
        return UUID(form)
    return form if _SKU.fullmatch(form) else None


def is_slug(text: str) -> bool:
    """Whether a category may have this slug."""
    return len(text) <= MAX_SLUG and _SLUG.fullmatch(text) is not None


def parse_name(raw: object, faults: FieldErrors, path: FieldPath) -> str | None:
    """Read a name: 1 to 200 characters once trimmed, of which some can be seen."""
    text = _text(raw, "name", faults, path)
    if text is None:
        return None
    name = trim(text)
    if is_blank(name):
        faults.add(path, "blank", "The name is empty, or nothing in it can be seen; give 1 to 200 characters.")
    elif len(name) > MAX_NAME:
        faults.add(path, "too_long", f"The name has {len(name)} characters; at most {MAX_NAME} are kept.")
    else:
        return name
    return None


def parse_description(raw: object, faults: FieldErrors, path: FieldPath) -> str | None:
    """Read a description: up to 10,000 characters; an empty one is none."""
    if raw is None:
        return None
    text = _text(raw, "description", faults, path)
    if text is not None and len(text) > MAX_DESCRIPTION:
        faults.add(path, "too_long", f"The description has {len(text)} characters; at most {MAX_DESCRIPTION} are kept.")
        return None
    return text or None


def parse_category(raw: object, faults: FieldErrors, path: FieldPath) -> str | None:
    """Read the slug of a category. Slugs never change, and so an item refers to its category by it."""
    if raw is None:
        return None
    text = _text(raw, "category", faults, path)
    if text is None:
        return None
    if not is_slug(text):
        faults.add(
            path, "invalid_slug", f"A category is a slug of up to {MAX_SLUG} of a-z, 0-9 and single dashes: garden-chairs."
        )
        return None
    return text


def _sku_form(text: str) -> str:
    """Trim and upper-case; only ASCII, for elsewhere upper-casing makes other letters (ß becomes SS)."""
    trimmed = text.strip()
    return trimmed.upper() if trimmed.isascii() else trimmed


def _text(raw: object, what: str, faults: FieldErrors, path: FieldPath) -> str | None:
    """Read text that every store can keep."""
    if raw is None:
        faults.add(path, "required", f"The {what} is missing.")
        return None
    if not isinstance(raw, str):
        faults.add(path, "wrong_type", f"The {what} is text.")
        return None
    bad = find_unstorable(raw)
    if bad is not None:
        faults.add(path, "invalid_text", f"The {what} contains {bad}; take it out.")
        return None
    return raw
