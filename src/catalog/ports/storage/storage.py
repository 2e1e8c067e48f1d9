"""The whole storage port: all roles of a store."""

from typing import Protocol

from catalog.ports.storage.categories import StoredCategories
from catalog.ports.storage.change_log import ChangeLog
from catalog.ports.storage.commits import Commits, ExpiringRecords
from catalog.ports.storage.items import ItemLookup, ItemQueries
from catalog.ports.storage.lifecycle import Lifecycle
from catalog.ports.storage.optional import (
    Administration,
    CategoryLookup,
    ChangeChain,
    CommitNotifications,
    CommitPreparation,
    ItemCounts,
    Suggestions,
)


class RequiredStorage(Lifecycle, ItemLookup, ItemQueries, StoredCategories, ChangeLog, Commits, ExpiringRecords, Protocol):
    """What every adapter must write."""


class Storage(
    RequiredStorage,
    ItemCounts,
    Suggestions,
    CategoryLookup,
    CommitPreparation,
    CommitNotifications,
    ChangeChain,
    Administration,
    Protocol,
):
    """Stores items, categories, the change log and expiring records.

    Reads are consistent: each sees every commit that completed before the call. Lookups take several keys, so a store can
    answer them in one round trip, and omit keys that do not exist from the result.

    Any method except `open`, `prepare` and `listen` may raise StoreUnavailable (the store is unreachable or timed out) or
    SchemaOutdated (the schema is missing or of another version). Methods that write may also raise OutOfSpace. Exceptions
    of a driver never leave the adapter.

    An adapter inherits from StorageDefaults or, if it writes every method itself, from this class.
    """
