"""Request headers, looked up in the ASGI list: building a mapping costs more than the few lookups that a request needs."""

from typing import Any


def header(scope: Any, name: bytes) -> str | None:  # noqa: ANN401 - an ASGI scope
    """Return the value of the header with this lower-case name, or None.

    Repeated headers are joined with commas (RFC 9110, section 5.3).
    """
    joined: bytes | None = None
    for header_name, value in scope["headers"]:
        if header_name == name:
            joined = value if joined is None else joined + b", " + value
    return None if joined is None else joined.decode("latin-1")
