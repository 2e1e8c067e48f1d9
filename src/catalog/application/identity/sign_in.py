"""Signing in with a password, and going on with a refresh token."""

from contextlib import suppress
from hashlib import sha256
from typing import NamedTuple

from catalog.application.identity.back_off import BackOff
from catalog.application.identity.caller import Caller
from catalog.application.identity.client import Client
from catalog.application.identity.passwords import Passwords
from catalog.application.identity.random_secrets import hash_secret, new_secret
from catalog.application.identity.revocations import MAX_ATTEMPTS, IdentityCommits
from catalog.application.identity.security_events import SecurityEvents
from catalog.application.identity.token_pairs import AccessTokens, TokenPair
from catalog.domain.change import Change
from catalog.domain.errors import TooManyConflicts
from catalog.domain.identity.changes import IdentityChange, SessionEnd, SessionStart
from catalog.domain.identity.errors import InsufficientScope, InvalidCredentials, InvalidToken, SessionNotFound, TooManyAttempts
from catalog.domain.identity.principal import GUEST, Principal
from catalog.domain.identity.roles import ROLE_SCOPES
from catalog.domain.identity.scopes import ITEMS_READ, Scopes, in_order
from catalog.domain.identity.security_log import SESSION_CREATED, SIGN_IN_FAILED, TOKEN_REUSED, UNKNOWN_NAME, Result
from catalog.domain.identity.session import RefreshToken, Session, SessionKind, SessionLimits, rotate
from catalog.domain.identity.user import User
from catalog.domain.identity.usernames import is_username, normalize_username
from catalog.ports.clock import Clock
from catalog.ports.identity.storage import IdentityStorage
from catalog.ports.ids import Ids


class BrowserSignIn(NamedTuple):
    """A new session of a browser: the content of its cookie, and who has signed in."""

    cookie: str
    principal: Principal

    def __repr__(self) -> str:
        """Return it without the content of the cookie."""
        return f"BrowserSignIn({self.principal!r})"


class SignIn:
    """Starts sessions, and replaces refresh tokens."""

    def __init__(  # noqa: PLR0913, PLR0917 - each is a collaborator
        self,
        storage: IdentityStorage,
        commits: IdentityCommits,
        passwords: Passwords,
        tokens: AccessTokens,
        back_off: BackOff,
        events: SecurityEvents,
        clock: Clock,
        ids: Ids,
        limits: SessionLimits,
    ) -> None:
        """Find users in `storage`. `events` takes the failures, which are not part of a commit."""
        self._storage = storage
        self._commits = commits
        self._passwords = passwords
        self._tokens = tokens
        self._back_off = back_off
        self._events = events
        self._clock = clock
        self._ids = ids
        self._limits = limits

    async def for_tokens(self, username: str, password: str, client: Client, scopes: Scopes | None = None) -> TokenPair:
        """Sign in and return tokens. Scopes that the user's role does not grant are left out.

        Raises: InvalidCredentials, TooManyAttempts, InsufficientScope if no scope is left, TooManyConflicts, Unavailable.
        """
        secret = new_secret()
        session, user = await self._sign_in(username, password, client, "token", hash_secret(secret), scopes)
        return await self._tokens.issue(session, user, secret, session.created_at)

    async def for_browser(self, username: str, password: str, client: Client) -> BrowserSignIn:
        """Sign in and return the session's cookie, and who has signed in. Raises: as `for_tokens`."""
        secret = new_secret()
        session, user = await self._sign_in(username, password, client, "cookie", hash_secret(secret))
        return BrowserSignIn(secret, principal_of(session, user))

    async def refresh(self, refresh_token: str, client: Client) -> TokenPair:
        """Replace a refresh token. If a used one is presented too late, its session ends.

        Raises: InvalidToken, TooManyConflicts, Unavailable.
        """
        token_hash = hash_secret(refresh_token)
        secret = new_secret()
        for _ in range(MAX_ATTEMPTS):
            presented = await self._storage.refresh_token(token_hash)
            if presented is None:
                raise InvalidToken
            now = self._clock.now()
            rotation = rotate(presented, hash_secret(secret), now=now, limits=self._limits)
            if rotation is None:
                await self._end_stolen(presented.session, presented.user, client)
                raise InvalidToken
            if await self._commits.try_commit(IdentityChange(rotation=rotation)):
                return await self._tokens.issue(rotation.session, presented.user, secret, now)
        message = "the refresh token"
        raise TooManyConflicts(message)

    async def _sign_in(
        self,
        username: str,
        password: str,
        client: Client,
        kind: SessionKind,
        secret_hash: bytes,
        scopes: Scopes | None = None,
    ) -> tuple[Session, User]:
        """Start a session, with a refresh token or a cookie of this hash.

        If the user changes between the verification of the password and the commit, the password is verified again.
        """
        name = normalize_username(username)
        for _ in range(MAX_ATTEMPTS):
            user = await self._verified_user(name, password, client)
            granted = _granted(scopes, user)
            renewal = await self._renewal(user, password)
            after = user if renewal is None else renewal.subject
            now = self._clock.now()
            session = Session.start(
                self._ids.new_id(),
                after,
                kind,
                granted,
                now=now,
                limits=self._limits,
                address=client.address,
                user_agent=client.user_agent,
                secret_hash=secret_hash if kind == "cookie" else None,
            )
            token = RefreshToken(token_hash=secret_hash, session_id=session.id, created_at=now) if kind == "token" else None
            event = Caller(principal_of(session, after), client).event(SESSION_CREATED, now, after.username, {"kind": kind})
            change = IdentityChange(user=renewal, start=SessionStart(session, after, token), events=(event,))
            if await self._commits.try_commit(change):
                return session, after
        raise TooManyConflicts(name)

    async def _verified_user(self, name: str, password: str, client: Client) -> User:
        """Return the user with this name and password. Raises: InvalidCredentials, TooManyAttempts."""
        await self._check_back_off(name, None, client)
        user = await self._storage.user(name) if is_username(name) else None
        verified = await self._passwords.verify(password, user)
        await self._check_back_off(name, user, client)
        if user is None or not verified:
            await self._back_off.failed(name, client.address)
            self._record_failure(name, user, client)
            raise InvalidCredentials
        await self._back_off.succeeded(name, client.address)
        return user

    async def _check_back_off(self, name: str, user: User | None, client: Client) -> None:
        """Return if a password may be tried now. Raises: TooManyAttempts."""
        try:
            await self._back_off.check(name, client.address)
        except TooManyAttempts as error:
            self._record_failure(name, user, client, error.code)
            raise

    async def _renewal(self, user: User, password: str) -> Change[User] | None:
        """Return the change to a hash with today's parameters, if the user has one with others."""
        renewed = await self._passwords.renewed_hash(password, user)
        return None if renewed is None else user.set_password(renewed, now=self._clock.now())

    async def _end_stolen(self, session: Session, user: User, client: Client) -> None:
        now = self._clock.now()
        event = Caller(principal_of(session, user), client).event(TOKEN_REUSED, now, user.username, result="denied")
        end = SessionEnd(now, session_id=session.id)
        with suppress(SessionNotFound):  # the user was deleted a moment ago
            await self._commits.commit(IdentityChange(ends=(end,), events=(event,)))

    def _record_failure(self, name: str, user: User | None, client: Client, refusal: str = "") -> None:
        """Record a failure, or a refusal with its code: no user was looked up, and it is counted by name only.

        A name that no user has may be a password typed into the wrong field.
        """
        subject = name if user is not None else UNKNOWN_NAME + sha256(name.encode(errors="surrogatepass")).hexdigest()
        detail = {"code": refusal} if refusal else None
        result: Result = "denied" if refusal else "failure"
        caller = Caller(GUEST, Client() if refusal else client)
        self._events.add(caller.event(SIGN_IN_FAILED, self._clock.now(), subject, detail, result))


def principal_of(session: Session, user: User) -> Principal:
    """Return the principal of a session that has just begun, or of one that ends."""
    return Principal.of_session(session.id, user.username, user.role, session.scopes, user.id, session.expires_at)


def _granted(scopes: Scopes | None, user: User) -> Scopes:
    """Return those of the requested scopes that the user's role grants. Raises: InsufficientScope if none is left."""
    role_scopes = ROLE_SCOPES[user.role]
    granted = role_scopes if scopes is None else scopes & role_scopes
    if not granted:
        raise InsufficientScope(next(iter(in_order(scopes or ())), ITEMS_READ))
    return granted
