"""The documented endpoints: each method of a path, with what its handler declares about it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any

from litestar.routes import BaseRoute, HTTPRoute

from catalog.entrypoints.http.openapi.operation import KEY, NO_CONTENT, NOT_MODIFIED, Content, Operation
from catalog.entrypoints.http.requests.header_parameters import (
    IDEMPOTENCY_KEY,
    IF_ABSENT,
    IF_MATCH,
    IF_NONE_MATCH,
    PREFER,
    REQUEST_ID,
)
from catalog.entrypoints.http.requests.parameters import Parameter
from catalog.entrypoints.http.requests.path_parameters import PATH_PARAMETERS

_COMMON_ERRORS = (400, 414, 421, 422, 431, 500, 503)
_UNSAFE_METHOD_ERRORS = (403,)
_BODY_ERRORS = (408, 413, 415)
_PRECONDITION_ERRORS = (428,)

_ITEM_PATH = "/api/v1/items/{key}"
"""This path also matches /items/batch, /items/export and /items/import, which allow different methods (405)."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A method of a path, with what its handler declares."""

    path: str
    method: str
    operation: Operation
    description: str
    tags: tuple[str, ...]

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


def endpoints(routes: Iterable[BaseRoute]) -> Iterator[Endpoint]:
    """Return the endpoints that are included in the schema. A handler with several paths is documented under the shortest one.

    Raises: TypeError, if a handler has no documentation.
    """
    for route in routes:
        if not isinstance(route, HTTPRoute):
            continue
        for method, (handler, _) in route.route_handler_map.items():
            if method == "OPTIONS" or not handler.resolve_include_in_schema() or _is_alias(route, handler):
                continue
            operation = handler.opt.get(KEY)
            if not isinstance(operation, Operation):
                message = f"Route {method} {route.path} has no documentation; add opt=documented(Operation(…))."
                raise TypeError(message)
            description = cleandoc(handler.fn.__doc__ or "")
            yield Endpoint(route.path_format, method.lower(), operation, description, tuple(sorted(handler.resolve_tags())))


def _is_alias(route: HTTPRoute, handler: Any) -> bool:  # noqa: ANN401 - a Litestar handler
    return len(handler.paths) > 1 and route.path != min(handler.paths, key=len)
