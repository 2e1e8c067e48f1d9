"""Usernames: 1 to 64 characters of `a-z0-9._@+-` that begin with a letter or digit.

A username never has the form of a UUID, so that a path can contain either.
"""

import re
from uuid import UUID

from catalog.domain.errors import FieldPath
from catalog.domain.text.normalization import trim
from catalog.domain.validation import FieldErrors
from catalog.domain.values.text import parse_text

MAX_USERNAME = 64

USERNAME_PATTERN = "[a-z0-9][a-z0-9._@+-]{0,63}"

RESERVED = frozenset({"cli", "guest", "local", "settings", "system"})
"""Names that users cannot have: the logs show them as the actors of callers without a user."""

_USERNAME = re.compile(USERNAME_PATTERN)
_PART = re.compile("[a-z0-9._@+-]{0,64}")
_UUID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def normalize_username(text: str) -> str:
    """Trim the text and convert its ASCII letters to lower case. Other letters stay, and are invalid."""
    return trim(text).translate(_LOWER)


def parse_username(raw: object, errors: FieldErrors, path: FieldPath = ("username",)) -> str | None:
    """Parse a username. If it is invalid, record an error and return None."""
    text = parse_text(raw, "username", errors, path)
    if text is None:
        return None
    username = normalize_username(text)
    if _UUID.fullmatch(username):
        errors.add(path, "username_like_id", "A username must not have the form of a UUID, which is reserved for ids.")
    elif username in RESERVED:
        errors.add(path, "reserved_username", f"The name {username} is reserved: the logs use it. Choose another one.")
    elif _USERNAME.fullmatch(username) is None:
        errors.add(
            path,
            "invalid_username",
            f"A username has 1 to {MAX_USERNAME} characters of a-z, 0-9 and . _ @ + -, and begins with a letter or digit.",
        )
    else:
        return username
    return None


def is_username(text: str) -> bool:
    """Return whether a user can have this name, in its normal form."""
    return _USERNAME.fullmatch(text) is not None and _UUID.fullmatch(text) is None


def is_part_of_usernames(text: str) -> bool:
    """Return whether a username can contain this text."""
    return _PART.fullmatch(text) is not None


def parse_user_key(text: str) -> UUID | str | None:
    """Parse the key of a user in a path: the id or the username. None if it is neither."""
    key = normalize_username(text)
    if _UUID.fullmatch(key):
        return UUID(key)
    return key if _USERNAME.fullmatch(key) else None
