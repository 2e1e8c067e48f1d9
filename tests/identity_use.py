"""The use cases of identity, assembled as one process has them, with quick fakes for what hashes, signs and counts."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from catalog.adapters.memory.identity import MemoryIdentityStorage
from catalog.application.identity.api_keys import UserApiKeys
from catalog.application.identity.authenticator import Authenticator, Credential
from catalog.application.identity.back_off import BackOff
from catalog.application.identity.caller import Caller
from catalog.application.identity.client import Client
from catalog.application.identity.first_admin import FirstAdmin
from catalog.application.identity.maintenance import IdentityMaintenance
from catalog.application.identity.passwords import Passwords
from catalog.application.identity.revocations import IdentityCommits, RevocationWatch
from catalog.application.identity.security_events import SecurityEvents
from catalog.application.identity.sessions import UserSessions
from catalog.application.identity.sign_in import SignIn
from catalog.application.identity.signing_keys import SigningKeys
from catalog.application.identity.token_pairs import AccessTokens, TokenPair
from catalog.application.identity.users import Users
from catalog.domain.errors import StoreUnavailable
from catalog.domain.identity.api_key import ApiKey
from catalog.domain.identity.audit import EVERY_EVENT
from catalog.domain.identity.back_off import Failures
from catalog.domain.identity.changes import IdentityChange
from catalog.domain.identity.errors import ExpiredToken, InvalidToken, UnknownSigningKey
from catalog.domain.identity.principal import COMMAND_LINE, Principal
from catalog.domain.identity.roles import Role
from catalog.domain.identity.security_log import SecurityEvent
from catalog.domain.identity.session import Session, SessionLimits
from catalog.domain.identity.signing_key import StoredSigningKey
from catalog.domain.identity.user import NewUser, User
from catalog.ports.identity.storage import IdentityStorage, Revocations
from catalog.ports.identity.tokens import AccessClaims, ForeignTokens
from tests import planted_secrets
from tests.making import CountedIds, FixedClock

PASSWORD, OTHER_PASSWORD = planted_secrets.PASSWORD, planted_secrets.ANOTHER_PASSWORD
CLIENT = Client("192.0.2.1", "tests", "request-1")
CLI = Caller(COMMAND_LINE)


class FakeHasher:
    """Hashes by prepending its parameters. Counts what it does, and pauses each time."""

    def __init__(self) -> None:
        """Start with the parameters `a`."""
        self.parameters = "a"
        self.hashed = 0
        self.verified = 0

    async def hash(self, password: str) -> str:
        """Return a hash."""
        self.hashed += 1
        await asyncio.sleep(0)
        return f"{self.parameters}:{password}"

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Compare."""
        self.verified += 1
        await asyncio.sleep(0)
        return password_hash is not None and password_hash.partition(":")[2] == password

    def needs_rehash(self, password_hash: str) -> bool:
        """Compare the parameters."""
        return password_hash.partition(":")[0] != self.parameters


class FakeCounter:
    """Counts failures in a dictionary."""

    def __init__(self) -> None:
        """Start empty."""
        self.counts: dict[str, Failures] = {}

    async def failures(self, key: str) -> Failures:
        """Look up a key."""
        return self.counts.get(key, Failures())

    async def add(self, key: str, now: datetime) -> Failures:
        """Count."""
        self.counts[key] = Failures((await self.failures(key)).count + 1, now)
        return self.counts[key]

    async def reset(self, key: str) -> None:
        """Forget."""
        self.counts.pop(key, None)


class FakeSigner:
    """Signs by noting the claims where the signers of other processes find them."""

    def __init__(self, issued: dict[str, AccessClaims], ids: CountedIds) -> None:
        """Share the tokens that were issued with other processes."""
        self.keys: Sequence[StoredSigningKey] = ()
        self.verified = 0
        self._issued = issued
        self._ids = ids

    def use(self, keys: Sequence[StoredSigningKey]) -> None:
        """Keep the keys."""
        self.keys = keys

    def new_key(self, now: datetime) -> StoredSigningKey:
        """Return a key."""
        return StoredSigningKey(f"key-{self._ids.new_id().int & 0xFFFF}", "private", now)

    def sign(self, claims: AccessClaims) -> str:
        """Note the claims under a token that names the key."""
        token = f"{self.keys[0].id}.{claims.token_id}"
        self._issued[token] = claims
        return token

    def verify(self, token: str, now: datetime) -> AccessClaims:
        """Look up the claims."""
        self.verified += 1
        if token.partition(".")[0] not in {key.id for key in self.keys}:
            raise UnknownSigningKey
        if token not in self._issued:
            raise InvalidToken
        if self._issued[token].expires_at <= now:
            raise ExpiredToken
        return self._issued[token]

    def public_keys(self) -> Sequence[dict[str, Any]]:
        """Return the ids."""
        return [{"kid": key.id} for key in self.keys]


class FlakyIdentity(MemoryIdentityStorage):
    """A store that can be away, that counts its calls, and lets tests do something just before a commit."""

    def __init__(self) -> None:
        """Start empty and reachable."""
        super().__init__()
        self.away = False
        self.calls: list[str] = []
        self.before_commit: list[Callable[[], Awaitable[object]]] = []

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.away:
            message = "away"
            raise StoreUnavailable(message)

    async def commit(self, change: IdentityChange) -> Revocations:
        """Do what tests want to happen before, and then commit."""
        self._call("commit")
        if self.before_commit:
            await self.before_commit.pop(0)()
        return await super().commit(change)

    async def user(self, key: UUID | str) -> User | None:
        """Look up a user."""
        self._call("user")
        return await super().user(key)

    async def api_key(self, key_id: UUID) -> tuple[ApiKey, User] | None:
        """Look up a key."""
        self._call("api_key")
        return await super().api_key(key_id)

    async def session_of_browser(self, secret_hash: bytes) -> tuple[Session, User] | None:
        """Look up a session."""
        self._call("session_of_browser")
        return await super().session_of_browser(secret_hash)

    async def all_sessions(self) -> Sequence[tuple[Session, User]]:
        """Read the sessions of all users."""
        self._call("all_sessions")
        return await super().all_sessions()

    async def revocations(self, after: int, since: datetime) -> Revocations:
        """Read revocations."""
        self._call("revocations")
        return await super().revocations(after, since)

    async def signing_keys(self) -> Sequence[StoredSigningKey]:
        """Read signing keys."""
        self._call("signing_keys")
        return await super().signing_keys()

    async def record(self, events: Sequence[SecurityEvent]) -> None:
        """Append events."""
        self._call("record")
        await super().record(events)

    async def touch(self, used_at: Any) -> None:  # noqa: ANN401 - as the port says
        """Note uses."""
        self._call("touch")
        await super().touch(used_at)

    async def delete_expired(self, now: datetime) -> None:
        """Delete."""
        self._call("delete_expired")
        await super().delete_expired(now)


@dataclass
class Shared:
    """What the processes of one service have in common."""

    clock: FixedClock = field(default_factory=FixedClock)
    ids: CountedIds = field(default_factory=CountedIds)
    hasher: FakeHasher = field(default_factory=FakeHasher)
    counter: FakeCounter = field(default_factory=FakeCounter)
    issued: dict[str, AccessClaims] = field(default_factory=dict)
    limits: SessionLimits = field(default_factory=SessionLimits)
    common: frozenset[str] = frozenset()


class Process:
    """The use cases of one process."""

    def __init__(self, storage: IdentityStorage, shared: Shared, foreign: ForeignTokens | None = None) -> None:
        """Assemble them."""
        clock, ids, limits = shared.clock, shared.ids, shared.limits
        self.storage = storage
        self.shared = shared
        self.clock = clock
        self.seconds = 100.0  # as the watch measures them
        self.signer = FakeSigner(shared.issued, ids)
        self.signing_keys = SigningKeys(storage, self.signer, clock)
        self.watch = RevocationWatch(storage, clock, timer=lambda: self.seconds)
        self.commits = IdentityCommits(storage, self.watch)
        self.events = SecurityEvents(storage, clock)
        passwords = Passwords(shared.hasher, shared.common)
        back_off = BackOff(shared.counter, clock)
        tokens = AccessTokens(self.signer, self.signing_keys, ids)
        self.sign_in = SignIn(storage, self.commits, passwords, tokens, back_off, self.events, clock, ids, limits)
        self.users = Users(storage, self.commits, passwords, back_off, self.events, clock, ids)
        self.keys = UserApiKeys(storage, self.commits, clock, ids)
        self.sessions = UserSessions(storage, self.commits, clock, limits)
        self.authenticator = Authenticator(storage, self.signer, self.signing_keys, foreign, self.watch, clock, limits)
        self.first_admin = FirstAdmin(storage, self.users, clock)
        self.maintenance = IdentityMaintenance(storage, self.authenticator, self.signing_keys, clock)

    async def start(self) -> None:
        """Load the signing keys."""
        await self.signing_keys.load()

    async def add_user(self, name: str = "anna", role: Role = "user", password: str = PASSWORD) -> User:
        """Create a user."""
        return await self.users.create(NewUser(name, role, password), CLI)

    async def tokens(self, name: str = "anna", password: str = PASSWORD) -> TokenPair:
        """Sign in and return tokens."""
        return await self.sign_in.for_tokens(name, password, CLIENT)

    async def caller(self, name: str = "anna", password: str = PASSWORD) -> Caller:
        """Sign in and return the caller with the access token."""
        return Caller(await self.recognize((await self.tokens(name, password)).access_token), CLIENT)

    async def browser_caller(self, name: str = "anna") -> tuple[str, Caller]:
        """Sign in and return the cookie and the caller."""
        cookie, _ = await self.sign_in.for_browser(name, PASSWORD, CLIENT)
        return cookie, Caller(await self.recognize(cookie, "cookie"), CLIENT)

    async def recognize(self, text: str, kind: Any = "token") -> Principal:  # noqa: ANN401 - the kind of a credential
        """Return the principal as the middleware does: the remembered one, or else by verification."""
        credential = Credential(kind, text)
        return self.authenticator.remembered(credential) or await self.authenticator.authenticate(credential)

    async def log(self, *actions: str) -> list[SecurityEvent]:
        """Return the events of the security log, the oldest first; with `actions`, only those."""
        entries = await self.storage.security_entries(EVERY_EVENT, before=None, limit=1000)
        return [entry.event for entry in reversed(entries) if not actions or entry.event.action in actions]


async def eventually(condition: Callable[[], Awaitable[object]]) -> None:
    """Wait until a condition holds. There is no event to wait for: it is another process that makes it true."""
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.001)
