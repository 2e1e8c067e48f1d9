"""Recognizes who sends a request by its credential, and remembers verified credentials."""

from dataclasses import dataclass, replace
from datetime import datetime
from hmac import compare_digest
from typing import Literal
from uuid import UUID

from catalog.application.identity.random_secrets import hash_secret
from catalog.application.identity.revocations import RevocationWatch
from catalog.application.identity.signing_keys import SigningKeys
from catalog.application.identity.single_flight import SingleFlight
from catalog.domain.errors import Unavailable
from catalog.domain.identity.api_key import PREFIX, parse_key_text
from catalog.domain.identity.errors import EndedSession, ExpiredToken, InvalidToken, UnknownSigningKey
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

    def __init__(  # noqa: PLR0913, PLR0917 - each is a collaborator
        self,
        storage: IdentityStorage,
        signer: TokenSigner,
        signing_keys: SigningKeys,
        foreign: ForeignTokens | None,
        watch: RevocationWatch,
        clock: Clock,
        limits: SessionLimits,
    ) -> None:
        """Verify own tokens with `signer`, those of another issuer with `foreign`, and look up the others in `storage`."""
        self._storage = storage
        self._signer = signer
        self._signing_keys = signing_keys
        self._foreign = foreign
        self._watch = watch
        self._clock = clock
        self._limits = limits
        self._remembered: dict[Credential, Principal] = {}
        self._verifications: SingleFlight[Credential, Principal] = SingleFlight()
        self._used_at: dict[UUID, datetime] = {}
        self.is_current = watch.is_current
        """Returns whether this process knows what was revoked in the store, except in the last seconds."""
        self.noted_uses = 0
        """How many times uses were noted. Between two, a use of each credential has to be reported once only."""
        watch.on_revoked(self._forget)

    def remembered(self, credential: Credential) -> Principal | None:
        """Return the principal of a credential that was verified before, if it is still valid."""
        principal = self._remembered.get(credential)
        return principal if principal is not None and self.is_valid(principal) else None

    def is_valid(self, principal: Principal) -> bool:
        """Return whether the principal's credential has neither expired nor been revoked, as far as this process knows.

        What was looked up in the store is not valid while the store is away: nobody knows whether it was revoked.
        """
        return (principal.as_of is None or self.is_current()) and not self._has_ended(principal)

    def looks_up(self, credential: Credential) -> bool:
        """Return whether verifying this takes a query, or perhaps a request to another issuer. Own tokens take neither."""
        if credential.kind == "cookie" or credential.text.startswith(_KEY_PREFIX):
            return True
        return self._foreign is not None and self._foreign.is_foreign(credential.text)

    async def authenticate(self, credential: Credential) -> Principal:
        """Return who sends a request. Verified once for all who ask at the same time.

        Raises: InvalidToken, ExpiredToken, EndedSession, NoRole, Unavailable.
        """
        return await self._verifications.run(credential, lambda: self._authenticate(credential))

    async def _authenticate(self, credential: Credential) -> Principal:
        principal = await self._verify(credential)
        if principal.as_of is not None and self._has_ended(principal):
            # It was revoked or changed while it was looked up. A change, as of the user's role, does not revoke it. Nor was it
            # revoked if it is an own commit that counts as later, because those of other processes before it were not read yet.
            await self._watch.update()
            principal = await self._verify(credential)
        if self._has_ended(principal):
            raise InvalidToken
        self._remember(credential, principal)
        return principal

    async def _verify(self, credential: Credential) -> Principal:
        as_of = await self._watch.position()
        if credential.kind == "cookie":
            return replace(await self._browser(credential.text), as_of=as_of)
        if credential.text.startswith(_KEY_PREFIX):
            return replace(await self._api_key(credential.text), as_of=as_of)
        if self._foreign is not None and self._foreign.is_foreign(credential.text):
            return await self._foreign.verify(credential.text, self._clock.now())
        await self._signing_keys.ensure_loaded()
        try:
            return self._token(credential.text)
        except UnknownSigningKey:
            if not await self._signing_keys.reload():
                raise
            return self._token(credential.text)

    def _has_ended(self, principal: Principal) -> bool:
        if principal.credential_id is not None and self._watch.is_revoked(principal.credential_id, principal.as_of):
            return True
        return principal.expires_at is not None and self._clock.now() >= principal.expires_at

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
        if not compare_digest(key.secret_hash, hash_secret(parts.secret)) or user.disabled:
            raise InvalidToken
        if not key.is_valid(self._clock.now()):
            raise ExpiredToken
        return Principal.of_key(key, user)

    async def _browser(self, secret: str) -> Principal:
        found = await self._storage.session_of_browser(hash_secret(secret))
        if found is None:
            raise InvalidToken
        session, user = found
        now = self._clock.now()
        if session.has_just_ended(now):
            raise EndedSession
        if user.disabled or not session.is_live(now, self._limits):
            raise InvalidToken
        until = min(session.expires_at, now + self._limits.idle)
        return Principal.of_session(session.id, user.username, user.role, session.scopes, user.id, until)

    def _remember(self, credential: Credential, principal: Principal) -> None:
        self._remembered.pop(credential, None)
        while len(self._remembered) >= MAX_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[credential] = principal

    def _forget(self, ids: frozenset[UUID] | None) -> None:
        """Forget the credentials that were revoked; with None, those that can be looked up again."""
        self._remembered = {
            credential: principal
            for credential, principal in self._remembered.items()
            if not (principal.as_of is not None if ids is None else principal.credential_id in ids)
        }

    def used(self, principal: Principal) -> None:
        """Note that a session or an API key was used. To be called for the first request after `noted_uses` has changed."""
        if principal.credential_id is not None:
            self._used_at[principal.credential_id] = self._clock.now()

    async def note_uses(self) -> None:
        """Store when sessions and keys were last used. Called once a minute: a crash loses the last one. Raises: Unavailable."""
        used_at, self._used_at = self._used_at, {}
        self.noted_uses += 1
        if not used_at:
            return
        try:
            await self._storage.touch(used_at)
        except Unavailable:
            self._used_at = used_at | self._used_at
            raise
