"""OpenAPI schemas and examples for the change log, batches and imports."""

from typing import Any

from catalog.application.changes.history import KINDS
from catalog.application.items.batch import MAX_OPERATIONS

Schema = dict[str, Any]

_TIMESTAMP = {"type": "string", "format": "date-time"}
_NULLABLE_TIMESTAMP = {"type": ["string", "null"], "format": "date-time"}
_VERSION = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}
KEY_PATTERN = r"^\s*[A-Za-z0-9][A-Za-z0-9._+-]{0,63}\s*$"
"""Pattern of an item id or SKU, in upper or lower case."""

_KEY = {"type": "string", "pattern": KEY_PATTERN, "description": "The id or SKU of the item."}
_KNOWN_SINCE = _NULLABLE_TIMESTAMP | {"description": "Start of the log, if the item is older because the log was pruned."}
_ITEM = {"$ref": "#/components/schemas/Item"}
_LOWEST = {"oneOf": [{"$ref": "#/components/schemas/LowestPrice"}, {"type": "null"}]}
_SUBJECT = {"oneOf": [_ITEM, {"$ref": "#/components/schemas/Category"}, {"type": "null"}]}


def _operation(name: str, *required: str, **properties: Schema) -> Schema:
    return {
        "type": "object",
        "required": ["op", *required],
        "additionalProperties": False,
        "properties": {"op": {"const": name}, **properties},
    }


def _change_page(**extra: Schema) -> Schema:
    return {
        "type": "object",
        "required": ["changes", "next_after", "head", *extra],
        "properties": {
            "changes": {"type": "array", "items": {"$ref": "#/components/schemas/Change"}},
            "next_after": {
                "type": ["integer", "null"],
                "description": "Pass it as `after` to get the next page; null on the last page.",
            },
            "head": {"type": "integer", "description": "The number of the newest entry in the log."},
            **extra,
        },
    }


_DRAFT = {"$ref": "#/components/schemas/ItemDraft"}
_UPSERT = {"$ref": "#/components/schemas/UpsertDraft"}
_IF_VERSION = {
    "type": ["integer", "null"],
    "minimum": 1,
    "maximum": 2**63 - 1,
    "description": "Run the operation only if the item has this version.",
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

BODY_MEDIA_TYPES = {
    "ImportFile": {
        "text/csv": "ImportFile",
        "application/json": "ImportRows",
        "application/jsonl": "ImportFile",
        "application/x-ndjson": "ImportFile",
        "multipart/form-data": "ImportForm",
    }
}
"""Schemas by media type, for request bodies that are files."""

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
            "atomic": {"type": "boolean", "default": False, "description": "Apply all operations, or none if any fails."},
            "dry_run": {
                "type": "boolean",
                "default": False,
                "description": "Validate and report the results, but write nothing.",
            },
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
            "seq": {"type": "integer", "description": "The number of the entry: 1, 2, 3, … in commit order, without gaps."},
            "kind": {"enum": list(KINDS)},
            "item_id": {"type": ["string", "null"], "format": "uuid"},
            "sku": {"type": ["string", "null"]},
            "slug": {"type": "string", "description": "The slug of the category; only for changes of categories."},
            "version": _VERSION | {"description": "The version that the change created."},
            "at": _TIMESTAMP,
            "actor": {"type": "string"},
            "request_id": {"type": ["string", "null"]},
            "before": _SUBJECT,
            "after": _SUBJECT,
        },
    },
    "Changes": _change_page(),
    "History": _change_page(known_since=_KNOWN_SINCE),
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
            "from": _TIMESTAMP,
            "until": _NULLABLE_TIMESTAMP,
            "seq": {
                "type": ["integer", "null"],
                "description": "The entry that set the price; null if it is older than the log.",
            },
        },
    },
    "LowestPrice": {
        "type": "object",
        "required": ["amount", "currency", "at"],
        "properties": {"amount": {"type": "string"}, "currency": {"type": "string"}, "at": _TIMESTAMP},
    },
    "ImportFile": {"type": "string", "minLength": 1, "description": "A file with one item per row, in UTF-8."},
    "ImportForm": {
        "type": "object",
        "required": ["file"],
        "description": "The file, and the parameters as further fields. The file name extension determines the format.",
        "properties": {"file": {"type": "string", "format": "binary"}},
    },
    "ImportRows": {
        "type": "array",
        "description": "Items in the format of an export.",
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
            "ignored": {"type": "array", "items": {"type": "string"}, "description": "Columns that were not imported."},
            "dry_run": {"type": "boolean"},
            "bytes": {"type": "integer", "description": "Bytes of the file that were read so far."},
            "rate": {"type": "number", "description": "Rows per second."},
            "error": {"type": ["string", "null"], "description": "Why the import failed."},
            "errors_url": {"type": "string", "description": "URL of the complete list of refused rows."},
            "refusals": {
                "type": "array",
                "description": "The first 1,000 reasons for refused rows.",
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
