"""The query string, read strictly: what is unknown or said twice is named."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from catalog.domain.errors import InvalidQuery
from catalog.domain.faults import Faults


def read_parameters(scope: Any) -> tuple[dict[str, str], Faults]:  # noqa: ANN401 - an ASGI scope
    """Return the parameters of a request, and the faults of those that stand twice.

    Bytes that are no UTF-8 become lone surrogates, which the domain refuses where they matter.
    """
    raw: bytes = scope["query_string"]
    faults = Faults()
    found: dict[str, str] = {}
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True, errors="surrogateescape"):
        if name in found:
            faults.add((name,), "repeated_parameter", f"The parameter {name} stands twice; give it once.")
        found[name] = value
    return found, faults


def refuse_parameters(scope: Any) -> None:  # noqa: ANN401 - an ASGI scope
    """Raise InvalidQuery when a request has parameters: for a path that takes none."""
    if scope["query_string"]:
        found, faults = read_parameters(scope)
        for name in found:
            faults.add((name,), "unknown_parameter", f"This path takes no parameters; leave {name} out.")
        faults.refuse(InvalidQuery)


def link(path: str, parameters: dict[str, str], relation: str, **changed: str | None) -> str:
    """Return a link (RFC 8288) to the same question with some parameters changed; None takes one out."""
    merged = {name: value for name, value in (parameters | changed).items() if value is not None}
    target = f"{path}?{urlencode(merged)}" if merged else path
    return f'<{target}>; rel="{relation}"'
