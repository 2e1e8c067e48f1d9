"""The shape of a batch request. Documentation only, like the other request bodies."""

from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.application.items.batch import MAX_OPERATIONS
from catalog.entrypoints.http.openapi.request_bodies import ItemDraftBody, ItemPatchBody, PriceDraftBody, UpsertDraftBody
from catalog.entrypoints.representations.fields import Key, Version

_IfVersion = Annotated[Version | UnsetType | None, Meta(description="Run the operation only if the item has this version.")]


class CreateOperationBody(msgspec.Struct, tag_field="op", tag="create", forbid_unknown_fields=True):
    """Create an item."""

    item: ItemDraftBody


class UpsertOperationBody(msgspec.Struct, tag_field="op", tag="upsert", forbid_unknown_fields=True):
    """Create the item with this SKU, or replace it if it exists."""

    item: UpsertDraftBody
    if_version: _IfVersion = UNSET


class UpdateOperationBody(msgspec.Struct, tag_field="op", tag="update", forbid_unknown_fields=True):
    """Update an item."""

    key: Key
    patch: ItemPatchBody
    if_version: _IfVersion = UNSET


class RepriceOperationBody(msgspec.Struct, tag_field="op", tag="reprice", forbid_unknown_fields=True):
    """Set the price of an item."""

    key: Key
    price: PriceDraftBody
    if_version: _IfVersion = UNSET


class DeleteOperationBody(msgspec.Struct, tag_field="op", tag="delete", forbid_unknown_fields=True):
    """Delete an item."""

    key: Key
    if_version: _IfVersion = UNSET


class BatchBody(msgspec.Struct, forbid_unknown_fields=True):
    """Operations to run in order, in one commit."""

    EXAMPLE: ClassVar[Any] = {
        "operations": [
            {"op": "upsert", "item": {"sku": "CHAIR-1", "name": "Garden chair"}},
            {"op": "reprice", "key": "CHAIR-1", "price": {"amount": "44.90", "currency": "EUR"}},
        ],
        "atomic": True,
    }

    operations: Annotated[
        list[
            Annotated[
                CreateOperationBody | UpsertOperationBody | UpdateOperationBody | RepriceOperationBody | DeleteOperationBody,
                Meta(title="BatchOperation"),
            ]
        ],
        Meta(min_length=1, max_length=MAX_OPERATIONS),
    ]
    atomic: Annotated[bool, Meta(description="Apply all operations, or none if any fails.")] = False
    dry_run: Annotated[bool, Meta(description="Validate and report the results, but write nothing.")] = False
