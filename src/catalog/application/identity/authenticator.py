"""Recognizes who sends a request by its credential, and remembers verified credentials."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hmac import compare_digest
from typing import Literal
from uuid import UUID

from catalog.application.identity.random_secrets import hash_secret
from catalog.application.identity.revocations import RevocationWatch
from catalog.domain.identity.api_key import PREFIX, ApiKey, parse_key_text
from catalog.domain.identity.errors import InvalidToken
from catalog.domain.identity.principal import Principal
from catalog.domain.identity.session import SessionLimits
from catalog.ports.clock import Clock
from catalog.ports.identity.storage import IdentityStorage
from catalog.ports.identity.tokens import ForeignTokens, TokenSigner

MAX_REMEMBERED = 10_000
"""Verified credentials that are remembered. Beyond it, the oldest are verified again."""

_KEY_PREFIX = f"{PREFIX}_"

CredentialKind = Literal["token", "cookie"]
"""An access token or API key in a header, or the cookie of a browser."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What a request is sent with."""

    kind: CredentialKind
    text: str

    def __repr__(self) -> str:
        """Return the kind only: the text is a secret."""
        return f"Credential({self.kind!r})"


class Authenticator:
    """Verifies credentials. Each is verified once and then remembered, until it expires or is revoked."""

    def __init__(
        self,
        storage: IdentityStorage,
        signer: TokenSigner,
        foreign: ForeignTokens | None,
        watch: RevocationWatch,
        clock: Clock,
        limits: SessionLimits,
    ) -> None:
        """Verify own tokens with `signer`, those of another issuer with `foreign`, and look up the others in `storage`."""
        self._storage = storage
        self._signer = signer
        self._foreign = foreign
        self._watch = watch
        self._clock = clock
        self._limits = limits
        self._remembered: dict[Credential, Principal] = {}
        self._used_at: dict[UUID, datetime] = {}
        watch.on_revoked(self._forget)

    def remembered(self, credential: Credential) -> Principal | None:
        """Return the principal of a credential that was verified before, if it is still valid."""
        principal = self._remembered.get(credential)
        return principal if principal is not None and self.is_valid(principal) else None

    def is_valid(self, principal: Principal) -> bool:
        """Return whether the principal's credential has neither expired nor been revoked, as far as this process knows."""
        if principal.credential_id is not None and self._watch.is_revoked(principal.credential_id, principal.as_of):
            return False
        return principal.expires_at is None or self._clock.now() < principal.expires_at

    async def authenticate(self, credential: Credential) -> Principal:
        """Return who sends a request. Raises: InvalidToken, ExpiredToken, Forbidden, Unavailable."""
        as_of = await self._watch.position()
        if credential.kind == "cookie":
            principal = replace(await self._browser(credential.text), as_of=as_of)
        elif credential.text.startswith(_KEY_PREFIX):
            principal = replace(await self._api_key(credential.text), as_of=as_of)
        elif self._foreign is not None and self._foreign.is_foreign(credential.text):
            principal = await self._foreign.verify(credential.text, self._clock.now())
        else:
            principal = self._token(credential.text)
        if not self.is_valid(principal):
            raise InvalidToken
        self._remember(credential, principal)
        return principal

    def _token(self, text: str) -> Principal:
        claims = self._signer.verify(text, self._clock.now())
        return Principal.of_session(
            claims.session_id, claims.username, claims.role, claims.scopes, claims.user_id, claims.expires_at
        )

    async def _api_key(self, text: str) -> Principal:
        parts = parse_key_text(text)
        found = None if parts is None else await self._storage.api_key(parts.id)
        if parts is None or found is None:
            raise InvalidToken
        key, user = found
        if not _is_same(key, parts.secret) or user.disabled or not key.is_valid(self._clock.now()):
            raise InvalidToken
        return Principal.of_key(key, user)

    async def _browser(self, secret: str) -> Principal:
        found = await self._storage.session_of_browser(hash_secret(secret))
        if found is None:
            raise InvalidToken
        session, user = found
        now = self._clock.now()
        if user.disabled or not session.is_live(now, self._limits):
            raise InvalidToken
        until = min(session.expires_at, now + self._limits.idle)
        return Principal.of_session(session.id, user.username, user.role, session.scopes, user.id, until)

    def _remember(self, credential: Credential, principal: Principal) -> None:
        while len(self._remembered) >= MAX_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[credential] = principal

    def _forget(self, ids: frozenset[UUID] | None) -> None:
        """Forget the credentials that were revoked; with None, those that can be looked up again."""
        self._remembered = {
            credential: principal
            for credential, principal in self._remembered.items()
            if not (_is_looked_up(credential) if ids is None else principal.credential_id in ids)
        }

    def used(self, principal: Principal) -> None:
        """Note that a browser's session or an API key was used. To be called for requests that are let through."""
        if principal.credential_id is not None:
            self._used_at[principal.credential_id] = self._clock.now()

    async def note_uses(self) -> None:
        """Store when sessions and keys were last used. Called about once a minute; a crash loses the last minute."""
        used_at: Mapping[UUID, datetime] = self._used_at
        self._used_at = {}
        if used_at:
            await self._storage.touch(used_at)


def _is_looked_up(credential: Credential) -> bool:
    return credential.kind == "cookie" or credential.text.startswith(_KEY_PREFIX)


def _is_same(key: ApiKey, secret: str) -> bool:
    return compare_digest(key.secret_hash, hash_secret(secret))
