"""Strict parsing of query strings: unknown and repeated parameters are errors."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote_plus, urlencode

from litestar.exceptions import HTTPException

from catalog.domain.errors import FieldError, InvalidQuery, shorten
from catalog.domain.queries.list_request import Presentation
from catalog.domain.validation import FieldErrors
from catalog.entrypoints.http.requests.declared_parameters import DeclaredParameters, declared_parameters
from catalog.entrypoints.http.requests.parameters import Parameter
from catalog.entrypoints.representations.items import EVERYTHING

MAX_QUERY_STRING = 16 * 1024
"""Bytes of a query string. A filter with the maximum number of SKUs fits."""

MAX_PARAMETERS = 300
"""Parameters of a request."""


def read_parameters(scope: Any) -> tuple[dict[str, list[str]], FieldErrors]:  # noqa: ANN401 - an ASGI scope
    """Return the parameters of a request that its route declares, with an error for each other and each repeated one.

    Whoever parses the values adds its errors to these. Invalid UTF-8 becomes lone surrogates, which the domain rejects where
    they matter. Raises: an HTTPException with 414 if the query string is too long; InvalidQuery if there are too many parameters.
    """
    errors = FieldErrors()
    if not scope["query_string"]:
        return {}, errors
    declared = declared_parameters(scope)
    parameters = _receive(scope, declared, errors)
    declared.refuse_undeclared(parameters, errors)
    return parameters, errors


def read_options(
    scope: Any,  # noqa: ANN401 - an ASGI scope
    fields: Mapping[str, Sequence[str]] = {},
) -> tuple[dict[str, list[str]], FieldErrors]:
    """Return what `read_parameters` returns, with an error for each value that is none of its parameter's choices.

    The `fields` of a form are parameters too. Raises what `read_parameters` raises.
    """
    errors = FieldErrors()
    declared = declared_parameters(scope)
    parameters = _receive(scope, declared, errors)
    for name, values in fields.items():
        parameters.setdefault(name, []).extend(values)
        if len(parameters[name]) > 1 and name not in declared.repeatable:
            _add_repeated(name, errors)
    declared.refuse_invalid(parameters, errors)
    return parameters, errors


def _receive(scope: Any, declared: DeclaredParameters, errors: FieldErrors) -> dict[str, list[str]]:  # noqa: ANN401 - ASGI's
    """Return the parameters in the query string, and add an error for each that is repeated but not repeatable."""
    raw: bytes = scope["query_string"]
    if len(raw) > MAX_QUERY_STRING:
        detail = f"The query string is too long: {len(raw)} bytes. The limit is {MAX_QUERY_STRING} bytes; split the request."
        raise HTTPException(status_code=414, detail=detail)
    count = raw.count(b"&") + 1
    if count > MAX_PARAMETERS:
        message = f"Too many parameters: {count}. The limit is {MAX_PARAMETERS}."
        raise InvalidQuery([FieldError(("",), "too_many_parameters", message)])
    parameters: dict[str, list[str]] = {}
    for part in raw.decode("latin-1").split("&"):
        if not part:
            continue
        encoded_name, _, encoded_value = part.partition("=")  # as parse_qsl does, which takes longer
        name = unquote_plus(encoded_name, errors="surrogateescape")
        value = unquote_plus(encoded_value, errors="surrogateescape")
        if name not in parameters:
            parameters[name] = [value]
            continue
        parameters[name].append(value)
        if name not in declared.repeatable:
            _add_repeated(name, errors)
    return parameters


def _add_repeated(name: str, errors: FieldErrors) -> None:
    errors.add((name,), "repeated_parameter", f"Parameter {shorten(name)} is repeated; send it once.")


def reject_parameters(scope: Any) -> None:  # noqa: ANN401 - an ASGI scope
    """Raise InvalidQuery if the request has parameters. For routes that declare none; others get a LookupError."""
    if scope["query_string"]:
        parameters, errors = read_parameters(scope)
        errors.raise_if_any(InvalidQuery)
        if parameters:
            message = f"The route declares parameters that its handler does not read: {', '.join(parameters)}."
            raise LookupError(message)


class Choices(NamedTuple):
    """The values of the parameters of a request: those that were sent, and what the route declares."""

    sent: Mapping[str, str]
    declared: DeclaredParameters

    def text(self, parameter: Parameter) -> str:
        """Return the value of a parameter, its default, or "". Raises: LookupError, if the route does not declare it."""
        self.declared.require(parameter)
        return self.sent.get(parameter.name, "" if parameter.default is None else str(parameter.default))

    def is_true(self, parameter: Parameter) -> bool:
        """Return the value of a parameter that is true or false. Raises what `text` raises."""
        self.declared.require(parameter)
        return self.sent[parameter.name] == "true" if parameter.name in self.sent else parameter.default is True


def read_choices(scope: Any) -> Choices:  # noqa: ANN401 - an ASGI scope
    """Return the parameters of a request, which may have those that its route declares. An empty value counts as absent.

    Raises: InvalidQuery, if there are others, or if one is none of the parameter's choices.
    """
    parameters, errors = read_options(scope)
    errors.raise_if_any(InvalidQuery)
    sent = {name: values[0] for name, values in parameters.items() if values[0]}
    return Choices(sent, declared_parameters(scope))


def read_presentation(scope: Any) -> Presentation:  # noqa: ANN401 - an ASGI scope
    """Return how to present an item: fields, includes. Raises InvalidQuery."""
    if not scope["query_string"]:
        return EVERYTHING
    parameters, errors = read_parameters(scope)
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
