"""Signing in with a password, and going on with a refresh token."""

from hashlib import sha256

from catalog.application.identity.back_off import BackOff
from catalog.application.identity.client import Client
from catalog.application.identity.passwords import Passwords
from catalog.application.identity.random_secrets import hash_secret, new_secret
from catalog.application.identity.revocations import IdentityCommits
from catalog.application.identity.security_events import SecurityEvents
from catalog.application.identity.token_pairs import AccessTokens, TokenPair
from catalog.domain.errors import StaleVersion, TooManyConflicts
from catalog.domain.identity.changes import IdentityChange, SessionEnd, SessionStart
from catalog.domain.identity.errors import InsufficientScope, InvalidCredentials, InvalidToken
from catalog.domain.identity.principal import Principal
from catalog.domain.identity.roles import ROLE_SCOPES
from catalog.domain.identity.scopes import Scopes, in_order
from catalog.domain.identity.security_log import SESSION_CREATED, SIGN_IN_FAILED, TOKEN_REUSED, SecurityEvent
from catalog.domain.identity.session import RefreshToken, Session, SessionKind, SessionLimits, rotate
from catalog.domain.identity.user import User
from catalog.domain.identity.usernames import MAX_USERNAME, normalize_username
from catalog.ports.clock import Clock
from catalog.ports.identity.storage import IdentityStorage
from catalog.ports.ids import Ids

MAX_ATTEMPTS = 5
"""How often a refresh is decided again because another one of the same token came first. The second time is the last one."""


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

        Raises: InvalidCredentials, TooManyAttempts, InsufficientScope if no scope is left, Unavailable.
        """
        user = await self._verified_user(username, password, client)
        secret = new_secret()
        session = await self._start(user, "token", scopes, client, refresh_secret=secret)
        return self._tokens.issue(session, user, secret, session.created_at)

    async def for_browser(self, username: str, password: str, client: Client) -> tuple[str, Principal]:
        """Sign in and return the content of the session's cookie, and who has signed in. Raises: as `for_tokens`."""
        user = await self._verified_user(username, password, client)
        secret = new_secret()
        session = await self._start(user, "cookie", None, client, cookie_secret=secret)
        principal = Principal.of_session(session.id, user.username, user.role, session.scopes, user.id, session.expires_at)
        return secret, principal

    async def refresh(self, refresh_token: str, client: Client) -> TokenPair:
        """Replace a refresh token. If a used one is presented too late, its session ends.

        Raises: InvalidToken, Unavailable.
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
            try:
                await self._commits.commit(IdentityChange(rotation=rotation))
            except StaleVersion:
                continue
            return self._tokens.issue(rotation.session, presented.user, secret, now)
        message = "the refresh token"
        raise TooManyConflicts(message)

    async def _verified_user(self, username: str, password: str, client: Client) -> User:
        """Return the user with this name and password."""
        name = normalize_username(username)[: MAX_USERNAME + 1]  # a longer one is no username
        await self._back_off.check(name, client.address)
        user = await self._storage.user(name)
        if not await self._passwords.verify(password, user) or user is None:
            await self._back_off.failed(name, client.address)
            self._events.add(self._failure(name, user, client))
            raise InvalidCredentials
        await self._back_off.succeeded(name, client.address)
        renewed = await self._passwords.renewed_hash(password, user)
        if renewed is not None:
            change = user.set_password(renewed, now=self._clock.now())
            await self._commits.commit(IdentityChange(user=change))
            return change.subject
        return user

    async def _start(
        self,
        user: User,
        kind: SessionKind,
        scopes: Scopes | None,
        client: Client,
        *,
        refresh_secret: str | None = None,
        cookie_secret: str | None = None,
    ) -> Session:
        """Start a session. If the user has changed since the password was verified, it does not start."""
        role_scopes = ROLE_SCOPES[user.role]
        granted = role_scopes if scopes is None else scopes & role_scopes
        if not granted:
            raise InsufficientScope(next(iter(in_order(scopes or ())), "items:read"))
        now = self._clock.now()
        session = Session.start(
            self._ids.item_id(),
            user,
            kind,
            granted,
            now=now,
            limits=self._limits,
            address=client.address,
            user_agent=client.user_agent,
            secret_hash=None if cookie_secret is None else hash_secret(cookie_secret),
        )
        token = None
        if refresh_secret is not None:
            token = RefreshToken(token_hash=hash_secret(refresh_secret), session_id=session.id, created_at=now)
        try:
            await self._commits.commit(
                IdentityChange(start=SessionStart(session, user, token), events=(self._started(session, user, client),))
            )
        except StaleVersion as error:
            raise InvalidCredentials from error
        return session

    async def _end_stolen(self, session: Session, user: User, client: Client) -> None:
        event = SecurityEvent(
            action=TOKEN_REUSED,
            at=self._clock.now(),
            result="denied",
            actor=user.username,
            credential=f"session:{session.id}",
            address=client.address,
            request_id=client.request_id,
            subject=user.username,
        )
        await self._commits.commit(IdentityChange(ends=(SessionEnd(event.at, session_id=session.id),), events=(event,)))

    def _started(self, session: Session, user: User, client: Client) -> SecurityEvent:
        return SecurityEvent(
            action=SESSION_CREATED,
            at=session.created_at,
            actor=user.username,
            credential=f"session:{session.id}",
            address=client.address,
            request_id=client.request_id,
            subject=user.username,
            detail={"kind": session.kind},
        )

    def _failure(self, name: str, user: User | None, client: Client) -> SecurityEvent:
        """Return the event of a failure. A name that no user has may be a password typed into the wrong field."""
        subject = name if user is not None else f"sha256:{sha256(name.encode(errors='surrogatepass')).hexdigest()}"
        return SecurityEvent(
            action=SIGN_IN_FAILED,
            at=self._clock.now(),
            result="failure",
            address=client.address,
            request_id=client.request_id,
            subject=subject,
        )
