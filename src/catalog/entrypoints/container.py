"""Dependency wiring. The only module that knows every adapter, port and use case."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

from dependency_injector import containers, providers

from catalog import __version__
from catalog.adapters.memory.cache import MemoryCache
from catalog.adapters.memory.limits import MemoryFailureCounter, MemoryRateLimiter
from catalog.adapters.system import RandomIds, SystemClock
from catalog.adapters.zxcvbn.common_passwords import ZxcvbnCommonPasswords
from catalog.application.audit.audit import Audit
from catalog.application.caching.cached_reads import CachedReads
from catalog.application.caching.freshness import Freshness
from catalog.application.categories.categories import Categories
from catalog.application.changes.feed import Feed
from catalog.application.changes.history import History
from catalog.application.changes.pruning import Pruning
from catalog.application.identity.activities import ActivityLog
from catalog.application.identity.api_keys import UserApiKeys
from catalog.application.identity.authenticator import Authenticator
from catalog.application.identity.back_off import BackOff
from catalog.application.identity.continuation import Continuation
from catalog.application.identity.first_admin import FirstAdmin
from catalog.application.identity.maintenance import IdentityMaintenance
from catalog.application.identity.passwords import Passwords
from catalog.application.identity.periodic import together
from catalog.application.identity.revocations import IdentityCommits, RevocationWatch
from catalog.application.identity.security_events import SecurityEvents
from catalog.application.identity.sessions import UserSessions
from catalog.application.identity.sign_in import SignIn
from catalog.application.identity.signing_keys import SigningKeys
from catalog.application.identity.token_pairs import AccessTokens
from catalog.application.identity.users import Users
from catalog.application.imports.inspection import Inspections
from catalog.application.imports.jobs import ImportJobs
from catalog.application.imports.pipeline import ImportPipeline
from catalog.application.imports.sample_data import SampleData
from catalog.application.items.batch import BatchOperations
from catalog.application.items.items import Items
from catalog.application.writes.idempotency import IdempotentRequests
from catalog.domain.errors import Unavailable
from catalog.domain.identity.session import SessionLimits
from catalog.domain.identity.signing_key import StoredSigningKey
from catalog.entrypoints import log_config
from catalog.entrypoints.identity_plugins import open_identity
from catalog.entrypoints.representations.changes import encode_event, encode_heartbeat
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.problems import InvalidSettings
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.cache import Cache
from catalog.ports.clock import Clock
from catalog.ports.identity.limits import FailureCounter, RateLimiter
from catalog.ports.identity.storage import IdentityStorage
from catalog.ports.identity.tokens import ForeignTokens, TokenSigner
from catalog.ports.storage import Storage

_INVALID_CACHE_URL = "Invalid URL. Expected the form redis://HOST:6379/0."


def _storage(settings: Settings) -> Storage:
    """Create the storage adapter selected by the settings. Raises: InvalidSettings if the adapter rejects the URL."""
    try:
        return open_store(settings.storage.options)
    except ValueError as error:
        raise InvalidSettings([("CATALOG_STORAGE__URL", str(error))]) from error


def _caching(settings: Settings, storage: Storage, shared: Cache | None) -> CachedReads | None:
    """Create the response cache: in memory, plus the shared cache if one is configured. None if caching is off."""
    cache = settings.cache
    if not cache.ttl_seconds:
        return None
    local = MemoryCache(max_bytes=cache.max_bytes, ttl=cache.ttl_seconds)
    return CachedReads(Freshness(storage, local.clear), local, shared)


def _shared_cache(settings: Settings) -> Cache | None:
    """Create the shared cache, or return None if none is configured. Raises: InvalidSettings if the URL is invalid."""
    cache = settings.cache
    if not cache.url or not cache.ttl_seconds:
        return None
    from catalog.adapters.redis.cache import RedisCache  # noqa: PLC0415 - load the driver only if it is used

    try:
        return RedisCache(
            cache.url,
            ttl=cache.ttl_seconds,
            namespace=f"{cache.key_prefix}:{__version__}",
            on_change=log_config.log_shared_cache,
        )
    except ValueError:
        # The driver's message is dropped: it may quote part of the password.
        raise InvalidSettings([("CATALOG_CACHE__URL", _INVALID_CACHE_URL)]) from None


def _feed(settings: Settings, storage: Storage) -> Feed:
    """Create the live feed with the configured subscriber limit."""
    return Feed(storage, encode_event, encode_heartbeat, max_subscribers=settings.changes.max_subscribers)


def _identity_storage(settings: Settings) -> IdentityStorage:
    """Create the identity storage beside the storage. Raises: InvalidSettings if the storage's adapter has none."""
    try:
        return open_identity(settings.storage.options)
    except ValueError as error:
        raise InvalidSettings([("CATALOG_STORAGE__URL", str(error))]) from error


def _security_log(identity: Callable[[], IdentityStorage]) -> IdentityStorage | None:
    """Return the identity storage for its log. None if the adapter has none, which is no error where nobody signs in."""
    try:
        return identity()
    except InvalidSettings:
        return None


def _recorded_events(log: IdentityStorage | None, events: Callable[[], SecurityEvents]) -> SecurityEvents | None:
    """Return the events to record activities in. None without a security log."""
    return None if log is None else events()


def _session_limits(settings: Settings) -> SessionLimits:
    """Return how long sessions last."""
    identity = settings.identity
    return SessionLimits(timedelta(days=identity.refresh_idle_days), timedelta(days=identity.refresh_days))


def _token_life(settings: Settings) -> timedelta:
    """Return how long access tokens are valid."""
    return timedelta(minutes=settings.identity.access_minutes)


def _password_hasher() -> Any:  # noqa: ANN401 - a PasswordHasher that can be closed; its class is not loaded here
    """Create the hasher of passwords."""
    from catalog.adapters.argon2.password_hasher import Argon2PasswordHasher  # noqa: PLC0415 - load the library only if it is used

    return Argon2PasswordHasher()


def _token_signer(settings: Settings) -> TokenSigner:
    """Create the signer of access tokens."""
    from catalog.adapters.jwt.token_signer import JwtSigner  # noqa: PLC0415 - load the library only if it is used

    return JwtSigner(settings.identity.issuer_name, settings.identity.audience_name)


def _foreign_tokens(settings: Settings) -> ForeignTokens | None:
    """Create the verifier of another issuer's tokens, or return None. Raises: InvalidSettings."""
    oidc = settings.identity.oidc
    if oidc.issuer is None or oidc.audience is None:
        return None
    from catalog.adapters.oidc.foreign_tokens import OidcTokens, TrustedIssuer  # noqa: PLC0415 - load the library only if it is used
    from catalog.adapters.oidc.roles import parse_role_map  # noqa: PLC0415 - as above

    try:
        role_map = parse_role_map(oidc.role_map)
    except ValueError as error:
        raise InvalidSettings([("CATALOG_IDENTITY__OIDC__ROLE_MAP", str(error))]) from None
    try:
        return OidcTokens(
            TrustedIssuer(issuer=oidc.issuer, audience=oidc.audience, role_claim=oidc.role_claim, role_map=role_map)
        )
    except ValueError as error:
        raise InvalidSettings([("CATALOG_IDENTITY__OIDC__ISSUER", str(error))]) from None


def _shared_counts(settings: Settings) -> Any:  # noqa: ANN401 - a RedisConnection or None; its class is not loaded here
    """Create the connection for counts of all processes, or return None if each counts alone. Raises: InvalidSettings."""
    if not settings.cache.url:
        return None
    from catalog.adapters.redis.connection import RedisConnection  # noqa: PLC0415 - load the driver only if it is used

    try:
        return RedisConnection(settings.cache.url, on_change=log_config.log_shared_limits)
    except ValueError:
        raise InvalidSettings([("CATALOG_CACHE__URL", _INVALID_CACHE_URL)]) from None


def _rate_limiter(settings: Settings, connection: Any, clock: Clock) -> RateLimiter:  # noqa: ANN401 - see _shared_counts
    """Create the rate limiter: of all processes with a connection, else of this one. Closing it closes the connection."""
    own = MemoryRateLimiter(clock)
    if connection is None:
        return own
    from catalog.adapters.redis.limits import RedisRateLimiter  # noqa: PLC0415 - load the driver only if it is used

    return RedisRateLimiter(connection, own, namespace=settings.cache.key_prefix)


def _failure_counter(settings: Settings, connection: Any, clock: Clock) -> FailureCounter:  # noqa: ANN401 - see _shared_counts
    """Create the counter of failed sign-ins: of all processes with a connection, else of this one."""
    own = MemoryFailureCounter(clock)
    if connection is None:
        return own
    from catalog.adapters.redis.limits import RedisFailureCounter  # noqa: PLC0415 - load the driver only if it is used

    return RedisFailureCounter(connection, own, clock, namespace=settings.cache.key_prefix)


def _keys_from_settings(settings: Settings, clock: Clock) -> Sequence[StoredSigningKey]:
    """Return the signing keys of the settings; the first one signs. Raises: InvalidSettings, without quoting them."""
    text = settings.identity.signing_key
    if text is None:
        return ()
    from catalog.adapters.jwt.signing_keys import parse_keys, to_pem  # noqa: PLC0415 - load the library only if it is used

    try:
        return [StoredSigningKey(key.id, to_pem(key), clock.now()) for key in parse_keys(text.get_secret_value())]
    except ValueError as error:
        raise InvalidSettings([("CATALOG_IDENTITY__SIGNING_KEY", str(error))]) from None


class Container(containers.DeclarativeContainer):
    """The application's providers. Create one container per process or test; override a provider before its first use."""

    settings = providers.Dependency(instance_of=Settings)
    clock = providers.Singleton(SystemClock)
    ids = providers.Singleton(RandomIds)
    storage = providers.Singleton(_storage, settings)
    shared_cache = providers.Singleton(_shared_cache, settings)
    caching = providers.Singleton(_caching, settings, storage, shared_cache)
    identity_storage = providers.Singleton(_identity_storage, settings)
    security_log = providers.Singleton(_security_log, identity_storage.provider)
    security_events = providers.Singleton(SecurityEvents, identity_storage, clock)
    activities = providers.Singleton(
        ActivityLog, providers.Callable(_recorded_events, security_log, security_events.provider).provider
    )
    audit = providers.Singleton(Audit, storage, security_log)
    items = providers.Singleton(Items, storage, clock, ids, activities)
    categories = providers.Singleton(Categories, storage, clock, ids)
    batches = providers.Singleton(BatchOperations, storage, clock, ids)
    history = providers.Singleton(History, storage, clock)
    feed = providers.Singleton(_feed, settings, storage)
    pruning = providers.Singleton(Pruning, storage, activities)
    once = providers.Singleton(IdempotentRequests, storage, clock)
    importing = providers.Singleton(ImportPipeline, storage, clock, ids, activities)
    import_jobs = providers.Singleton(ImportJobs, importing, storage, clock, ids)
    inspections = providers.Singleton(Inspections, clock, ids)
    seeding = providers.Singleton(SampleData, importing, categories)

    session_limits = providers.Singleton(_session_limits, settings)
    token_life = providers.Singleton(_token_life, settings)
    token_signer = providers.Singleton(_token_signer, settings)
    foreign_tokens = providers.Singleton(_foreign_tokens, settings)
    password_hasher = providers.Singleton(_password_hasher)
    common_passwords = providers.Singleton(ZxcvbnCommonPasswords)
    shared_counts = providers.Singleton(_shared_counts, settings)
    rate_limiter = providers.Singleton(_rate_limiter, settings, shared_counts, clock)
    failure_counter = providers.Singleton(_failure_counter, settings, shared_counts, clock)
    revocations = providers.Singleton(RevocationWatch, identity_storage, clock)
    continuation = providers.Singleton(Continuation, identity_storage, revocations)
    identity_commits = providers.Singleton(IdentityCommits, identity_storage, revocations)
    keys_from_settings = providers.Singleton(_keys_from_settings, settings, clock)
    signing_keys = providers.Singleton(SigningKeys, identity_storage, token_signer, clock, keys_from_settings)
    authenticator = providers.Singleton(
        Authenticator, identity_storage, token_signer, signing_keys, foreign_tokens, revocations, clock, session_limits
    )
    passwords = providers.Singleton(Passwords, password_hasher, common_passwords)
    back_off = providers.Singleton(BackOff, failure_counter, clock)
    access_tokens = providers.Singleton(AccessTokens, token_signer, signing_keys, ids, token_life)
    sign_in = providers.Singleton(
        SignIn,
        identity_storage,
        identity_commits,
        passwords,
        access_tokens,
        back_off,
        security_events,
        clock,
        ids,
        session_limits,
    )
    users = providers.Singleton(Users, identity_storage, identity_commits, passwords, back_off, security_events, clock, ids)
    user_sessions = providers.Singleton(UserSessions, identity_storage, identity_commits, clock, session_limits)
    api_keys = providers.Singleton(UserApiKeys, identity_storage, identity_commits, clock, ids)
    first_admin = providers.Singleton(FirstAdmin, identity_storage, users, clock)
    identity_maintenance = providers.Singleton(IdentityMaintenance, identity_storage, authenticator, signing_keys, clock)


@asynccontextmanager
async def running(container: Container, *, migrating: bool = True) -> AsyncIterator[Storage]:
    """Open the store and migrate it if the settings say so. On exit, close the feed and the import jobs, then the store."""
    storage: Storage = container.storage()
    await storage.open()
    try:
        if migrating and container.settings().storage.migrates:
            await storage.migrate()
        yield storage
    finally:
        container.feed().close()
        await container.import_jobs().close()
        await storage.close()


@asynccontextmanager
async def identity_running(container: Container) -> AsyncIterator[None]:
    """Open the identity store, and follow revocations, record events and maintain the store while the context is open.

    The schema of the store must be there: `running` migrates it.
    """
    storage: IdentityStorage = container.identity_storage()
    await storage.open()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(storage.close)
        stack.push_async_callback(container.rate_limiter().close)
        stack.callback(container.password_hasher().close)
        foreign_tokens: ForeignTokens | None = container.foreign_tokens()
        if foreign_tokens is not None:
            stack.push_async_callback(foreign_tokens.close)
        with suppress(Unavailable):  # both are tried again by the tasks below
            await container.signing_keys().load()
            await container.revocations().update()
        tasks = (container.security_events(), container.revocations(), container.identity_maintenance())
        await stack.enter_async_context(together(*(task.running() for task in tasks)))
        yield
