"""Request headers, read where they are: a mapping of all of them costs more than the few that matter."""

from typing import Any


def header(scope: Any, name: bytes) -> str | None:  # noqa: ANN401 - an ASGI scope
    """Return a header's value, by its name in lower case; None when there is none.

    Lines of the same name are one list (RFC 9110, section 5.3).
    """
    found: bytes | None = None
    for its_name, value in scope["headers"]:
        if its_name == name:
            found = value if found is None else found + b", " + value
    return None if found is None else found.decode("latin-1")
