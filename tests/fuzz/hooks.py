"""What schemathesis is told about the catalog beside the OpenAPI document. It loads this file itself (tests.fuzz.contract).

All of its checks are on. A failure is dropped here only where the document cannot say what is right: a request that is valid
by its schema may still contradict what is stored, and a batch or an import reports what it refused in an answer of 200.
"""

import re
from http import HTTPStatus
from typing import Any

import schemathesis

REJECTED_VALID = "ST202"
ACCEPTED_INVALID = "ST201"
USED_AFTER_DELETE = "ST301"

BEYOND_SCHEMAS = frozenset(
    {
        # conditions on what is stored, or on an earlier request
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
        # of the operations of a batch
        "item_not_found",
        "sku_taken",
        "contended",
        # members or parameters that contradict each other
        "other_sku",
        "own_parent",
        "read_only",
        "required",
        "repeated_field",
        "repeated_sort_key",
        "too_many_filters",
        "too_many_facets",
        # texts and numbers that a pattern cannot tell from others
        "blank",
        "invalid_slug",  # too long, in a comma-separated list
        "invalid_text",
        "unsearchable",
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
"""Codes of errors that a request can get although it is valid by its schema."""

_SKU = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_NO_KEYS = ("batch", "export", "import")


@schemathesis.serializer("text/csv", "application/jsonl", "application/x-ndjson")
def file(_context: schemathesis.SerializationContext, value: object) -> bytes:
    """Send a file as it is."""
    return value if isinstance(value, bytes) else str(value).encode(errors="surrogatepass")


@schemathesis.hook
def filter_failure(_context: schemathesis.HookContext, failure: Any, case: Any, response: Any) -> bool:  # noqa: ANN401 - schemathesis' own
    """Return whether a failure is one."""
    if failure.code == REJECTED_VALID:
        return not (_contradicts(case) or set(_codes(response)) <= BEYOND_SCHEMAS)
    if failure.code == ACCEPTED_INVALID:
        refused = response.status_code >= HTTPStatus.BAD_REQUEST or _reports_refusals(response)
        # A number where text belongs is text in a URL: 6.9e+16 is a SKU.
        return not (refused or _SKU.fullmatch(str((case.query or {}).get("sku", ""))))
    if failure.code == USED_AFTER_DELETE:
        # A deleted item has a history and prices, and can be restored; deleting an import only cancels it.
        return case.operation.path in ("/api/v1/items/{key}", "/api/v1/categories/{slug}")
    return True


def _codes(response: Any) -> list[str]:  # noqa: ANN401 - schemathesis' own
    """Return the codes of all errors that a problem names; its own code when it names none."""
    if "json" not in response.headers.get("content-type", [""])[0]:
        return [f"status {response.status_code}"]
    problem = response.json()
    if problem["status"] == "refused":
        return ["import_refused"]
    return [error["code"] for error in problem.get("errors", ())] or [problem.get("code", "")]


def _contradicts(case: Any) -> bool:  # noqa: ANN401 - schemathesis' own
    """Return whether an import is said to have another format than its Content-Type, or a key leads to another path."""
    if case.media_type == "multipart/form-data":
        return True  # a file's name says what it is, and schemathesis gives it none
    other_format = case.media_type is not None and "format" in (case.query or {})
    return other_format or (case.path_parameters or {}).get("key") in _NO_KEYS


def _reports_refusals(response: Any) -> bool:  # noqa: ANN401 - schemathesis' own
    """Return whether a batch or an import says that it refused something."""
    if response.status_code != HTTPStatus.OK or "json" not in response.headers.get("content-type", [""])[0]:
        return False
    answer = response.json()
    return isinstance(answer, dict) and bool(answer.get("failed") or answer.get("refused"))
