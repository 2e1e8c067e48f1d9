"""The path below which a reverse proxy publishes the service, for addresses that are written into bodies."""

from contextvars import ContextVar

public_prefix: ContextVar[str] = ContextVar("public_prefix", default="")
"""Set by the outer layer for each request, where a prefix is configured or forwarded."""


def public_path(path: str) -> str:
    """Return the path by which a client reaches what is at `path` here."""
    return public_prefix.get() + path
