"""The security log: sign-ins, refusals, and changes of users, keys and sessions, numbered 1, 2, 3, … without gaps."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from catalog.domain.text.normalization import find_unstorable

Result = Literal["success", "failure", "denied"]

RESULTS: tuple[Result, ...] = ("success", "failure", "denied")

SESSION_CREATED = "session.created"
SESSION_ENDED = "session.ended"
SIGN_IN_FAILED = "sign_in.failed"
TOKEN_REUSED = "token.reused"  # noqa: S105 - the name of an action
ACCESS_DENIED = "access.denied"
KEY_CREATED = "key.created"
KEY_REVOKED = "key.revoked"
SIGNING_KEY_ROTATED = "signing_key.rotated"
ITEMS_IMPORTED = "items.imported"
ITEMS_EXPORTED = "items.exported"
CHANGES_PRUNED = "changes.pruned"
SETTINGS_INSECURE = "settings.insecure"

UNKNOWN_NAME = "sha256:"
"""The beginning of a subject that is a hash: of a name that nobody has, which may be a password typed into the wrong field."""

SECURITY_ACTIONS = (
    SESSION_CREATED,
    SESSION_ENDED,
    SIGN_IN_FAILED,
    TOKEN_REUSED,
    ACCESS_DENIED,
    "user.created",
    "user.role_changed",
    "user.disabled",
    "user.enabled",
    "user.deleted",
    "password.changed",
    KEY_CREATED,
    KEY_REVOKED,
    SIGNING_KEY_ROTATED,
    ITEMS_IMPORTED,
    ITEMS_EXPORTED,
    CHANGES_PRUNED,
    SETTINGS_INSECURE,
)
"""Every action in the security log."""


_TEXTS = ("action", "actor", "credential", "address", "request_id", "subject")
_REPLACED = {0: "\ufffd"} | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityEvent:
    """What happened: who (a username or None), with which credential, from where, in which request, to whom, and the result.

    `detail` has texts and numbers, never secrets. `count` is how often it happened: repeats of one failure are one event.
    """

    action: str
    at: datetime
    result: Result = "success"
    actor: str | None = None
    credential: str | None = None
    address: str | None = None
    request_id: str | None = None
    subject: str | None = None
    detail: Mapping[str, str | int] = field(default_factory=dict)
    count: int = 1


def storable(event: SecurityEvent) -> SecurityEvent:
    """Return the event with NUL and lone surrogates replaced: Postgres refuses them, and so the whole batch.

    Paths that callers request may contain them.
    """
    texts: dict[str, Any] = {name: _replaced(value) for name in _TEXTS if (value := getattr(event, name)) is not None}
    detail = {_replaced(key): _replaced(value) if isinstance(value, str) else value for key, value in event.detail.items()}
    return replace(event, detail=detail, **texts)


def _replaced(text: str) -> str:
    return text if find_unstorable(text) is None else text.translate(_REPLACED)


@dataclass(frozen=True, slots=True)
class SecurityEntry:
    """An event with its number in the log and its digest, which covers the entry before it as well."""

    seq: int
    event: SecurityEvent
    digest: bytes

    @property
    def at(self) -> datetime:
        """When it happened."""
        return self.event.at
