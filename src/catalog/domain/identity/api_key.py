"""API keys: credentials of programs. A key has the form `prefix_id_secret`; only the secret's SHA-256 is stored."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, Self
from uuid import UUID

from catalog.domain.errors import shorten
from catalog.domain.identity.scopes import SCOPES, Scopes, parse_scopes
from catalog.domain.text.normalization import find_control, is_blank, trim
from catalog.domain.validation import FieldErrors
from catalog.domain.values.text import parse_text
from catalog.domain.values.timestamps import parse_time

PREFIX: Final = "cat"
"""The beginning of every API key, by which scanners for leaked secrets find them."""

MAX_API_KEYS = 50
"""API keys that a user can have."""

MAX_KEY_NAME = 100

_FORM = re.compile(rf"{PREFIX}_([0-9a-f]{{32}})_([A-Za-z0-9_-]{{43}})")
_FIELDS = ("name", "scopes", "expires_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """An API key of a user. Without `expires_at` it is valid until it is revoked."""

    id: UUID
    user_id: UUID
    name: str
    scopes: Scopes
    secret_hash: bytes
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None

    def __repr__(self) -> str:
        """Return the key without the hash of its secret."""
        return f"ApiKey({self.id}, {self.name!r})"

    @property
    def prefix(self) -> str:
        """The beginning of the key, by which people recognize it."""
        return f"{PREFIX}_{self.id.hex}"

    def is_valid(self, now: datetime) -> bool:
        """Return whether the key has not expired."""
        return self.expires_at is None or now < self.expires_at


class KeyText(NamedTuple):
    """The parts of an API key as it is sent."""

    id: UUID
    secret: str

    def __repr__(self) -> str:
        """Return the id only."""
        return f"KeyText({self.id})"


def parse_key_text(text: str) -> KeyText | None:
    """Take an API key apart. None if it does not have the form of one."""
    match = _FORM.fullmatch(text)
    return None if match is None else KeyText(UUID(match[1]), match[2])


def key_text(key_id: UUID, secret: str) -> str:
    """Return an API key as it is sent."""
    return f"{PREFIX}_{key_id.hex}_{secret}"


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A new API key as its maker describes it. Callers have to name its scopes. With None, it has all that it may have."""

    name: str
    scopes: Scopes | None = None
    expires_at: datetime | None = None

    @classmethod
    def parse(cls, fields: Mapping[str, object], *, now: datetime) -> Self:
        """Parse a caller's fields. Raises: InvalidInput, with every error."""
        errors = FieldErrors()
        for name in fields:
            if name not in _FIELDS:
                message = f"Unknown API key field {shorten(name)}."
                errors.add_unknown((name,), "unknown_field", message, _FIELDS, f"Allowed API key fields: {', '.join(_FIELDS)}.")
        key_name = _parse_name(fields.get("name"), errors)
        scopes = _parse_scopes(fields.get("scopes"), errors)
        expires_at = _parse_expiry(fields.get("expires_at"), now, errors)
        errors.raise_if_any()
        return cls(str(key_name), scopes, expires_at)


def _parse_name(raw: object, errors: FieldErrors) -> str | None:
    text = parse_text(raw, "name", errors, ("name",))
    if text is None:
        return None
    name = trim(text)
    if is_blank(name) or len(name) > MAX_KEY_NAME:
        errors.add(("name",), "invalid_name", f"The name of an API key has 1 to {MAX_KEY_NAME} characters.")
        return None
    control = find_control(name)
    if control is not None:
        errors.add(("name",), "invalid_name", f"The name contains the control character U+{ord(control):04X}; remove it.")
        return None
    return name


def _parse_scopes(raw: object, errors: FieldErrors) -> Scopes | None:
    if not raw and (raw is None or isinstance(raw, list)):
        message = f"An API key needs at least one scope, and should have no more than it is used for: {', '.join(SCOPES)}."
        errors.add(("scopes",), "required", message)
        return None
    return parse_scopes(raw, errors)


def _parse_expiry(raw: object, now: datetime, errors: FieldErrors) -> datetime | None:
    if raw is None:
        return None
    moment = parse_time(raw) if isinstance(raw, str) else None
    if moment is None:
        errors.add(("expires_at",), "invalid_time", "The member expires_at must be a time: 2027-01-31T12:00:00Z.")
    elif moment <= now:
        errors.add(
            ("expires_at",), "expired", "The member expires_at must be in the future; leave it out for a key that never expires."
        )
    return moment
