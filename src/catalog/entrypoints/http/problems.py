"""Errors as problem details (RFC 9457). The one place where an error becomes a status number."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from catalog.domain import errors
from catalog.domain.errors import CatalogError, Fault, InvalidInput, InvalidQuery, Path
from catalog.domain.text import visible

PROBLEM_JSON = "application/problem+json"

RETRY_AFTER = "1"
"""Seconds after which a client may try again what failed for want of the store, or of luck among rivals."""

STATUS: dict[type[CatalogError], HTTPStatus] = {
    errors.Malformed: HTTPStatus.BAD_REQUEST,
    errors.InvalidCursor: HTTPStatus.BAD_REQUEST,
    errors.InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.StaleVersion: HTTPStatus.PRECONDITION_FAILED,
    errors.NotAbsent: HTTPStatus.PRECONDITION_FAILED,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.TooSlow: HTTPStatus.REQUEST_TIMEOUT,
    errors.KeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.BatchRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidPosition: HTTPStatus.BAD_REQUEST,
    errors.LogPruned: HTTPStatus.GONE,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The status of each error; one that is not named has that of the nearest above it in the tree.

An atomic batch that is refused has that of its first error.
"""

TITLES = {
    "malformed": "The request cannot be read",
    "invalid_input": "The input breaks rules",
    "invalid_query": "The parameters break rules",
    "invalid_cursor": "The cursor is not valid",
    "content_too_large": "The file is too large",
    "request_timeout": "The file stopped coming in",
    "invalid_position": "The log has no such number",
    "batch_refused": "Operations of the batch cannot be done",
    "key_reused": "The Idempotency-Key stands for another request",
    "version_not_found": "There is no such version",
    "import_not_found": "There is no such import",
    "log_pruned": "The log does not reach back so far",
    "not_absent": "It is there already",
    "not_deleted": "It is not deleted",
    "done_before": "It was done before",
    "in_flight": "The same request is under way",
    "item_not_found": "There is no such item",
    "item_exists": "The item is there already",
    "sku_taken": "The SKU is taken",
    "category_not_found": "There is no such category",
    "slug_taken": "The slug is taken",
    "category_in_use": "The category is in use",
    "category_cycle": "The category would stand below itself",
    "category_too_deep": "The tree would be too deep",
    "stale_version": "It was changed meanwhile",
    "contended": "Too many writers at once",
    "store_unavailable": "The store does not answer",
    "store_busy": "Too many writes wait",
    "schema_outdated": "The store has not the right schema",
}
"""A short sentence for each code; the same whatever the case."""

FRAMEWORK: dict[int, tuple[str, str]] = {
    400: ("bad_request", "Bad Request"),
    403: ("cross_origin_request", "Forbidden"),
    404: ("not_found", "Not Found"),
    405: ("method_not_allowed", "Method Not Allowed"),
    408: ("request_timeout", "Request Timeout"),
    413: ("content_too_large", "Content Too Large"),
    414: ("uri_too_long", "URI Too Long"),
    415: ("unsupported_media_type", "Unsupported Media Type"),
    428: ("precondition_required", "Precondition Required"),
    421: ("misdirected_request", "Misdirected Request"),
    431: ("headers_too_large", "Request Header Fields Too Large"),
    500: ("internal_server_error", "Internal Server Error"),
}
"""Code and title of what the framework refuses, by RFC 9110. (Python's names for these change with its versions.)"""

AnyRequest = Request[Any, Any, Any]

_log = structlog.get_logger("catalog.http")
_encoder = msgspec.json.Encoder()


class FaultBody(msgspec.Struct, omit_defaults=True):
    """One fault: where (a JSON pointer into the body, or a parameter's name), a stable code, and a sentence."""

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None


class ProblemBody(msgspec.Struct, omit_defaults=True):
    """A problem, as RFC 9457 has it, with a stable `code`, the request's id and every fault of the input."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: list[FaultBody] | None = None


def problem(
    scope: Mapping[str, Any], status: int, detail: str, code: str | None = None, faults: list[FaultBody] | None = None
) -> bytes:
    """Write a problem for the request in `scope`; without a code of ours, that of the status."""
    path: str = scope["path"]
    request_id: str = scope["state"]["request_id"]
    named, title = FRAMEWORK.get(status, ("refused", "Refused")) if code is None else (code, TITLES[code])
    body = ProblemBody(
        type="about:blank" if code is None else f"urn:catalog:problem:{code}",
        title=title,
        status=status,
        detail=detail,
        instance=path,
        code=named,
        request_id=request_id,
        errors=faults,
    )
    return _encoder.encode(_storable(body))


def status_of(error: CatalogError) -> HTTPStatus:
    """Return the status of an error."""
    if isinstance(error, errors.BatchRefused):
        return status_of(error.failures[0][1])
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def problem_of(scope: Mapping[str, Any], error: CatalogError) -> bytes:
    """Write the problem of an error."""
    faults = faults_of(error)
    many = faults is not None and len(faults) > 1 and not isinstance(error, errors.BatchRefused)
    detail = f"There are {len(faults or ())} faults; `errors` names each." if many else str(error)
    return problem(scope, status_of(error), detail, error.code, faults)


def faults_of(error: CatalogError) -> list[FaultBody] | None:
    """Return the shapes of an error's faults, those of a batch's operations included; None when it has none."""
    if isinstance(error, InvalidInput):
        return [_fault(fault, error) for fault in error.faults]
    if isinstance(error, errors.BatchRefused):
        return [fault for index, each in error.failures for fault in _faults_of_operation(index, each)]
    return None


def _faults_of_operation(index: int, error: CatalogError) -> list[FaultBody]:
    place = ("operations", index)
    if isinstance(error, InvalidInput):
        return [FaultBody(fault.code, fault.message, _pointer((*place, *fault.path))) for fault in error.faults]
    return [FaultBody(error.code, str(error), _pointer(place))]


def on_catalog_error(request: AnyRequest, error: CatalogError) -> Response[bytes]:
    """Answer with what the catalog refused, and why."""
    status = status_of(error)
    headers = {}
    if isinstance(error, errors.Unavailable | errors.Contended | errors.InFlight):
        headers["Retry-After"] = RETRY_AFTER
    if isinstance(error, errors.Unavailable):
        _log.warning("unavailable", code=error.code, reason=str(error), cause=repr(error.__cause__) if error.__cause__ else None)
    body = problem_of(request.scope, error)
    return Response(body, status_code=status, media_type=PROBLEM_JSON, headers=headers)


def on_http_exception(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """Answer with the framework's own refusals: no such path, method, too large."""
    status = HTTPStatus(error.status_code)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return on_unforeseen(request, error)
    headers = {name: value for name, value in (error.headers or {}).items() if name.lower() != "content-type"}
    body = problem(request.scope, status, _DETAILS.get(status, str(error.detail)))
    return Response(body, status_code=status, media_type=PROBLEM_JSON, headers=headers)


def on_unforeseen(request: AnyRequest, error: Exception) -> Response[bytes]:
    """Answer for a fault of ours: nothing of it is told to the caller but the id under which the log has it all."""
    _log.error("unforeseen", exc_info=error)
    return Response(unforeseen(request.scope), status_code=500, media_type=PROBLEM_JSON)


def unforeseen(scope: Mapping[str, Any]) -> bytes:
    """Write the problem of an unforeseen error."""
    detail = "The service failed in a way that nobody foresaw; the log has it under the request's id."
    return problem(scope, 500, detail)


_DETAILS = {
    HTTPStatus.NOT_FOUND: "There is nothing at this path; /openapi.json lists what there is.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This path does not take this method; the header Allow names those it takes.",
    HTTPStatus.PRECONDITION_REQUIRED: "Say with If-Match which version is to be changed; its ETag names it (or * for any).",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than this path takes.",
}


def _fault(fault: Fault, error: InvalidInput) -> FaultBody:
    if isinstance(error, InvalidQuery):
        return FaultBody(fault.code, fault.message, parameter=str(fault.path[0]))
    return FaultBody(fault.code, fault.message, pointer=_pointer(fault.path))


def _pointer(path: Path) -> str:
    """Write a path as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _storable(body: ProblemBody) -> object:
    """Make text that UTF-8 cannot hold (lone surrogates that a caller sent) visible instead."""
    try:
        _encoder.encode(body)
    except UnicodeEncodeError:
        return _mended(msgspec.to_builtins(body))
    return body


def _mended(value: object) -> object:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {name: _mended(inner) for name, inner in value.items()}
    return [_mended(inner) for inner in value] if isinstance(value, list) else value
