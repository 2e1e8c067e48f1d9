"""SQLite storage: a file in WAL mode, with many reading connections and one writing connection per process."""

from catalog.adapters.sql.storage import SqlStorage
from catalog.adapters.sqlite.database import open_database
from catalog.ports.storage import StorageOptions


def open_sqlite(options: StorageOptions) -> SqlStorage:
    """Return the storage for `sqlite:///catalog.db` (relative path) or `sqlite:////srv/catalog.db` (absolute path).

    Raises: ValueError if the URL names no file.
    """
    database, dialect = open_database(options)
    return SqlStorage(database, dialect, max_pending_writes=options.max_pending_writes)
