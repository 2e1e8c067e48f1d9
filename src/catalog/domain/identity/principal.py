"""The principal: who sends a request, and with what rights."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple, Self
from uuid import UUID

from catalog.domain.identity.api_key import ApiKey
from catalog.domain.identity.errors import CredentialNotAllowed, InsufficientScope, Unauthenticated
from catalog.domain.identity.roles import ROLE_SCOPES, Role
from catalog.domain.identity.scopes import ALL_SCOPES, Scopes, in_order
from catalog.domain.identity.user import User

PrincipalKind = Literal["user", "api_key", "local", "guest"]
"""A user who signed in, here or at another issuer; an API key; anybody in local mode; and whoever did not sign in."""


class SignedIn(NamedTuple):
    """The id of a user who has signed in, and of the session."""

    user_id: UUID
    session_id: UUID


class Author(NamedTuple):
    """Who makes an identity change: the id of the user, the role, and the id of the session or API key."""

    user_id: UUID
    role: Role
    credential_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who sends a request. `scopes` are what it may do: those of the role and of the credential, both.

    `user_id` is None for callers without a row of their own: guests, the local caller, users of other issuers. `credential` says
    with what the caller signed in (`session:ID`, `key:ID`, `oidc`, `local`, `cli`), and `credential_id` is the id of the session
    or the key. After `expires_at`, the credential is not valid any more. If it was looked up in the store, `as_of` is the
    number of the last revocation before that.
    """

    kind: PrincipalKind
    username: str | None
    role: Role
    scopes: Scopes = field(repr=False)
    user_id: UUID | None = None
    credential: str | None = None
    credential_id: UUID | None = None
    expires_at: datetime | None = None
    as_of: int | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of_session(cls, session_id: UUID, username: str, role: Role, scopes: Scopes, user_id: UUID, expires_at: datetime) -> Self:
        """Return the principal of a user who has signed in."""
        return cls(
            kind="user",
            username=username,
            role=role,
            scopes=scopes & ROLE_SCOPES[role],
            user_id=user_id,
            credential=f"session:{session_id}",
            credential_id=session_id,
            expires_at=expires_at,
        )

    @classmethod
    def of_key(cls, key: ApiKey, user: User) -> Self:
        """Return the principal of an API key."""
        return cls(
            kind="api_key",
            username=user.username,
            role=user.role,
            scopes=key.scopes & ROLE_SCOPES[user.role],
            user_id=user.id,
            credential=f"key:{key.id}",
            credential_id=key.id,
            expires_at=key.expires_at,
        )

    @property
    def session_id(self) -> UUID | None:
        """The id of the session, if the caller has one."""
        return self.credential_id if self.kind == "user" else None

    @property
    def author(self) -> Author | None:
        """The author of identity changes; None for callers without a row of their own, whose credential nobody can revoke."""
        if self.user_id is None or self.credential_id is None:
            return None
        return Author(self.user_id, self.role, self.credential_id)

    @property
    def actor(self) -> str | None:
        """The name under which changes and events are recorded."""
        return self.username

    @property
    def rate_key(self) -> str | None:
        """What requests are counted by; None for callers who are counted by address."""
        return None if self.username is None else f"{self.kind}:{self.user_id or self.username}"

    def require(self, scope: str) -> None:
        """Return if the caller has the scope. Raises: Unauthenticated if signing in may help, InsufficientScope."""
        if scope in self.scopes:
            return
        if self.kind == "guest":
            raise Unauthenticated
        raise InsufficientScope(scope)

    def require_all(self, scopes: Scopes) -> None:
        """Return if the caller has all of the scopes. Raises: as `require`, for the first that is missing."""
        for scope in in_order(scopes):
            self.require(scope)

    def require_sign_in(self) -> SignedIn:
        """Return the user who has signed in with a password, and the session. Raises: Unauthenticated, CredentialNotAllowed."""
        if self.kind == "guest":
            raise Unauthenticated
        if self.user_id is None or self.session_id is None:
            raise CredentialNotAllowed
        return SignedIn(self.user_id, self.session_id)

    def require_full_sign_in(self) -> SignedIn:
        """Return the user and the session, if it has all scopes of the role. Raises: as `require_sign_in`."""
        signed_in = self.require_sign_in()
        if self.scopes != ROLE_SCOPES[self.role]:
            message = "This token has only some of the scopes of its user; sign in with all of them."
            raise CredentialNotAllowed(message)
        return signed_in


LOCAL = Principal(kind="local", username="local", role="admin", scopes=ALL_SCOPES, credential="local")
"""Everybody, where there is no sign-in."""

COMMAND_LINE = Principal(kind="local", username="cli", role="admin", scopes=ALL_SCOPES, credential="cli")
"""The caller of the command line."""

GUEST = Principal(kind="guest", username=None, role="guest", scopes=ROLE_SCOPES["guest"])
"""Whoever has not signed in, where the public may read."""
