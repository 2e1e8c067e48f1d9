"""Errors as problem details (RFC 9457). The one place where an error becomes a status number."""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from itertools import islice
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from catalog.domain import errors
from catalog.domain.errors import CatalogError, FieldError, FieldPath, InvalidInput, InvalidQuery, shorten
from catalog.domain.text.normalization import visible
from catalog.domain.validation import MAX_ERRORS

PROBLEM_JSON = "application/problem+json"

MAX_PROBLEM = 64 * 1024
"""Bytes of an answer that refuses something, whatever was sent."""

MAX_DETAIL = 2_000
"""Characters of a problem's `detail`."""

MAX_BRIEF = 200
"""Characters of the `detail` of a brief problem."""

MAX_INSTANCE = 500
"""Characters of the path that a problem repeats."""

RETRY_AFTER = "1"
"""Seconds after which a client may try again what failed for want of the store, or of luck among rivals."""

STATUS_CODES: dict[type[CatalogError], HTTPStatus] = {
    errors.Malformed: HTTPStatus.BAD_REQUEST,
    errors.InvalidCursor: HTTPStatus.BAD_REQUEST,
    errors.InvalidInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.StaleVersion: HTTPStatus.PRECONDITION_FAILED,
    errors.AlreadyPresent: HTTPStatus.PRECONDITION_FAILED,
    errors.NotPresent: HTTPStatus.PRECONDITION_FAILED,
    errors.FileTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.UploadTooSlow: HTTPStatus.REQUEST_TIMEOUT,
    errors.KeyReused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.BatchRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.InvalidPosition: HTTPStatus.BAD_REQUEST,
    errors.LogPruned: HTTPStatus.GONE,
    errors.OutOfSpace: HTTPStatus.INSUFFICIENT_STORAGE,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The status of each error; one that is not named has that of the nearest above it in the tree.

An atomic batch that is refused has that of its first error.
"""

TITLES = {
    "malformed": "The request cannot be read",
    "invalid_input": "The input breaks rules",
    "invalid_query": "The parameters break rules",
    "invalid_file": "The file cannot be imported",
    "invalid_cursor": "The cursor is not valid",
    "content_too_large": "The file is too large",
    "request_timeout": "The file came in too slowly",
    "invalid_position": "The log has no such number",
    "batch_refused": "Operations of the batch cannot be done",
    "key_reused": "The Idempotency-Key stands for another request",
    "version_not_found": "There is no such version",
    "import_not_found": "There is no such import",
    "log_pruned": "The log does not reach back so far",
    "not_absent": "It is there already",
    "not_present": "It is not there",
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
    "too_many_subscribers": "Too many readers of the live feed",
    "imports_busy": "Too many imports at once",
    "out_of_space": "There is no space left",
    "schema_outdated": "The store has not the right schema",
}
"""A short sentence for each code; the same whatever the case."""

FRAMEWORK_ERRORS: dict[int, tuple[str, str]] = {
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


class FieldErrorBody(msgspec.Struct, omit_defaults=True):
    """One fault: where (a JSON pointer into the body, or a parameter's name), a stable code, and a sentence."""

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None


class ProblemBody(msgspec.Struct, omit_defaults=True):
    """A problem, as RFC 9457 has it, with a stable `code`, the request's id and the faults of the input.

    `errors_total` says how many faults there are, where `errors` does not have all of them.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: list[FieldErrorBody] | None = None
    errors_total: int | None = None


def problem(
    scope: Mapping[str, Any],
    status: int,
    detail: str,
    code: str | None = None,
    faults: list[FieldErrorBody] | None = None,
    total: int = 0,
) -> bytes:
    """Write a problem for the request in `scope`, in at most MAX_PROBLEM bytes; without a code of ours, that of the status.

    Of `total` faults those that fit are named.
    """
    request_id: str = scope["state"]["request_id"]
    named, title = FRAMEWORK_ERRORS.get(status, ("refused", "Refused")) if code is None else (code, TITLES[code])
    body = ProblemBody(
        type="about:blank" if code is None else f"urn:catalog:problem:{code}",
        title=title,
        status=status,
        detail=shorten(detail, MAX_DETAIL),
        instance=shorten(scope["path"], MAX_INSTANCE),
        code=named,
        request_id=request_id,
        errors=faults,
    )
    if faults is not None and total > len(faults):
        body.errors_total = total
    encoded = _encoder.encode(_encodable(body))
    while len(encoded) > MAX_PROBLEM and body.errors:
        kept = len(body.errors) * MAX_PROBLEM // len(encoded)
        body.errors = body.errors[: min(kept, len(body.errors) - 1)]
        body.errors_total = total
        encoded = _encoder.encode(_encodable(body))
    return encoded


def status_of(error: CatalogError) -> HTTPStatus:
    """Return the status of an error."""
    if isinstance(error, errors.BatchRefused):
        return status_of(error.failures[0][1])
    return next(STATUS_CODES[kind] for kind in type(error).__mro__ if kind in STATUS_CODES)


def problem_of(scope: Mapping[str, Any], error: CatalogError) -> bytes:
    """Write the problem of an error."""
    faults = field_errors_of(error)
    if faults is None:
        return problem(scope, status_of(error), str(error), error.code)
    total = total_of(error)
    notes = " ".join(_notes(error))
    if isinstance(error, errors.BatchRefused) or total == 1:
        detail = str(error)
    elif total > MAX_ERRORS:
        detail = f"There are {total} faults; `errors` names the first ones, and {total - MAX_ERRORS} more are not named. {notes}"
    else:
        detail = f"There are {total} faults; `errors` names each. {notes}"
    return problem(scope, status_of(error), detail.rstrip(), error.code, faults, total)


def short_problem_of(scope: Mapping[str, Any], error: CatalogError) -> bytes:
    """Write the problem of an error without its faults, but with their number."""
    total = total_of(error)
    detail = str(error) if total == 1 else f"There are {total} faults; send this on its own to have them named."
    return problem(scope, status_of(error), shorten(detail, MAX_BRIEF), error.code)


def field_errors_of(error: CatalogError) -> list[FieldErrorBody] | None:
    """Return the shapes of an error's faults, those of a batch's operations included; None when it has none.

    Of many, the first MAX_FAULTS.
    """
    if isinstance(error, InvalidInput):
        return [_field_error(fault, error) for fault in error.errors]
    if isinstance(error, errors.BatchRefused):
        each = (fault for index, failure in error.failures for fault in _faults_of_operation(index, failure))
        return list(islice(each, MAX_ERRORS))
    return None


def total_of(error: CatalogError) -> int:
    """Count the faults of an error, those of a batch's operations included."""
    if isinstance(error, errors.BatchRefused):
        return sum(total_of(failure) for _, failure in error.failures)
    return error.total if isinstance(error, InvalidInput) else 1


def _notes(error: CatalogError) -> Sequence[str]:
    return error.notes if isinstance(error, InvalidInput) else ()


def _faults_of_operation(index: int, error: CatalogError) -> Iterator[FieldErrorBody]:
    place = ("operations", index)
    if isinstance(error, InvalidInput):
        yield from (FieldErrorBody(fault.code, fault.message, _pointer((*place, *fault.path))) for fault in error.errors)
    else:
        yield FieldErrorBody(error.code, str(error), _pointer(place))


def on_catalog_error(request: AnyRequest, error: CatalogError) -> Response[bytes]:
    """Answer with what the catalog refused, and why."""
    status = status_of(error)
    headers = {}
    if isinstance(error, errors.Unavailable | errors.TooManyConflicts | errors.RequestInProgress):
        headers["Retry-After"] = RETRY_AFTER
    if isinstance(error, errors.Unavailable):
        _log.warning("unavailable", code=error.code, reason=str(error), cause=repr(error.__cause__) if error.__cause__ else None)
    body = problem_of(request.scope, error)
    return Response(body, status_code=status, media_type=PROBLEM_JSON, headers=headers)


def on_http_exception(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """Answer with the framework's own refusals: no such path, method, too large."""
    status = HTTPStatus(error.status_code)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return on_unexpected_error(request, error)
    headers = {name: value for name, value in (error.headers or {}).items() if name.lower() != "content-type"}
    body = problem(request.scope, status, _DETAILS.get(status, str(error.detail)))
    return Response(body, status_code=status, media_type=PROBLEM_JSON, headers=headers)


def on_unexpected_error(request: AnyRequest, error: Exception) -> Response[bytes]:
    """Answer for a fault of ours: nothing of it is told to the caller but the id under which the log has it all."""
    _log.error("unforeseen", exc_info=error)
    return Response(unexpected_error(request.scope), status_code=500, media_type=PROBLEM_JSON)


def unexpected_error(scope: Mapping[str, Any]) -> bytes:
    """Write the problem of an unforeseen error."""
    detail = "The service failed in a way that nobody foresaw; the log has it under the request's id."
    return problem(scope, 500, detail)


_DETAILS = {
    HTTPStatus.NOT_FOUND: "There is nothing at this path; /openapi.json lists what there is.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This path does not take this method; the header Allow names those it takes.",
    HTTPStatus.PRECONDITION_REQUIRED: "Say with If-Match which version is to be changed; its ETag names it (or * for any).",
}


def _field_error(fault: FieldError, error: InvalidInput) -> FieldErrorBody:
    if isinstance(error, InvalidQuery):
        return FieldErrorBody(fault.code, fault.message, parameter=str(fault.path[0]))
    return FieldErrorBody(fault.code, fault.message, pointer=_pointer(fault.path))


def _pointer(path: FieldPath) -> str:
    """Write a path as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _encodable(body: ProblemBody) -> object:
    """Make text that UTF-8 cannot hold (lone surrogates that a caller sent) visible instead."""
    try:
        _encoder.encode(body)
    except UnicodeEncodeError:
        return _replace_surrogates(msgspec.to_builtins(body))
    return body


def _replace_surrogates(value: object) -> object:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {name: _replace_surrogates(inner) for name, inner in value.items()}
    return [_replace_surrogates(inner) for inner in value] if isinstance(value, list) else value
