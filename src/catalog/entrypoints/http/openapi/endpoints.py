"""The endpoints: each method of a path, with what its handler declares about it.

They are collected once, at startup: for the OpenAPI document, and to bind the parameters that each handler may read.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from inspect import cleandoc, signature
from typing import Any

from litestar.routes import BaseRoute, HTTPRoute

from catalog.entrypoints.http.openapi.operation import KEY, NO_CONTENT, NOT_MODIFIED, Content, Operation
from catalog.entrypoints.http.requests.access import ACCESS, AccessRule, check_access
from catalog.entrypoints.http.requests.header_parameters import (
    IDEMPOTENCY_KEY,
    IF_ABSENT,
    IF_MATCH,
    IF_NONE_MATCH,
    PREFER,
    REQUEST_ID,
)
from catalog.entrypoints.http.requests.parameters import Parameter, names
from catalog.entrypoints.http.requests.path_parameters import PATH_PARAMETERS

_COMMON_ERRORS = (400, 414, 421, 422, 431, 500, 503)
_UNSAFE_METHOD_ERRORS = (403,)
_BODY_ERRORS = (408, 413, 415)
_PRECONDITION_ERRORS = (428,)

_ITEM_PATH = "/api/v1/items/{key}"
"""This path also matches /items/batch, /items/export and /items/import, which allow different methods (405)."""

_ARGUMENTS = ("self", "request")
"""The arguments of a handler besides the parameters of its path. The framework would read others from the query string."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A method of a path, with what its handler declares. A handler with several paths is documented under the shortest one."""

    path: str
    method: str
    operation: Operation
    description: str
    tags: tuple[str, ...]
    is_alias: bool
    handler: Any

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters in the path, those that the operation declares, and those of its kind."""
        operation = self.operation
        may_be_minimal = self.method != "delete" and NO_CONTENT in operation.responses
        return (
            *(parameter for parameter in PATH_PARAMETERS if f"{{{parameter.name}}}" in self.path),
            *operation.parameters,
            REQUEST_ID,
            *((IF_MATCH,) if operation.conditional else ()),
            *((IDEMPOTENCY_KEY,) if operation.idempotent else ()),
            *((PREFER,) if (operation.body and not operation.changes_nothing) or may_be_minimal else ()),
            *((IF_NONE_MATCH,) if NOT_MODIFIED in operation.responses else ()),
            *((IF_ABSENT,) if self.method == "put" else ()),
        )

    @property
    def errors(self) -> tuple[int, ...]:
        """The statuses of the problems that the operation can respond with."""
        operation = self.operation
        own = {response.status for response in operation.responses}
        statuses = {
            *_COMMON_ERRORS,
            *operation.errors,
            *(_UNSAFE_METHOD_ERRORS if self.method != "get" else ()),
            *((405,) if self.path == _ITEM_PATH else ()),
            *(_BODY_ERRORS if operation.body else ()),
            *(_PRECONDITION_ERRORS if operation.conditional else ()),
        }
        return tuple(sorted(statuses - own))

    @property
    def contents(self) -> Iterator[Content]:
        """The contents of the request body and of the responses."""
        yield from self.operation.body.values()
        for response in self.operation.responses:
            yield from response.content.values()


def endpoints(routes: Iterable[BaseRoute]) -> list[Endpoint]:
    """Return the endpoints that are included in the schema.

    Raises: TypeError, if a handler has no access rule or no documentation, or takes arguments other than the request and
    parameters of its path.
    """
    found = []
    for route in routes:
        if not isinstance(route, HTTPRoute):
            continue
        for method, (handler, _) in route.route_handler_map.items():
            if method == "OPTIONS":
                continue
            _refuse_other_hook(method, route.path, handler)
            if not handler.resolve_include_in_schema():
                _refuse_missing_rule(method, route.path, handler)
                continue
            operation = handler.opt.get(KEY)
            if not isinstance(operation, Operation):
                message = f"Route {method} {route.path} has no documentation; add opt=documented(Operation(…))."
                raise TypeError(message)
            endpoint = Endpoint(
                route.path_format,
                method.lower(),
                operation,
                cleandoc(handler.fn.__doc__ or ""),
                tuple(sorted(handler.resolve_tags())),
                is_alias=len(handler.paths) > 1 and route.path != min(handler.paths, key=len),
                handler=handler,
            )
            _refuse_undeclared_arguments(endpoint, route.path_parameters)
            found.append(endpoint)
    return found


def _refuse_other_hook(method: str, path: str, handler: Any) -> None:  # noqa: ANN401 - a Litestar handler
    """Raise TypeError if a handler has a hook in the place of the one that checks its access rule."""
    if handler.resolve_before_request() not in (None, check_access):
        message = f"Route {method} {path} has a before_request of its own, so that nobody would check who may call it."
        raise TypeError(message)


def _refuse_missing_rule(method: str, path: str, handler: Any) -> None:  # noqa: ANN401 - a Litestar handler
    """Raise TypeError if a handler does not declare who may call it."""
    if not isinstance(handler.opt.get(ACCESS), AccessRule):
        message = f"Route {method} {path} has no access rule; add opt=public_page(), or document it."
        raise TypeError(message)


def _refuse_undeclared_arguments(endpoint: Endpoint, path_parameters: Iterable[str]) -> None:
    """Raise TypeError if the framework would pass anything to the handler but the request and declared parameters of the path."""
    declared = names(parameter for parameter in endpoint.parameters if parameter.location == "path")
    for name in path_parameters:
        if name not in declared:
            message = f"The path {endpoint.path} has the parameter {name}, which is not among PATH_PARAMETERS."
            raise TypeError(message)
    for name in signature(endpoint.handler.fn).parameters:
        if name not in (*_ARGUMENTS, *declared):
            message = f"The handler of {endpoint.method} {endpoint.path} takes {name}; declare parameters in its Operation."
            raise TypeError(message)
