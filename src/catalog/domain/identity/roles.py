"""Roles: each user has one, and it grants scopes."""

from collections.abc import Iterable
from typing import Literal

from catalog.domain.errors import FieldPath, shorten
from catalog.domain.identity.scopes import (
    ALL_SCOPES,
    AUDIT_READ,
    CHANGES_READ,
    ITEMS_CREATE,
    ITEMS_IMPORT,
    ITEMS_READ,
    ITEMS_WRITE,
    Scopes,
    with_implied,
)
from catalog.domain.validation import FieldErrors

Role = Literal["guest", "user", "editor", "auditor", "admin"]
"""A guest is whoever has not signed in, where the public may read."""

ROLES: tuple[Role, ...] = ("guest", "user", "editor", "auditor", "admin")
"""Every role, from the lowest to the highest.

The order only decides which of several roles counts. It is no ladder: each of guest, user, editor and admin may do what the one
before it may, but an auditor stands beside them and may not write.
"""

USER_ROLES = ROLES[1:]
"""The roles that a user can have."""

ROLE_SCOPES: dict[Role, Scopes] = {
    "guest": frozenset({ITEMS_READ}),
    "user": frozenset({ITEMS_READ, ITEMS_CREATE}),
    "editor": with_implied({ITEMS_READ, ITEMS_WRITE, ITEMS_IMPORT, CHANGES_READ}),
    "auditor": frozenset({ITEMS_READ, CHANGES_READ, AUDIT_READ}),
    "admin": ALL_SCOPES,
}
"""The scopes that each role grants."""


def parse_role(raw: object, errors: FieldErrors, path: FieldPath = ("role",)) -> Role | None:
    """Parse the role of a user. If it is invalid, record an error and return None."""
    for role in USER_ROLES:
        if raw == role:
            return role
    given = "" if raw is None else f", not {shorten(raw)}"
    errors.add(path, "invalid_role", f"The role must be one of {', '.join(USER_ROLES)}{given}.")
    return None


def highest_role(roles: Iterable[Role]) -> Role | None:
    """Return the highest of the roles, or None if there are none."""
    return max(roles, key=ROLES.index, default=None)
