"""Hooks for schemathesis, which loads this file (tests.fuzz.contract).

All of its checks are on. A failure is dropped here only where an OpenAPI document cannot express the rule: a request that is
valid by its schema may still conflict with what is stored, and a batch or an import reports refusals in a response of 200.
"""

import re
from http import HTTPStatus
from typing import Any

import schemathesis

from catalog.domain.values.sku import RESERVED_SKUS, normalize_sku, parse_key

REJECTED_VALID = "ST202"
ACCEPTED_INVALID = "ST201"
USED_AFTER_DELETE = "ST301"

BEYOND_SCHEMAS = frozenset(
    {
        # depend on what is stored, or on an earlier request
        "stale_version",
        "not_absent",
        "not_present",
        "key_reused",
        "invalid_cursor",
        "invalid_position",
        "log_pruned",
        "unknown_category",
        "unknown_column",
        "invalid_file",
        "import_refused",
        "unknown_encoding",
        "unknown_sheet",
        # errors of the operations of a batch
        "item_not_found",
        "sku_taken",
        "contended",
        # members or parameters that contradict each other
        "other_sku",
        "own_parent",
        "not_applicable",
        "read_only",
        "required",
        "repeated_field",
        "repeated_sort_key",
        "too_many_filters",
        "too_many_facets",
        # rules that a pattern cannot express
        "blank",
        "invalid_slug",  # too long, in a comma-separated list
        "invalid_text",
        "unsearchable",
        "invalid_sku",
        "invalid_key",
        "attr.invalid_boolean",  # of attr.size__exists; other booleans are declared
        "sku_like_id",
        "reserved_sku",
        "unknown_currency",
        "too_many_decimals",
        "amount_too_large",
        "negative_amount",
        "invalid_amount",
        "integer_too_large",
        "not_finite",
        "invalid_time",
    }
)
"""Error codes of requests that are valid by their schema."""

_ETAGS = re.compile(r'\*|(W/)?"[!#-~]*"(, *(W/)?"[!#-~]*")*')


_FILES = ("text/csv", "application/jsonl", "application/x-ndjson")


@schemathesis.serializer(*_FILES)
def file(_context: schemathesis.SerializationContext, value: object) -> bytes:
    """Send a file unchanged."""
    return value if isinstance(value, bytes) else str(value).encode(errors="surrogatepass")


@schemathesis.hook
def filter_failure(_context: schemathesis.HookContext, failure: Any, case: Any, response: Any) -> bool:  # noqa: ANN401 - schemathesis' own
    """Return whether a failure is real."""
    if failure.code == REJECTED_VALID:
        return not (_contradicts(case) or _has_invalid_etags(case) or set(_codes(response)) <= BEYOND_SCHEMAS)
    if failure.code == ACCEPTED_INVALID:
        refused = response.status_code >= HTTPStatus.BAD_REQUEST or _reports_refusals(response)
        # In a URL, a number instead of a string is a string: 6.9e+16 is a SKU. So is a list that is sent as a file.
        is_text = case.media_type in _FILES and "in body" in failure.message
        return not (refused or is_text or "sku" in (case.query or {}))
    if failure.code == USED_AFTER_DELETE:
        # A deleted item still has a history and prices, and can be restored. Deleting an import only cancels it.
        return case.operation.path in ("/api/v1/items/{key}", "/api/v1/categories/{slug}")
    return True


def _body(response: Any) -> Any:  # noqa: ANN401 - schemathesis' own
    """Return the JSON in a response, or None if it has no JSON."""
    return response.json() if "json" in response.headers.get("content-type", [""])[0] else None


def _codes(response: Any) -> list[str]:  # noqa: ANN401 - schemathesis' own
    """Return the codes of all errors in a problem, or its own code if it has no errors."""
    problem = _body(response)
    if problem is None:
        return [f"status {response.status_code}"]
    if problem["status"] == "refused":
        return ["import_refused"]
    return list(map(_code, problem.get("errors", ()))) or [problem.get("code", "")]


def _code(error: dict[str, str]) -> str:
    """Return the code of an error; that of a wrong boolean with `attr.` before it if it is in a filter by attribute."""
    is_attribute = error["code"] == "invalid_boolean" and error.get("parameter", "").startswith("attr.")
    return f"attr.{error['code']}" if is_attribute else error["code"]


def _contradicts(case: Any) -> bool:  # noqa: ANN401 - schemathesis' own
    """Return whether the format of an import contradicts its Content-Type, or the key in the path is none."""
    if case.media_type == "multipart/form-data":
        return True  # the format is detected from the file name, and schemathesis sends none
    other_format = case.media_type is not None and "format" in (case.query or {})
    return other_format or not _is_key((case.path_parameters or {}).get("key", "A"))


def _is_key(value: object) -> bool:
    """Return whether a value in a path is the key of an item, and not a word of another path."""
    text = str(value)
    return parse_key(text) is not None and normalize_sku(text) not in RESERVED_SKUS


def _has_invalid_etags(case: Any) -> bool:  # noqa: ANN401 - schemathesis' own
    """Return whether a precondition is not a list of ETags. The coverage phase counts `If-Match: 0` as valid by its pattern."""
    values = [value for name, value in (case.headers or {}).items() if name.lower() in ("if-match", "if-none-match")]
    return any(not _ETAGS.fullmatch(value) for value in values)


def _reports_refusals(response: Any) -> bool:  # noqa: ANN401 - schemathesis' own
    """Return whether the response of a batch or an import reports refusals."""
    answer = _body(response) if response.status_code == HTTPStatus.OK else None
    return isinstance(answer, dict) and bool(answer.get("failed") or answer.get("refused"))
