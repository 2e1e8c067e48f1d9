"""The shapes of what the log tells, of batches and of imports, for the OpenAPI document."""

from typing import Any

from catalog.application.changes.history import KINDS
from catalog.application.items.batch import MAX_OPERATIONS

Schema = dict[str, Any]

_MOMENT = {"type": "string", "format": "date-time"}
_UNTIL = {"type": ["string", "null"], "format": "date-time"}
_VERSION = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
KEY_PATTERN = r"^\s*[A-Za-z0-9][A-Za-z0-9._+-]{0,63}\s*$"
"""What an id or a SKU looks like, in any case."""

_KEY = {"type": "string", "pattern": KEY_PATTERN, "description": "The item's id, or its SKU."}
_KNOWN_SINCE = _UNTIL | {"description": "When the log begins, where it was pruned and the item is older."}
_ITEM = {"$ref": "#/components/schemas/Item"}
_LOWEST = {"oneOf": [{"$ref": "#/components/schemas/LowestPrice"}, {"type": "null"}]}
_STATE = {"oneOf": [_ITEM, {"$ref": "#/components/schemas/Category"}, {"type": "null"}]}


def _operation(name: str, *required: str, **properties: Schema) -> Schema:
    return {
        "type": "object",
        "required": ["op", *required],
        "additionalProperties": False,
        "properties": {"op": {"const": name}, **properties},
    }


def _page(**more: Schema) -> Schema:
    return {
        "type": "object",
        "required": ["changes", "next_after", "head", *more],
        "properties": {
            "changes": {"type": "array", "items": {"$ref": "#/components/schemas/Change"}},
            "next_after": {"type": ["integer", "null"], "description": "For the parameter `after`; null at the end."},
            "head": {"type": "integer", "description": "The number of the log's newest entry."},
            **more,
        },
    }


_DRAFT = {"$ref": "#/components/schemas/ItemDraft"}
_UPSERT = {"$ref": "#/components/schemas/UpsertDraft"}
_IF_VERSION = {
    "type": ["integer", "null"],
    "minimum": 1,
    "maximum": 2**63 - 1,
    "description": "The version that the item has, if it is to be done.",
}

_OPERATIONS = {
    "create": _operation("create", "item", item=_DRAFT),
    "upsert": _operation("upsert", "item", item=_UPSERT, if_version=_IF_VERSION),
    "update": _operation(
        "update", "key", "patch", key=_KEY, patch={"$ref": "#/components/schemas/ItemPatch"}, if_version=_IF_VERSION
    ),
    "reprice": _operation(
        "reprice", "key", "price", key=_KEY, price={"$ref": "#/components/schemas/Money"}, if_version=_IF_VERSION
    ),
    "delete": _operation("delete", "key", key=_KEY, if_version=_IF_VERSION),
}

MEDIA = {
    "ImportFile": {
        "text/csv": "ImportFile",
        "application/json": "ImportRows",
        "application/jsonl": "ImportFile",
        "application/x-ndjson": "ImportFile",
        "multipart/form-data": "ImportForm",
    }
}
"""The schemas of bodies that are no JSON of ours, by their media types."""

LOG_SCHEMAS: dict[str, Schema] = {
    "Batch": {
        "type": "object",
        "required": ["operations"],
        "additionalProperties": False,
        "properties": {
            "operations": {
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_OPERATIONS,
                "items": {
                    "oneOf": [{"$ref": f"#/components/schemas/{name.title()}Operation"} for name in _OPERATIONS],
                    "discriminator": {
                        "propertyName": "op",
                        "mapping": {name: f"#/components/schemas/{name.title()}Operation" for name in _OPERATIONS},
                    },
                },
            },
            "atomic": {"type": "boolean", "default": False, "description": "All of them, or none."},
            "dry_run": {"type": "boolean", "default": False, "description": "Decide everything, and write nothing."},
        },
    },
    **{f"{name.title()}Operation": schema for name, schema in _OPERATIONS.items()},
    "BatchResults": {
        "type": "object",
        "required": ["results", "failed", "dry_run"],
        "properties": {
            "results": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/BatchResult"},
            },
            "failed": {"type": "integer"},
            "dry_run": {"type": "boolean"},
        },
    },
    "BatchResult": {
        "type": "object",
        "required": ["status"],
        "properties": {
            "status": {"type": "integer"},
            "item": _ITEM,
            "problem": {"$ref": "#/components/schemas/Problem"},
        },
    },
    "Change": {
        "type": "object",
        "required": ["seq", "kind", "item_id", "sku", "version", "at", "actor", "request_id", "before", "after"],
        "properties": {
            "seq": {"type": "integer", "description": "1, 2, 3 and so on, in the order of the commits."},
            "kind": {"enum": list(KINDS)},
            "item_id": {"type": ["string", "null"], "format": "uuid"},
            "sku": {"type": ["string", "null"]},
            "slug": {"type": "string", "description": "Of a category, where it happened to one."},
            "version": _VERSION | {"description": "The version that the change made."},
            "at": _MOMENT,
            "actor": {"type": "string"},
            "request_id": {"type": ["string", "null"]},
            "before": _STATE,
            "after": _STATE,
        },
    },
    "Changes": _page(),
    "History": _page(known_since=_KNOWN_SINCE),
    "Prices": {
        "type": "object",
        "required": ["prices", "lowest_30_days", "before_reduction", "known_since"],
        "properties": {
            "prices": {"type": "array", "items": {"$ref": "#/components/schemas/PricePeriod"}},
            "lowest_30_days": _LOWEST,
            "before_reduction": _LOWEST,
            "known_since": _KNOWN_SINCE,
        },
    },
    "PricePeriod": {
        "type": "object",
        "required": ["price", "from", "until", "seq"],
        "properties": {
            "price": {"$ref": "#/components/schemas/Price"},
            "from": _MOMENT,
            "until": _UNTIL,
            "seq": {"type": ["integer", "null"], "description": "Null: it is older than what the log knows."},
        },
    },
    "LowestPrice": {
        "type": "object",
        "required": ["amount", "currency", "at"],
        "properties": {"amount": {"type": "string"}, "currency": {"type": "string"}, "at": _MOMENT},
    },
    "ImportFile": {"type": "string", "minLength": 1, "description": "A file with rows of items, in UTF-8."},
    "ImportForm": {
        "type": "object",
        "required": ["file"],
        "description": "The file, whose name tells its format; other fields are the parameters.",
        "properties": {"file": {"type": "string", "format": "binary"}},
    },
    "ImportRows": {
        "type": "array",
        "description": "Rows of items, as an export writes them.",
        "items": {"type": "object", "additionalProperties": True},
    },
    "ImportState": {
        "type": "object",
        "required": [
            "id",
            "status",
            "rows",
            "created",
            "updated",
            "unchanged",
            "skipped",
            "refused",
            "categories",
            "ignored",
            "dry_run",
            "bytes",
            "rate",
            "error",
            "errors_url",
        ],
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "status": {"enum": ["running", "done", "refused", "failed", "cancelled", "interrupted"]},
            **{
                name: {"type": "integer"}
                for name in ("rows", "created", "updated", "unchanged", "skipped", "refused", "categories")
            },
            "ignored": {"type": "array", "items": {"type": "string"}, "description": "Columns that gave nothing."},
            "dry_run": {"type": "boolean"},
            "bytes": {"type": "integer", "description": "Of the file, as far as it was read."},
            "rate": {"type": "number", "description": "Rows a second."},
            "error": {"type": ["string", "null"], "description": "Why it failed."},
            "errors_url": {"type": "string", "description": "Where all refused rows are."},
            "refusals": {
                "type": "array",
                "description": "The first 1,000.",
                "items": {"$ref": "#/components/schemas/ImportRefusal"},
            },
        },
    },
    "ImportRefusal": {
        "type": "object",
        "required": ["line", "sku", "field", "code", "detail"],
        "properties": {
            "line": {"type": "integer"},
            "sku": {"type": "string"},
            "field": {"type": "string"},
            "code": {"type": "string"},
            "detail": {"type": "string"},
        },
    },
    "Revert": {"type": "object", "required": ["version"], "additionalProperties": False, "properties": {"version": _VERSION}},
}

_JSON_LINE = '{"sku": "CHAIR-1", "name": "Garden chair", "price": {"amount": "49.90", "currency": "EUR"}}\n'

LOG_EXAMPLES: dict[str, Any] = {
    "Batch": {
        "operations": [
            {"op": "upsert", "item": {"sku": "CHAIR-1", "name": "Garden chair"}},
            {"op": "reprice", "key": "CHAIR-1", "price": {"amount": "44.90", "currency": "EUR"}},
        ],
        "atomic": True,
    },
    "Revert": {"version": 1},
    "ImportFile": "sku,name,price,currency\nCHAIR-1,Garden chair,49.90,EUR\n",
    "ImportFile application/jsonl": _JSON_LINE,
    "ImportFile application/x-ndjson": _JSON_LINE,
    "ImportRows": [{"sku": "CHAIR-1", "name": "Garden chair", "price": {"amount": "49.90", "currency": "EUR"}}],
}
