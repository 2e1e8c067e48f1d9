"""The ports for access tokens: signing our own, and verifying those of anybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from catalog.domain.identity.principal import Principal
from catalog.domain.identity.roles import Role
from catalog.domain.identity.scopes import Scopes
from catalog.domain.identity.signing_key import StoredSigningKey


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessClaims:
    """What an access token says (RFC 9068): about the user, the session and the rights. `token_id` is unique."""

    token_id: UUID
    user_id: UUID
    username: str
    role: Role
    scopes: Scopes
    session_id: UUID
    issued_at: datetime
    expires_at: datetime


class TokenSigner(Protocol):
    """Signs access tokens, and verifies those that it has signed. The keys come from the store or the settings."""

    def use(self, keys: Sequence[StoredSigningKey]) -> None:
        """Sign with the first of these keys, and accept tokens that any of them has signed."""

    def new_key(self, now: datetime) -> StoredSigningKey:
        """Return a new signing key."""

    def sign(self, claims: AccessClaims) -> str:
        """Return a signed token."""

    def verify(self, token: str, now: datetime) -> AccessClaims:
        """Return what a token says. Raises: UnknownSigningKey, InvalidToken, ExpiredToken."""

    def public_keys(self) -> Sequence[dict[str, Any]]:
        """Return the public keys, as JSON Web Keys (RFC 7517)."""


class ForeignTokens(Protocol):
    """Verifies access tokens of another issuer (OpenID Connect)."""

    def is_foreign(self, token: str) -> bool:
        """Return whether a token says that the other issuer has issued it. Its signature is not checked."""

    async def verify(self, token: str, now: datetime) -> Principal:
        """Return who sends a token.

        Raises: InvalidToken, ExpiredToken, NoRole if no claim grants one, IssuerUnavailable.
        """

    async def close(self) -> None:
        """Release all resources."""
