"""Postgres storage: a pool for reads, one writing and one log-watching connection per process, and timeouts for all of them."""

from catalog.adapters.postgres.database import open_database
from catalog.adapters.sql.storage import SqlStorage
from catalog.ports.storage import StorageOptions


def open_postgres(options: StorageOptions) -> SqlStorage:
    """Return the storage for `postgresql://user:password@host/database`.

    Raises: ValueError if the URL is invalid.
    """
    database, dialect = open_database(options)
    return SqlStorage(database, dialect, max_pending_writes=options.max_pending_writes)
