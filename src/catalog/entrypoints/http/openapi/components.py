"""Schemas, parameters and responses of the OpenAPI document."""

import re
from typing import Any

from catalog.application.changes.history import DEFAULT_ENTRIES, KINDS, MAX_ENTRIES
from catalog.application.imports.plan import FIELDS as IMPORT_FIELDS
from catalog.application.imports.plan import TYPES
from catalog.domain.categories.category import MAX_POSITION
from catalog.domain.changes.log import MAX_SEQ
from catalog.domain.items.attributes import MAX_ATTRIBUTES
from catalog.domain.queries.facets import FIELDS as FACET_FIELDS
from catalog.domain.queries.facets import MAX_FACETS
from catalog.domain.queries.item_query import DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET
from catalog.domain.queries.list_request import COUNTS, ITEM_FIELDS
from catalog.domain.queries.ordering import SORT_KEYS
from catalog.domain.search.search import MAX_QUERY
from catalog.domain.values.fields import MAX_DESCRIPTION, MAX_NAME, MAX_SLUG
from catalog.entrypoints.http.openapi.log_components import BODY_MEDIA_TYPES, KEY_PATTERN, LOG_EXAMPLES, LOG_SCHEMAS

Schema = dict[str, Any]

_TIMESTAMP = {"type": "string", "format": "date-time", "examples": ["2026-11-20T09:30:00.123456Z"]}
_SKU = {"type": "string", "pattern": "^[A-Z0-9][A-Z0-9._+-]{0,63}$", "examples": ["CHAIR-1"]}
_NAME = {"type": "string", "pattern": "\\S", "maxLength": MAX_NAME, "examples": ["Garden chair"]}
_DESCRIPTION = {"type": ["string", "null"], "maxLength": MAX_DESCRIPTION}
_SLUG = {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "maxLength": MAX_SLUG, "examples": ["garden-chairs"]}
_CATEGORY = _SLUG | {"type": ["string", "null"], "description": "The slug of an existing category."}
_ATTRIBUTES = {
    "type": "object",
    "maxProperties": MAX_ATTRIBUTES,
    "propertyNames": {"pattern": "^[a-z][a-z0-9_]{0,63}$"},
    "additionalProperties": {"type": ["string", "number", "boolean"]},
    "description": "Names have 1 to 64 of a-z, 0-9 and _, starting with a letter. An attribute that is null is absent.",
    "examples": [{"colour": "green", "weight_kg": 4.5}],
}
_NEW_SKU = {
    "type": ["string", "null"],
    "pattern": KEY_PATTERN,
    "description": "Trimmed and converted to upper case; generated if omitted.",
    "examples": ["CHAIR-1"],
}
_CURRENCY = {"type": "string", "pattern": "^\\s*[A-Za-z]{3}\\s*$", "description": "ISO 4217", "examples": ["EUR"]}
_AMOUNT = {
    "description": "Plain decimal digits, as a string or a number. The value is read exactly and never rounded.",
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

_READ_ONLY: Schema = {
    "id": {"type": "string", "format": "uuid", "readOnly": True},
    "version": {"type": "integer", "minimum": 1, "readOnly": True},
    "created_at": _TIMESTAMP | {"readOnly": True},
    "updated_at": _TIMESTAMP | {"readOnly": True},
}
"""Fields that clients may send back unchanged."""

_CATEGORY_DRAFT: Schema = {
    "slug": _SLUG | {"type": ["string", "null"], "description": "Made from the name if omitted or null."},
    "name": _NAME,
    "parent": _SLUG | {"type": ["string", "null"], "description": "The slug of an existing category; null for a root category."},
    "position": {
        "type": ["integer", "null"],
        "minimum": 0,
        "maximum": MAX_POSITION,
        "description": "Siblings are ordered by position, then slug. Defaults to the last position if omitted or null.",
    },
}

_CATEGORY_PATCH: Schema = _CATEGORY_DRAFT | {
    "version": {"type": "integer", "minimum": 1, "readOnly": True},
    "path": {"type": "array", "items": {"$ref": "#/components/schemas/CategoryReference"}, "readOnly": True},
    "item_count": {"type": "integer", "readOnly": True},
    "children": {"type": "array", "items": {"$ref": "#/components/schemas/Category"}, "readOnly": True},
    "slug": _SLUG | {"description": "Must be the current slug of the category."},
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
    "created_at": _TIMESTAMP,
    "updated_at": _TIMESTAMP,
}

_EXTRA_FIELDS: Schema = {
    "included": {"$ref": "#/components/schemas/Included", "description": "With `include=category`."},
    "highlights": {"$ref": "#/components/schemas/Highlights", "description": "With `highlight=true`."},
}

_ANY_ITEM: Schema = {"anyOf": [{"$ref": "#/components/schemas/Item"}, {"$ref": "#/components/schemas/SparseItem"}]}
"""An item in the response to a read: complete, or with the fields that `fields` selects."""

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
        "description": "Omitted members stay unchanged.",
        "properties": {"amount": _AMOUNT, "currency": _CURRENCY},
    },
    "Price": {
        "type": "object",
        "required": ["amount", "currency"],
        "properties": {"amount": {"type": "string", "examples": ["12.50"]}, "currency": {"type": "string", "examples": ["EUR"]}},
    },
    "ItemDraft": {"type": "object", "required": ["name"], "additionalProperties": False, "properties": _DRAFT | _READ_ONLY},
    "UpsertDraft": {
        "type": "object",
        "required": ["sku", "name"],
        "additionalProperties": False,
        "properties": _DRAFT | _READ_ONLY | {"sku": _NEW_SKU | {"type": "string"}},
    },
    "ItemPatch": {
        "type": "object",
        "additionalProperties": False,
        "description": "Omitted fields stay unchanged, null clears a field. The members of price and attributes are merged.",
        "properties": _DRAFT
        | _READ_ONLY
        | {
            "sku": _NEW_SKU | {"type": "string"},
            "price": {"oneOf": [{"$ref": "#/components/schemas/MoneyPatch"}, {"type": "null"}]},
        },
    },
    "Item": {"type": "object", "required": list(_ITEM), "properties": _ITEM | _EXTRA_FIELDS},
    "SparseItem": {
        "type": "object",
        "description": "With `fields`: the id and the selected fields.",
        "required": ["id"],
        "properties": _ITEM | _EXTRA_FIELDS,
    },
    "Included": {
        "type": "object",
        "properties": {"category": {"oneOf": [{"$ref": "#/components/schemas/Category"}, {"type": "null"}]}},
    },
    "Highlights": {
        "type": "object",
        "description": "HTML in which <mark> encloses the matching words.",
        "properties": {"name": {"type": ["string", "null"]}, "description": {"type": ["string", "null"]}},
    },
    "ItemPage": {
        "type": "object",
        "required": ["items", "next_cursor", "prev_cursor", "count", "count_kind"],
        "properties": {
            "items": {"type": "array", "items": _ANY_ITEM},
            "next_cursor": {
                "type": ["string", "null"],
                "description": "Pass it as `cursor` to get the next page; null on the last page.",
            },
            "prev_cursor": {
                "type": ["string", "null"],
                "description": "Pass it as `cursor` to get the previous page; null on the first page.",
            },
            "count": {"type": ["integer", "null"], "description": "Total number of items on all pages; with `count`."},
            "count_kind": {"enum": ["exact", "estimated", None]},
            "ranked": {
                "type": "boolean",
                "description": "False if there are too many matches to rank; items are then ordered by name.",
            },
            "facets": {
                "type": "object",
                "description": "With `facet`: the values of each field with their counts, highest count first.",
                "additionalProperties": {"$ref": "#/components/schemas/Facet"},
            },
            "partial": {
                "type": "boolean",
                "description": "True if a facet was left out because counting it would have taken too long.",
            },
            "suggestions": {
                "type": "array",
                "description": "If the search finds nothing: items whose name differs by one typing error.",
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
        "description": "Omitted fields stay unchanged; a null parent makes a root category. The slug cannot be changed.",
        "properties": _CATEGORY_PATCH,
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
                "description": "The path from the root to this category, inclusive.",
                "items": {"$ref": "#/components/schemas/CategoryReference"},
            },
            "item_count": {
                "type": "integer",
                "description": "Number of items in the category and its descendants; with `counts=true`.",
            },
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
            "code": {"type": "string", "description": "A stable error code; branch on this.", "examples": ["sku_taken"]},
            "request_id": {"type": "string"},
            "errors_total": {"type": "integer", "description": "Total number of errors, if `errors` does not list all of them."},
            "errors": {
                "type": "array",
                "description": "Validation errors, up to 100.",
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
            "pointer": {"type": "string", "description": "A JSON pointer into the request body"},
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
    """Return the media types of a request body, each with its schema and an example."""
    types = BODY_MEDIA_TYPES.get(schema) or dict.fromkeys(
        ("application/json",) if method in ("post", "put") else ("application/merge-patch+json", "application/json"), schema
    )
    return {media: {"schema": {"$ref": f"#/components/schemas/{name}"}} | _example(name, media) for media, name in types.items()}


def _example(schema: str, media: str) -> Schema:
    """Return the example for a request body, if there is one."""
    value = _EXAMPLES.get(f"{schema} {media}", _EXAMPLES.get(schema))
    return {} if value is None else {"examples": {"example": {"value": value}}}


def _query(name: str, description: str, schema: Schema) -> Schema:
    """Return a query parameter. An empty value counts as absent."""
    return {"name": name, "in": "query", "description": description, "schema": schema, "allowEmptyValue": True}


def _repeatable(pattern: str, *examples: str) -> Schema:
    """Return the schema of a parameter that can be repeated."""
    return {"type": "array", "items": {"type": "string", "pattern": pattern}, "examples": [list(examples)]}


def _comma_separated(*words: str) -> str:
    """Return the pattern of a comma-separated list of these words."""
    word = rf"\s*({'|'.join(words)})\s*"
    return f"^{word}(,{word})*$"


def _header(name: str, description: str, **schema: object) -> Schema:
    return {"name": name, "in": "header", "description": description, "schema": {"type": "string", **schema}}


_SORT_KEY = f"-?({'|'.join(SORT_KEYS)})"
_SORT = f"^{_SORT_KEY}(,{_SORT_KEY})*$"
_ETAGS: Schema = {
    "anyOf": [{"enum": ["*"]}, {"type": "string", "pattern": r'^(W/)?"[!#-~]*"(, *(W/)?"[!#-~]*")*$'}],
    "examples": ["*"],
}

_MOMENT: Schema = {
    "anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}],
    "examples": ["2026-11-20T12:00:00Z", "2026-11-20"],
}
_ATTRIBUTE = r"attr\.[a-z][a-z0-9_]{0,63}"
_FIELD = rf"({'|'.join(IMPORT_FIELDS)}|attr\.[^=]+)"
_AMOUNT_TEXT: Schema = {"type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*$"}

PARAMETERS: dict[str, Schema] = {
    "key": {
        "name": "key",
        "in": "path",
        "required": True,
        "description": "The id or SKU of the item. SKUs are case-insensitive.",
        "schema": {"type": "string", "pattern": KEY_PATTERN},
        "examples": {"sku": {"value": "CHAIR-1"}},
    },
    "slug": {
        "name": "slug",
        "in": "path",
        "required": True,
        "description": "The slug of the category.",
        "schema": _SLUG,
    },
    "as": _query(
        "as", "`flat` returns one list, `tree` nests children in their parents.", {"enum": ["flat", "tree"], "default": "flat"}
    ),
    "counts": _query(
        "counts", "Include the number of items of each category and its descendants.", {"type": "boolean", "default": False}
    ),
    "move_to": _query("move_to", "The slug of a category to move the items and child categories to.", _SLUG),
    "limit": _query(
        "limit",
        "Maximum number of items per page.",
        {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    ),
    "offset": _query(
        "offset",
        "Number of items to skip. Cannot be combined with `cursor`.",
        {"type": "integer", "minimum": 0, "maximum": MAX_OFFSET},
    ),
    "cursor": _query(
        "cursor",
        "`next_cursor` or `prev_cursor` of another page with the same q, filters and sort.",
        {"type": "string", "pattern": "^[A-Za-z0-9_-]*$"},
    ),
    "sort": _query(
        "sort",
        f"Comma-separated sort keys, with a minus for descending: {', '.join(SORT_KEYS)}. Items without a value come last.",
        {"type": "string", "pattern": _SORT, "default": "-created_at", "examples": ["name,-price"]},
    ),
    "q": _query(
        "q",
        "Search for up to 8 words. Each must be the start of a word in the SKU, name, description, category or a text attribute. "
        "A blank search matches everything.",
        {"type": "string", "maxLength": MAX_QUERY, "examples": ["garden cha"]},
    ),
    "sku": _query(
        "sku", "Items with this SKU. Repeat the parameter to match any of several.", _repeatable(KEY_PATTERN, "CHAIR-1")
    ),
    "category": _query(
        "category",
        "Items in this category or its descendants. Repeat the parameter to match any of several.",
        {"type": "array", "items": _SLUG, "examples": [["garden-chairs"]]},
    ),
    "currency": _query("currency", "Items priced in this currency (ISO 4217).", _CURRENCY),
    "price_min": _query("price_min", "Minimum amount, inclusive; requires `currency`.", _AMOUNT_TEXT | {"examples": ["10.00"]}),
    "price_max": _query("price_max", "Maximum amount, inclusive; requires `currency`.", _AMOUNT_TEXT | {"examples": ["49.90"]}),
    "created_after": _query("created_after", "Items created after this time, exclusive.", _MOMENT),
    "created_before": _query("created_before", "Items created before this time, exclusive.", _MOMENT),
    "updated_after": _query("updated_after", "Items last updated after this time, exclusive.", _MOMENT),
    "updated_before": _query("updated_before", "Items last updated before this time, exclusive.", _MOMENT),
    "count": _query("count", "Include the total number of items on all pages.", {"enum": list(COUNTS), "default": "none"}),
    "facet": _query(
        "facet",
        f"Count the values of up to {MAX_FACETS} comma-separated fields: {', '.join(FACET_FIELDS)} and attr.NAME.",
        {"type": "string", "pattern": _comma_separated(*FACET_FIELDS, _ATTRIBUTE), "examples": ["category,attr.colour"]},
    ),
    "highlight": _query("highlight", "Mark the words of `q` in the name and description.", {"type": "boolean", "default": False}),
    "fields": _query(
        "fields",
        "Comma-separated fields to return. The id is always included.",
        {"type": "string", "pattern": _comma_separated(*ITEM_FIELDS), "examples": ["sku,name,price"]},
    ),
    "include": _query("include", "Include the category of each item, with its path from the root.", {"enum": ["category"]}),
    "format": _query("format", "Format of the export.", {"enum": ["csv", "jsonl", "json"], "default": "csv"}),
    "with_categories": _query(
        "with_categories",
        "Export the category tree before the items, so that an import can restore it.",
        {"type": "boolean", "default": False},
    ),
    "descendants": _query("descendants", "Include the items of descendant categories.", {"type": "boolean", "default": True}),
    "request_id": _header(
        "X-Request-ID", "An id for this request. It is returned in the response and recorded in the logs and the change log."
    ),
    "if_match": _header("If-Match", "The ETag of the version to change. Returns 412 if it is not the current version.", **_ETAGS),
    "after": _query(
        "after", "Return entries after the one with this number.", {"type": "integer", "minimum": 0, "maximum": MAX_SEQ - 1}
    ),
    "entries": _query(
        "limit",
        "Maximum number of entries per page.",
        {"type": "integer", "minimum": 1, "maximum": MAX_ENTRIES, "default": DEFAULT_ENTRIES},
    ),
    "kind": _query(
        "kind",
        f"Comma-separated kinds of changes to return: {', '.join(KINDS)}.",
        {
            "type": "string",
            "pattern": "^KIND(,KIND)*$".replace("KIND", f"({'|'.join(map(re.escape, KINDS))})"),
            "examples": ["item.repriced"],
        },
    ),
    "item": _query("item", "Return changes of this item only: its id or SKU. Works for deleted items too.", {"type": "string"}),
    "as_of": _query("as_of", "Return only the price in force at this time.", _MOMENT),
    "id": {
        "name": "id",
        "in": "path",
        "required": True,
        "description": "The id of the import.",
        "schema": {"type": "string", "format": "uuid"},
    },
    "import_format": _query(
        "format", "File format, if the Content-Type does not identify it.", {"enum": ["csv", "json", "jsonl"]}
    ),
    "import_on_conflict": _query(
        "on_conflict",
        "How to handle a row whose SKU exists: refuse the row (`fail`), skip it, or update the item.",
        {"enum": ["fail", "skip", "update"], "default": "fail"},
    ),
    "import_mode": _query(
        "mode", "Import each row on its own, or all rows or none.", {"enum": ["per_row", "all_or_nothing"], "default": "per_row"}
    ),
    "import_dry_run": _query(
        "dry_run", "Validate and report the results, but write nothing.", {"type": "boolean", "default": False}
    ),
    "import_create_categories": _query(
        "create_categories",
        "Create missing categories: as described in the file, or else as root categories.",
        {"type": "boolean", "default": False},
    ),
    "import_preserve": _query(
        "preserve", "Give new items the id, version and timestamps in their rows.", {"type": "boolean", "default": False}
    ),
    "import_partial": _query(
        "partial",
        "Accept a file with the columns of an export but without its last row, which proves that the file is complete.",
        {"type": "boolean", "default": False},
    ),
    "import_delimiter": _query(
        "delimiter",
        "CSV delimiter; `tab` for a tab character.",
        {"type": "string", "pattern": r"^(tab|[!#-&(-/:-@\[-_{-~])$"},
    ),
    "import_map": _query(
        "map",
        "Read a field from a column: `field=column`. Repeatable.",
        _repeatable(rf"^{_FIELD}=.+$", "name=title", "attr.size=Size"),
    ),
    "import_set": _query(
        "set", "Set a field to a value in every row: `field=value`. Repeatable.", _repeatable(rf"^{_FIELD}=.+$", "currency=EUR")
    ),
    "import_type": _query(
        "type",
        f"Type of an attribute's values: `attr.NAME=type`, where type is one of {', '.join(TYPES)}. Repeatable.",
        _repeatable(rf"^{_ATTRIBUTE}=({'|'.join(TYPES)})$", "attr.size=number"),
    ),
    "errors_format": _query("format", "Format of the response.", {"enum": ["jsonl", "csv"], "default": "jsonl"}),
    "last_event_id": _header("Last-Event-ID", "With `Accept: text/event-stream`: the id of the last event received."),
    "idempotency_key": _header(
        "Idempotency-Key",
        "A unique key for this request. Repeating the request within 24 hours returns the stored response.",
        pattern="^[!-~]{1,255}$",
    ),
    "prefer": _header(
        "Prefer",
        "`return=minimal`: leave items and categories out of the response. `respond-async`: run an import in the background. "
        "See RFC 7240.",
    ),
    "if_absent": {
        "name": "If-None-Match",
        "in": "header",
        "description": "`*`: only create the item. Returns 412 if it already exists.",
        "schema": {"enum": ["*"]},
    },
    "if_none_match": _header("If-None-Match", "An ETag from an earlier response. Returns 304 if nothing has changed.", **_ETAGS),
}

_HEADERS: Schema = {
    "X-Request-ID": {"schema": {"type": "string"}},
    "X-Process-Time": {"description": "Processing time in seconds", "schema": {"type": "string"}},
    "X-Cache": {"description": "On GET and HEAD: whether the response came from the cache", "schema": {"enum": ["HIT", "MISS"]}},
}
_ETAG: Schema = {"ETag": {"description": "Identifies this version of the resource.", "schema": {"type": "string"}}}


def _response(description: str, schema: str | Schema, **headers: Schema) -> Schema:
    resolved = {"$ref": f"#/components/schemas/{schema}"} if isinstance(schema, str) else schema
    content = {"application/json": {"schema": resolved}}
    return {"description": description, "headers": _HEADERS | headers, "content": content}


def _problem(description: str, **headers: Schema) -> Schema:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": description, "headers": _HEADERS | headers, "content": content}


_RETRY_AFTER: Schema = {"Retry-After": {"description": "Seconds to wait before a retry", "schema": {"type": "integer"}}}

RESPONSES: dict[str, Schema] = {
    "200": _response("The item", "Item", **_ETAG),
    "200-item": _response("The item, complete or with the selected fields", _ANY_ITEM, **_ETAG),
    "200-page": _response(
        "A page of items",
        "ItemPage",
        Link={"description": "Links to other pages (RFC 8288)", "schema": {"type": "string"}},
        **_ETAG,
    ),
    "200-export": {
        "description": "The items, and a last row that proves that the export is complete",
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
    "200-import": _response("The state or result of the import", "ImportState"),
    "202-import": _response("Accepted; the current state of the import", "ImportState", Location={"schema": {"type": "string"}}),
    "200-errors": {
        "description": "The refused rows with their reasons",
        "headers": _HEADERS,
        "content": {"application/jsonl": {"schema": {"type": "string"}}, "text/csv": {"schema": {"type": "string"}}},
    },
    "200-batch": _response("The result of each operation", "BatchResults"),
    "200-history": _response("A page of the item's history", "History"),
    "200-prices": _response("The prices of the item", "Prices"),
    "200-changes": {
        "description": "A page of the change log, or a live stream",
        "headers": _HEADERS,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/Changes"}},
            "text/event-stream": {"schema": {"type": "string"}},
        },
    },
    "200-health": _response("The service is healthy", "Health"),
    "201": _response("The item was created", "Item", Location={"schema": {"type": "string"}}, **_ETAG),
    "200-category": _response("The category", "Category", **_ETAG),
    "200-categories": _response("All categories", "Categories", **_ETAG),
    "201-category": _response("The category was created", "Category", Location={"schema": {"type": "string"}}, **_ETAG),
    "204": {"description": "No content", "headers": _HEADERS},
    "304": {"description": "Not modified", "headers": _HEADERS | _ETAG},
    "400": _problem("The request cannot be parsed: malformed, invalid_cursor, invalid_position, bad_request"),
    "403": _problem("Cross-origin requests from web pages are not allowed: cross_origin_request"),
    "404": _problem("Not found: item_not_found, version_not_found, category_not_found, import_not_found"),
    "405": _problem(
        "`batch`, `export` and `import` are not items, and their paths allow other methods: method_not_allowed",
        Allow={"description": "The methods that the path allows", "schema": {"type": "string"}},
    ),
    "408": _problem("The request body arrived too slowly: request_timeout"),
    "409": _problem(
        "Conflict with the current state: sku_taken, slug_taken, category_in_use, category_cycle, category_too_deep, "
        "not_deleted, in_flight, contended",
        **_RETRY_AFTER,
    ),
    "410": _problem("This part of the change log was pruned: log_pruned"),
    "412": _problem(
        "A precondition failed: stale_version (changed since), not_absent (already exists), not_present (does not exist)"
    ),
    "428": _problem("The If-Match header is required: precondition_required"),
    "413": _problem("The request body is too large: content_too_large"),
    "414": _problem("The path and query string are too long: uri_too_long"),
    "415": _problem("The media type of the request body is not supported: unsupported_media_type"),
    "421": _problem("The service does not serve this Host: misdirected_request"),
    "422": _problem("Validation failed; `errors` has the reasons: invalid_input, invalid_query, batch_refused, key_reused"),
    "422-import": {
        "description": "Validation failed: invalid_query, invalid_file, key_reused; or rows were refused (`mode=all_or_nothing`)",
        "headers": _HEADERS,
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
            "application/json": {"schema": {"$ref": "#/components/schemas/ImportState"}},
        },
    },
    "431": _problem("The request headers are too large: headers_too_large"),
    "500": _problem("Unexpected error: internal_server_error"),
    "503": _problem(
        "Unavailable, try again later: store_unavailable, store_busy, too_many_subscribers, imports_busy, schema_outdated",
        **_RETRY_AFTER,
    ),
    "507": _problem("A disk is full: out_of_space", **_RETRY_AFTER),
}
