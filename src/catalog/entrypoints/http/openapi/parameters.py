"""The parameters of paths, headers and simple queries. Those of item lists are in `list_parameters`, of imports in `imports`."""

import re
from typing import Annotated, Any, Literal
from uuid import UUID

from msgspec import Meta

from catalog.application.changes.history import DEFAULT_ENTRIES, KINDS, MAX_ENTRIES
from catalog.domain.changes.log import MAX_SEQ
from catalog.entrypoints.http.requests.parameters import Parameter
from catalog.entrypoints.representations.fields import KEY_PATTERN, Slug

Moment = Annotated[
    Any,
    Meta(
        extra_json_schema={
            "anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}],
            "examples": ["2026-11-20T12:00:00Z", "2026-11-20"],
        }
    ),
]
"""A time, or a day. (msgspec allows no union of `datetime` and `date`.)"""

_ETag = r'(W/)?"[!#-~]*"'
_ETags = Annotated[str, Meta(pattern=rf"^(\*|{_ETag}(, *{_ETag})*)$", examples=["*"])]

KEY = Parameter(
    "key",
    "The id or SKU of the item. SKUs are case-insensitive.",
    Annotated[str, Meta(pattern=rf"^\s*{KEY_PATTERN}\s*$", examples=["CHAIR-1"])],
    "path",
)
SLUG = Parameter("slug", "The slug of the category.", Slug, "path")
IMPORT_ID = Parameter("id", "The id of the import.", UUID, "path")

PATH_PARAMETERS = (KEY, SLUG, IMPORT_ID)

REQUEST_ID = Parameter(
    "X-Request-ID",
    "An id for this request. It is returned in the response and recorded in the logs and the change log.",
    str,
    "header",
)
IF_MATCH = Parameter(
    "If-Match", "The ETag of the version to change. Returns 412 if it is not the current version.", _ETags, "header"
)
IF_NONE_MATCH = Parameter(
    "If-None-Match", "An ETag from an earlier response. Returns 304 if nothing has changed.", _ETags, "header"
)
IF_ABSENT = Parameter(
    "If-None-Match",
    "`*`: only create the item. Returns 412 if it already exists.",
    Annotated[str, Meta(pattern=r"^\*$", examples=["*"])],
    "header",
    key="If-None-Match-Any",
)
IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    "A unique key for this request. Repeating the request within 24 hours returns the stored response.",
    Annotated[str, Meta(pattern="^[!-~]{1,255}$")],
    "header",
)
PREFER = Parameter(
    "Prefer",
    "`return=minimal`: leave items and categories out of the response. `respond-async`: run an import in the background. "
    "See RFC 7240.",
    str,
    "header",
)
LAST_EVENT_ID = Parameter("Last-Event-ID", "With `Accept: text/event-stream`: the id of the last event received.", str, "header")

AS = Parameter(
    "as",
    "`flat` returns one list, `tree` nests children in their parents.",
    Literal["flat", "tree"],
    default="flat",
)
COUNTS = Parameter("counts", "Include the number of items of each category and its descendants.", bool, default=False)
MOVE_TO = Parameter("move_to", "The slug of a category to move the items and child categories to.", Slug)
DESCENDANTS = Parameter("descendants", "Include the items of descendant categories.", bool, default=True)
AS_OF = Parameter("as_of", "Return only the price in force at this time.", Moment)

AFTER = Parameter("after", "Return entries after the one with this number.", Annotated[int, Meta(ge=0, le=MAX_SEQ - 1)])
ENTRIES = Parameter(
    "limit",
    "Maximum number of entries per page.",
    Annotated[int, Meta(ge=1, le=MAX_ENTRIES)],
    default=DEFAULT_ENTRIES,
    key="entries",
)
_KIND = f"({'|'.join(map(re.escape, KINDS))})"
KIND = Parameter(
    "kind",
    f"Comma-separated kinds of changes to return: {', '.join(KINDS)}.",
    Annotated[str, Meta(pattern=f"^{_KIND}(,{_KIND})*$", examples=["item.repriced"])],
)
ITEM = Parameter("item", "Return changes of this item only: its id or SKU. Works for deleted items too.", str)
