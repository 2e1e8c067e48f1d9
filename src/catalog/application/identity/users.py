"""Administering users, and changing one's own password."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from catalog.application.identity.back_off import BackOff
from catalog.application.identity.caller import Caller
from catalog.application.identity.passwords import Passwords
from catalog.application.identity.revocations import IdentityCommits
from catalog.domain.change import Change
from catalog.domain.errors import StaleVersion
from catalog.domain.identity.changes import IdentityChange, KeyRevocation, SessionEnd
from catalog.domain.identity.errors import CredentialNotAllowed, UserNotFound, WrongPassword
from catalog.domain.identity.user import NewUser, User, UserPatch
from catalog.ports.clock import Clock
from catalog.ports.identity.storage import IdentityStorage
from catalog.ports.ids import Ids

MAX_PAGE = 200
"""Users in a page."""


@dataclass(frozen=True, slots=True)
class UserPage:
    """Users by name, and the name after which the next page begins; None if this is the last one."""

    users: Sequence[User]
    next_after: str | None


class Users:
    """Creates, changes and deletes users."""

    def __init__(
        self,
        storage: IdentityStorage,
        commits: IdentityCommits,
        passwords: Passwords,
        back_off: BackOff,
        clock: Clock,
        ids: Ids,
    ) -> None:
        """Administer the users in `storage`."""
        self._storage = storage
        self._commits = commits
        self._passwords = passwords
        self._back_off = back_off
        self._clock = clock
        self._ids = ids

    async def create(self, new: NewUser, caller: Caller) -> User:
        """Create a user. Raises: WeakPassword, UsernameTaken."""
        password_hash = await self._passwords.hash_new(new.password, new.username)
        now = self._clock.now()
        change = User.create(
            user_id=self._ids.item_id(), username=new.username, role=new.role, password_hash=password_hash, now=now
        )
        event = caller.event(change.kind, now, new.username, {"role": new.role})
        await self._commits.commit(IdentityChange(user=change, events=(event,)))
        return change.subject

    async def get(self, key: UUID | str) -> User:
        """Return the user with this id or name. Raises: UserNotFound."""
        user = await self._storage.user(key)
        if user is None:
            raise UserNotFound(key)
        return user

    async def page(self, search: str, *, after: str | None, limit: int) -> UserPage:
        """Return a page of the users whose name contains `search`."""
        users = await self._storage.users(search.strip().lower(), after=after, limit=limit + 1)
        return UserPage(users[:limit], users[limit - 1].username if len(users) > limit else None)

    async def update(self, key: UUID | str, patch: UserPatch, caller: Caller, *, versions: Collection[int] | None = None) -> User:
        """Change role, password or whether the user is disabled, all or nothing. Return the user.

        Any of them ends the user's sessions, and a new password or disabling stops the user's API keys too. `versions` are those
        that the caller accepts. Raises: UserNotFound, StaleVersion, WeakPassword, LastAdmin.
        """
        user = await self.get(key)
        _check_version(user, versions)
        password_hash = None if patch.password is None else await self._passwords.hash_new(patch.password, user.username)
        now = self._clock.now()
        after = user
        changes: list[Change[User]] = []
        if patch.role is not None and (change := after.set_role(patch.role, now=now)):
            changes.append(change)
            after = change.subject
        if patch.disabled is not None and (change := after.set_disabled(disabled=patch.disabled, now=now)):
            changes.append(change)
            after = change.subject
        if password_hash is not None:
            changes.append(after.set_password(password_hash, now=now))
            after = changes[-1].subject
        if not changes:
            return user
        stops_keys = password_hash is not None or (after.disabled and not user.disabled)
        await self._commits.commit(
            IdentityChange(
                user=Change(changes[-1].kind, user, after, now),
                ends=(SessionEnd(now, user_id=user.id),),
                revocation=KeyRevocation(user_id=user.id) if password_hash is not None else None,
                forget_keys_of=user.id if stops_keys or after.role != user.role else None,
                events=tuple(caller.event(change.kind, now, user.username, _detail(change)) for change in changes),
            )
        )
        return after

    async def delete(self, key: UUID | str, caller: Caller, *, versions: Collection[int] | None = None) -> None:
        """Delete a user, with all sessions and API keys. Raises: UserNotFound, StaleVersion, LastAdmin."""
        user = await self.get(key)
        _check_version(user, versions)
        now = self._clock.now()
        change = user.delete(now=now)
        await self._commits.commit(
            IdentityChange(
                user=change,
                ends=(SessionEnd(now, user_id=user.id),),
                revocation=KeyRevocation(user_id=user.id),
                events=(caller.event(change.kind, now, user.username),),
            )
        )

    async def change_own_password(self, current: str, new: str, caller: Caller) -> None:
        """Change the caller's password. The caller's session stays, all others end; API keys stay.

        Raises: CredentialNotAllowed, WrongPassword, TooManyAttempts, WeakPassword, StaleVersion.
        """
        principal = caller.principal
        principal.require_full_sign_in()
        if principal.user_id is None:
            raise CredentialNotAllowed
        user = await self.get(principal.user_id)
        await self._back_off.check(user.username, caller.client.address)
        if not await self._passwords.verify(current, user):
            await self._back_off.failed(user.username, caller.client.address)
            raise WrongPassword
        password_hash = await self._passwords.hash_new(new, user.username, ("new",))
        now = self._clock.now()
        change = user.set_password(password_hash, now=now)
        await self._commits.commit(
            IdentityChange(
                user=change,
                ends=(SessionEnd(now, user_id=user.id, keep=principal.session_id),),
                events=(caller.event(change.kind, now, user.username),),
            )
        )


def _check_version(user: User, versions: Collection[int] | None) -> None:
    if versions is not None and user.version not in versions:
        raise StaleVersion(user.id, "user")


def _detail(change: Change[User]) -> dict[str, str | int]:
    return {"role": change.subject.role} if change.kind == "user.role_changed" else {}
