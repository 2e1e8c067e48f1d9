"""Strict parsing of query strings: unknown and repeated parameters are errors."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from litestar.exceptions import HTTPException

from catalog.domain.errors import FieldError, InvalidQuery, shorten
from catalog.domain.queries.list_request import Presentation
from catalog.domain.queries.operands import refuse_unknown
from catalog.domain.validation import FieldErrors
from catalog.entrypoints.http.requests.list_parameters import PRESENTATION
from catalog.entrypoints.http.requests.parameters import Parameter, names, repeatable_names
from catalog.entrypoints.representations.items import EVERYTHING

MAX_QUERY_STRING = 16 * 1024
"""Bytes of a query string. A filter with the maximum number of SKUs fits."""

MAX_PARAMETERS = 300
"""Parameters of a request."""


def read_parameters(
    scope: Any,  # noqa: ANN401 - an ASGI scope
    declared: Sequence[Parameter],
) -> tuple[dict[str, list[str]], FieldErrors]:
    """Return the parameters of a request, and an error for each repeated one, unless it is declared as repeatable.

    Parameters that are not declared are returned too; whoever parses the values rejects them, together with other errors.

    Invalid UTF-8 becomes lone surrogates, which the domain rejects where they matter. Raises: an HTTPException with 414 if the
    query string is too long; InvalidQuery if there are too many parameters.
    """
    raw: bytes = scope["query_string"]
    errors = FieldErrors()
    reject_long_query(scope)
    count = raw.count(b"&") + 1
    if count > MAX_PARAMETERS:
        message = f"Too many parameters: {count}. The limit is {MAX_PARAMETERS}."
        raise InvalidQuery([FieldError(("",), "too_many_parameters", message)])
    parameters: dict[str, list[str]] = {}
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True, errors="surrogateescape"):
        if name in parameters and name not in repeatable_names(declared):
            errors.add((name,), "repeated_parameter", f"Parameter {shorten(name)} is repeated; send it once.")
        parameters.setdefault(name, []).append(value)
    return parameters, errors


def reject_long_query(scope: Any) -> None:  # noqa: ANN401 - an ASGI scope
    """Raise an HTTPException with 414 if the query string is longer than MAX_QUERY_STRING."""
    length = len(scope["query_string"])
    if length > MAX_QUERY_STRING:
        detail = f"The query string is too long: {length} bytes. The limit is {MAX_QUERY_STRING} bytes; split the request."
        raise HTTPException(status_code=414, detail=detail)


def reject_parameters(scope: Any) -> None:  # noqa: ANN401 - an ASGI scope
    """Raise InvalidQuery if the request has parameters. For paths that take none."""
    if scope["query_string"]:
        parameters, errors = read_parameters(scope, ())
        for name in parameters:
            errors.add((name,), "unknown_parameter", f"Unknown parameter {shorten(name)}. This path takes no parameters.")
        errors.raise_if_any(InvalidQuery)


def read_choices(scope: Any, *declared: Parameter) -> dict[str, str]:  # noqa: ANN401 - an ASGI scope
    """Return the parameters of a request, which may have those declared. An empty value counts as absent.

    Raises: InvalidQuery, if there are others, or if one is none of the parameter's choices.
    """
    parameters, errors = read_parameters(scope, declared)
    allowed = {parameter.name: parameter.choices for parameter in declared}
    refuse_unknown(parameters, tuple(allowed), errors)
    choices = {name: values[0] for name, values in parameters.items() if name in allowed and values[0]}
    for name, value in choices.items():
        if allowed[name] and value not in allowed[name]:
            errors.add((name,), "invalid_choice", f"Parameter {name} must be {' or '.join(allowed[name])}.")
    errors.raise_if_any(InvalidQuery)
    return choices


def read_presentation(scope: Any) -> Presentation:  # noqa: ANN401 - an ASGI scope
    """Return how to present an item: fields, includes. Raises InvalidQuery."""
    if not scope["query_string"]:
        return EVERYTHING
    parameters, errors = read_parameters(scope, PRESENTATION)
    refuse_unknown(parameters, names(PRESENTATION), errors)
    presentation = Presentation.parse({name: values[0] for name, values in parameters.items() if values[0]}, errors)
    errors.raise_if_any(InvalidQuery)
    return presentation


def link(path: str, parameters: dict[str, list[str]], relation: str, **changes: str | None) -> str:
    """Return a link (RFC 8288) to the same path with some parameters changed; None omits a parameter.

    Parameters are sorted by name, so equivalent requests get identical responses.
    """
    merged = {name: value for name, value in sorted({**parameters, **changes}.items()) if value is not None}
    target = f"{path}?{urlencode(merged, doseq=True)}" if merged else path
    return f'<{target}>; rel="{relation}"'
