"""Which adapter stands behind which port, and which use case gets which port. The only place that knows all of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dependency_injector import containers, providers

from catalog.adapters.system import RandomIds, SystemClock
from catalog.application.importing import Importing
from catalog.application.items import Items
from catalog.application.seeding import Seeding
from catalog.entrypoints.settings import InvalidSettings, Settings
from catalog.entrypoints.stores import open_store
from catalog.ports.storage import Storage


def _storage(settings: Settings) -> Storage:
    """Open the store that the settings choose; a URL that the adapter cannot read is a bad setting."""
    try:
        return open_store(settings.storage.options)
    except ValueError as error:
        raise InvalidSettings([("CATALOG_STORAGE__URL", str(error))]) from error


class Container(containers.DeclarativeContainer):
    """The wiring. A fresh container for each process, and for each test; override a provider before it is first used."""

    settings = providers.Dependency(instance_of=Settings)
    clock = providers.Singleton(SystemClock)
    ids = providers.Singleton(RandomIds)
    storage = providers.Singleton(_storage, settings)
    items = providers.Singleton(Items, storage, clock, ids)
    importing = providers.Singleton(Importing, storage, clock, ids)
    seeding = providers.Singleton(Seeding, importing)


@asynccontextmanager
async def running(container: Container, *, migrating: bool = True) -> AsyncIterator[Storage]:
    """Open the store, bring its schema up to date where the settings say so, and close it at the end."""
    storage: Storage = container.storage()
    await storage.open()
    try:
        if migrating and container.settings().storage.migrates:
            await storage.migrate()
        yield storage
    finally:
        await storage.close()
