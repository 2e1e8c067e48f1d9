"""The path prefix under which a reverse proxy publishes the service, for URLs in response bodies."""

from contextvars import ContextVar

public_prefix: ContextVar[str] = ContextVar("public_prefix", default="")
"""Set by the request middleware for each request, if a prefix is configured or forwarded."""


def public_path(path: str) -> str:
    """Return the path that clients use for `path`: the public prefix plus `path`."""
    return public_prefix.get() + path
