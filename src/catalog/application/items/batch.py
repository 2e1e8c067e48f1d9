"""Batches: many operations on items in one commit, each seeing the effects of those before it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final
from uuid import UUID

from catalog.application.writes.commit import TRIES, Noted, commit, nearest_slug, no_notes
from catalog.application.writes.staging import Desk, desk
from catalog.domain.change import Change, Origin
from catalog.domain.errors import (
    BatchRefused,
    CatalogError,
    Contended,
    Fault,
    InvalidInput,
    ItemExists,
    ItemNotFound,
    NotFound,
    Path,
    SkuTaken,
    StaleVersion,
    UnknownCategory,
    shorten,
)
from catalog.domain.items.item import Item
from catalog.domain.validation import Faults
from catalog.domain.values.decimal_literal import whole_number
from catalog.domain.values.fields import parse_category, parse_key
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids
from catalog.ports.storage import Storage

MOST: Final = 1_000
"""Operations that a batch may have."""

HINTED: Final = 10
"""Unknown categories of a batch that get a "did you mean"; comparing names takes time."""

MEMBERS = ("operations", "atomic", "dry_run")

_BODIES: Final = {"create": "item", "upsert": "item", "update": "patch", "reprice": "price", "delete": None}
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
    said: str
    body: Any
    if_version: int | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Operations in their order; one that cannot be read is the error instead."""

    operations: tuple[Operation | InvalidInput, ...]
    atomic: bool
    dry_run: bool

    @classmethod
    def parse(cls, said: Mapping[str, object]) -> "Batch":
        """Read a batch as a caller gives it. Raises InvalidInput for what is no batch at all."""
        faults = Faults()
        for name in said:
            if name not in MEMBERS:
                note = f"A batch has the fields {', '.join(MEMBERS)}."
                faults.add_unknown((name,), "unknown_field", f"A batch has no field {shorten(name)}.", MEMBERS, note)
        flags = {name: said.get(name, False) for name in ("atomic", "dry_run")}
        for name, value in flags.items():
            if not isinstance(value, bool):
                faults.add((name,), "wrong_type", f"The field {name} is true or false.")
        operations = said.get("operations")
        if not isinstance(operations, list) or not 0 < len(operations) <= MOST:
            faults.add(("operations",), "invalid_operations", f"The operations are a list of 1 to {MOST}.")
        faults.refuse()
        read = tuple(_read(one) for one in operations) if isinstance(operations, list) else ()
        return cls(read, atomic=flags["atomic"] is True, dry_run=flags["dry_run"] is True)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an operation: created, updated, unchanged or deleted, with the item that is there then; or refused."""

    done: str
    item: Item | None = None
    error: CatalogError | None = None


@dataclass(frozen=True, slots=True)
class Results:
    """What became of each operation, in their order."""

    results: Sequence[Result]
    dry_run: bool

    @property
    def failed(self) -> int:
        """How many were refused."""
        return sum(result.error is not None for result in self.results)


@dataclass(slots=True)
class _Needs:
    """What is read before a batch is decided."""

    ids: set[UUID] = field(default_factory=set)
    skus: set[str] = field(default_factory=set)
    slugs: set[str] = field(default_factory=set)


class Batches:
    """Runs batches."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids) -> None:
        """Work on these."""
        self._storage = storage
        self._clock = clock
        self._ids = ids

    async def run(self, batch: Batch, origin: Origin, notes: Noted[Results] = no_notes) -> Results:
        """Do all that can be done, in one commit; of an atomic batch all or nothing. A dry run decides and writes nothing.

        Raises BatchRefused (atomic), Contended.
        """
        needs = _needs(batch.operations)
        for _ in range(TRIES):
            view = await desk(self._storage, needs.ids, needs.skus, needs.slugs)
            results = [self._attempt(view, operation) for operation in batch.operations]
            results = await self._with_categories(view, batch.operations, results)
            done = Results(results, batch.dry_run)
            if batch.atomic and done.failed:
                raise BatchRefused([(index, result.error) for index, result in enumerate(done.results) if result.error])
            try:
                if batch.dry_run:
                    await commit(self._storage, (), origin, notes(done))
                else:
                    await commit(self._storage, tuple(view.changes), origin, notes(done))
            except _RIVALS:
                continue
            return done
        message = "the items of the batch"
        raise Contended(message)

    async def _with_categories(
        self, view: Desk, operations: Sequence[Operation | InvalidInput], results: list[Result]
    ) -> list[Result]:
        """Report the unknown categories of what was refused beside its other faults, and which may have been meant."""
        unknown: dict[int, tuple[InvalidInput, str, Path]] = {}
        for index, (operation, result) in enumerate(zip(operations, results, strict=True)):
            if isinstance(operation, Operation) and isinstance(result.error, InvalidInput):
                slug = _category(operation)
                if slug is not None and not view.has_category(slug):
                    unknown[index] = result.error, slug, _within(operation, ("category",))
        if not unknown:
            return results
        slugs = [category.slug for category in await self._storage.categories()]
        hinted = islice(dict.fromkeys(slug for _, slug, _ in unknown.values()), HINTED)
        nearest = {slug: nearest_slug(slug, slugs) for slug in hinted}
        for index, (refused, slug, path) in unknown.items():
            error = UnknownCategory(slug, path, nearest.get(slug))
            results[index] = Result("refused", error=error if isinstance(refused, UnknownCategory) else _both(refused, error))
        return results

    def _attempt(self, view: Desk, operation: Operation | InvalidInput) -> Result:
        """Decide one operation, and let those after it see it."""
        if isinstance(operation, InvalidInput):
            return Result("refused", error=operation)
        try:
            return self._do(view, operation)
        except UnknownCategory as error:
            return Result("refused", error=error)
        except InvalidInput as error:
            return Result("refused", error=_at(error, operation))
        except CatalogError as error:
            return Result("refused", error=error)

    def _do(self, view: Desk, operation: Operation) -> Result:
        now = self._clock.now()
        body = operation.body
        item = None if operation.key is None else view.get(operation.key)
        if item is None and (operation.name in _KEYED or operation.if_version is not None):
            raise ItemNotFound(operation.said)
        if item is None or operation.name == "create":
            spare = self._ids.sku() if body.get("sku") is None else ""
            born = Item.create(body, item_id=self._ids.item_id(), spare_sku=spare, now=now)
            view.take(born)
            return Result("created", born.subject)
        if operation.if_version not in (None, item.version):
            raise StaleVersion(item.id)
        decide: dict[str, Callable[[], Change[Item] | None]] = {
            "upsert": lambda: item.rewrite(body, now=now),
            "update": lambda: item.revise(body, now=now),
            "reprice": lambda: item.reprice(body, now=now),
            "delete": lambda: item.remove(now=now),
        }
        change = decide[operation.name]()
        if change is None:
            return Result("unchanged", item)
        view.take(change)
        return Result("updated", change.after) if change.after else Result("deleted")


def _read(said: object) -> Operation | InvalidInput:
    """Read one operation."""
    if not isinstance(said, Mapping):
        return InvalidInput([Fault((), "wrong_type", 'An operation is an object: {"op": "delete", "key": "CHAIR-1"}.')])
    name = said.get("op")
    if not isinstance(name, str) or name not in _BODIES:
        return InvalidInput([Fault(("op",), "unknown_operation", f"The op is one of {', '.join(_BODIES)}.")])
    faults = Faults()
    member = _BODIES[name]
    allowed = ("op", *(("key",) if name in _KEYED else ()), *((member,) if member else ()))
    allowed += ("if_version",) if name in _VERSIONED else ()
    for other in said:
        if other not in allowed:
            message = f"The operation {name} has no field {shorten(other)}."
            note = f"The operation {name} has the fields {', '.join(allowed)}."
            faults.add_unknown((other,), "unknown_field", message, allowed, note)
    body = said.get(member) if member else None
    if member and member not in said:
        faults.add((member,), "missing", f"The operation {name} needs {member}.")
    elif member and name != "reprice" and not isinstance(body, Mapping):
        faults.add((member,), "wrong_type", f"The field {member} is an object.")
    named = said.get("key") if name in _KEYED else body.get("sku") if name == "upsert" and isinstance(body, Mapping) else None
    key = parse_key(named) if isinstance(named, str) else None
    if name in _KEYED and key is None:
        faults.add(("key",), "invalid_key", "The key is the id or the SKU of an item.")
    if name == "upsert" and isinstance(body, Mapping) and named is None:
        faults.add((str(member), "sku"), "missing", "An upsert needs the SKU under which the item is.")
    version = _version(said.get("if_version"), faults)
    return faults.error(InvalidInput) if faults else Operation(name, key, str(named), body, version)


def _version(raw: object, faults: Faults) -> int | None:
    version = whole_number(raw)
    if raw is None or (version is not None and version > 0):
        return version
    faults.add(("if_version",), "invalid_version", "The version is a whole number from 1 on.")
    return None


def _needs(operations: Collection[Operation | InvalidInput]) -> _Needs:
    """Tell what is to be read: whom the operations name, whose SKUs they take, and into which categories they put."""
    needs = _Needs()
    for operation in operations:
        if isinstance(operation, InvalidInput):
            continue
        body = operation.body if isinstance(operation.body, Mapping) else {}
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
    body = operation.body if isinstance(operation.body, Mapping) else {}
    return parse_category(body.get("category"), Faults(), ())


def _both(one: InvalidInput, other: InvalidInput) -> InvalidInput:
    """Return one error with the faults of two."""
    faults = Faults()
    faults.extend(one)
    faults.extend(other)
    return faults.error(InvalidInput)


def _at(error: InvalidInput, operation: Operation) -> InvalidInput:
    """Return an error of a body as one of the operation that has it."""
    faults = [Fault(_within(operation, fault.path), fault.code, fault.message) for fault in error.faults]
    return InvalidInput(faults, total=error.total, notes=error.notes)


def _within(operation: Operation, path: Path) -> Path:
    member = _BODIES[operation.name]
    return (member, *path) if member else path
