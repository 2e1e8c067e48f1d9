"""Whether callers of work that takes long may go on with it, after their credential was valid at its beginning."""

from catalog.application.identity.revocations import RevocationWatch
from catalog.domain.identity.errors import CredentialNotAllowed, InsufficientScope
from catalog.domain.identity.principal import Principal
from catalog.domain.identity.roles import ROLE_SCOPES
from catalog.domain.identity.user import User
from catalog.ports.identity.storage import IdentityStorage


class Continuation:
    """Looks users up when their credential was revoked; before that, nothing has changed."""

    def __init__(self, storage: IdentityStorage, watch: RevocationWatch) -> None:
        """Find users in `storage` when `watch` has seen a revocation."""
        self._storage = storage
        self._watch = watch

    async def check(self, principal: Principal, scope: str) -> None:
        """Return if the caller may still do what needs `scope`. Signing out, or the end of a token, stops nothing.

        Raises: CredentialNotAllowed if the user is disabled or gone, or the API key is; InsufficientScope after a change of role;
        Unavailable.
        """
        if principal.credential_id is None or not self._watch.is_revoked(principal.credential_id, principal.as_of):
            return
        user = await self._user(principal)
        if user is None or user.disabled:
            message = "The user who started this was disabled or deleted, or the API key was revoked."
            raise CredentialNotAllowed(message)
        if scope not in ROLE_SCOPES[user.role]:
            raise InsufficientScope(scope)

    async def _user(self, principal: Principal) -> User | None:
        if principal.kind == "api_key" and principal.credential_id is not None:
            found = await self._storage.api_key(principal.credential_id)
            return None if found is None else found[1]
        return None if principal.user_id is None else await self._storage.user(principal.user_id)
