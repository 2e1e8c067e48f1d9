"""Translates PostgreSQL's and asyncpg's errors into the catalog's. Messages never repeat the server's words."""

import asyncpg
from sqlalchemy import exc

from catalog.domain.errors import OutOfSpace, SchemaOutdated, StoreUnavailable, Unavailable

# asyncpg raises these for a closed connection; the second one if the server closed it while it was idle.
_CLOSED_CONNECTION = asyncpg.InterfaceError | asyncpg.InternalClientError

_WRONG_SCHEMA = "The schema of the PostgreSQL database is missing or has the wrong version; run `catalog migrate`."
_SCHEMA_ERRORS = {
    "42P01": _WRONG_SCHEMA,
    "42703": _WRONG_SCHEMA,
    "3F000": "The schema in search_path does not exist in the PostgreSQL database; create it, then run `catalog migrate`.",
}
_DISK_FULL = "53100"
_TIMED_OUT = "PostgreSQL did not answer in time."
_UNREACHABLE = "PostgreSQL cannot be reached."
_REFUSED = "PostgreSQL refuses the connection; see the service's log for the reason."
_UNAVAILABLE = {
    "08": _UNREACHABLE,
    "25006": "PostgreSQL does not accept writes: it is a standby or read-only.",
    "28": _REFUSED,
    "3D": _REFUSED,
    "40": "The transaction conflicted with another one in PostgreSQL; nothing was written. Try again in a moment.",
    "42501": "PostgreSQL does not permit this operation; see the service's log for the reason.",
    "53": "PostgreSQL is out of resources, such as connections or memory; try again later.",
    "55": "PostgreSQL could not acquire a lock in time; try again in a moment.",
    "57": "PostgreSQL is starting or stopping; try again in a moment.",
    "57014": _TIMED_OUT,
    "58": "PostgreSQL failed to read or write its files.",
}
"""Messages by SQLSTATE or SQLSTATE class (PostgreSQL documentation, appendix A)."""


def is_disconnect(error: Exception) -> bool:
    """Return whether the server disconnected (08: connection, 57P0: shutdown) or asyncpg found the connection closed."""
    cause = error.driver_exception if isinstance(error, exc.DBAPIError) else error
    state = getattr(cause, "sqlstate", None) or ""
    return state.startswith(("08", "57P0")) or isinstance(cause, ConnectionError) or _is_closed(cause)


def to_unavailable(error: Exception) -> Unavailable | None:
    """Distinguish a missing or outdated schema from a server that is unreachable or denies access."""
    cause = error
    if isinstance(error, exc.DBAPIError):
        cause = error.driver_exception
    state = getattr(cause, "sqlstate", None) or ""
    if state in _SCHEMA_ERRORS:
        return SchemaOutdated(_SCHEMA_ERRORS[state])
    if isinstance(error, TimeoutError | exc.TimeoutError) or isinstance(cause, TimeoutError):
        return StoreUnavailable(_TIMED_OUT)
    if state == _DISK_FULL:
        return OutOfSpace("The disk of the PostgreSQL server is full; nothing was written.")
    message = _UNAVAILABLE.get(state) or _UNAVAILABLE.get(state[:2])
    if message is not None:
        return StoreUnavailable(message)
    is_invalidated = isinstance(error, exc.DBAPIError) and error.connection_invalidated
    if is_invalidated or isinstance(cause, OSError) or _is_closed(cause):
        return StoreUnavailable(_UNREACHABLE)
    return None


def _is_closed(cause: Exception) -> bool:
    """Return whether asyncpg found the connection closed. It also raises InterfaceError for values that it cannot encode."""
    is_encoding_error = isinstance(cause, ValueError) and not isinstance(cause, asyncpg.ClientConfigurationError)
    return isinstance(cause, _CLOSED_CONNECTION) and not is_encoding_error
