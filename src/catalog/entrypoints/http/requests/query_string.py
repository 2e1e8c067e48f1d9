"""The query string, read strictly: what is unknown or said twice is named."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from litestar.exceptions import HTTPException

from catalog.domain.errors import FieldError, InvalidQuery, shorten
from catalog.domain.queries.filters import REPEATABLE
from catalog.domain.queries.list_request import PRESENTATION_PARAMETERS, Presentation
from catalog.domain.queries.operands import refuse_unknown
from catalog.domain.validation import FieldErrors
from catalog.entrypoints.representations.items import EVERYTHING

MAX_QUERY_STRING = 16 * 1024
"""Bytes of a query string: room for a filter with as many SKUs as one may name."""

MAX_PARAMETERS = 300
"""Parameters of a request."""


def read_parameters(
    scope: Any,  # noqa: ANN401 - an ASGI scope
    repeatable: Sequence[str] = REPEATABLE,
) -> tuple[dict[str, list[str]], FieldErrors]:
    """Return the parameters of a request, and the faults of those that stand twice and may not.

    Bytes that are no UTF-8 become lone surrogates, which the domain refuses where they matter. An HTTPException with 414 is
    raised for what is too long, InvalidQuery for too many parameters.
    """
    raw: bytes = scope["query_string"]
    faults = FieldErrors()
    reject_long_query(scope)
    count = raw.count(b"&") + 1
    if count > MAX_PARAMETERS:
        message = f"There are {count} parameters; at most {MAX_PARAMETERS} are taken."
        raise InvalidQuery([FieldError(("",), "too_many_parameters", message)])
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True, errors="surrogateescape"):
        if name in found and name not in repeatable:
            faults.add((name,), "repeated_parameter", f"The parameter {shorten(name)} stands twice; give it once.")
        found.setdefault(name, []).append(value)
    return found, faults


def reject_long_query(scope: Any) -> None:  # noqa: ANN401 - an ASGI scope
    """Raise an HTTPException with 414 when the query string is longer than is taken."""
    length = len(scope["query_string"])
    if length > MAX_QUERY_STRING:
        detail = f"The query string has {length} bytes; at most {MAX_QUERY_STRING} are taken. Ask for less at once."
        raise HTTPException(status_code=414, detail=detail)


def reject_parameters(scope: Any) -> None:  # noqa: ANN401 - an ASGI scope
    """Raise InvalidQuery when a request has parameters: for a path that takes none."""
    if scope["query_string"]:
        found, faults = read_parameters(scope)
        for name in found:
            faults.add((name,), "unknown_parameter", f"This path takes no parameters; leave {shorten(name)} out.")
        faults.raise_if_any(InvalidQuery)


def read_choices(scope: Any, **allowed: Sequence[str]) -> dict[str, str]:  # noqa: ANN401 - an ASGI scope
    """Return the parameters of a path that takes a few, each one of so many words (none named: any text).

    An empty one is as good as absent. Raises InvalidQuery.
    """
    found, faults = read_parameters(scope)
    refuse_unknown(found, tuple(allowed), faults)
    chosen = {name: values[0] for name, values in found.items() if name in allowed and values[0]}
    for name, value in chosen.items():
        if allowed[name] and value not in allowed[name]:
            faults.add((name,), "invalid_choice", f"The parameter {name} is {' or '.join(allowed[name])}.")
    faults.raise_if_any(InvalidQuery)
    return chosen


def read_presentation(scope: Any) -> Presentation:  # noqa: ANN401 - an ASGI scope
    """Return how one item is to be shown. Raises InvalidQuery."""
    if not scope["query_string"]:
        return EVERYTHING
    found, faults = read_parameters(scope)
    refuse_unknown(found, PRESENTATION_PARAMETERS, faults)
    presentation = Presentation.parse({name: values[0] for name, values in found.items() if values[0]}, faults)
    faults.raise_if_any(InvalidQuery)
    return presentation


def link(path: str, parameters: dict[str, list[str]], relation: str, **changed: str | None) -> str:
    """Return a link (RFC 8288) to the same question with some parameters changed; None takes one out.

    The parameters are in the order of their names, so that the same question has the same answer however it was put.
    """
    merged = {name: value for name, value in sorted({**parameters, **changed}.items()) if value is not None}
    target = f"{path}?{urlencode(merged, doseq=True)}" if merged else path
    return f'<{target}>; rel="{relation}"'
