"""The first admin of an empty store: from the settings, or by a one-time token that is printed at the start."""

from datetime import timedelta

from catalog.application.identity.caller import Caller
from catalog.application.identity.client import Client
from catalog.application.identity.random_secrets import hash_secret, new_secret
from catalog.application.identity.users import Users
from catalog.domain.identity.errors import InvalidSetupToken
from catalog.domain.identity.principal import GUEST
from catalog.domain.identity.user import NewUser, User
from catalog.ports.clock import Clock
from catalog.ports.identity.storage import IdentityStorage

SETUP_LIFE = timedelta(hours=1)
"""How long a setup token is valid."""


class FirstAdmin:
    """Creates the first admin. Once there is a user, it refuses everything."""

    def __init__(self, storage: IdentityStorage, users: Users, clock: Clock) -> None:
        """Keep the hashes of setup tokens in `storage`, where every process finds them."""
        self._storage = storage
        self._users = users
        self._clock = clock

    async def create(self, new: NewUser) -> User | None:
        """Create the admin of the settings. Return None if there is a user, perhaps of another process. Raises: WeakPassword."""
        if await self._storage.has_users():
            return None
        try:
            return await self._users.create_first(new, Caller(GUEST), by="settings")
        except InvalidSetupToken:
            return None

    async def new_token(self) -> str | None:
        """Return a new setup token, to be printed once; None if there is a user. Several processes may have one each."""
        if await self._storage.has_users():
            return None
        token = new_secret()
        await self._storage.add_setup_token(hash_secret(token), self._clock.now() + SETUP_LIFE)
        return token

    async def set_up(self, token: str, new: NewUser, client: Client) -> User:
        """Create the first admin. Raises: InvalidSetupToken, WeakPassword."""
        token_hash = hash_secret(token)
        if not await self._storage.has_setup_token(token_hash, self._clock.now()):
            raise InvalidSetupToken
        return await self._users.create_first(new, Caller(GUEST, client), by="setup token", token_hash=token_hash)
