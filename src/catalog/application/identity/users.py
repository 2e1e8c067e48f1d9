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
from catalog.domain.errors import InvalidCursor, StaleVersion, TooManyConflicts
from catalog.domain.identity.changes import IdentityChange, KeyRevocation, SessionEnd, SessionStart, Setup
from catalog.domain.identity.errors import CredentialNotAllowed, InvalidToken, UserNotFound, WeakPassword, WrongPassword
from catalog.domain.identity.passwords import normalize_password
from catalog.domain.identity.principal import Principal
from catalog.domain.identity.roles import ROLE_SCOPES
from catalog.domain.identity.security_log import SecurityEvent
from catalog.domain.identity.user import PASSWORD_CHANGED, ROLE_CHANGED, NewUser, User, UserPatch
from catalog.domain.identity.usernames import is_part_of_usernames, is_username, normalize_username, parse_user_key
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
    """Creates, changes and deletes users. Any of it raises InvalidToken if the caller's credential has just been revoked."""

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
        """Create a user. The caller must have all scopes of the role. Raises: InsufficientScope, WeakPassword, UsernameTaken."""
        caller.principal.require_all(ROLE_SCOPES[new.role])
        change = await self._creation(new)
        event = _event(change, caller, {"role": new.role})
        await self._commits.commit(IdentityChange(author=caller.principal.author, user=change, events=(event,)))
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
        """Return a page of the users whose name contains `search`, without regard to case. Raises: InvalidCursor."""
        if after is not None and not is_username(after):
            message = "The cursor is damaged. Start again without it."
            raise InvalidCursor(message)
        part = normalize_username(search)
        if not is_part_of_usernames(part):
            return UserPage((), None)
        users = await self._storage.users(part, after=after, limit=limit + 1)
        return UserPage(users[:limit], users[limit - 1].username if len(users) > limit else None)

    async def update(self, key: UUID | str, patch: UserPatch, caller: Caller, *, versions: Collection[int] | None = None) -> User:
        """Change role, password or whether the user is disabled, all or nothing. Return the user.

        Any of them ends the user's sessions. A new password revokes the user's API keys, and they do not work while the user is
        disabled. `versions` are those that the caller accepts. Whoever sets a role or a password must have all scopes that the
        user has then, or a credential with few scopes would be worth as much as any. One's own password is changed with
        `change_own_password` only.
        Raises: UserNotFound, StaleVersion, InsufficientScope, CredentialNotAllowed, WeakPassword, LastAdmin, TooManyConflicts.
        """
        password_hash: str | None = None
        for _ in range(MAX_ATTEMPTS):
            user = await self._expected(key, versions)
            _check_rights(user, patch, caller.principal)
            if patch.password is not None and password_hash is None:
                password_hash = await self._passwords.hash_new(patch.password, user.username)
            changes = _changes(user, patch, password_hash, self._clock.now())
            if not changes:
                return user
            if await self._commits.try_commit(_update(user, changes, caller)):
                return changes[-1].subject
        raise TooManyConflicts(key)

    async def delete(self, key: UUID | str, caller: Caller, *, versions: Collection[int] | None = None) -> None:
        """Delete a user, with all sessions and API keys. Raises: UserNotFound, StaleVersion, LastAdmin, TooManyConflicts."""
        for _ in range(MAX_ATTEMPTS):
            user = await self._expected(key, versions)
            change = user.delete(now=self._clock.now())
            deletion = IdentityChange(
                author=caller.principal.author,
                user=change,
                ends=(SessionEnd(change.at, user_id=user.id),),
                revocation=KeyRevocation(user_id=user.id),
                events=(_event(change, caller),),
            )
            if await self._commits.try_commit(deletion):
                return
        raise TooManyConflicts(key)

    async def change_own_password(self, current: str, new: str, caller: Caller) -> str | None:
        """Change the caller's password. The caller's session stays, all others end; API keys stay.

        The session gets another id, so that nobody goes on with a copy of its credential. For a browser, its new cookie is
        returned. A client with tokens gets a new access token with its refresh token, which stays.
        Raises: CredentialNotAllowed, WrongPassword, TooManyAttempts, WeakPassword, InvalidToken, TooManyConflicts.
        """
        user_id, session_id = caller.principal.require_full_sign_in()
        password_hash: str | None = None
        for _ in range(MAX_ATTEMPTS):
            found = await self._storage.session(session_id)
            if found is None or found[0].ended_at is not None:  # a moment ago
                raise InvalidToken
            session, user = found
            await self._verify_own(current, user, caller)
            if normalize_password(new) == normalize_password(current):
                reason = "The new password is the current one; choose another one."
                raise WeakPassword(reason, ("new",))
            if password_hash is None:
                password_hash = await self._passwords.hash_new(new, user.username, ("new",))
            change = user.set_password(password_hash, now=self._clock.now())
            cookie = None if session.secret_hash is None else new_secret()
            secret_hash = None if cookie is None else hash_secret(cookie)
            renewed = session.renew(self._ids.new_id(), now=change.at, secret_hash=secret_hash)
            renewal = IdentityChange(
                author=caller.principal.author,
                user=change,
                start=SessionStart(renewed, change.subject, tokens_of=session.id),
                ends=(SessionEnd(change.at, user_id=user.id),),
                events=(_event(change, caller, {"session": str(renewed.id)}),),
            )
            if await self._commits.try_commit(renewal):
                return cookie
        raise TooManyConflicts(user_id)

    async def _creation(self, new: NewUser) -> Change[User]:
        password_hash = await self._passwords.hash_new(new.password, new.username)
        return User.create(
            user_id=self._ids.new_id(),
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


def _update(user: User, changes: Sequence[Change[User]], caller: Caller) -> IdentityChange:
    """Return changes of a user as one, with the sessions and keys that they stop."""
    kinds = [change.kind for change in changes]
    details = {ROLE_CHANGED: {"role": changes[-1].subject.role}}
    return IdentityChange(
        author=caller.principal.author,
        user=Change(kinds[-1], user, changes[-1].subject, changes[-1].at),
        ends=(SessionEnd(changes[-1].at, user_id=user.id),),
        revocation=KeyRevocation(user_id=user.id) if PASSWORD_CHANGED in kinds else None,
        forget_keys_of=user.id,
        events=tuple(_event(change, caller, details.get(change.kind)) for change in changes),
    )


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


def _check_rights(user: User, patch: UserPatch, principal: Principal) -> None:
    """Return if the caller may make these changes of the user. Raises: InsufficientScope, CredentialNotAllowed."""
    if patch.password is not None and user.id == principal.user_id:
        message = "Your own password is changed with your current one: POST /api/v1/auth/me/password."
        raise CredentialNotAllowed(message)
    if patch.role is not None or patch.password is not None:
        principal.require_all(ROLE_SCOPES[patch.role or user.role])


def _event(change: Change[User], caller: Caller, detail: Mapping[str, str | int] | None = None) -> SecurityEvent:
    return caller.event(change.kind, change.at, change.subject.username, detail)
