"""The problem types of the catalog: a title and a meaning for each error code.

They are documented at `/docs/errors` and in docs/reference/errors.md; both are generated from this table.
"""

from typing import Final, NamedTuple

ERRORS_PATH: Final = "/docs/errors"
"""The page with a section for each code. A problem's `type` refers to the section (RFC 9457, section 3.1.1)."""


class ProblemType(NamedTuple):
    """A kind of problem. The title does not depend on the request. Back-quotes in the meaning enclose code."""

    title: str
    meaning: str


PROBLEM_TYPES: dict[str, ProblemType] = {
    "malformed": ProblemType(
        "Malformed request",
        "The body or a precondition can't be parsed: invalid JSON, not UTF-8, nested deeper than 32 levels, a duplicate member.",
    ),
    "invalid_cursor": ProblemType(
        "Invalid cursor",
        "The cursor is damaged, belongs to another query, or is combined with `offset`.",
    ),
    "invalid_position": ProblemType(
        "Invalid log position",
        "The log has no entry with this number; `Last-Event-ID` probably belongs to another log.",
    ),
    "item_not_found": ProblemType("Item not found", "No item has this id or SKU."),
    "category_not_found": ProblemType("Category not found", "No category has this slug."),
    "version_not_found": ProblemType("Version not found", "The log has no such version of the item."),
    "import_not_found": ProblemType("Import not found", "No import has this id, or it ended more than a day ago."),
    "request_timeout": ProblemType("Upload too slow", "The file of an import arrived too slowly; nothing was imported."),
    "item_exists": ProblemType("Item already exists", "An item with this id already exists."),
    "sku_taken": ProblemType("SKU already in use", "The SKU belongs to another item."),
    "slug_taken": ProblemType("Slug already in use", "A category with this slug already exists."),
    "category_in_use": ProblemType("Category in use", "The category has children or items."),
    "category_cycle": ProblemType("Category cycle", "The category would be its own descendant."),
    "category_too_deep": ProblemType("Category tree too deep", "The tree would have more than 16 levels."),
    "not_deleted": ProblemType("Item is not deleted", "The item to restore exists."),
    "in_flight": ProblemType("Request in progress", "A request with this `Idempotency-Key` is still running; see `Retry-After`."),
    "done_before": ProblemType("Already processed", "Already processed under the same key."),
    "contended": ProblemType("Too many conflicts", "Too many concurrent writers; see `Retry-After`."),
    "log_pruned": ProblemType("Log entries pruned", "The log starts after this number; read all items again."),
    "stale_version": ProblemType("Version conflict", "The item has another version than `If-Match` names."),
    "not_present": ProblemType("Precondition failed: item does not exist", "`If-Match` requires an item that doesn't exist."),
    "not_absent": ProblemType("Precondition failed: item exists", "`If-None-Match: *` forbids replacing an existing item."),
    "content_too_large": ProblemType("File too large", "The file of an import is too large."),
    "invalid_input": ProblemType("Validation failed", "The body breaks rules."),
    "invalid_query": ProblemType("Invalid query parameters", "Query parameters are unknown, repeated or break rules."),
    "invalid_file": ProblemType(
        "Invalid import file",
        "The import file isn't a table of items, or not the whole export; nothing was imported.",
    ),
    "key_reused": ProblemType("Idempotency key reused", "This `Idempotency-Key` was used with another body."),
    "batch_refused": ProblemType(
        "Batch failed",
        "Operations of an atomic batch failed; the status is that of the first failure.",
    ),
    "store_unavailable": ProblemType(
        "Database unavailable",
        "The store doesn't respond. If `detail` says that a write may have been stored, read before you repeat "
        "it; see `Retry-After`.",
    ),
    "store_busy": ProblemType(
        "Too many pending requests",
        "Too many writes are waiting; nothing was written; see `Retry-After`.",
    ),
    "schema_outdated": ProblemType(
        "Database schema is out of date",
        "The database schema is missing or has another version; run `catalog migrate`.",
    ),
    "too_many_subscribers": ProblemType(
        "Too many subscribers",
        "The live feed has as many subscribers as the process allows; see `Retry-After`.",
    ),
    "imports_busy": ProblemType("Too many imports", "Too many imports are running; see `Retry-After`."),
    "out_of_space": ProblemType("Out of disk space", "A disk is full; nothing was written; see `Retry-After`."),
}
