"""Batches: many operations on items in one commit, each seeing the effects of those before it."""

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
from catalog.domain.items.item import Item
from catalog.domain.validation import FieldErrors
from catalog.domain.values.decimal_literal import whole_number
from catalog.domain.values.fields import category_slug, parse_key
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids
from catalog.ports.storage import Storage

MAX_OPERATIONS: Final = 1_000
"""Operations that a batch may have."""

MAX_SUGGESTIONS: Final = 10
"""Unknown categories of a batch that get a "did you mean"; comparing names takes time."""

MEMBERS = ("operations", "atomic", "dry_run")

_PAYLOADS: Final = {"create": "item", "upsert": "item", "update": "patch", "reprice": "price", "delete": None}
"""Which member of an operation has what it is to do with."""

_KEYED = ("update", "reprice", "delete")
_VERSIONED = ("update", "upsert", "reprice", "delete")

_RIVALS = (StaleVersion, NotFound, SkuTaken, ItemExists, UnknownCategory)
"""What a commit refuses because somebody was quicker: the batch was decided by the same rules."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: what is done, to whom (create and upsert have their SKU in the body), with what, and on which version."""

    name: str
    key: UUID | str | None
    raw_key: str
    payload: Any
    if_version: int | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Operations in their order; one that cannot be read is the error instead."""

    operations: tuple[Operation | InvalidInput, ...]
    atomic: bool
    dry_run: bool

    @classmethod
    def parse(cls, document: Mapping[str, object]) -> "Batch":
        """Read a batch as a caller gives it. Raises InvalidInput for what is no batch at all."""
        faults = FieldErrors()
        for name in document:
            if name not in MEMBERS:
                note = f"A batch has the fields {', '.join(MEMBERS)}."
                faults.add_unknown((name,), "unknown_field", f"A batch has no field {shorten(name)}.", MEMBERS, note)
        flags = {name: document.get(name, False) for name in ("atomic", "dry_run")}
        for name, value in flags.items():
            if not isinstance(value, bool):
                faults.add((name,), "wrong_type", f"The field {name} is true or false.")
        operations = document.get("operations")
        if not isinstance(operations, list) or not 0 < len(operations) <= MAX_OPERATIONS:
            faults.add(("operations",), "invalid_operations", f"The operations are a list of 1 to {MAX_OPERATIONS}.")
        faults.raise_if_any()
        read = tuple(_parse_operation(one) for one in operations) if isinstance(operations, list) else ()
        return cls(read, atomic=flags["atomic"] is True, dry_run=flags["dry_run"] is True)


@dataclass(frozen=True, slots=True)
class OperationResult:
    """What became of an operation: created, updated, unchanged or deleted, with the item that is there then; or refused."""

    action: str
    item: Item | None = None
    error: CatalogError | None = None


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of each operation, in their order."""

    results: Sequence[OperationResult]
    dry_run: bool

    @property
    def failed(self) -> int:
        """How many were refused."""
        return sum(result.error is not None for result in self.results)


@dataclass(slots=True)
class _ReadKeys:
    """What is read before a batch is decided."""

    ids: set[UUID] = field(default_factory=set)
    skus: set[str] = field(default_factory=set)
    slugs: set[str] = field(default_factory=set)


class BatchOperations:
    """Runs batches."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids) -> None:
        """Work on these."""
        self._storage = storage
        self._clock = clock
        self._ids = ids

    def run(self, batch: Batch, origin: Origin) -> Write[BatchResult]:
        """Execute the operations that succeed in one commit; an atomic batch all or none. A dry run writes nothing.

        Raises BatchRefused (atomic), TooManyConflicts.
        """

        async def decide() -> Decision[BatchResult]:
            keys = _read_keys(batch.operations)
            staged = await read_staged(self._storage, keys.ids, keys.skus, keys.slugs)
            results = [self._attempt(staged, operation) for operation in batch.operations]
            result = BatchResult(await self._with_categories(staged, batch.operations, results), batch.dry_run)
            if batch.atomic and result.failed:
                raise BatchRefused([(index, one.error) for index, one in enumerate(result.results) if one.error])
            return Decision(() if batch.dry_run else tuple(staged.changes), result)

        return Write(self._storage, origin, decide, "the items of the batch", _RIVALS)

    async def _with_categories(
        self, staged: StagedChanges, operations: Sequence[Operation | InvalidInput], results: list[OperationResult]
    ) -> list[OperationResult]:
        """Report the unknown categories of what was refused beside its other faults, and which may have been meant."""
        unknown: dict[int, tuple[InvalidInput, str, FieldPath]] = {}
        for index, (operation, result) in enumerate(zip(operations, results, strict=True)):
            if isinstance(operation, Operation) and isinstance(result.error, InvalidInput):
                slug = _category(operation)
                if slug is not None and not staged.has_category(slug):
                    unknown[index] = result.error, slug, _payload_path(operation, ("category",))
        if not unknown:
            return results
        slugs = [category.slug for category in await self._storage.categories()]
        hinted = islice(dict.fromkeys(slug for _, slug, _ in unknown.values()), MAX_SUGGESTIONS)
        nearest = {slug: closest_slug(slug, slugs) for slug in hinted}
        for index, (refused, slug, path) in unknown.items():
            error = UnknownCategory(slug, path, nearest.get(slug))
            results[index] = OperationResult(
                "refused", error=error if isinstance(refused, UnknownCategory) else _merged(refused, error)
            )
        return results

    def _attempt(self, staged: StagedChanges, operation: Operation | InvalidInput) -> OperationResult:
        """Decide one operation, and let those after it see it."""
        if isinstance(operation, InvalidInput):
            return OperationResult("refused", error=operation)
        try:
            return self._apply(staged, operation)
        except UnknownCategory as error:
            return OperationResult("refused", error=error)
        except InvalidInput as error:
            return OperationResult("refused", error=_prefixed(error, operation))
        except CatalogError as error:
            return OperationResult("refused", error=error)

    def _apply(self, staged: StagedChanges, operation: Operation) -> OperationResult:
        now = self._clock.now()
        body = operation.payload
        item = None if operation.key is None else staged.get(operation.key)
        if item is None and (operation.name in _KEYED or operation.if_version is not None):
            raise ItemNotFound(operation.raw_key)
        if item is None or operation.name == "create":
            spare = self._ids.sku() if body.get("sku") is None else ""
            born = Item.create(body, item_id=self._ids.item_id(), default_sku=spare, now=now)
            staged.apply(born)
            return OperationResult("created", born.subject)
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


def _parse_operation(raw: object) -> Operation | InvalidInput:
    """Read one operation."""
    if not isinstance(raw, Mapping):
        return InvalidInput([FieldError((), "wrong_type", 'An operation is an object: {"op": "delete", "key": "CHAIR-1"}.')])
    name = raw.get("op")
    if not isinstance(name, str) or name not in _PAYLOADS:
        return InvalidInput([FieldError(("op",), "unknown_operation", f"The op is one of {', '.join(_PAYLOADS)}.")])
    faults = FieldErrors()
    member = _PAYLOADS[name]
    allowed = ("op", *(("key",) if name in _KEYED else ()), *((member,) if member else ()))
    allowed += ("if_version",) if name in _VERSIONED else ()
    for other in raw:
        if other not in allowed:
            message = f"The operation {name} has no field {shorten(other)}."
            note = f"The operation {name} has the fields {', '.join(allowed)}."
            faults.add_unknown((other,), "unknown_field", message, allowed, note)
    body = raw.get(member) if member else None
    if member and member not in raw:
        faults.add((member,), "missing", f"The operation {name} needs {member}.")
    elif member and name != "reprice" and not isinstance(body, Mapping):
        faults.add((member,), "wrong_type", f"The field {member} is an object.")
    named = raw.get("key") if name in _KEYED else body.get("sku") if name == "upsert" and isinstance(body, Mapping) else None
    key = parse_key(named) if isinstance(named, str) else None
    if name in _KEYED and key is None:
        faults.add(("key",), "invalid_key", "The key is the id or the SKU of an item.")
    if name == "upsert" and isinstance(body, Mapping) and named is None:
        faults.add((str(member), "sku"), "missing", "An upsert needs the SKU under which the item is.")
    version = _version(raw.get("if_version"), faults)
    return faults.to_error(InvalidInput) if faults else Operation(name, key, str(named), body, version)


def _version(raw: object, faults: FieldErrors) -> int | None:
    version = whole_number(raw)
    if raw is None or (version is not None and version > 0):
        return version
    faults.add(("if_version",), "invalid_version", "The version is a whole number from 1 on.")
    return None


def _read_keys(operations: Collection[Operation | InvalidInput]) -> _ReadKeys:
    """Tell what is to be read: whom the operations name, whose SKUs they take, and into which categories they put."""
    needs = _ReadKeys()
    for operation in operations:
        if isinstance(operation, InvalidInput):
            continue
        body = operation.payload if isinstance(operation.payload, Mapping) else {}
        for key in (operation.key, parse_key(body["sku"]) if isinstance(body.get("sku"), str) else None):
            if isinstance(key, UUID):
                needs.ids.add(key)
            elif key is not None:
                needs.skus.add(key)
        slug = _category(operation)
        if slug is not None:
            needs.slugs.add(slug)
    return needs


def _category(operation: Operation) -> str | None:
    """Return the slug of the category that an operation puts an item into."""
    body = operation.payload if isinstance(operation.payload, Mapping) else {}
    return category_slug(body.get("category"))


def _merged(one: InvalidInput, other: InvalidInput) -> InvalidInput:
    """Return one error with the faults of two."""
    faults = FieldErrors()
    faults.extend(one)
    faults.extend(other)
    return faults.to_error(InvalidInput)


def _prefixed(error: InvalidInput, operation: Operation) -> InvalidInput:
    """Return an error of a body as one of the operation that has it."""
    faults = [FieldError(_payload_path(operation, fault.path), fault.code, fault.message) for fault in error.errors]
    return InvalidInput(faults, total=error.total, notes=error.notes)


def _payload_path(operation: Operation, path: FieldPath) -> FieldPath:
    member = _PAYLOADS[operation.name]
    return (member, *path) if member else path
