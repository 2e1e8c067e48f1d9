"""What a handler declares about itself for the OpenAPI document."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from catalog.entrypoints.http.requests.access import ACCESS, AccessRule
from catalog.entrypoints.http.requests.bodies import JSON, MERGE_PATCH
from catalog.entrypoints.http.requests.parameters import Parameter

KEY = "operation"
"""The key of an `Operation` in the `opt` of its handler."""

ETAG = "ETag"
LOCATION = "Location"
LINK = "Link"
RETRY_AFTER = "Retry-After"
AUTHENTICATE = "WWW-Authenticate"
RATE_LIMIT = "RateLimit"
RATE_LIMIT_POLICY = "RateLimit-Policy"
SET_COOKIE = "Set-Cookie"
ALLOW = "Allow"
CONTENT_DISPOSITION = "Content-Disposition"


@dataclass(frozen=True, slots=True)
class Content:
    """A body in one media type: a type that msgspec can describe, and an example that can be sent.

    `related` are structs that `type` refers to only by name.
    """

    type: Any = None
    example: Any = None
    related: tuple[type, ...] = ()


@dataclass(frozen=True, slots=True)
class ResponseSpec:
    """A response: its status, its content by media type, and its headers beyond those of every response."""

    status: int
    description: str
    content: Mapping[str, Content] = field(default_factory=dict)
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Operation:
    """The documentation of a handler beyond its docstring.

    `id` is the name of the method in generated clients, `access` says who may call it. `body` is the request body by media type.
    `errors` are the statuses of the problems that this operation can respond with, in addition to those of every operation.
    `conditional` handlers accept If-Match, `idempotent` ones an Idempotency-Key. An operation with a body that `changes_nothing`
    takes no preferences.
    """

    id: str
    summary: str
    access: AccessRule
    body: Mapping[str, Content] = field(default_factory=dict)
    parameters: tuple[Parameter, ...] = ()
    responses: tuple[ResponseSpec, ...] = ()
    errors: tuple[int, ...] = ()
    conditional: bool = False
    idempotent: bool = False
    changes_nothing: bool = False

    def __deepcopy__(self, _memo: dict[int, Any]) -> "Operation":
        """Return the operation itself: it is immutable, and Litestar copies handlers with everything they declare."""
        return self


def documented(operation: Operation) -> dict[str, Any]:
    """Return the `opt` argument of a handler with its documentation and its access rule."""
    return {KEY: operation, ACCESS: operation.access}


def json_body(body: Any) -> Mapping[str, Content]:  # noqa: ANN401 - a struct with an EXAMPLE
    """Return the request body of a handler that takes a JSON object."""
    return {JSON: Content(body, body.EXAMPLE)}


def patch_body(body: Any) -> Mapping[str, Content]:  # noqa: ANN401 - a struct with an EXAMPLE
    """Return the request body of a handler that takes a JSON Merge Patch (RFC 7396), also under the media type of JSON."""
    return dict.fromkeys((MERGE_PATCH, JSON), Content(body, body.EXAMPLE))


def json_response(status: int, description: str, body: object, *headers: str) -> ResponseSpec:
    """Return a response with a JSON body."""
    return ResponseSpec(status, description, {JSON: Content(body)}, headers)


NO_CONTENT = ResponseSpec(204, "No content")
NOT_MODIFIED = ResponseSpec(304, "Not modified", headers=(ETAG,))
