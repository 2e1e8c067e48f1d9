"""The shapes, parameters and answers that the OpenAPI document refers to."""

import re
from typing import Any

from catalog.application.changes.history import DEFAULT_ENTRIES, KINDS, MAX_ENTRIES
from catalog.application.imports.plan import FIELDS as IMPORTED
from catalog.application.imports.plan import TYPES
from catalog.domain.categories.category import MAX_POSITION
from catalog.domain.changes.log import MAX_SEQ
from catalog.domain.items.attributes import MAX_ATTRIBUTES
from catalog.domain.queries.facets import FIELDS as FACETS
from catalog.domain.queries.facets import MAX_FACETS
from catalog.domain.queries.item_query import DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET
from catalog.domain.queries.list_request import COUNTS, ITEM_FIELDS
from catalog.domain.queries.ordering import SORT_KEYS
from catalog.domain.search.search import MAX_QUERY
from catalog.domain.values.fields import MAX_DESCRIPTION, MAX_NAME, MAX_SLUG
from catalog.entrypoints.http.openapi.log_components import KEY_PATTERN, LOG_EXAMPLES, LOG_SCHEMAS, MEDIA

Schema = dict[str, Any]

_STAMP = {"type": "string", "format": "date-time", "examples": ["2026-11-20T09:30:00.123456Z"]}
_SKU = {"type": "string", "pattern": "^[A-Z0-9][A-Z0-9._+-]{0,63}$", "examples": ["CHAIR-1"]}
_NAME = {"type": "string", "pattern": "\\S", "maxLength": MAX_NAME, "examples": ["Garden chair"]}
_DESCRIPTION = {"type": ["string", "null"], "maxLength": MAX_DESCRIPTION}
_SLUG = {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "maxLength": MAX_SLUG, "examples": ["garden-chairs"]}
_CATEGORY = _SLUG | {"type": ["string", "null"], "description": "The slug of a category that is there."}
_ATTRIBUTES = {
    "type": "object",
    "maxProperties": MAX_ATTRIBUTES,
    "propertyNames": {"pattern": "^[a-z][a-z0-9_]{0,63}$"},
    "additionalProperties": {"type": ["string", "number", "boolean"]},
    "description": "A name is 1 to 64 of a-z, 0-9 and _, beginning with a letter. An attribute that is null is absent.",
    "examples": [{"colour": "green", "weight_kg": 4.5}],
}
_NEW_SKU = {
    "type": ["string", "null"],
    "pattern": KEY_PATTERN,
    "description": "Trimmed and upper-cased; made when it is absent.",
    "examples": ["CHAIR-1"],
}
_CURRENCY = {"type": "string", "pattern": "^\\s*[A-Za-z]{3}\\s*$", "description": "ISO 4217", "examples": ["EUR"]}
_AMOUNT = {
    "description": "Plain decimal digits, as text or as a number; read by its digits, never rounded.",
    "oneOf": [{"type": "string", "pattern": "^\\s*[0-9]+(\\.[0-9]+)?\\s*$"}, {"type": "number", "minimum": 0}],
    "examples": ["12.50"],
}

_DRAFT: Schema = {
    "sku": _NEW_SKU,
    "name": _NAME,
    "description": _DESCRIPTION,
    "category": _CATEGORY,
    "price": {"oneOf": [{"$ref": "#/components/schemas/Money"}, {"type": "null"}]},
    "attributes": _ATTRIBUTES
    | {"type": ["object", "null"], "additionalProperties": {"type": ["string", "number", "boolean", "null"]}},
}

_KEPT: Schema = {
    "id": {"type": "string", "format": "uuid", "readOnly": True},
    "version": {"type": "integer", "minimum": 1, "readOnly": True},
    "created_at": _STAMP | {"readOnly": True},
    "updated_at": _STAMP | {"readOnly": True},
}
"""What a change may send back as it was read."""

_CATEGORY_DRAFT: Schema = {
    "slug": _SLUG | {"type": ["string", "null"], "description": "Made from the name when it is absent or null."},
    "name": _NAME,
    "parent": _SLUG | {"type": ["string", "null"], "description": "The slug of a category that is there; null: it is a root."},
    "position": {
        "type": ["integer", "null"],
        "minimum": 0,
        "maximum": MAX_POSITION,
        "description": "Siblings are in this order, then by slug; the last when it is absent or null.",
    },
}

_CATEGORY_CHANGES: Schema = _CATEGORY_DRAFT | {
    "version": {"type": "integer", "minimum": 1, "readOnly": True},
    "path": {"type": "array", "items": {"$ref": "#/components/schemas/CategoryReference"}, "readOnly": True},
    "item_count": {"type": "integer", "readOnly": True},
    "children": {"type": "array", "items": {"$ref": "#/components/schemas/Category"}, "readOnly": True},
    "slug": _SLUG | {"description": "Only the slug that the category has."},
    "position": _CATEGORY_DRAFT["position"] | {"type": "integer"},
}

_ITEM: Schema = {
    "id": {"type": "string", "format": "uuid"},
    "sku": _SKU,
    "name": _NAME,
    "description": _DESCRIPTION,
    "category": _CATEGORY,
    "price": {"oneOf": [{"$ref": "#/components/schemas/Price"}, {"type": "null"}]},
    "attributes": _ATTRIBUTES,
    "version": {"type": "integer", "minimum": 1},
    "created_at": _STAMP,
    "updated_at": _STAMP,
}

_BESIDE: Schema = {
    "included": {"$ref": "#/components/schemas/Included", "description": "With `include=category`."},
    "highlights": {"$ref": "#/components/schemas/Highlights", "description": "With `highlight=true`."},
}

_SHOWN: Schema = {"anyOf": [{"$ref": "#/components/schemas/Item"}, {"$ref": "#/components/schemas/SparseItem"}]}
"""An item as reads show it: whole, or with the fields that `fields` names."""

SCHEMAS: dict[str, Schema] = {
    **LOG_SCHEMAS,
    "Money": {
        "type": "object",
        "required": ["amount", "currency"],
        "additionalProperties": False,
        "properties": {
            "amount": _AMOUNT,
            "currency": _CURRENCY,
        },
    },
    "MoneyPatch": {
        "type": "object",
        "additionalProperties": False,
        "description": "A member that is absent stays.",
        "properties": {"amount": _AMOUNT, "currency": _CURRENCY},
    },
    "Price": {
        "type": "object",
        "required": ["amount", "currency"],
        "properties": {"amount": {"type": "string", "examples": ["12.50"]}, "currency": {"type": "string", "examples": ["EUR"]}},
    },
    "ItemDraft": {"type": "object", "required": ["name"], "additionalProperties": False, "properties": _DRAFT | _KEPT},
    "UpsertDraft": {
        "type": "object",
        "required": ["sku", "name"],
        "additionalProperties": False,
        "properties": _DRAFT | _KEPT | {"sku": _NEW_SKU | {"type": "string"}},
    },
    "ItemPatch": {
        "type": "object",
        "additionalProperties": False,
        "description": "What is absent stays, null takes away, a value replaces; price and attributes merge by member.",
        "properties": _DRAFT
        | _KEPT
        | {
            "sku": _NEW_SKU | {"type": "string"},
            "price": {"oneOf": [{"$ref": "#/components/schemas/MoneyPatch"}, {"type": "null"}]},
        },
    },
    "Item": {"type": "object", "required": list(_ITEM), "properties": _ITEM | _BESIDE},
    "SparseItem": {
        "type": "object",
        "description": "With `fields`: the id, and the fields that were asked for.",
        "required": ["id"],
        "properties": _ITEM | _BESIDE,
    },
    "Included": {
        "type": "object",
        "properties": {"category": {"oneOf": [{"$ref": "#/components/schemas/Category"}, {"type": "null"}]}},
    },
    "Highlights": {
        "type": "object",
        "description": "Texts in HTML, <mark> around the words that were searched for.",
        "properties": {"name": {"type": ["string", "null"]}, "description": {"type": ["string", "null"]}},
    },
    "ItemPage": {
        "type": "object",
        "required": ["items", "next_cursor", "prev_cursor", "count", "count_kind"],
        "properties": {
            "items": {"type": "array", "items": _SHOWN},
            "next_cursor": {"type": ["string", "null"], "description": "For the parameter `cursor`; null on the last page."},
            "prev_cursor": {"type": ["string", "null"], "description": "Of the page before; null on the first."},
            "count": {"type": ["integer", "null"], "description": "How many there are on all pages; with `count`."},
            "count_kind": {"enum": ["exact", "estimated", None]},
            "ranked": {
                "type": "boolean",
                "description": "False: the search found too much to rank; it is in the order of names.",
            },
            "facets": {
                "type": "object",
                "description": "With `facet`: values with their counts, highest first.",
                "additionalProperties": {"$ref": "#/components/schemas/Facet"},
            },
            "partial": {
                "type": "boolean",
                "description": "True: a facet is left out, for counting it would have taken too long.",
            },
            "suggestions": {
                "type": "array",
                "description": "Where the search finds nothing: items whose name is one typing error away.",
                "items": {"$ref": "#/components/schemas/Suggestion"},
            },
        },
    },
    "Facet": {
        "type": "object",
        "required": ["values", "truncated"],
        "properties": {
            "values": {"type": "array", "items": {"$ref": "#/components/schemas/FacetValue"}},
            "truncated": {"type": "boolean"},
        },
    },
    "FacetValue": {
        "type": "object",
        "required": ["value", "count"],
        "properties": {"value": {"type": ["string", "number", "boolean"]}, "count": {"type": "integer"}},
    },
    "Suggestion": {
        "type": "object",
        "required": ["id", "sku", "name"],
        "properties": {"id": {"type": "string", "format": "uuid"}, "sku": _SKU, "name": _NAME},
    },
    "CategoryDraft": {"type": "object", "required": ["name"], "additionalProperties": False, "properties": _CATEGORY_DRAFT},
    "CategoryPatch": {
        "type": "object",
        "additionalProperties": False,
        "description": "What is absent stays; a parent of null makes it a root. A slug never changes.",
        "properties": _CATEGORY_CHANGES,
    },
    "Category": {
        "type": "object",
        "required": ["slug", "name", "parent", "position", "version"],
        "properties": {
            "slug": _SLUG,
            "name": _NAME,
            "parent": _SLUG | {"type": ["string", "null"]},
            "position": {"type": "integer", "minimum": 0},
            "version": {"type": "integer", "minimum": 1},
            "path": {
                "type": "array",
                "description": "The way from the root, itself included.",
                "items": {"$ref": "#/components/schemas/CategoryReference"},
            },
            "item_count": {"type": "integer", "description": "Items in it and in its descendants; with `counts=true`."},
            "children": {"type": "array", "items": {"$ref": "#/components/schemas/Category"}, "description": "With `as=tree`."},
        },
    },
    "CategoryReference": {"type": "object", "required": ["slug", "name"], "properties": {"slug": _SLUG, "name": _NAME}},
    "Categories": {
        "type": "object",
        "required": ["categories"],
        "properties": {"categories": {"type": "array", "items": {"$ref": "#/components/schemas/Category"}}},
    },
    "Health": {
        "type": "object",
        "required": ["status", "version"],
        "properties": {"status": {"const": "ok"}, "version": {"type": "string"}},
    },
    "Problem": {
        "type": "object",
        "description": "RFC 9457",
        "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "instance": {"type": "string"},
            "code": {"type": "string", "description": "Stable; branch on it.", "examples": ["sku_taken"]},
            "request_id": {"type": "string"},
            "errors_total": {"type": "integer", "description": "How many faults there are, where `errors` does not have all."},
            "errors": {
                "type": "array",
                "description": "The faults of an input, up to 100 of them.",
                "items": {"$ref": "#/components/schemas/ProblemError"},
            },
        },
    },
    "ProblemError": {
        "type": "object",
        "required": ["code", "detail"],
        "properties": {
            "code": {"type": "string"},
            "detail": {"type": "string"},
            "pointer": {"type": "string", "description": "A JSON pointer into the body"},
            "parameter": {"type": "string", "description": "The name of a query parameter"},
        },
    },
    "ExportCategory": {
        "type": "object",
        "description": "With `with_categories=true`, before the items.",
        "required": ["_category"],
        "properties": {"_category": {"$ref": "#/components/schemas/ExportedCategory"}},
    },
    "ExportedCategory": {
        "type": "object",
        "required": ["slug", "name", "parent", "position"],
        "properties": {
            "slug": _SLUG,
            "name": _NAME,
            "parent": _SLUG | {"type": ["string", "null"]},
            "position": {"type": "integer", "minimum": 0},
        },
    },
    "ExportEnd": {"type": "object", "required": ["_end"], "properties": {"_end": {"$ref": "#/components/schemas/ExportTotals"}}},
    "ExportTotals": {
        "type": "object",
        "required": ["rows", "sha256"],
        "properties": {"rows": {"type": "integer"}, "sha256": {"type": "string"}},
    },
}

_EXAMPLES: dict[str, Schema] = {
    **LOG_EXAMPLES,
    "ItemDraft": {
        "sku": "CHAIR-1",
        "name": "Garden chair",
        "category": "garden-chairs",
        "price": {"amount": "49.90", "currency": "EUR"},
        "attributes": {"colour": "green", "weight_kg": 4.5},
    },
    "ItemPatch": {"description": "Folds flat", "category": None, "attributes": {"colour": "red", "weight_kg": None}},
    "Money": {"amount": "44.90", "currency": "EUR"},
    "CategoryDraft": {"slug": "garden-chairs", "name": "Garden chairs"},
    "CategoryPatch": {"name": "Chairs for the garden", "position": 3},
}


def request_body(schema: str, method: str) -> Schema:
    """Return the media types that a request body may have, each with its schema and an example."""
    types = MEDIA.get(schema) or dict.fromkeys(
        ("application/json",) if method in ("post", "put") else ("application/merge-patch+json", "application/json"), schema
    )
    return {media: {"schema": {"$ref": f"#/components/schemas/{name}"}} | _example(name, media) for media, name in types.items()}


def _example(schema: str, media: str) -> Schema:
    """Return an example of a body, where there is one."""
    value = _EXAMPLES.get(f"{schema} {media}", _EXAMPLES.get(schema))
    return {} if value is None else {"examples": {"example": {"value": value}}}


def _query(name: str, description: str, schema: Schema) -> Schema:
    """Describe a query parameter; an empty one counts as absent."""
    return {"name": name, "in": "query", "description": description, "schema": schema, "allowEmptyValue": True}


def _several(pattern: str, *examples: str) -> Schema:
    """Describe a parameter that may stand several times."""
    return {"type": "array", "items": {"type": "string", "pattern": pattern}, "examples": [list(examples)]}


def _list(*words: str) -> str:
    """Return the pattern of words with commas."""
    one = rf"\s*({'|'.join(words)})\s*"
    return f"^{one}(,{one})*$"


def _header(name: str, description: str, **schema: object) -> Schema:
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string", **schema}}


_KEYS = f"-?({'|'.join(SORT_KEYS)})"
_SORT = f"^{_KEYS}(,{_KEYS})*$"
_TAGS: Schema = {
    "anyOf": [{"enum": ["*"]}, {"type": "string", "pattern": r'^(W/)?"[!#-~]*"(, *(W/)?"[!#-~]*")*$'}],
    "examples": ["*"],
}

_MOMENT: Schema = {
    "anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}],
    "examples": ["2026-11-20T12:00:00Z", "2026-11-20"],
}
_ATTRIBUTE = r"attr\.[a-z][a-z0-9_]{0,63}"
_FIELD = rf"({'|'.join(IMPORTED)}|attr\.[^=]+)"
_AMOUNT_TEXT: Schema = {"type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*$"}

PARAMETERS: dict[str, Schema] = {
    "key": {
        "name": "key",
        "in": "path",
        "required": True,
        "description": "The item's id, or its SKU in any case.",
        "schema": {"type": "string", "pattern": KEY_PATTERN},
        "examples": {"sku": {"value": "CHAIR-1"}},
    },
    "slug": {
        "name": "slug",
        "in": "path",
        "required": True,
        "description": "The category's slug.",
        "schema": _SLUG,
    },
    "as": _query("as", "`tree`: the roots, with their children in them.", {"enum": ["flat", "tree"], "default": "flat"}),
    "counts": _query("counts", "Count the items, those of descendants included.", {"type": "boolean", "default": False}),
    "move_to": _query("move_to", "The category that takes what is in this one.", _SLUG),
    "limit": _query(
        "limit", "How many items a page has.", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    ),
    "offset": _query(
        "offset", "How many items to pass over; not with a cursor.", {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET}
    ),
    "cursor": _query(
        "cursor",
        "Where to go on: `next_cursor` of the page before, with the same q and sort.",
        {"type": "string", "pattern": "^[A-Za-z0-9_-]*$"},
    ),
    "sort": _query(
        "sort",
        f"Keys with commas, a minus for descending: {', '.join(SORT_KEYS)}. What is absent comes last.",
        {"type": "string", "pattern": _SORT, "default": "-created_at", "examples": ["name,-price"]},
    ),
    "q": _query(
        "q",
        "Up to 8 words; each must begin a word of the SKU, name, description, category or a text attribute. Blank: everything.",
        {"type": "string", "maxLength": MAX_QUERY, "examples": ["garden cha"]},
    ),
    "sku": _query("sku", "Any of these SKUs; it may stand several times.", _several(KEY_PATTERN, "CHAIR-1")),
    "category": _query(
        "category",
        "In any of these categories or their descendants; it may stand several times.",
        {"type": "array", "items": _SLUG, "examples": [["garden-chairs"]]},
    ),
    "currency": _query("currency", "Priced in this currency (ISO 4217).", _CURRENCY),
    "price_min": _query("price_min", "At least this amount; needs `currency`.", _AMOUNT_TEXT | {"examples": ["10.00"]}),
    "price_max": _query("price_max", "At most this amount; needs `currency`.", _AMOUNT_TEXT | {"examples": ["49.90"]}),
    "created_after": _query("created_after", "Created later than this.", _MOMENT),
    "created_before": _query("created_before", "Created earlier than this.", _MOMENT),
    "updated_after": _query("updated_after", "Changed last later than this.", _MOMENT),
    "updated_before": _query("updated_before", "Changed last earlier than this.", _MOMENT),
    "count": _query("count", "How many items there are on all pages.", {"enum": list(COUNTS), "default": "none"}),
    "facet": _query(
        "facet",
        f"Up to {MAX_FACETS} of {', '.join(FACETS)} and attr.NAME, with commas: which values there are, and how often.",
        {"type": "string", "pattern": _list(*FACETS, _ATTRIBUTE), "examples": ["category,attr.colour"]},
    ),
    "highlight": _query("highlight", "Mark the words of `q` in name and description.", {"type": "boolean", "default": False}),
    "fields": _query(
        "fields",
        "Just these fields of the items, with commas; the id always.",
        {"type": "string", "pattern": _list(*ITEM_FIELDS), "examples": ["sku,name,price"]},
    ),
    "include": _query("include", "The category of each item, with the way to it.", {"enum": ["category"]}),
    "format": _query("format", "What is written.", {"enum": ["csv", "jsonl", "json"], "default": "csv"}),
    "with_categories": _query(
        "with_categories",
        "Write the tree of categories before the items; an import restores it.",
        {"type": "boolean", "default": False},
    ),
    "descendants": _query("descendants", "The items of descendants too.", {"type": "boolean", "default": True}),
    "request_id": _header("X-Request-ID", "An id for this request; it comes back, and stands in the logs and the change log."),
    "if_match": _header("If-Match", "The ETag that the change was decided from; 412 when the item was changed since.", **_TAGS),
    "after": _query(
        "after", "The number of an entry; what follows it.", {"type": "integer", "minimum": 0, "maximum": MAX_SEQ - 1}
    ),
    "entries": _query(
        "limit",
        "How many entries a page has.",
        {"type": "integer", "minimum": 1, "maximum": MAX_ENTRIES, "default": DEFAULT_ENTRIES},
    ),
    "kind": _query(
        "kind",
        f"Of these kinds, with commas: {', '.join(KINDS)}.",
        {
            "type": "string",
            "pattern": "^KIND(,KIND)*$".replace("KIND", f"({'|'.join(map(re.escape, KINDS))})"),
            "examples": ["item.repriced"],
        },
    ),
    "item": _query("item", "Of this item: its id, also of a deleted one, or its SKU.", {"type": "string"}),
    "as_of": _query("as_of", "Only the price that was in force then.", _MOMENT),
    "id": {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "The import's id.",
        "schema": {"type": "string", "format": "uuid"},
    },
    "import_format": _query(
        "format", "What the file is, where the Content-Type does not say.", {"enum": ["csv", "json", "jsonl"]}
    ),
    "import_on_conflict": _query(
        "on_conflict",
        "What becomes of a row whose SKU is there: it is refused, left, or the item is updated.",
        {"enum": ["fail", "skip", "update"], "default": "fail"},
    ),
    "import_mode": _query(
        "mode", "Each row by itself, or all or none.", {"enum": ["per_row", "all_or_nothing"], "default": "per_row"}
    ),
    "import_dry_run": _query("dry_run", "Say what would be done, and do nothing.", {"type": "boolean", "default": False}),
    "import_create_categories": _query(
        "create_categories", "Create the categories that are not there, as roots.", {"type": "boolean", "default": False}
    ),
    "import_preserve": _query(
        "preserve", "New items keep the id, version and times that their rows have.", {"type": "boolean", "default": False}
    ),
    "import_partial": _query(
        "partial",
        "Take the file also when it has the columns of an export and not its last row, which proves that it is whole.",
        {"type": "boolean", "default": False},
    ),
    "import_delimiter": _query(
        "delimiter",
        "What stands between the cells of CSV; `tab` for a tab character.",
        {"type": "string", "pattern": r"^(tab|[!#-&(-/:-@\[-_{-~])$"},
    ),
    "import_map": _query(
        "map", "`field=column`; it may stand several times.", _several(rf"^{_FIELD}=.+$", "name=title", "attr.size=Size")
    ),
    "import_set": _query("set", "`field=value` for every row; repeatable.", _several(rf"^{_FIELD}=.+$", "currency=EUR")),
    "import_type": _query(
        "type",
        f"`attr.NAME=type` of a column's values: {', '.join(TYPES)}; repeatable.",
        _several(rf"^{_ATTRIBUTE}=({'|'.join(TYPES)})$", "attr.size=number"),
    ),
    "errors_format": _query("format", "What is written.", {"enum": ["jsonl", "csv"], "default": "jsonl"}),
    "last_event_id": _header("Last-Event-ID", "With `Accept: text/event-stream`: the number of the entry that you had last."),
    "idempotency_key": _header(
        "Idempotency-Key",
        "A name of yours for this request: sent again within 24 hours it is not done again, and answered as it was.",
        pattern="^[!-~]{1,255}$",
    ),
    "prefer": _header("Prefer", "`return=minimal`: an answer without the item (RFC 7240)."),
    "if_absent": {
        "name": "If-None-Match",
        "in": "header",
        "description": "`*`: create, and replace nothing; 412 where there is an item.",
        "schema": {"enum": ["*"]},
    },
    "if_none_match": _header("If-None-Match", "An ETag; 304 when the item is still that one.", **_TAGS),
}

_HEADERS: Schema = {
    "X-Request-ID": {"schema": {"type": "string"}},
    "X-Process-Time": {"description": "Seconds", "schema": {"type": "string"}},
    "X-Cache": {"description": "On GET and HEAD: whether it came from the cache", "schema": {"enum": ["HIT", "MISS"]}},
}
_ETAG: Schema = {"ETag": {"description": "Names the row and its version.", "schema": {"type": "string"}}}


def _answers(description: str, schema: str | Schema, **headers: Schema) -> Schema:
    described = {"$ref": f"#/components/schemas/{schema}"} if isinstance(schema, str) else schema
    content = {"application/json": {"schema": described}}
    return {"description": description, "headers": _HEADERS | headers, "content": content}


def _problem(description: str, **headers: Schema) -> Schema:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": description, "headers": _HEADERS | headers, "content": content}


_RETRY: Schema = {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}}

RESPONSES: dict[str, Schema] = {
    "200": _answers("The item", "Item", **_ETAG),
    "200-item": _answers("The item, whole or with the fields that were asked for", _SHOWN, **_ETAG),
    "200-page": _answers("A page of items", "ItemPage", Link={"description": "RFC 8288", "schema": {"type": "string"}}, **_ETAG),
    "200-export": {
        "description": "The items, and a last row by which one knows that it is whole",
        "headers": _HEADERS | {"Content-Disposition": {"schema": {"type": "string"}}},
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/jsonl": {"schema": {"type": "string"}},
            "application/json": {
                "schema": {
                    "type": "array",
                    "items": {
                        "oneOf": [
                            {"$ref": "#/components/schemas/Item"},
                            {"$ref": "#/components/schemas/ExportCategory"},
                            {"$ref": "#/components/schemas/ExportEnd"},
                        ]
                    },
                }
            },
        },
    },
    "200-import": _answers("What became of the rows", "ImportState"),
    "202-import": _answers("It is under way", "ImportState", Location={"schema": {"type": "string"}}),
    "200-errors": {
        "description": "The refused rows",
        "headers": _HEADERS,
        "content": {"application/jsonl": {"schema": {"type": "string"}}, "text/csv": {"schema": {"type": "string"}}},
    },
    "200-batch": _answers("What became of each operation", "BatchResults"),
    "200-history": _answers("A stretch of the item's history", "History"),
    "200-prices": _answers("The prices", "Prices"),
    "200-changes": {
        "description": "A stretch of the log, or the log live",
        "headers": _HEADERS,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/Changes"}},
            "text/event-stream": {"schema": {"type": "string"}},
        },
    },
    "200-health": _answers("All is well", "Health"),
    "201": _answers("The item was created", "Item", Location={"schema": {"type": "string"}}, **_ETAG),
    "200-category": _answers("The category", "Category", **_ETAG),
    "200-categories": _answers("All categories", "Categories", **_ETAG),
    "201-category": _answers("The category was created", "Category", Location={"schema": {"type": "string"}}, **_ETAG),
    "204": {"description": "It is done", "headers": _HEADERS},
    "304": {"description": "It is still the one you have", "headers": _HEADERS | _ETAG},
    "400": _problem("It cannot be read: malformed, invalid_cursor, invalid_position, bad_request"),
    "403": _problem("A page of another origin may not do this: cross_origin_request"),
    "404": _problem("There is no such thing: item_not_found, version_not_found, category_not_found, import_not_found"),
    "405": _problem(
        "`batch`, `export` and `import` are no items, and their paths take other methods: method_not_allowed",
        Allow={"description": "The methods that the path takes", "schema": {"type": "string"}},
    ),
    "408": _problem("The body came in too slowly: request_timeout"),
    "409": _problem(
        "It cannot stand beside what is there: sku_taken, slug_taken, category_in_use, category_cycle, category_too_deep, "
        "not_deleted, in_flight, contended",
        **_RETRY,
    ),
    "410": _problem("The log does not reach back so far: log_pruned"),
    "412": _problem("It was changed meanwhile: stale_version; or it is there: not_absent; or it is not: not_present"),
    "428": _problem("If-Match is required here, and missing: precondition_required"),
    "413": _problem("The body is too large"),
    "414": _problem("The path and the query are too long: uri_too_long"),
    "415": _problem("The body is of another type than this path takes"),
    "421": _problem("The service does not answer to this Host: misdirected_request"),
    "422": _problem("It breaks rules, all of which are named: invalid_input, invalid_query, batch_refused, key_reused"),
    "422-import": {
        "description": "It breaks rules: invalid_query, invalid_file, key_reused; or rows do (`mode=all_or_nothing`)",
        "headers": _HEADERS,
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
            "application/json": {"schema": {"$ref": "#/components/schemas/ImportState"}},
        },
    },
    "431": _problem("The headers are too large: headers_too_large"),
    "500": _problem("The service failed: internal_server_error"),
    "503": _problem(
        "Try again later: store_unavailable, store_busy, too_many_subscribers, imports_busy, schema_outdated", **_RETRY
    ),
    "507": _problem("A disk is full: out_of_space", **_RETRY),
}
