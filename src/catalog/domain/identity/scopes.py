"""Scopes: the rights that a request can have. Routes ask for one; roles, tokens and API keys grant some."""

from collections.abc import Iterable
from typing import Final

from catalog.domain.errors import FieldPath, shorten
from catalog.domain.validation import FieldErrors

ITEMS_READ: Final = "items:read"
ITEMS_CREATE: Final = "items:create"
ITEMS_WRITE: Final = "items:write"
ITEMS_IMPORT: Final = "items:import"
CHANGES_READ: Final = "changes:read"
AUDIT_READ: Final = "audit:read"
USERS_ADMIN: Final = "users:admin"
WEBHOOKS_ADMIN: Final = "webhooks:admin"
METRICS_READ: Final = "metrics:read"

SCOPES = (
    ITEMS_READ,
    ITEMS_CREATE,
    ITEMS_WRITE,
    ITEMS_IMPORT,
    CHANGES_READ,
    AUDIT_READ,
    USERS_ADMIN,
    WEBHOOKS_ADMIN,
    METRICS_READ,
)
"""Every scope, in the order in which they are shown."""

Scopes = frozenset[str]
"""A set of scopes, with the implied ones."""

NO_SCOPES: Scopes = frozenset()
ALL_SCOPES: Scopes = frozenset(SCOPES)

_IMPLIED = {ITEMS_WRITE: (ITEMS_CREATE,)}


def with_implied(scopes: Iterable[str]) -> Scopes:
    """Return the scopes and those that they imply."""
    given = frozenset(scopes)
    return given.union(*(_IMPLIED.get(scope, ()) for scope in given))


def in_order(scopes: Iterable[str]) -> tuple[str, ...]:
    """Return the scopes in the order in which they are shown."""
    return tuple(sorted(scopes, key=SCOPES.index))


def parse_scopes(raw: object, errors: FieldErrors, path: FieldPath = ("scopes",)) -> Scopes | None:
    """Parse a list of scopes. If one is unknown, record an error and return None."""
    if not isinstance(raw, list) or not all(isinstance(name, str) for name in raw):
        errors.add(path, "wrong_type", f"The scopes must be a list of names: {', '.join(SCOPES)}.")
        return None
    known = True
    for index, name in enumerate(raw):
        if name not in ALL_SCOPES:
            known = False
            message = f"Unknown scope {shorten(name)}."
            errors.add_unknown(
                (*path, index), "unknown_scope", message, SCOPES, f"Scopes: {', '.join(SCOPES)}.", unknown_name=name
            )
    return with_implied(raw) if known else None
