"""The item: frozen, valid from birth, and the one place that decides how it may change."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from catalog.domain.attributes import Attributes
from catalog.domain.change import Change
from catalog.domain.errors import Path
from catalog.domain.faults import Faults
from catalog.domain.money import Money
from catalog.domain.values import MAX_NAME, parse_category, parse_description, parse_name, parse_sku

CREATED = "item.created"
REVISED = "item.revised"
REPRICED = "item.repriced"
REMOVED = "item.removed"

_KEPT_BY_US = ("id", "version", "created_at", "updated_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something a company sells or lends.

    There are two ways to one: `Item.create` reads an input and decides, and the constructor brings back what was
    valid already (a store does that). Times are UTC.
    """

    id: UUID
    sku: str
    name: str
    description: str | None = None
    category: str | None = None
    price: Money | None = None
    attributes: Attributes
    version: int
    created_at: datetime
    updated_at: datetime

    def __post_init__(self) -> None:
        """Hold the invariants; breaking them is a fault of the program, not of an input."""
        if not (0 < len(self.name) <= MAX_NAME and self.sku and self.version > 0 and self.created_at <= self.updated_at):
            message = f"No such item: {self.sku!r}, {self.name!r}, version {self.version}"
            raise ValueError(message)

    @classmethod
    def create(cls, fields: Mapping[str, object], *, item_id: UUID, spare_sku: str, now: datetime) -> Change[Self]:
        """Decide the birth of an item from `fields`, as a caller gave them; without a SKU it takes `spare_sku`.

        Raises InvalidInput with every fault.
        """
        faults = Faults()
        _refuse_unknown(fields, faults)
        given = {"sku": spare_sku, "name": None} | {name: raw for name, raw in fields.items() if raw is not None}
        values = _read(given, faults)
        faults.refuse()
        attributes = values.pop("attributes", Attributes({}))
        item = cls(id=item_id, version=1, created_at=now, updated_at=now, attributes=attributes, **values)
        return Change(CREATED, None, item, now)

    def revise(self, patch: Mapping[str, object], *, now: datetime) -> Change[Self] | None:
        """Decide a change by a merge patch (RFC 7396): what is absent stays, null takes away, a value replaces.

        Prices and attributes merge member by member. None when nothing would change. Raises InvalidInput.
        """
        faults = Faults()
        _refuse_unknown(patch, faults)
        known = self._document()
        values = _read({name: _merged(known[name], raw) for name, raw in patch.items() if name in known}, faults)
        faults.refuse()
        return self._changed(REVISED, values, now)

    def reprice(self, price: object, *, now: datetime) -> Change[Self] | None:
        """Decide a new price, given whole: an amount and a currency. None when it is the price already. Raises InvalidInput."""
        faults = Faults()
        money = Money.parse(price, faults, ())
        faults.refuse()
        return self._changed(REPRICED, {"price": money}, now)

    def remove(self, *, now: datetime) -> Change[Self]:
        """Decide the end of the item."""
        return Change(REMOVED, self, None, max(now, self.updated_at))

    def _changed(self, kind: str, values: dict[str, Any], now: datetime) -> Change[Self] | None:
        """Make the next version, unless these values are what the item has. Time never runs backwards in an item's life."""
        if all(getattr(self, name) == value for name, value in values.items()):
            return None
        at = max(now, self.updated_at)
        return Change(kind, self, replace(self, **values, version=self.version + 1, updated_at=at), at)

    def _document(self) -> dict[str, object]:
        """Show the item as a merge patch sees it."""
        price = self.price and {"amount": self.price.amount, "currency": self.price.currency}
        return {name: getattr(self, name) for name in _READERS} | {"price": price}


def _price(raw: object, faults: Faults, path: Path) -> Money | None:
    """Read a price, or none."""
    return None if raw is None else Money.parse(raw, faults, path)


_READERS: dict[str, Callable[[object, Faults, Path], object]] = {
    "sku": parse_sku,
    "name": parse_name,
    "description": parse_description,
    "category": parse_category,
    "price": _price,
    "attributes": Attributes.parse,
}

FIELDS = tuple(_READERS)
"""The fields that a caller may give, in the order of the documents."""


def touched(before: Item, after: Item) -> frozenset[str]:
    """Tell which fields a change has changed, those that we keep included."""
    return frozenset(name for name in (*FIELDS, "version", "updated_at") if getattr(before, name) != getattr(after, name))


def _read(fields: Mapping[str, object], faults: Faults) -> dict[str, Any]:
    """Read each field by its own rule."""
    return {name: _READERS[name](raw, faults, (name,)) for name, raw in fields.items() if name in _READERS}


def _refuse_unknown(fields: Mapping[str, object], faults: Faults) -> None:
    """Name the fields that an item has not, and those that a caller may not set."""
    for name in fields:
        if name in _KEPT_BY_US:
            faults.add((name,), "read_only", f"The field {name} is kept by the catalog; leave it out.")
        elif name not in _READERS:
            faults.add((name,), "unknown_field", f"An item has no field {name}; it has {', '.join(FIELDS)}.")


def _merged(target: object, patch: object) -> object:
    """Merge one member, by the algorithm of RFC 7396, section 2."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), value)
    return merged
