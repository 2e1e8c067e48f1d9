"""Administering users, and changing one's own password."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from catalog.application.identity.back_off import BackOff
from catalog.application.identity.caller import Caller
from catalog.application.identity.passwords import Passwords
from catalog.application.identity.random_secrets import hash_secret, new_secret
from catalog.application.identity.revocations import MAX_ATTEMPTS, IdentityCommits
from catalog.application.identity.security_events import SecurityEvents
from catalog.domain.change import Change
from catalog.domain.errors import StaleVersion, TooManyConflicts
from catalog.domain.identity.changes import IdentityChange, KeyRevocation, SessionEnd, SessionStart, Setup
from catalog.domain.identity.errors import InvalidToken, UserNotFound, WrongPassword
from catalog.domain.identity.security_log import KEY_REVOKED, SecurityEvent
from catalog.domain.identity.session import Session
from catalog.domain.identity.user import PASSWORD_CHANGED, ROLE_CHANGED, NewUser, User, UserPatch
from catalog.domain.identity.usernames import is_part_of_usernames, normalize_username, parse_user_key
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

    def __init__(  # noqa: PLR0913, PLR0917 - each is a collaborator
        self,
        storage: IdentityStorage,
        commits: IdentityCommits,
        passwords: Passwords,
        back_off: BackOff,
        events: SecurityEvents,
        clock: Clock,
        ids: Ids,
    ) -> None:
        """Administer the users in `storage`. `events` takes the failures, which are not part of a commit."""
        self._storage = storage
        self._commits = commits
        self._passwords = passwords
        self._back_off = back_off
        self._events = events
        self._clock = clock
        self._ids = ids

    async def create(self, new: NewUser, caller: Caller) -> User:
        """Create a user. Raises: WeakPassword, UsernameTaken."""
        change = await self._creation(new)
        await self._commits.commit(IdentityChange(user=change, events=(_event(change, caller, {"role": new.role}),)))
        return change.subject

    async def create_first(self, new: NewUser, caller: Caller, *, by: str, token_hash: bytes | None = None) -> User:
        """Create the first user, an admin. `by` says how.

        Raises: WeakPassword, InvalidSetupToken if there is a user, or no such token.
        """
        change = await self._creation(replace(new, role="admin"))
        event = _event(change, caller, {"role": "admin", "by": by})
        await self._commits.commit(IdentityChange(user=change, setup=Setup(change.at, token_hash), events=(event,)))
        return change.subject

    async def get(self, key: UUID | str) -> User:
        """Return the user with this id or name. Raises: UserNotFound."""
        parsed = parse_user_key(key) if isinstance(key, str) else key
        user = None if parsed is None else await self._storage.user(parsed)
        if user is None:
            raise UserNotFound(key)
        return user

    async def page(self, search: str, *, after: str | None, limit: int) -> UserPage:
        """Return a page of the users whose name contains `search`, without regard to case."""
        part = normalize_username(search)
        if not is_part_of_usernames(part):
            return UserPage((), None)
        users = await self._storage.users(part, after=after, limit=limit + 1)
        return UserPage(users[:limit], users[limit - 1].username if len(users) > limit else None)

    async def update(self, key: UUID | str, patch: UserPatch, caller: Caller, *, versions: Collection[int] | None = None) -> User:
        """Change role, password or whether the user is disabled, all or nothing. Return the user.

        Any of them ends the user's sessions. A new password revokes the user's API keys, and they do not work while the user is
        disabled. `versions` are those that the caller accepts.
        Raises: UserNotFound, StaleVersion, WeakPassword, LastAdmin, TooManyConflicts.
        """
        password_hash: str | None = None
        for _ in range(MAX_ATTEMPTS):
            user = await self._expected(key, versions)
            if patch.password is not None and password_hash is None:
                password_hash = await self._passwords.hash_new(patch.password, user.username)
            changes = _changes(user, patch, password_hash, self._clock.now())
            if not changes:
                return user
            if await self._commits.try_commit(await self._update(user, changes, caller)):
                return changes[-1].subject
        raise TooManyConflicts(key)

    async def delete(self, key: UUID | str, caller: Caller, *, versions: Collection[int] | None = None) -> None:
        """Delete a user, with all sessions and API keys. Raises: UserNotFound, StaleVersion, LastAdmin, TooManyConflicts."""
        for _ in range(MAX_ATTEMPTS):
            user = await self._expected(key, versions)
            change = user.delete(now=self._clock.now())
            deletion = IdentityChange(
                user=change,
                ends=(SessionEnd(change.at, user_id=user.id),),
                revocation=KeyRevocation(user_id=user.id),
                events=(_event(change, caller), *await self._key_events(user, caller)),
            )
            if await self._commits.try_commit(deletion):
                return
        raise TooManyConflicts(key)

    async def change_own_password(self, current: str, new: str, caller: Caller) -> str | None:
        """Change the caller's password. The caller's session stays, all others end; API keys stay.

        A browser's session gets a new id and a new cookie, which is returned; the old one is not valid any more. A session with
        tokens gets a new one with its refresh token.
        Raises: CredentialNotAllowed, WrongPassword, TooManyAttempts, WeakPassword, InvalidToken, TooManyConflicts.
        """
        user_id, session_id = caller.principal.require_full_sign_in()
        password_hash: str | None = None
        for _ in range(MAX_ATTEMPTS):
            user, session = await self._storage.user(user_id), await self._session(user_id, session_id)
            if user is None or session is None:  # the user was deleted or the session ended a moment ago
                raise InvalidToken
            await self._verify_own(current, user, caller)
            if password_hash is None:
                password_hash = await self._passwords.hash_new(new, user.username, ("new",))
            change = user.set_password(password_hash, now=self._clock.now())
            cookie = None if session.secret_hash is None else new_secret()
            start = None
            if cookie is not None:
                renewed = replace(session, id=self._ids.item_id(), secret_hash=hash_secret(cookie), last_used_at=change.at)
                start = SessionStart(renewed, change.subject)
            end = SessionEnd(change.at, user_id=user.id, keep=session_id if start is None else None)
            changed = IdentityChange(user=change, start=start, ends=(end,), events=(_event(change, caller),))
            if await self._commits.try_commit(changed):
                return cookie
        raise TooManyConflicts(user_id)

    async def _creation(self, new: NewUser) -> Change[User]:
        password_hash = await self._passwords.hash_new(new.password, new.username)
        return User.create(
            user_id=self._ids.item_id(),
            username=new.username,
            role=new.role,
            password_hash=password_hash,
            now=self._clock.now(),
        )

    async def _expected(self, key: UUID | str, versions: Collection[int] | None) -> User:
        """Return the user, if it has one of these versions."""
        user = await self.get(key)
        if versions is not None and user.version not in versions:
            raise StaleVersion(user.id, "user")
        return user

    async def _update(self, user: User, changes: Sequence[Change[User]], caller: Caller) -> IdentityChange:
        """Return changes of a user as one, with the sessions and keys that they stop."""
        kinds = [change.kind for change in changes]
        is_reset = PASSWORD_CHANGED in kinds
        details = {ROLE_CHANGED: {"role": changes[-1].subject.role}}
        events = [_event(change, caller, details.get(change.kind)) for change in changes]
        return IdentityChange(
            user=Change(kinds[-1], user, changes[-1].subject, changes[-1].at),
            ends=(SessionEnd(changes[-1].at, user_id=user.id),),
            revocation=KeyRevocation(user_id=user.id) if is_reset else None,
            forget_keys_of=user.id,
            events=(*events, *(await self._key_events(user, caller) if is_reset else ())),
        )

    async def _key_events(self, user: User, caller: Caller) -> tuple[SecurityEvent, ...]:
        """Return the events of a revocation of all keys of a user."""
        now = self._clock.now()
        keys = await self._storage.api_keys(user.id)
        return tuple(caller.event(KEY_REVOKED, now, user.username, {"key": str(key.id)}) for key in keys)

    async def _session(self, user_id: UUID, session_id: UUID) -> Session | None:
        return next((session for session in await self._storage.sessions_of(user_id) if session.id == session_id), None)

    async def _verify_own(self, current: str, user: User, caller: Caller) -> None:
        address = caller.client.address
        await self._back_off.check(user.username, address)
        verified = await self._passwords.verify(current, user)
        await self._back_off.check(user.username, address)
        if not verified:
            await self._back_off.failed(user.username, address)
            self._events.add(caller.event(PASSWORD_CHANGED, self._clock.now(), user.username, result="failure"))
            raise WrongPassword
        await self._back_off.succeeded(user.username, address)


def _changes(user: User, patch: UserPatch, password_hash: str | None, now: datetime) -> list[Change[User]]:
    """Return the changes of a patch, each of the user as the one before leaves it."""
    changes: list[Change[User]] = []

    def current() -> User:
        return changes[-1].subject if changes else user

    if patch.role is not None and (change := user.set_role(patch.role, now=now)):
        changes.append(change)
    if patch.disabled is not None and (change := current().set_disabled(disabled=patch.disabled, now=now)):
        changes.append(change)
    if password_hash is not None:
        changes.append(current().set_password(password_hash, now=now))
    return changes


def _event(change: Change[User], caller: Caller, detail: Mapping[str, str | int] | None = None) -> SecurityEvent:
    return caller.event(change.kind, change.at, change.subject.username, detail)
