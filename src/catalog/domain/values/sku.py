"""SKUs: the codes by which companies know their items. Real ones have slashes, spaces, signs and letters of any script.

A SKU has 1 to 64 printable characters, without white space except plain spaces inside, and without invisible characters: two
SKUs that look the same should be the same. It is stored in NFC with its ASCII letters in upper case, and compared so. Other
letters keep their case, because changing it can change the text (ß becomes SS). A SKU never has the form of a UUID, so that a
path can contain either.
"""

import re
from unicodedata import normalize
from uuid import UUID

from catalog.domain.errors import FieldPath
from catalog.domain.text.normalization import find_invisible, trim
from catalog.domain.validation import FieldErrors
from catalog.domain.values.text import parse_text

MAX_SKU = 64

RESERVED_SKUS = ("BATCH", "EXPORT", "IMPORT", ".", "..")
"""SKUs that items cannot have: in lower case, the words are paths of the API, and URLs with dots are shortened on their way."""

SKU_PATTERN = r"[^\s\u0000-\u001f\u007f-\u009f]([^\u0000-\u001f\u007f-\u009f]{0,62}[^\s\u0000-\u001f\u007f-\u009f])?"
"""A pattern that every SKU matches, in the dialect of JSON Schema. Some texts that match are not SKUs."""

_UUID = re.compile(r"[0-9A-F]{32}|[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}")
_PLAIN = re.compile(r"[!-&(-~]([ -~]{0,62}[!-~])?")
"""SKUs of ASCII characters, which is nearly all of them."""

_UPPER = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}


def parse_sku(raw: object, errors: FieldErrors, path: FieldPath) -> str | None:
    """Parse a SKU. If it is invalid, record an error and return None."""
    text = parse_text(raw, "SKU", errors, path)
    if text is None:
        return None
    sku = normalize_sku(text)
    problem = _problem(sku)
    if problem:
        errors.add(path, "invalid_sku", f"A SKU has 1 to {MAX_SKU} printable characters; {problem}.")
        return None
    if _UUID.fullmatch(sku):
        errors.add(path, "sku_like_id", "A SKU must not have the form of a UUID, which is reserved for ids.")
        return None
    return sku


def parse_key(text: str) -> UUID | str | None:
    """Parse an item's key: its id (with or without dashes) or its SKU (in any case). None if it is neither."""
    key = normalize_sku(text)
    if _UUID.fullmatch(key):
        return UUID(key)
    return None if _problem(key) else key


def normalize_sku(text: str) -> str:
    """Trim the text, and convert it to NFC and its ASCII letters to upper case."""
    if text.isascii():
        return trim(text).upper()
    return normalize("NFC", trim(text)).translate(_UPPER)


def _problem(sku: str) -> str:
    """Say what is wrong with a normalized SKU; an empty string if nothing is."""
    if _PLAIN.fullmatch(sku):
        return ""
    if not sku:
        return "this one is empty"
    if len(sku) > MAX_SKU:
        return f"this one has {len(sku)}"
    if sku.startswith("'"):
        return "this one starts with an apostrophe, which spreadsheets put before numbers; remove it"
    if "\ufffd" in sku:
        return "this one contains U+FFFD, which replaced a character that was lost"
    character = find_invisible(sku)
    return "" if character is None else f"this one contains U+{ord(character):04X}; remove it"
