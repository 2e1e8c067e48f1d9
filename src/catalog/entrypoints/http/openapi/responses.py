"""The headers of responses, and the problems that operations have in common."""

from collections.abc import Iterable, Sequence
from typing import Any

from catalog.entrypoints.http.openapi.operation import (
    ALLOW,
    AUTHENTICATE,
    CONTENT_DISPOSITION,
    ETAG,
    LINK,
    LOCATION,
    RATE_LIMIT,
    RATE_LIMIT_POLICY,
    RETRY_AFTER,
    SET_COOKIE,
)
from catalog.entrypoints.http.responses.problems import FRAMEWORK_ERRORS, PROBLEM_JSON, codes_by_status

Schema = dict[str, Any]

_TEXT = {"type": "string"}

HEADERS: dict[str, Schema] = {
    "X-Request-ID": {"description": "The id of the request", "schema": _TEXT},
    "X-Process-Time": {"description": "Processing time in seconds", "schema": _TEXT},
    "X-Cache": {
        "description": "On GET and HEAD: whether the response came from the cache",
        "schema": _TEXT | {"enum": ["HIT", "MISS"]},
    },
    ETAG: {"description": "Identifies this version of the resource", "schema": _TEXT},
    LOCATION: {"description": "The path of the resource", "schema": _TEXT},
    LINK: {"description": "Links to other pages (RFC 8288)", "schema": _TEXT},
    RETRY_AFTER: {"description": "Seconds to wait before a retry", "schema": _TEXT},
    ALLOW: {"description": "The methods that the path allows", "schema": _TEXT},
    CONTENT_DISPOSITION: {"description": "The file name", "schema": _TEXT},
}

SECURITY_HEADERS: dict[str, Schema] = {
    AUTHENTICATE: {"description": "How to authenticate (RFC 6750)", "schema": _TEXT},
    RATE_LIMIT: {"description": "The requests that are left, and the seconds until there are more", "schema": _TEXT},
    RATE_LIMIT_POLICY: {"description": "The requests allowed in a time", "schema": _TEXT},
    SET_COOKIE: {"description": "The session of a browser", "schema": _TEXT},
}
"""Headers that only a service with sign-in sends."""

_COMMON_HEADERS = ("X-Request-ID", "X-Process-Time", "X-Cache")

_PROBLEM_HEADERS = {
    401: (AUTHENTICATE,),
    405: (ALLOW,),
    409: (RETRY_AFTER,),
    429: (RETRY_AFTER, RATE_LIMIT, RATE_LIMIT_POLICY),
    503: (RETRY_AFTER,),
    507: (RETRY_AFTER,),
}


def headers(*names: str) -> Schema:
    """Return the headers of a response: those of every response, and these."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in (*_COMMON_HEADERS, *names)}


def problem_responses(statuses: Iterable[int], *, secured: bool) -> dict[str, Schema]:
    """Return the responses for the problems with these statuses, by status. If the service is `secured`, 403 has a challenge."""
    codes = codes_by_status()
    responses = {str(status): _problem_response(status, codes.get(status, [])) for status in sorted({*statuses})}
    if secured:
        responses["403"]["headers"] |= {AUTHENTICATE: {"$ref": f"#/components/headers/{AUTHENTICATE}"}}
    return responses


def _problem_response(status: int, codes: Sequence[str]) -> Schema:
    framework_codes = [FRAMEWORK_ERRORS[status][0]] if status in FRAMEWORK_ERRORS else []
    return {
        "description": f"A problem: {', '.join(f'`{code}`' for code in dict.fromkeys((*codes, *framework_codes)))}",
        "headers": headers(*_PROBLEM_HEADERS.get(status, ())),
        "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
