"""Translates SQLite's errors into the catalog's. Messages never repeat SQLite's words, which may name paths."""

import sqlite3

from sqlalchemy import exc

from catalog.domain.errors import OutOfSpace, SchemaOutdated, StoreUnavailable, Unavailable

# By primary result code (https://sqlite.org/rescode.html).
_UNAVAILABLE = {
    sqlite3.SQLITE_BUSY: "SQLite cannot work with the database file: another process has locked it. Try again in a moment.",
    sqlite3.SQLITE_LOCKED: "SQLite cannot work with the database file: it is locked. Try again in a moment.",
    sqlite3.SQLITE_CANTOPEN: "SQLite cannot work with the database file: it cannot be opened.",
    sqlite3.SQLITE_NOTADB: "SQLite cannot work with the database file: it is not a SQLite database.",
    sqlite3.SQLITE_READONLY: "SQLite cannot work with the database file: it is read-only.",
    sqlite3.SQLITE_PERM: "SQLite cannot work with the database file: permission denied.",
    sqlite3.SQLITE_IOERR: "SQLite cannot work with the database file: reading or writing it failed.",
    sqlite3.SQLITE_CORRUPT: "SQLite cannot work with the database file: it is damaged. Restore it from a backup.",
}

_PRIMARY_MASK = 0xFF
"""The bits of a result code that contain the primary result code."""


def primary_code(error: sqlite3.Error) -> int:
    """Return the primary result code of an error, or -1 for errors raised by the driver, which have none."""
    code = getattr(error, "sqlite_errorcode", None)
    return -1 if code is None else int(code) & _PRIMARY_MASK


def to_unavailable(error: Exception) -> Unavailable | None:
    """Distinguish a missing or outdated schema from a file that cannot be used."""
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    if isinstance(cause, sqlite3.OperationalError) and str(cause).startswith(("no such table", "no such column")):
        return SchemaOutdated("The schema of the SQLite file is missing or has the wrong version; run `catalog migrate`.")
    if isinstance(error, TimeoutError | exc.TimeoutError):
        return StoreUnavailable("SQLite did not answer in time.")
    if isinstance(cause, sqlite3.IntegrityError | sqlite3.ProgrammingError | sqlite3.InterfaceError):
        return None
    if isinstance(cause, sqlite3.DatabaseError) and getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return OutOfSpace("The disk with the SQLite file is full; nothing was written.")
    if isinstance(cause, sqlite3.DatabaseError):
        return StoreUnavailable(_UNAVAILABLE.get(primary_code(cause), "SQLite cannot work with the database file."))
    return None
