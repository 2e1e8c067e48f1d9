"""Errors as problem details (RFC 9457). This is the only place that maps errors to HTTP statuses."""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from itertools import islice
from typing import Any

import msgspec
import structlog
from litestar import Response
from litestar.exceptions import HTTPException
from msgspec import UNSET

from catalog.domain import errors
from catalog.domain.errors import CatalogError, FieldError, FieldPath, InvalidInput, InvalidQuery, shorten
from catalog.domain.identity.errors import (
    CredentialNotAllowed,
    EndedSession,
    ExpiredToken,
    Forbidden,
    InsufficientScope,
    InvalidToken,
    SeveralCredentials,
    TooManyAttempts,
    TooManyRequests,
    Unauthenticated,
)
from catalog.domain.text.normalization import visible
from catalog.domain.validation import MAX_ERRORS
from catalog.entrypoints.http.requests.caller import AnyRequest
from catalog.entrypoints.http.responses.problem_bodies import FieldErrorBody, ProblemBody
from catalog.entrypoints.http.responses.problem_types import ERRORS_PATH, PROBLEM_TYPES
from catalog.entrypoints.http.responses.public_prefix import public_path

PROBLEM_JSON = "application/problem+json"

MAX_PROBLEM = 64 * 1024
"""Bytes of an error response, whatever the client sent."""

MAX_DETAIL = 2_000
"""Characters of a problem's `detail`."""

MAX_SHORT_DETAIL = 200
"""Characters of the `detail` of a short problem."""

MAX_INSTANCE = 500
"""Characters of the request path in `instance`."""

RETRY_AFTER = "1"
"""Seconds to wait before a retry when the store is unavailable or there were too many conflicts."""

STATUS_CODES: dict[type[CatalogError], HTTPStatus] = {
    errors.Malformed: HTTPStatus.BAD_REQUEST,
    SeveralCredentials: HTTPStatus.BAD_REQUEST,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    TooManyAttempts: HTTPStatus.TOO_MANY_REQUESTS,
    TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
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
"""The status of each error. An error that is not listed has the status of its nearest listed base class.

A failed atomic batch has the status of its first error.
"""

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
"""Code and title of errors that the framework raises, by RFC 9110. (The names in `http` differ between Python versions.)"""

_log = structlog.get_logger("catalog.http")
_encoder = msgspec.json.Encoder()


def problem(  # noqa: PLR0913 - the members of a problem
    scope: Mapping[str, Any],
    status: int,
    detail: str,
    code: str | None = None,
    field_errors: list[FieldErrorBody] | None = None,
    total: int = 0,
    *,
    required: str | None = None,
) -> bytes:
    """Encode a problem for the request in `scope`, in at most MAX_PROBLEM bytes. Without `code`, the status determines it.

    Of `total` field errors, as many as fit are included. `required` is the scope that the caller lacks.
    """
    request_id: str = scope["state"]["request_id"]
    problem_code, title = (
        FRAMEWORK_ERRORS.get(status, ("refused", "Refused")) if code is None else (code, PROBLEM_TYPES[code].title)
    )
    body = ProblemBody(
        type="about:blank" if code is None else public_path(f"{ERRORS_PATH}#{code}"),
        title=title,
        status=status,
        detail=shorten(detail, MAX_DETAIL),
        instance=shorten(scope["path"], MAX_INSTANCE),
        code=problem_code,
        request_id=request_id,
        errors=UNSET if field_errors is None else field_errors,
        required=UNSET if required is None else required,
    )
    if field_errors is not None and total > len(field_errors):
        body.errors_total = total
    encoded = _encoder.encode(_encodable(body))
    while len(encoded) > MAX_PROBLEM and body.errors:
        fitting = len(body.errors) * MAX_PROBLEM // len(encoded)
        body.errors = body.errors[: min(fitting, len(body.errors) - 1)]
        body.errors_total = total
        encoded = _encoder.encode(_encodable(body))
    return encoded


def status_of(error: CatalogError) -> HTTPStatus:
    """Return the HTTP status of an error."""
    if isinstance(error, errors.BatchRefused):
        return status_of(error.failures[0][1])
    return _status_of_type(type(error))


def codes_by_status() -> dict[int, list[str]]:
    """Return the codes of the problems with each status, in the order of PROBLEM_TYPES.

    The status of `batch_refused` is that of the first failure; it is listed under the status of an invalid body. A code with two
    statuses, as `invalid_credentials`, is listed under the first of them.
    """
    statuses: dict[str, HTTPStatus] = {}
    for error in _errors_below(CatalogError):
        statuses.setdefault(error.code, _status_of_type(error))
    codes: dict[int, list[str]] = {}
    for code in PROBLEM_TYPES:
        codes.setdefault(statuses[code], []).append(code)
    return codes


def _errors_below(parent: type[CatalogError]) -> Iterator[type[CatalogError]]:
    for error in parent.__subclasses__():
        yield error
        yield from _errors_below(error)


def _status_of_type(error: type[CatalogError]) -> HTTPStatus:
    return next(STATUS_CODES[kind] for kind in error.__mro__ if kind in STATUS_CODES)


def problem_of(scope: Mapping[str, Any], error: CatalogError) -> bytes:
    """Encode an error as a problem."""
    field_errors = field_errors_of(error)
    if field_errors is None:
        required = error.required if isinstance(error, InsufficientScope) else None
        return problem(scope, status_of(error), str(error), error.code, required=required)
    total = count_errors(error)
    notes = " ".join(_notes_of(error))
    if isinstance(error, errors.BatchRefused) or total == 1:
        detail = str(error)
    elif total > MAX_ERRORS:
        detail = f"There are {total} errors; `errors` lists at most the first {MAX_ERRORS}. {notes}"
    else:
        detail = f"There are {total} errors; see `errors`. {notes}"
    return problem(scope, status_of(error), detail.rstrip(), error.code, field_errors, total)


def short_problem_of(scope: Mapping[str, Any], error: CatalogError) -> bytes:
    """Encode an error as a problem that counts its field errors and does not list them."""
    total = count_errors(error)
    detail = str(error) if total == 1 else f"There are {total} errors; send this operation on its own to see them."
    return problem(scope, status_of(error), shorten(detail, MAX_SHORT_DETAIL), error.code)


def field_errors_of(error: CatalogError) -> list[FieldErrorBody] | None:
    """Return the field errors of an error, including those of a batch's operations; None if it has no field errors.

    The result has at most MAX_ERRORS elements.
    """
    if isinstance(error, InvalidInput):
        return [_field_error(field_error, error) for field_error in error.errors]
    if isinstance(error, errors.BatchRefused):
        bodies = (body for index, failure in error.failures for body in _operation_field_errors(index, failure))
        return list(islice(bodies, MAX_ERRORS))
    return None


def count_errors(error: CatalogError) -> int:
    """Count the field errors of an error, including those of a batch's operations."""
    if isinstance(error, errors.BatchRefused):
        return sum(count_errors(failure) for _, failure in error.failures)
    return error.total if isinstance(error, InvalidInput) else 1


def _notes_of(error: CatalogError) -> Sequence[str]:
    return error.notes if isinstance(error, InvalidInput) else ()


def _operation_field_errors(index: int, error: CatalogError) -> Iterator[FieldErrorBody]:
    path = ("operations", index)
    if isinstance(error, InvalidInput):
        yield from (
            FieldErrorBody(field_error.code, field_error.message, _pointer((*path, *field_error.path)))
            for field_error in error.errors
        )
    else:
        yield FieldErrorBody(error.code, str(error), _pointer(path))


def on_catalog_error(request: AnyRequest, error: CatalogError) -> Response[bytes]:
    """Respond to an error that the catalog raised."""
    status = status_of(error)
    headers = headers_of(error)
    log_unavailable(error)
    body = problem_of(request.scope, error)
    return Response(body, status_code=status, media_type=PROBLEM_JSON, headers=headers)


def log_unavailable(error: CatalogError) -> None:
    """Log why something is unavailable; the response does not say."""
    if isinstance(error, errors.Unavailable):
        _log.warning("unavailable", code=error.code, reason=str(error), cause=repr(error.__cause__) if error.__cause__ else None)


def headers_of(error: CatalogError) -> dict[str, str]:
    """Return the headers of the response to an error: when to retry, and how to authenticate (RFC 6750, section 3)."""
    if isinstance(error, errors.Unavailable | errors.TooManyConflicts | errors.RequestInProgress):
        return {"Retry-After": RETRY_AFTER}
    if isinstance(error, TooManyAttempts | TooManyRequests):
        return {"Retry-After": str(error.seconds)}
    challenge = _challenge(error)
    return {} if challenge is None else {"WWW-Authenticate": challenge}


def _challenge(error: CatalogError) -> str | None:
    """Return how to authenticate, or None if another credential would not help."""
    if isinstance(error, ExpiredToken):
        return 'Bearer error="invalid_token", error_description="The token has expired"'
    if isinstance(error, InvalidToken | EndedSession):
        return 'Bearer error="invalid_token"'
    if isinstance(error, InsufficientScope):
        return f'Bearer error="insufficient_scope", scope="{error.required}"'
    return "Bearer" if isinstance(error, Unauthenticated | CredentialNotAllowed) else None


def on_http_exception(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """Respond to an error that the framework raised: unknown path, wrong method, body too large."""
    status = HTTPStatus(error.status_code)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return on_unexpected_error(request, error)
    headers = {name: value for name, value in (error.headers or {}).items() if name.lower() != "content-type"}
    body = problem(request.scope, status, _FRAMEWORK_DETAILS.get(status, str(error.detail)))
    return Response(body, status_code=status, media_type=PROBLEM_JSON, headers=headers)


def on_unexpected_error(request: AnyRequest, error: Exception) -> Response[bytes]:
    """Respond to a bug. The caller gets the request id and no details; the log has the traceback under that id."""
    _log.error("unexpected_error", exc_info=error)
    return Response(unexpected_error(request.scope), status_code=500, media_type=PROBLEM_JSON)


def unexpected_error(scope: Mapping[str, Any]) -> bytes:
    """Encode the problem of an unexpected error."""
    detail = "Unexpected error. Quote the request id when reporting it."
    return problem(scope, 500, detail)


_FRAMEWORK_DETAILS = {
    HTTPStatus.NOT_FOUND: "Unknown path. See /openapi.json for the available paths.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This path does not support this method. The header Allow lists the supported methods.",
    HTTPStatus.PRECONDITION_REQUIRED: "If-Match is required. Send the ETag of the version to change, or * for any version.",
}


def _field_error(field_error: FieldError, error: InvalidInput) -> FieldErrorBody:
    cure = field_error.cure or UNSET
    if isinstance(error, InvalidQuery):
        return FieldErrorBody(field_error.code, field_error.message, parameter=str(field_error.path[0]), cure=cure)
    return FieldErrorBody(field_error.code, field_error.message, pointer=_pointer(field_error.path), cure=cure)


def _pointer(path: FieldPath) -> str:
    """Encode a path as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _encodable(body: ProblemBody) -> object:
    """Return the body, with lone surrogates that a client sent replaced by visible escapes, because UTF-8 cannot encode them."""
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
