"""Identity storage in the catalog's Postgres database, with connections and a lock of its own."""

from catalog.adapters.postgres.database import open_database
from catalog.adapters.sql.identity.storage import SqlIdentityStorage, identity_options
from catalog.adapters.sql.identity.transactions import LOCK_IDENTITY
from catalog.ports.storage import StorageOptions


def open_postgres_identity(options: StorageOptions) -> SqlIdentityStorage:
    """Return the identity storage in the database of a storage URL (see `open_database`). Raises: ValueError."""
    return SqlIdentityStorage(*open_database(identity_options(options), LOCK_IDENTITY))
