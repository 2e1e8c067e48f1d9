"""Batches: many operations on items in one commit. Each operation sees the effects of the ones before it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final
from uuid import UUID

from catalog.application.writes.commit import closest_slug
from catalog.application.writes.staging import StagedChanges, read_staged
from catalog.application.writes.write import Decision, Write
from catalog.domain.change import Change, Origin
from catalog.domain.errors import (
    BatchRefused,
    CatalogError,
    FieldError,
    FieldPath,
    InvalidInput,
    ItemExists,
    ItemNotFound,
    NotFound,
    SkuTaken,
    StaleVersion,
    UnknownCategory,
    shorten,
)
from catalog.domain.identity.errors import InsufficientScope
from catalog.domain.identity.scopes import ALL_SCOPES, ITEMS_CREATE, ITEMS_WRITE, Scopes
from catalog.domain.items.item import Item
from catalog.domain.validation import FieldErrors, merged
from catalog.domain.values.fields import category_slug, parse_version
from catalog.domain.values.sku import parse_key
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids
from catalog.ports.storage import Storage

MAX_OPERATIONS: Final = 1_000
"""The maximum number of operations in a batch."""

MAX_SUGGESTIONS: Final = 10
"""The maximum number of unknown categories in a batch that get a "did you mean", because comparing names is slow."""

BATCH_FIELDS = ("operations", "atomic", "dry_run")
"""The fields of a batch document."""

_PAYLOAD_FIELDS: Final = {"create": "item", "upsert": "item", "update": "patch", "reprice": "price", "delete": None}
"""The operations, each with the field that holds its input."""

_KEYED = ("update", "reprice", "delete")
"""The operations that name their item by `key`."""

_VERSIONED = ("update", "upsert", "reprice", "delete")
"""The operations that accept `if_version`."""

_CONFLICTS = (StaleVersion, NotFound, SkuTaken, ItemExists, UnknownCategory)
"""Errors of a commit that can only mean that another writer was faster, since the batch was decided by the same rules."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: its name, the key of its item, its input, and the version it expects.

    `key` is None for a create. An upsert takes it from the SKU in its payload. `raw_key` is the key as it was given.
    """

    name: str
    key: UUID | str | None
    raw_key: str
    payload: Any
    if_version: int | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Operations in order. An invalid operation is represented by its error."""

    operations: tuple[Operation | InvalidInput, ...]
    atomic: bool
    dry_run: bool

    @classmethod
    def parse(cls, document: Mapping[str, object]) -> "Batch":
        """Parse a batch document. Raises InvalidInput if the document itself is invalid; invalid operations do not raise."""
        errors = FieldErrors()
        for name in document:
            if name not in BATCH_FIELDS:
                note = f"The fields of a batch: {', '.join(BATCH_FIELDS)}."
                errors.add_unknown((name,), "unknown_field", f"Unknown field {shorten(name)}.", BATCH_FIELDS, note)
        flags = {name: document.get(name, False) for name in ("atomic", "dry_run")}
        for name, value in flags.items():
            if not isinstance(value, bool):
                errors.add((name,), "wrong_type", f"The field {name} must be true or false.")
        operations = document.get("operations")
        if not isinstance(operations, list) or not 0 < len(operations) <= MAX_OPERATIONS:
            errors.add(
                ("operations",), "invalid_operations", f"The field operations must be a list of 1 to {MAX_OPERATIONS} operations."
            )
        errors.raise_if_any()
        parsed = tuple(_parse_operation(raw) for raw in operations) if isinstance(operations, list) else ()
        return cls(parsed, atomic=flags["atomic"] is True, dry_run=flags["dry_run"] is True)

    def check_rights(self, scopes: Scopes) -> None:
        """Raise InsufficientScope if the batch is atomic and has operations that the caller certainly may not do."""
        if self.atomic:
            for operation in self.operations:
                if isinstance(operation, Operation):
                    _require(scopes, operation, replaces=False)


@dataclass(frozen=True, slots=True)
class OperationResult:
    """The result of an operation: `created`, `updated`, `unchanged` (with the item), `deleted`, or `refused` (with the error)."""

    action: str
    item: Item | None = None
    error: CatalogError | None = None


@dataclass(frozen=True, slots=True)
class BatchResult:
    """The results of all operations, in order."""

    results: Sequence[OperationResult]
    dry_run: bool

    @property
    def failed(self) -> int:
        """The number of refused operations."""
        return sum(result.error is not None for result in self.results)


@dataclass(slots=True)
class _ReadKeys:
    """The keys to read before a batch can be decided."""

    ids: set[UUID] = field(default_factory=set)
    skus: set[str] = field(default_factory=set)
    slugs: set[str] = field(default_factory=set)


class BatchOperations:
    """The use case that runs batches."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids) -> None:
        """Use this storage, clock and id generator."""
        self._storage = storage
        self._clock = clock
        self._ids = ids

    def run(self, batch: Batch, origin: Origin, scopes: Scopes = ALL_SCOPES) -> Write[BatchResult]:
        """Apply every valid operation in one commit; an atomic batch is applied completely or not at all.

        A dry run returns the results that the batch would have and changes nothing. Operations that the caller's `scopes` do not
        allow are refused.

        Raises BatchRefused if an operation of an atomic batch is refused, InsufficientScope if the caller may not do one of
        them, and TooManyConflicts.
        """

        async def decide() -> Decision[BatchResult]:
            keys = _keys_to_read(batch.operations)
            staged = await read_staged(self._storage, keys.ids, keys.skus, keys.slugs)
            results = [self._attempt(staged, operation, scopes) for operation in batch.operations]
            denied = next((one.error for one in results if isinstance(one.error, InsufficientScope)), None)
            if batch.atomic and denied is not None:
                raise denied
            result = BatchResult(await self._with_category_errors(staged, batch.operations, results), batch.dry_run)
            if batch.atomic and result.failed:
                raise BatchRefused([(index, one.error) for index, one in enumerate(result.results) if one.error])
            return Decision(() if batch.dry_run else tuple(staged.changes), result)

        return Write(self._storage, origin, decide, "the items of the batch", _CONFLICTS)

    async def _with_category_errors(
        self, staged: StagedChanges, operations: Sequence[Operation | InvalidInput], results: list[OperationResult]
    ) -> list[OperationResult]:
        """Add unknown categories, with suggestions, to the errors of refused operations."""
        unknown: dict[int, tuple[InvalidInput, str, FieldPath]] = {}
        for index, (operation, result) in enumerate(zip(operations, results, strict=True)):
            if isinstance(operation, Operation) and isinstance(result.error, InvalidInput):
                slug = _category_slug(operation)
                if slug is not None and not staged.has_category(slug):
                    unknown[index] = result.error, slug, _payload_path(operation, ("category",))
        if not unknown:
            return results
        slugs = [category.slug for category in await self._storage.categories()]
        compared = islice(dict.fromkeys(slug for _, slug, _ in unknown.values()), MAX_SUGGESTIONS)
        nearest = {slug: closest_slug(slug, slugs) for slug in compared}
        for index, (refused, slug, path) in unknown.items():
            error = UnknownCategory(slug, path, nearest.get(slug))
            results[index] = OperationResult(
                "refused", error=error if isinstance(refused, UnknownCategory) else merged(refused, error)
            )
        return results

    def _attempt(self, staged: StagedChanges, operation: Operation | InvalidInput, scopes: Scopes) -> OperationResult:
        """Decide one operation and stage its change, so the operations after it see it."""
        if isinstance(operation, InvalidInput):
            return OperationResult("refused", error=operation)
        try:
            return self._apply(staged, operation, scopes)
        except UnknownCategory as error:
            return OperationResult("refused", error=error)
        except InvalidInput as error:
            return OperationResult("refused", error=_with_payload_path(error, operation))
        except CatalogError as error:
            return OperationResult("refused", error=error)

    def _apply(self, staged: StagedChanges, operation: Operation, scopes: Scopes) -> OperationResult:
        now = self._clock.now()
        body = operation.payload
        item = None if operation.key is None else staged.get(operation.key)
        _require(scopes, operation, replaces=item is not None)
        if item is None and (operation.name in _KEYED or operation.if_version is not None):
            raise ItemNotFound(operation.raw_key)
        if item is None or operation.name == "create":
            default_sku = self._ids.sku() if body.get("sku") is None else ""
            creation = Item.create(body, item_id=self._ids.new_id(), default_sku=default_sku, now=now)
            staged.apply(creation)
            return OperationResult("created", creation.subject)
        if operation.if_version not in (None, item.version):
            raise StaleVersion(item.id)
        decide: dict[str, Callable[[], Change[Item] | None]] = {
            "upsert": lambda: item.replace(body, now=now),
            "update": lambda: item.update(body, now=now),
            "reprice": lambda: item.reprice(body, now=now),
            "delete": lambda: item.delete(now=now),
        }
        change = decide[operation.name]()
        if change is None:
            return OperationResult("unchanged", item)
        staged.apply(change)
        return OperationResult("updated", change.after) if change.after else OperationResult("deleted")


def _require(scopes: Scopes, operation: Operation, *, replaces: bool) -> None:
    """Raise InsufficientScope if a caller with these scopes may not do an operation. Creating needs less than changing."""
    changes = operation.name in _KEYED or (operation.name == "upsert" and (replaces or operation.if_version is not None))
    required = ITEMS_WRITE if changes else ITEMS_CREATE
    if required not in scopes:
        raise InsufficientScope(required)


def _parse_operation(raw: object) -> Operation | InvalidInput:
    """Parse one operation."""
    if not isinstance(raw, Mapping):
        return InvalidInput(
            [FieldError((), "wrong_type", 'An operation must be an object, like {"op": "delete", "key": "CHAIR-1"}.')]
        )
    name = raw.get("op")
    if not isinstance(name, str) or name not in _PAYLOAD_FIELDS:
        return InvalidInput(
            [FieldError(("op",), "unknown_operation", f"The field op must be one of {', '.join(_PAYLOAD_FIELDS)}.")]
        )
    errors = FieldErrors()
    payload_field = _PAYLOAD_FIELDS[name]
    allowed = ("op", *(("key",) if name in _KEYED else ()), *((payload_field,) if payload_field else ()))
    allowed += ("if_version",) if name in _VERSIONED else ()
    for other in raw:
        if other not in allowed:
            message = f"Unknown field {shorten(other)} in the operation {name}."
            note = f"The fields of the operation {name}: {', '.join(allowed)}."
            errors.add_unknown((other,), "unknown_field", message, allowed, note)
    body = raw.get(payload_field) if payload_field else None
    if payload_field and payload_field not in raw:
        errors.add((payload_field,), "missing", f"The operation {name} requires the field {payload_field}.")
    elif payload_field and name != "reprice" and not isinstance(body, Mapping):
        errors.add((payload_field,), "wrong_type", f"The field {payload_field} must be an object.")
    raw_key = raw.get("key") if name in _KEYED else body.get("sku") if name == "upsert" and isinstance(body, Mapping) else None
    key = parse_key(raw_key) if isinstance(raw_key, str) else None
    if name in _KEYED and key is None:
        errors.add(("key",), "invalid_key", "The field key must be the id or SKU of an item.")
    if name == "upsert" and isinstance(body, Mapping) and raw_key is None:
        errors.add((str(payload_field), "sku"), "missing", "An upsert requires the SKU of the item.")
    raw_version = raw.get("if_version")
    version = None if raw_version is None else parse_version(raw_version, errors, ("if_version",))
    return errors.to_error(InvalidInput) if errors else Operation(name, key, str(raw_key), body, version)


def _keys_to_read(operations: Collection[Operation | InvalidInput]) -> _ReadKeys:
    """Return the keys of the items the operations name, the SKUs they assign, and the categories they refer to."""
    keys = _ReadKeys()
    for operation in operations:
        if isinstance(operation, InvalidInput):
            continue
        body = operation.payload if isinstance(operation.payload, Mapping) else {}
        for key in (operation.key, parse_key(body["sku"]) if isinstance(body.get("sku"), str) else None):
            if isinstance(key, UUID):
                keys.ids.add(key)
            elif key is not None:
                keys.skus.add(key)
        slug = _category_slug(operation)
        if slug is not None:
            keys.slugs.add(slug)
    return keys


def _category_slug(operation: Operation) -> str | None:
    """Return the slug of the category that an operation assigns, or None."""
    body = operation.payload if isinstance(operation.payload, Mapping) else {}
    return category_slug(body.get("category"))


def _with_payload_path(error: InvalidInput, operation: Operation) -> InvalidInput:
    """Return an error of a payload with paths relative to the operation."""
    errors = [FieldError(_payload_path(operation, each.path), each.code, each.message) for each in error.errors]
    return InvalidInput(errors, total=error.total, notes=error.notes)


def _payload_path(operation: Operation, path: FieldPath) -> FieldPath:
    payload_field = _PAYLOAD_FIELDS[operation.name]
    return (payload_field, *path) if payload_field else path
