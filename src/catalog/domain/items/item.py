"""The item: frozen, valid from birth, and the one place that decides how it may change."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

from catalog.domain.change import Change
from catalog.domain.errors import FieldPath, shorten
from catalog.domain.items.attributes import Attributes
from catalog.domain.validation import FieldErrors
from catalog.domain.values.fields import (
    MAX_NAME,
    RESERVED_SKUS,
    parse_category,
    parse_description,
    parse_key,
    parse_name,
    parse_sku,
)
from catalog.domain.values.money import Money
from catalog.domain.values.read_only import refuse_read_only
from catalog.domain.values.timestamps import parse_time

CREATED = "item.created"
UPDATED = "item.revised"
REPRICED = "item.repriced"
DELETED = "item.removed"
RESTORED = "item.restored"
REVERTED = "item.reverted"

KINDS = (CREATED, UPDATED, REPRICED, DELETED, RESTORED, REVERTED)
"""What happens to items."""

READ_ONLY_FIELDS = ("id", "version", "created_at", "updated_at")
"""The fields that no caller may set."""

_LONGEST_VERSION = 19
_LONGEST_TIME = 64


class Provenance(NamedTuple):
    """What the catalog keeps of an item by itself."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def parse(cls, said: Mapping[str, object], faults: FieldErrors) -> Self | None:
        """Read the life of an item as an export writes it; None, and a fault for each, when something is missing or wrong."""
        before = faults.total
        its_id = parse_key(str(said.get("id")))
        if not isinstance(its_id, UUID):
            faults.add(("id",), "invalid_id", "The id is a UUID; to keep ids, versions and times, each row has all of them.")
        raw = str(said.get("version"))
        version = int(raw) if raw.isascii() and raw.isdecimal() and len(raw) < _LONGEST_VERSION else 0
        if not version:
            faults.add(("version",), "invalid_version", "The version is a whole number from 1 on.")
        created_at, updated_at = (_moment(said.get(name), name, faults) for name in ("created_at", "updated_at"))
        if created_at and updated_at and created_at > updated_at:
            faults.add(("updated_at",), "before_creation", "The item was changed before it was created.")
        if faults.total > before or not isinstance(its_id, UUID) or created_at is None or updated_at is None:
            return None
        return cls(its_id, version, created_at, updated_at)


def _moment(raw: object, name: str, faults: FieldErrors) -> datetime | None:
    """Read a time in UTC."""
    moment = _time(raw)
    if moment is None:
        faults.add((name,), "invalid_time", f"The field {name} is a time with its offset, like 2026-11-20T12:00:00.123456Z.")
    return moment


def _time(raw: object) -> datetime | None:
    """Read a time in UTC by RFC 3339, or by what else of ISO 8601 names an offset; None when it is none."""
    text = str(raw)
    if len(text) > _LONGEST_TIME:
        return None
    moment = parse_time(text, zoned=True)
    if moment is None:
        with suppress(ValueError, OverflowError):
            other = datetime.fromisoformat(text)
            moment = None if other.tzinfo is None else other.astimezone(UTC)
    return moment


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
    def create(
        cls,
        fields: Mapping[str, object],
        *,
        item_id: UUID,
        default_sku: str,
        now: datetime,
        provenance: "Provenance | None" = None,
    ) -> Change[Self]:
        """Decide the birth of an item from `fields`, as a caller gave them; without a SKU it takes `spare_sku`.

        With `life` it comes from another catalog, and is what it was there. Raises InvalidInput with every fault.
        """
        values = _parse_whole(fields, default_sku)
        its_id, version, created_at, updated_at = provenance or (item_id, 1, now, now)
        item = cls(id=its_id, version=version, created_at=created_at, updated_at=updated_at, **values)
        return Change(CREATED, None, item, now)

    def replace(self, fields: Mapping[str, object], *, now: datetime) -> Change[Self] | None:
        """Decide what the item is from now on, given whole: what is absent is taken away, but for the SKU.

        Read-only fields may be given as they are. None when nothing would change. Raises InvalidInput.
        """
        return self._changed(UPDATED, _parse_whole(fields, self.sku, self), now)

    def update(self, patch: Mapping[str, object], *, now: datetime) -> Change[Self] | None:
        """Decide a change by a merge patch (RFC 7396): what is absent stays, null takes away, a value replaces.

        Prices and attributes merge member by member. Read-only fields may be given as they are. None when nothing would
        change. Raises InvalidInput.
        """
        faults = FieldErrors()
        _refuse_unknown(patch, faults, self)
        known = self._document()
        values = _parse({name: _merge_patch(known[name], raw) for name, raw in patch.items() if name in known}, faults)
        _refuse_reserved(values.get("sku"), faults, self)
        faults.raise_if_any()
        return self._changed(UPDATED, values, now)

    def reprice(self, price: object, *, now: datetime) -> Change[Self] | None:
        """Decide a new price, given whole: an amount and a currency. None when it is the price already. Raises InvalidInput."""
        faults = FieldErrors()
        money = Money.parse(price, faults, ())
        faults.raise_if_any()
        return self._changed(REPRICED, {"price": money}, now)

    def delete(self, *, now: datetime) -> Change[Self]:
        """Decide the end of the item."""
        return Change(DELETED, self, None, max(now, self.updated_at))

    def restore(self, *, deleted_version: int, now: datetime) -> Change[Self]:
        """Decide that the item, as it was at its end, is back; `removed` is the version that its removal made."""
        at = max(now, self.updated_at)
        return Change(RESTORED, None, replace(self, version=deleted_version + 1, updated_at=at), at)

    def revert(self, past: Self, *, now: datetime) -> Change[Self] | None:
        """Decide that the item is again what it was in another version. None when it is that already."""
        return self._changed(REVERTED, {name: getattr(past, name) for name in FIELDS}, now)

    def _changed(self, kind: str, values: dict[str, Any], now: datetime) -> Change[Self] | None:
        """Make the next version, unless these values are what the item has. Time never runs backwards in an item's life."""
        if all(getattr(self, name) == value for name, value in values.items()):
            return None
        at = max(now, self.updated_at)
        return Change(kind, self, replace(self, **values, version=self.version + 1, updated_at=at), at)

    def _document(self) -> dict[str, object]:
        """Show the item as a merge patch sees it."""
        price = self.price and {"amount": self.price.amount, "currency": self.price.currency}
        return {name: getattr(self, name) for name in _PARSERS} | {"price": price}


def _price(raw: object, faults: FieldErrors, path: FieldPath) -> Money | None:
    """Read a price, or none."""
    return None if raw is None else Money.parse(raw, faults, path)


_PARSERS: dict[str, Callable[[object, FieldErrors, FieldPath], object]] = {
    "sku": parse_sku,
    "name": parse_name,
    "description": parse_description,
    "category": parse_category,
    "price": _price,
    "attributes": Attributes.parse,
}

_CLEARED = tuple((name, (name,), read) for name, read in _PARSERS.items())
"""Each field, its path, and what reads it."""

FIELDS = tuple(_PARSERS)
"""The fields that a caller may give, in the order of the documents."""


def changed_fields(before: Item, after: Item) -> frozenset[str]:
    """Tell which fields a change has changed, those that we keep included."""
    return frozenset(name for name in (*FIELDS, "version", "updated_at") if getattr(before, name) != getattr(after, name))


def _parse(fields: Mapping[str, object], faults: FieldErrors) -> dict[str, Any]:
    """Read each field by its own rule."""
    return {name: _PARSERS[name](raw, faults, (name,)) for name, raw in fields.items() if name in _PARSERS}


def _parse_whole(fields: Mapping[str, object], spare_sku: str, current: Item | None = None) -> dict[str, Any]:
    """Read all fields of an item; null is the same as absent. Raises InvalidInput with every fault."""
    faults = FieldErrors()
    _refuse_unknown(fields, faults, current)
    said = fields if fields.get("sku") is not None else {**fields, "sku": spare_sku}
    values = {name: read(said.get(name), faults, path) for name, path, read in _CLEARED}
    _refuse_reserved(values["sku"], faults, current)
    faults.raise_if_any()
    return values


def _refuse_unknown(fields: Mapping[str, object], faults: FieldErrors, current: Item | None = None) -> None:
    """Name the fields that an item has not, and those that a caller may not set: what `current` has there may be repeated."""
    for name, raw in fields.items():
        if name in _PARSERS:
            continue
        if name not in READ_ONLY_FIELDS:
            message = f"An item has no field {shorten(name)}."
            faults.add_unknown((name,), "unknown_field", message, FIELDS, f"An item has the fields {', '.join(FIELDS)}.")
        else:
            refuse_read_only(name, raw, None if current is None else getattr(current, name), faults)


def _refuse_reserved(sku: object, faults: FieldErrors, current: Item | None) -> None:
    """Refuse the SKUs that are paths of our own; an item that has one of old keeps it."""
    if sku in RESERVED_SKUS and (current is None or current.sku != sku):
        faults.add(
            ("sku",), "reserved_sku", f"The SKU {sku} is a path of the API, as are {', '.join(RESERVED_SKUS)}; take another."
        )


def _merge_patch(target: object, patch: object) -> object:
    """Merge one member, by the algorithm of RFC 7396, section 2."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merge_patch(merged.get(name), value)
    return merged
