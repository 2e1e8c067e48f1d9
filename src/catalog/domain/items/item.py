"""The item: immutable, always valid, and the one place that decides how an item may change."""

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
from catalog.domain.values.fields import MAX_NAME, parse_category, parse_description, parse_name
from catalog.domain.values.money import Money
from catalog.domain.values.read_only import reject_read_only
from catalog.domain.values.sku import RESERVED_SKUS, parse_key, parse_sku
from catalog.domain.values.timestamps import parse_time

CREATED = "item.created"
UPDATED = "item.revised"
REPRICED = "item.repriced"
DELETED = "item.removed"
RESTORED = "item.restored"
REVERTED = "item.reverted"

KINDS = (CREATED, UPDATED, REPRICED, DELETED, RESTORED, REVERTED)
"""The kinds of change of an item."""

READ_ONLY_FIELDS = ("id", "version", "created_at", "updated_at")
"""The fields that callers cannot set."""

_MAX_VERSION_LENGTH = 19
_MAX_TIME_LENGTH = 64


class Provenance(NamedTuple):
    """The read-only fields of an item: its id, version and times."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def parse(cls, fields: Mapping[str, object], errors: FieldErrors) -> Self | None:
        """Parse the read-only fields as an export writes them.

        For each field that is missing or invalid, an error is added to `errors`; the result is None then.
        """
        errors_before = errors.total
        item_id = parse_key(str(fields.get("id")))
        if not isinstance(item_id, UUID):
            message = "The id must be a UUID; to keep ids, versions and times, every row needs all of them."
            errors.add(("id",), "invalid_id", message)
        raw = str(fields.get("version"))
        version = int(raw) if raw.isascii() and raw.isdecimal() and len(raw) < _MAX_VERSION_LENGTH else 0
        if not version:
            errors.add(("version",), "invalid_version", "The version must be a positive integer.")
        created_at, updated_at = (_parse_time_field(fields.get(name), name, errors) for name in ("created_at", "updated_at"))
        if created_at and updated_at and created_at > updated_at:
            errors.add(("updated_at",), "before_creation", "The field updated_at is before created_at.")
        if errors.total > errors_before or not isinstance(item_id, UUID) or created_at is None or updated_at is None:
            return None
        return cls(item_id, version, created_at, updated_at)


def _parse_time_field(raw: object, name: str, errors: FieldErrors) -> datetime | None:
    """Parse a time with an offset; return it in UTC, or add an error and return None."""
    moment = _parse_any_time(raw)
    if moment is None:
        message = f"The field {name} must be a time with an offset, for example 2026-11-20T12:00:00.123456Z."
        errors.add((name,), "invalid_time", message)
    return moment


def _parse_any_time(raw: object) -> datetime | None:
    """Parse a time by RFC 3339 or any form of ISO 8601 with an offset; return it in UTC, or None if it is invalid."""
    text = str(raw)
    if len(text) > _MAX_TIME_LENGTH:
        return None
    moment = parse_time(text, zoned=True)
    if moment is None:
        with suppress(ValueError, OverflowError):
            parsed = datetime.fromisoformat(text)
            moment = None if parsed.tzinfo is None else parsed.astimezone(UTC)
    return moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A product or article.

    `Item.create` validates input for a new item. The constructor rebuilds an item from values that are already valid, such as
    those of a store. Times are in UTC.
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
        """Check the invariants. A violation is a bug, not invalid input. Raises: ValueError."""
        if not (0 < len(self.name) <= MAX_NAME and self.sku and self.version > 0 and self.created_at <= self.updated_at):
            message = f"Invalid item: {self.sku!r}, {self.name!r}, version {self.version}"
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
        """Return the change that creates an item from a caller's `fields`; `default_sku` is used if they contain no SKU.

        `provenance` is the id, version and times of an item imported from another catalog, which are kept.
        Raises: InvalidInput, with every error.
        """
        values = _parse_whole(fields, default_sku)
        own_id, version, created_at, updated_at = provenance or (item_id, 1, now, now)
        item = cls(id=own_id, version=version, created_at=created_at, updated_at=updated_at, **values)
        return Change(CREATED, None, item, now)

    def replace(self, fields: Mapping[str, object], *, now: datetime) -> Change[Self] | None:
        """Return the change that replaces all fields: omitted ones are cleared, except the SKU.

        Read-only fields may be sent with their current values. None if nothing changes. Raises: InvalidInput.
        """
        return self._changed(UPDATED, _parse_whole(fields, self.sku, self), now)

    def update(self, patch: Mapping[str, object], *, now: datetime) -> Change[Self] | None:
        """Return the change by a merge patch (RFC 7396): omitted fields stay, null clears a field, a value replaces it.

        Prices and attributes merge member by member. Read-only fields may be sent with their current values. None if nothing
        changes. Raises: InvalidInput.
        """
        errors = FieldErrors()
        _reject_unknown(patch, errors, self)
        current = self._document()
        values = _parse({name: _merge_patch(current[name], raw) for name, raw in patch.items() if name in current}, errors)
        _reject_reserved(values.get("sku"), errors, self)
        errors.raise_if_any()
        return self._changed(UPDATED, values, now)

    def reprice(self, price: object, *, now: datetime) -> Change[Self] | None:
        """Return the change to a new price, an amount with a currency. None if nothing changes. Raises: InvalidInput."""
        errors = FieldErrors()
        money = Money.parse(price, errors, ())
        errors.raise_if_any()
        return self._changed(REPRICED, {"price": money}, now)

    def delete(self, *, now: datetime) -> Change[Self]:
        """Return the change that deletes the item."""
        return Change(DELETED, self, None, max(now, self.updated_at))

    def restore(self, *, deleted_version: int, now: datetime) -> Change[Self]:
        """Return the change that restores the deleted item; `deleted_version` is the version that the deletion created."""
        at = max(now, self.updated_at)
        return Change(RESTORED, None, replace(self, version=deleted_version + 1, updated_at=at), at)

    def revert(self, past: Self, *, now: datetime) -> Change[Self] | None:
        """Return the change back to the fields of a past version. None if nothing changes."""
        return self._changed(REVERTED, {name: getattr(past, name) for name in FIELDS}, now)

    def _changed(self, kind: str, values: dict[str, Any], now: datetime) -> Change[Self] | None:
        """Return the change to the next version, or None if the values are unchanged. `updated_at` never decreases."""
        if all(getattr(self, name) == value for name, value in values.items()):
            return None
        at = max(now, self.updated_at)
        return Change(kind, self, replace(self, **values, version=self.version + 1, updated_at=at), at)

    def _document(self) -> dict[str, object]:
        """Return the item as the target document of a merge patch."""
        price = self.price and {"amount": self.price.amount, "currency": self.price.currency}
        return {name: getattr(self, name) for name in _PARSERS} | {"price": price}


def _parse_price(raw: object, errors: FieldErrors, path: FieldPath) -> Money | None:
    """Parse a price or null."""
    return None if raw is None else Money.parse(raw, errors, path)


_PARSERS: dict[str, Callable[[object, FieldErrors, FieldPath], object]] = {
    "sku": parse_sku,
    "name": parse_name,
    "description": parse_description,
    "category": parse_category,
    "price": _parse_price,
    "attributes": Attributes.parse,
}

_FIELD_PARSERS = tuple((name, (name,), parse) for name, parse in _PARSERS.items())
"""Each field's name, path and parser."""

FIELDS = tuple(_PARSERS)
"""The fields that callers can set, in the order of JSON documents."""


def changed_fields(before: Item, after: Item) -> frozenset[str]:
    """Return the names of the fields that differ, including `version` and `updated_at`."""
    return frozenset(name for name in (*FIELDS, "version", "updated_at") if getattr(before, name) != getattr(after, name))


def _parse(fields: Mapping[str, object], errors: FieldErrors) -> dict[str, Any]:
    """Parse each known field with its parser."""
    return {name: _PARSERS[name](raw, errors, (name,)) for name, raw in fields.items() if name in _PARSERS}


def _parse_whole(fields: Mapping[str, object], default_sku: str, current: Item | None = None) -> dict[str, Any]:
    """Parse all fields of an item; null is treated as absent. Raises: InvalidInput, with every error."""
    errors = FieldErrors()
    _reject_unknown(fields, errors, current)
    complete = fields if fields.get("sku") is not None else {**fields, "sku": default_sku}
    values = {name: parse(complete.get(name), errors, path) for name, path, parse in _FIELD_PARSERS}
    _reject_reserved(values["sku"], errors, current)
    errors.raise_if_any()
    return values


def _reject_unknown(fields: Mapping[str, object], errors: FieldErrors, current: Item | None = None) -> None:
    """Add an error for each unknown field, and for each read-only field that does not repeat the value of `current`."""
    for name, raw in fields.items():
        if name in _PARSERS:
            continue
        if name not in READ_ONLY_FIELDS:
            message = f"Unknown item field {shorten(name)}."
            errors.add_unknown((name,), "unknown_field", message, FIELDS, f"Allowed item fields: {', '.join(FIELDS)}.")
        else:
            reject_read_only(name, raw, None if current is None else getattr(current, name), errors)


def _reject_reserved(sku: object, errors: FieldErrors, current: Item | None) -> None:
    """Reject SKUs that are paths of the API; an existing item that has one keeps it."""
    if sku in RESERVED_SKUS and (current is None or current.sku != sku):
        message = f"The SKU {sku} is reserved for the API, as are {', '.join(RESERVED_SKUS)}; choose another."
        errors.add(("sku",), "reserved_sku", message)


def _merge_patch(target: object, patch: object) -> object:
    """Merge a patch into a target by the algorithm of RFC 7396, section 2."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merge_patch(merged.get(name), value)
    return merged
