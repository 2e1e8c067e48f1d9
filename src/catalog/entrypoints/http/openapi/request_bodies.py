"""The shapes of request bodies.

They are documentation only: handlers pass the parsed JSON to the domain, which reports every error in a body at once, where a
decoder stops at the first. Each has an `EXAMPLE` that can be sent as it is.
"""

from typing import Annotated, Any, ClassVar
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.entrypoints.representations.categories import CategoryBody, CategoryStepBody
from catalog.entrypoints.representations.fields import (
    Count,
    Description,
    Name,
    NewAttributeValues,
    NewSku,
    Position,
    Slug,
    Timestamp,
    Version,
)

_NewAmount = Annotated[
    Annotated[str, Meta(pattern=r"^\s*[0-9]+(\.[0-9]+)?\s*$")] | Annotated[float, Meta(ge=0)],
    Meta(
        description="Plain decimal digits, as a string or a number. The value is read exactly and never rounded.",
        examples=["12.50"],
    ),
]
_NewCurrency = Annotated[str, Meta(pattern=r"^\s*[A-Za-z]{3}\s*$", description="ISO 4217", examples=["EUR"])]
_Category = Annotated[Slug | UnsetType | None, Meta(description="The slug of an existing category.")]
_READ_ONLY = Meta(extra_json_schema={"readOnly": True})


class PriceDraftBody(msgspec.Struct, forbid_unknown_fields=True):
    """A new price."""

    EXAMPLE: ClassVar[Any] = {"amount": "44.90", "currency": "EUR"}

    amount: _NewAmount
    currency: _NewCurrency


class PricePatchBody(msgspec.Struct, forbid_unknown_fields=True):
    """Changes to a price. Omitted members stay unchanged."""

    amount: _NewAmount | UnsetType = UNSET
    currency: _NewCurrency | UnsetType = UNSET


class _ItemFields(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The optional fields of a draft and of a patch. Clients may send read-only fields back unchanged."""

    description: Description | UnsetType | None = UNSET
    category: _Category = UNSET
    attributes: NewAttributeValues | UnsetType | None = UNSET
    id: Annotated[UUID | UnsetType, _READ_ONLY] = UNSET
    version: Annotated[Version | UnsetType, _READ_ONLY] = UNSET
    created_at: Annotated[Timestamp | UnsetType, _READ_ONLY] = UNSET
    updated_at: Annotated[Timestamp | UnsetType, _READ_ONLY] = UNSET


class ItemDraftBody(_ItemFields, kw_only=True, forbid_unknown_fields=True):
    """A new item, or the new state of an item. A SKU is generated if none is given."""

    EXAMPLE: ClassVar[Any] = {
        "sku": "CHAIR-1",
        "name": "Garden chair",
        "category": "garden-chairs",
        "price": {"amount": "49.90", "currency": "EUR"},
        "attributes": {"colour": "green", "weight_kg": 4.5},
    }

    sku: NewSku | UnsetType | None = UNSET
    name: Name
    price: PriceDraftBody | UnsetType | None = UNSET


class UpsertDraftBody(_ItemFields, kw_only=True, forbid_unknown_fields=True):
    """The new state of the item with this SKU, whether or not it exists."""

    sku: NewSku
    name: Name
    price: PriceDraftBody | UnsetType | None = UNSET


class ItemPatchBody(_ItemFields, kw_only=True, forbid_unknown_fields=True):
    """Changes to an item.

    Omitted fields stay unchanged, null clears a field. The members of price and attributes are merged.
    """

    EXAMPLE: ClassVar[Any] = {
        "description": "Folds flat",
        "category": None,
        "attributes": {"colour": "red", "weight_kg": None},
    }

    sku: NewSku | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    price: PricePatchBody | UnsetType | None = UNSET


class RevertBody(msgspec.Struct, forbid_unknown_fields=True):
    """The version to revert an item to."""

    EXAMPLE: ClassVar[Any] = {"version": 1}

    version: Version


_NewPosition = Annotated[
    Position | UnsetType | None,
    Meta(description="Siblings are ordered by position, then slug. Defaults to the last position if omitted or null."),
]
_Parent = Annotated[Slug | UnsetType | None, Meta(description="The slug of an existing category; null for a root category.")]


class CategoryDraftBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A new category."""

    EXAMPLE: ClassVar[Any] = {"slug": "garden-chairs", "name": "Garden chairs"}

    slug: Annotated[Slug | UnsetType | None, Meta(description="Made from the name if omitted or null.")] = UNSET
    name: Name
    parent: _Parent = UNSET
    position: _NewPosition = UNSET


class CategoryPatchBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Changes to a category. Omitted fields stay unchanged; a null parent makes a root category.

    The slug cannot be changed.
    """

    EXAMPLE: ClassVar[Any] = {"name": "Chairs for the garden", "position": 3}

    slug: Annotated[Slug | UnsetType, Meta(description="Must be the current slug of the category.")] = UNSET
    name: Name | UnsetType = UNSET
    parent: _Parent = UNSET
    position: Annotated[Position | UnsetType, Meta(description="Siblings are ordered by position, then slug.")] = UNSET
    version: Annotated[Version | UnsetType, _READ_ONLY] = UNSET
    path: Annotated[list[CategoryStepBody] | UnsetType, _READ_ONLY] = UNSET
    item_count: Annotated[Count | UnsetType, _READ_ONLY] = UNSET
    children: Annotated[list[CategoryBody] | UnsetType, _READ_ONLY] = UNSET
