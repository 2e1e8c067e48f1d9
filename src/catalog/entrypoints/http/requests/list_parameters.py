"""The parameters of item lists and exports: page, order, search, filters, and what to return."""

from dataclasses import replace
from types import GenericAlias
from typing import Annotated, Any, Literal

from msgspec import Meta

from catalog.application.exports.formats import DECIMAL_MARKS, FORMAT_NAMES
from catalog.application.imports.profiles import NAMES as PROFILES
from catalog.domain.items.attributes import NAME_PATTERN
from catalog.domain.queries.facets import FIELDS as FACET_FIELDS
from catalog.domain.queries.facets import MAX_FACETS
from catalog.domain.queries.filters import ALIASES, ATTRIBUTE, ATTRIBUTE_FILTERS, EXISTS, IN, OPERATORS, REPEATABLE
from catalog.domain.queries.item_query import DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET
from catalog.domain.queries.list_request import ITEM_FIELDS, CountKind
from catalog.domain.queries.ordering import SORT_KEYS
from catalog.domain.search.search import MAX_QUERY
from catalog.domain.values.fields import SLUG_PATTERN
from catalog.domain.values.money import INT64_MAX
from catalog.domain.values.sku import SKU_PATTERN
from catalog.entrypoints.http.requests.parameters import Parameter
from catalog.entrypoints.http.requests.query_parameters import DESCENDANTS, Moment
from catalog.entrypoints.representations.fields import Slug

_ATTRIBUTE = rf"attr\.{NAME_PATTERN}"


def _comma_separated(element: str) -> str:
    """Return the pattern of a comma-separated list whose elements match a pattern."""
    return rf"^\s*({element})\s*(,\s*({element})\s*)*$"


_SORT_KEY = f"-?({'|'.join(SORT_KEYS)})"

_SORT = Parameter(
    "sort",
    f"Comma-separated sort keys, with a minus for descending: {', '.join(SORT_KEYS)}. Items without a value come last.",
    Annotated[str, Meta(pattern=f"^{_SORT_KEY}(,{_SORT_KEY})*$", examples=["name,-price"])],
    default="-created_at",
)
_SEARCH = Parameter(
    "q",
    "Search for up to 8 words. Each must be the start of a word in the SKU, name, description, category or a text attribute. "
    "A blank search matches everything.",
    Annotated[str, Meta(max_length=MAX_QUERY, examples=["garden cha"])],
)

_PAGE = (
    Parameter("limit", "Maximum number of items per page.", Annotated[int, Meta(ge=1, le=MAX_LIMIT)], default=DEFAULT_LIMIT),
    Parameter("offset", "Number of items to skip. Cannot be combined with `cursor`.", Annotated[int, Meta(ge=0, le=MAX_OFFSET)]),
    Parameter(
        "cursor",
        "`next_cursor` or `prev_cursor` of another page with the same q, filters and sort.",
        Annotated[str, Meta(pattern="^[A-Za-z0-9_-]*$")],
    ),
    _SORT,
    _SEARCH,
)

PRESENTATION = (
    Parameter(
        "fields",
        "Comma-separated fields to return. The id is always included.",
        Annotated[str, Meta(pattern=_comma_separated("|".join(ITEM_FIELDS)), examples=["sku,name,price"])],
    ),
    Parameter("include", "Include the category of each item, with its path from the root.", Literal["category"]),
)

_EXTRAS = (
    Parameter("count", "Include the total number of items on all pages.", CountKind, default="none"),
    Parameter(
        "facet",
        f"Count the values of up to {MAX_FACETS} comma-separated fields: {', '.join(FACET_FIELDS)} and attr.NAME.",
        Annotated[str, Meta(pattern=_comma_separated("|".join((*FACET_FIELDS, _ATTRIBUTE))), examples=["category,attr.colour"])],
    ),
    Parameter("highlight", "Mark the words of `q` in the name and description.", bool, default=False),
    *PRESENTATION,
)

_CURRENCY = "[A-Za-z]{3}"
_AMOUNT = r"[0-9]+(\.[0-9]+)?"

_VALUES: dict[str, Any] = {
    "sku": Annotated[str, Meta(pattern=rf"^\s*{SKU_PATTERN}\s*$", examples=["CHAIR-1"])],
    "category": Slug,
    "currency": Annotated[str, Meta(pattern=rf"^\s*{_CURRENCY}\s*$", examples=["EUR"])],
    "price": Annotated[str, Meta(pattern=rf"^\s*{_AMOUNT}\s*$", examples=["10.00"])],
    "version": Annotated[int, Meta(ge=0, le=INT64_MAX)],
    "created_at": Moment,
    "updated_at": Moment,
}
"""The type of the values that each field is compared with."""

_ELEMENTS = {
    "sku": "[^,]+",
    "category": SLUG_PATTERN,
    "currency": _CURRENCY,
    "price": _AMOUNT,
    "version": "[0-9]{1,18}",
    "created_at": "[^,]+",
    "updated_at": "[^,]+",
}
"""The pattern of the elements of a list that each field is compared with."""

_DESCRIPTIONS = {
    "eq": "{field} is this value.",
    "ne": "{field} is another value than this.",
    "lt": "{field} is less than this value.",
    "lte": "{field} is at most this value.",
    "gt": "{field} is greater than this value.",
    "gte": "{field} is at least this value.",
    IN: "{field} is one of these comma-separated values.",
    EXISTS: "Whether the item has a value in {field}.",
}
_NOTES = {"category": " Includes descendant categories.", "price": " Requires `currency`."}


def _filter(name: str, field: str, operator: str) -> Parameter:
    """Return the parameter that filters by a field with an operator."""
    note = "" if operator == EXISTS else _NOTES.get(field, "")
    value = _VALUES[field]
    if operator == EXISTS:
        value = bool
    elif operator == IN:
        value = Annotated[str, Meta(pattern=f"^{_ELEMENTS[field]}(,{_ELEMENTS[field]})*$")]
    elif name in REPEATABLE:
        value, note = GenericAlias(list, (value,)), f"{note} Repeat the parameter to match any of several."
    return Parameter(name, _DESCRIPTIONS[operator].format(field=f"`{field}`") + note, value)


FILTERS = (
    *(
        _filter(field if operator == "eq" else f"{field}__{operator}", field, operator)
        for field, operators in OPERATORS.items()
        for operator in operators
    ),
    *(_filter(name, field, operator) for name, (field, operator) in ALIASES.items()),
    Parameter(
        "attributes",
        "Filters by attributes: `attr.size=10`, `attr.size__gte=10`, `attr.size__exists=true`, `attr.colour__in=red,green`. "
        'A value in double quotes is text: `attr.size="10"`.',
        Annotated[
            dict[
                Annotated[str, Meta(pattern=f"^{_ATTRIBUTE}(__({'|'.join(ATTRIBUTE_FILTERS)}))?$")],
                str | int | float | bool,
            ],
            Meta(title="AttributeFilters", examples=[{"attr.colour": "green", "attr.size__gte": 10}]),
        ],
        prefix=ATTRIBUTE,
    ),
)

LIST = (*_PAGE, *FILTERS, *_EXTRAS)
CATEGORY_LIST = (DESCENDANTS, *LIST)
EXPORT = (
    Parameter("format", "Format of the export.", Literal[FORMAT_NAMES], default="csv", key="export_format"),
    Parameter(
        "delimiter",
        "CSV delimiter; `tab` for a tab character. By default a comma.",
        Annotated[str, Meta(pattern=r"^(tab|[!#-&(-/:-@\[-_{-~])$")],
        key="export_delimiter",
    ),
    Parameter("decimal", "Decimal mark of prices in CSV.", Literal[DECIMAL_MARKS], default="point", key="export_decimal"),
    Parameter(
        "encoding",
        "Encoding of CSV, such as utf-8-sig, which spreadsheets recognize by its byte order mark, or windows-1252. An item "
        "with a character that the encoding does not have is an error.",
        Annotated[str, Meta(examples=["utf-8-sig"])],
        default="utf-8",
        key="export_encoding",
    ),
    Parameter(
        "profile",
        "The system that the file is for: it gets the columns of that system, as far as they are fields of items.",
        Literal[PROFILES],
        key="export_profile",
    ),
    Parameter(
        "proof",
        "Add a last row that proves that the export is complete: the number of rows, and the SHA-256 of what precedes it.",
        bool,
        default=False,
    ),
    Parameter(
        "with_categories",
        "Export the category tree before the items, so that an import can restore it.",
        bool,
        default=False,
    ),
    replace(_SORT, default="created_at", key="export_sort"),
    _SEARCH,
    *FILTERS,
)
