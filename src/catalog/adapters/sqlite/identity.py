"""Identity storage in the catalog's SQLite file, with a writing connection of its own."""

from catalog.adapters.sql.identity.storage import SqlIdentityStorage, identity_options
from catalog.adapters.sqlite.database import open_database
from catalog.ports.storage import StorageOptions


def open_sqlite_identity(options: StorageOptions) -> SqlIdentityStorage:
    """Return the identity storage in the file of a storage URL (see `open_database`). Raises: ValueError."""
    return SqlIdentityStorage(*open_database(identity_options(options)))
