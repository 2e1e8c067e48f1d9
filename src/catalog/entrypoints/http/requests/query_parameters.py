"""The query parameters of categories, history and the change log."""

import re
from typing import Annotated, Any, Literal

from msgspec import Meta

from catalog.application.changes.history import DEFAULT_ENTRIES, KINDS, MAX_ENTRIES
from catalog.domain.changes.log import MAX_SEQ
from catalog.entrypoints.http.requests.parameters import Parameter
from catalog.entrypoints.representations.fields import Slug

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

HISTORY = (AFTER, ENTRIES)
CHANGES = (*HISTORY, KIND, ITEM)
