"""Dependency wiring. The only module that knows every adapter, port and use case."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dependency_injector import containers, providers

from catalog import __version__
from catalog.adapters.memory.cache import MemoryCache
from catalog.adapters.system import RandomIds, SystemClock
from catalog.application.caching.cached_reads import CachedReads
from catalog.application.caching.freshness import Freshness
from catalog.application.categories.categories import Categories
from catalog.application.changes.feed import Feed
from catalog.application.changes.history import History
from catalog.application.changes.pruning import Pruning
from catalog.application.imports.inspection import Inspections
from catalog.application.imports.jobs import ImportJobs
from catalog.application.imports.pipeline import ImportPipeline
from catalog.application.imports.sample_data import SampleData
from catalog.application.items.batch import BatchOperations
from catalog.application.items.items import Items
from catalog.application.writes.idempotency import IdempotentRequests
from catalog.entrypoints import log_config
from catalog.entrypoints.representations.changes import encode_event, encode_heartbeat
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.problems import InvalidSettings
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.cache import Cache
from catalog.ports.storage import Storage


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
            cache.url, ttl=cache.ttl_seconds, namespace=f"catalog:{__version__}", on_change=log_config.log_shared_cache
        )
    except ValueError:
        # The driver's message is dropped: it may quote part of the password.
        raise InvalidSettings([("CATALOG_CACHE__URL", "Invalid URL. Expected the form redis://HOST:6379/0.")]) from None


def _feed(settings: Settings, storage: Storage) -> Feed:
    """Create the live feed with the configured subscriber limit."""
    return Feed(storage, encode_event, encode_heartbeat, max_subscribers=settings.changes.max_subscribers)


class Container(containers.DeclarativeContainer):
    """The application's providers. Create one container per process or test; override a provider before its first use."""

    settings = providers.Dependency(instance_of=Settings)
    clock = providers.Singleton(SystemClock)
    ids = providers.Singleton(RandomIds)
    storage = providers.Singleton(_storage, settings)
    shared_cache = providers.Singleton(_shared_cache, settings)
    caching = providers.Singleton(_caching, settings, storage, shared_cache)
    items = providers.Singleton(Items, storage, clock, ids)
    categories = providers.Singleton(Categories, storage, clock, ids)
    batches = providers.Singleton(BatchOperations, storage, clock, ids)
    history = providers.Singleton(History, storage, clock)
    feed = providers.Singleton(_feed, settings, storage)
    pruning = providers.Singleton(Pruning, storage)
    once = providers.Singleton(IdempotentRequests, storage, clock)
    importing = providers.Singleton(ImportPipeline, storage, clock, ids)
    import_jobs = providers.Singleton(ImportJobs, importing, storage, clock, ids)
    inspections = providers.Singleton(Inspections, clock, ids)
    seeding = providers.Singleton(SampleData, importing, categories)


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
