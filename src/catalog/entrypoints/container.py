"""Which adapter stands behind which port, and which use case gets which port. The only place that knows all of them."""

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
from catalog.application.imports.jobs import ImportJobs
from catalog.application.imports.pipeline import ImportPipeline
from catalog.application.imports.sample_data import SampleData
from catalog.application.items.batch import BatchOperations
from catalog.application.items.items import Items
from catalog.application.writes.idempotency import IdempotentRequests
from catalog.entrypoints import log_config
from catalog.entrypoints.representations.changes import encode_event, encode_heartbeat
from catalog.entrypoints.settings import InvalidSettings, Settings
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.cache import Cache
from catalog.ports.storage import Storage


def _storage(settings: Settings) -> Storage:
    """Open the store that the settings choose; a URL that the adapter cannot read is a bad setting."""
    try:
        return open_store(settings.storage.options)
    except ValueError as error:
        raise InvalidSettings([("CATALOG_STORAGE__URL", str(error))]) from error


def _caching(settings: Settings, storage: Storage, shared: Cache | None) -> CachedReads | None:
    """Make the cache of answers: in this process, and beyond it the one that is shared, where there is one."""
    chosen = settings.cache
    if not chosen.ttl_seconds:
        return None
    near = MemoryCache(max_bytes=chosen.max_bytes, ttl=chosen.ttl_seconds)
    return CachedReads(Freshness(storage, near.clear), near, shared)


def _shared_cache(settings: Settings) -> Cache | None:
    """Make the cache that several processes share, if there is to be one; its driver is imported only then."""
    chosen = settings.cache
    if not chosen.url or not chosen.ttl_seconds:
        return None
    from catalog.adapters.redis.cache import RedisCache  # noqa: PLC0415 - see above

    try:
        return RedisCache(
            chosen.url, ttl=chosen.ttl_seconds, namespace=f"catalog:{__version__}", on_change=log_config.log_shared_cache
        )
    except ValueError:
        # Not with the driver's words: they may quote a part of the password.
        raise InvalidSettings([("CATALOG_CACHE__URL", "the URL cannot be read; it has the form redis://HOST:6379/0")]) from None


def _feed(settings: Settings, storage: Storage) -> Feed:
    """Make the live feed, for as many subscribers as the settings allow."""
    return Feed(storage, encode_event, encode_heartbeat, max_subscribers=settings.changes.max_subscribers)


class Container(containers.DeclarativeContainer):
    """The wiring. A fresh container for each process, and for each test; override a provider before it is first used."""

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
    seeding = providers.Singleton(SampleData, importing, categories)


@asynccontextmanager
async def running(container: Container, *, migrating: bool = True) -> AsyncIterator[Storage]:
    """Open the store, bring its schema up to date where the settings say so, and close it at the end, after those who use it."""
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
