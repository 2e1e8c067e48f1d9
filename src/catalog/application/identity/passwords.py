"""Setting and checking passwords."""

from catalog.application.threads import run_in_thread
from catalog.domain.errors import FieldPath
from catalog.domain.identity.passwords import check_password, normalize_password
from catalog.domain.identity.user import User
from catalog.ports.identity.passwords import CommonPasswords, PasswordHasher


class Passwords:
    """Hashes new passwords that are good enough, and verifies those that are presented."""

    def __init__(self, hasher: PasswordHasher, common: CommonPasswords) -> None:
        """Hash with `hasher`, and refuse the passwords in `common`."""
        self._hasher = hasher
        self._common = common

    async def hash_new(self, text: str, username: str, path: FieldPath = ("password",)) -> str:
        """Return the hash of a new password. Raises: WeakPassword."""
        password = await run_in_thread(check_password, text, username, self._common.__contains__, path)
        return await self._hasher.hash(password)

    async def verify(self, text: str, user: User | None) -> bool:
        """Return whether this is the password of a user who may sign in. Takes as long if there is no such user."""
        password = normalize_password(text)
        if password is None:  # nobody can have it, and it may be long
            return False
        return await self._hasher.verify(password, None if user is None or user.disabled else user.password_hash)

    async def renewed_hash(self, text: str, user: User) -> str | None:
        """Return a new hash of a verified password, if today's parameters are others; else None."""
        password = normalize_password(text)
        return await self._hasher.hash(password) if password and self._hasher.needs_rehash(user.password_hash) else None
