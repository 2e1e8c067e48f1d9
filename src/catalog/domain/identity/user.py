"""The user: a name, a role and a password hash. The changes of a user are values, as those of an item are."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self
from uuid import UUID

from catalog.domain.change import Change
from catalog.domain.errors import shorten
from catalog.domain.identity.roles import Role, parse_role
from catalog.domain.identity.usernames import parse_username
from catalog.domain.validation import FieldErrors

CREATED = "user.created"
ROLE_CHANGED = "user.role_changed"
DISABLED = "user.disabled"
ENABLED = "user.enabled"
DELETED = "user.deleted"
PASSWORD_CHANGED = "password.changed"  # noqa: S105 - the name of an action

_FIELDS = ("username", "role", "password")
_PATCHED = ("role", "disabled", "password")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user. `password_hash` is what the password hasher returned; it never leaves the service."""

    id: UUID
    username: str
    role: Role
    disabled: bool = False
    password_hash: str
    version: int
    created_at: datetime
    updated_at: datetime

    def __repr__(self) -> str:
        """Return the user without the password hash, for logs and errors."""
        return f"User({self.username!r}, {self.role!r}, disabled={self.disabled}, version={self.version})"

    @property
    def is_active_admin(self) -> bool:
        """Whether the user can administer others."""
        return self.role == "admin" and not self.disabled

    @classmethod
    def create(cls, *, user_id: UUID, username: str, role: Role, password_hash: str, now: datetime) -> Change[Self]:
        """Return the change that creates a user."""
        user = cls(
            id=user_id, username=username, role=role, password_hash=password_hash, version=1, created_at=now, updated_at=now
        )
        return Change(CREATED, None, user, now)

    def set_role(self, role: Role, *, now: datetime) -> Change[Self] | None:
        """Return the change to another role. None if the user has it."""
        return None if role == self.role else self._changed(ROLE_CHANGED, replace(self, role=role), now)

    def set_disabled(self, *, disabled: bool, now: datetime) -> Change[Self] | None:
        """Return the change that disables or enables the user. None if nothing changes."""
        if disabled == self.disabled:
            return None
        return self._changed(DISABLED if disabled else ENABLED, replace(self, disabled=disabled), now)

    def set_password(self, password_hash: str, *, now: datetime) -> Change[Self]:
        """Return the change of the password."""
        return self._changed(PASSWORD_CHANGED, replace(self, password_hash=password_hash), now)

    def delete(self, *, now: datetime) -> Change[Self]:
        """Return the change that deletes the user. Another user may take the name."""
        return Change(DELETED, self, None, now)

    def _changed(self, kind: str, after: Self, now: datetime) -> Change[Self]:
        return Change(kind, self, replace(after, version=self.version + 1, updated_at=now), now)


@dataclass(frozen=True, slots=True)
class NewUser:
    """What a caller says about a new user."""

    username: str
    role: Role
    password: str

    def __repr__(self) -> str:
        """Return it without the password."""
        return f"NewUser({self.username!r}, {self.role!r})"

    @classmethod
    def parse(cls, fields: Mapping[str, object]) -> Self:
        """Parse a caller's fields. The password's strength is checked elsewhere. Raises: InvalidInput, with every error."""
        errors = FieldErrors()
        _reject_unknown(fields, _FIELDS, errors)
        username = parse_username(fields.get("username"), errors)
        role = parse_role(fields.get("role"), errors)
        password = parse_password(fields.get("password"), errors)
        errors.raise_if_any()
        assert username is not None and role is not None and password is not None  # noqa: PT018, S101 - for the type checker
        return cls(username, role, password)


@dataclass(frozen=True, slots=True)
class UserPatch:
    """What a caller changes of a user. None means that it stays."""

    role: Role | None = None
    disabled: bool | None = None
    password: str | None = None

    def __repr__(self) -> str:
        """Return it without the password."""
        return f"UserPatch({self.role!r}, disabled={self.disabled}, password={'set' if self.password else None})"

    @classmethod
    def parse(cls, fields: Mapping[str, object]) -> Self:
        """Parse a merge patch of role, disabled and password. Raises: InvalidInput, with every error."""
        errors = FieldErrors()
        _reject_unknown(fields, _PATCHED, errors)
        role = parse_role(fields["role"], errors) if "role" in fields else None
        disabled = fields.get("disabled", False)
        if not isinstance(disabled, bool):
            errors.add(("disabled",), "wrong_type", "The member disabled must be true or false.")
        password = parse_password(fields["password"], errors) if "password" in fields else None
        errors.raise_if_any()
        return cls(role, bool(disabled) if "disabled" in fields else None, password)


def parse_password(raw: object, errors: FieldErrors, field: str = "password") -> str | None:
    """Parse a password that is a string. The message does not quote it."""
    if isinstance(raw, str):
        return raw
    errors.add((field,), "required" if raw is None else "wrong_type", f"The {field} must be a string.")
    return None


def _reject_unknown(fields: Mapping[str, object], allowed: tuple[str, ...], errors: FieldErrors) -> None:
    for name in fields:
        if name not in allowed:
            message = f"Unknown user field {shorten(name)}."
            errors.add_unknown((name,), "unknown_field", message, allowed, f"Allowed user fields: {', '.join(allowed)}.")
