"""Making and revoking API keys."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from catalog.application.identity.caller import Caller
from catalog.application.identity.random_secrets import hash_secret, new_secret
from catalog.application.identity.revocations import IdentityCommits
from catalog.domain.identity.api_key import ApiKey, NewApiKey, key_text
from catalog.domain.identity.changes import IdentityChange, KeyRevocation
from catalog.domain.identity.errors import ApiKeyNotFound, InsufficientScope, InvalidToken
from catalog.domain.identity.scopes import Scopes, in_order
from catalog.domain.identity.security_log import KEY_CREATED, KEY_REVOKED
from catalog.domain.identity.user import User
from catalog.ports.clock import Clock
from catalog.ports.identity.storage import IdentityStorage
from catalog.ports.ids import Ids


class CreatedKey(NamedTuple):
    """A new API key and its text, which is shown once."""

    key: ApiKey
    text: str

    def __repr__(self) -> str:
        """Return it without the text."""
        return f"CreatedKey({self.key!r})"


class UserApiKeys:
    """Makes, lists and revokes API keys."""

    def __init__(self, storage: IdentityStorage, commits: IdentityCommits, clock: Clock, ids: Ids) -> None:
        """Keep the keys in `storage`."""
        self._storage = storage
        self._commits = commits
        self._clock = clock
        self._ids = ids

    async def create_own(self, new: NewApiKey, caller: Caller) -> CreatedKey:
        """Make a key for the caller. Its scopes lie within those of the caller's session.

        Raises: CredentialNotAllowed, InsufficientScope, TooManyApiKeys, InvalidToken if the session has just ended.
        """
        user = await self._storage.user(caller.principal.require_sign_in().user_id)
        if user is None:
            raise InvalidToken
        return await self.create(new, user, caller, within=caller.principal.scopes)

    async def create(self, new: NewApiKey, user: User, caller: Caller, *, within: Scopes) -> CreatedKey:
        """Make a key for a user.

        Raises: InsufficientScope for a scope that is not among `within`, TooManyApiKeys, StaleVersion if the user is not active,
        InvalidToken if the caller's credential has just been revoked.
        """
        scopes = within if new.scopes is None else new.scopes
        beyond = in_order(scopes - within)
        if beyond:
            raise InsufficientScope(beyond[0])
        secret = new_secret()
        now = self._clock.now()
        key = ApiKey(
            id=self._ids.new_id(),
            user_id=user.id,
            name=new.name,
            scopes=scopes,
            secret_hash=hash_secret(secret),
            created_at=now,
            expires_at=new.expires_at,
        )
        event = caller.event(KEY_CREATED, now, user.username, {"key": str(key.id), "scopes": " ".join(in_order(scopes))})
        await self._commits.commit(IdentityChange(author=caller.principal.author, new_key=key, events=(event,)))
        return CreatedKey(key, key_text(key.id, secret))

    async def own(self, caller: Caller) -> Sequence[ApiKey]:
        """Return the caller's keys, the newest first. Raises: CredentialNotAllowed."""
        return await self._storage.api_keys(caller.principal.require_sign_in().user_id)

    async def of_user(self, user_id: UUID) -> Sequence[ApiKey]:
        """Return a user's keys, the newest first."""
        return await self._storage.api_keys(user_id)

    async def revoke(self, key_id: UUID, caller: Caller, *, of_anybody: bool = False) -> None:
        """Revoke one of the caller's keys, or anybody's. Raises: CredentialNotAllowed, ApiKeyNotFound."""
        owner = None if of_anybody else caller.principal.require_sign_in().user_id
        found = await self._storage.api_key(key_id)
        if found is None or owner not in (None, found[1].id):
            raise ApiKeyNotFound(key_id)
        now = self._clock.now()
        event = caller.event(KEY_REVOKED, now, found[1].username, {"key": str(key_id)})
        revocation = KeyRevocation(key_id=key_id)
        await self._commits.commit(IdentityChange(author=caller.principal.author, revocation=revocation, events=(event,)))
