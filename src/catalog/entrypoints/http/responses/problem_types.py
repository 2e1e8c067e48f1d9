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
    "several_credentials": ProblemType(
        "Several credentials",
        "The request has more than one `Authorization` or `X-API-Key` header, or both. Send one credential.",
    ),
    "unauthenticated": ProblemType("Not signed in", "The request needs an access token, an API key or a session cookie."),
    "invalid_token": ProblemType(
        "Invalid token",
        "The token, session or API key isn't valid, was revoked, or its session ended. Sign in again.",
    ),
    "expired_token": ProblemType("Expired token", "The token or API key has expired. Refresh it, or sign in again."),
    "invalid_credentials": ProblemType(
        "Wrong username or password",
        "The username or password is wrong, or the user is disabled. A wrong current password at `/auth/me/password` is 403.",
    ),
    "forbidden": ProblemType("Forbidden", "The caller may not do that, whatever the scopes."),
    "insufficient_scope": ProblemType(
        "Insufficient scope",
        "The role of the user, the token or the API key doesn't grant the scope that `required` names.",
    ),
    "credential_not_allowed": ProblemType(
        "Credential not allowed",
        "API keys, users of other issuers, or tokens with fewer scopes than the user's role may not do that.",
    ),
    "cross_site": ProblemType(
        "Cross-site request",
        "The request has a session cookie or asks for one, and it can't be shown that a page of this service sent it.",
    ),
    "too_many_attempts": ProblemType(
        "Too many failed sign-ins",
        "After several wrong passwords, even the right one is refused until the delay in `Retry-After` is over.",
    ),
    "too_many_requests": ProblemType(
        "Too many requests",
        "The caller has used up its requests for now; see `Retry-After`, `RateLimit` and `RateLimit-Policy`.",
    ),
    "weak_password": ProblemType("Weak password", "The new password is too short, common, or contains the username."),
    "user_not_found": ProblemType("User not found", "No user has this id or username."),
    "session_not_found": ProblemType("Session not found", "The caller has no session with this id."),
    "api_key_not_found": ProblemType("API key not found", "The caller has no API key with this id."),
    "username_taken": ProblemType("Username already in use", "The username belongs to another user."),
    "last_admin": ProblemType("Last admin", "The last active admin can't be deleted, disabled or get another role."),
    "too_many_api_keys": ProblemType("Too many API keys", "The user has 50 API keys already; revoke one."),
    "signing_key_in_settings": ProblemType(
        "Signing key in the settings",
        "The key that signs access tokens is set by `CATALOG_IDENTITY__SIGNING_KEY`; replace it there.",
    ),
    "sign_ins_busy": ProblemType("Too many sign-ins", "Too many passwords are being checked; see `Retry-After`."),
    "issuer_unavailable": ProblemType(
        "Issuer unavailable",
        "The keys of the other issuer can't be fetched, so its tokens can't be verified; see `Retry-After`.",
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
