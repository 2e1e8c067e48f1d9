"""Which passwords are accepted. Length is what counts; there are no rules about kinds of characters (NIST SP 800-63B)."""

from collections.abc import Callable
from unicodedata import normalize

from catalog.domain.errors import FieldPath
from catalog.domain.identity.errors import WeakPassword
from catalog.domain.text.normalization import find_unstorable

MIN_LENGTH = 15
"""Minimum length of a password, in code points."""

MAX_LENGTH = 128
"""Maximum length of a password, in code points."""

MAX_BYTES = 512
"""Maximum length of a password in UTF-8. Longer ones are not hashed: hashing is expensive."""

_MIN_USERNAME = 4
"""Shorter usernames may occur in a password: they are likely to occur by chance."""


def normalize_password(text: str) -> str | None:
    """Return a password in NFC, so that all keyboards type the same; None if no user can have it. It is never trimmed."""
    if len(text) > MAX_BYTES or find_unstorable(text) is not None:
        return None
    password = normalize("NFC", text)
    return password if 0 < len(password) <= MAX_LENGTH and len(password.encode()) <= MAX_BYTES else None


def check_password(text: str, username: str, is_common: Callable[[str], bool], path: FieldPath = ("password",)) -> str:
    """Return a new password in its normal form.

    `is_common` says whether a password, in lower case, is on a list of common ones. Raises: WeakPassword, with the reason.
    """
    password = normalize_password(text)
    if password is None:
        raise WeakPassword(_TOO_LONG if text else _TOO_SHORT, path)
    folded = password.casefold()
    if len(password) < MIN_LENGTH:
        raise WeakPassword(_TOO_SHORT, path)
    if len(set(folded)) == 1:
        reason = "The password is one repeated character; choose another one."
    elif len(username) >= _MIN_USERNAME and username in folded:
        reason = "The password contains the username; choose another one."
    elif is_common(folded):
        reason = "The password is on a list of common passwords; choose another one."
    else:
        return password
    raise WeakPassword(reason, path)


_TOO_LONG = f"The password is too long, or has characters that cannot be stored; use {MIN_LENGTH} to {MAX_LENGTH} characters."
_TOO_SHORT = f"The password is too short; use at least {MIN_LENGTH} characters. Several words with spaces are fine."
