"""Writes as values: a use case describes how it decides; deciding, committing and retrying happen in one place."""

from collections.abc import Awaitable, Callable, Collection, Generator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from catalog.application.writes.commit import MAX_ATTEMPTS, commit
from catalog.domain.categories.category import Category
from catalog.domain.change import Change, Origin
from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.changes.log import AnyChange
from catalog.domain.errors import CatalogError, NotFound, StaleVersion, TooManyConflicts
from catalog.domain.items.item import Item
from catalog.ports.storage import Storage

S = TypeVar("S", Item, Category)
T = TypeVar("T")

Revision = tuple[UUID, int]
"""The id and version of an item or category, as a caller read them."""

Expected = Collection[Revision] | None
"""The revisions that a caller accepts for an update, from If-Match. None accepts any."""


class Decision(NamedTuple, Generic[T]):
    """What a use case decided: the changes and records to commit together, and the result to return once they are committed.

    The response to a refusal is not stored, so that the request can be sent again. `commit_scope` is a context manager around
    the commit, for whatever depends on its success.
    """

    changes: tuple[AnyChange, ...]
    result: T
    records: tuple[ExpiringRecord, ...] = ()
    is_refusal: bool = False
    commit_scope: AbstractAsyncContextManager[None] | None = None


@dataclass(slots=True)
class Write(Awaitable[T]):
    """A write that is executed when it is awaited: decide, commit, and decide again if another writer was faster.

    `decide` reads the current state and decides on it. If the commit raises one of `retry_on`, it is called again, up to
    MAX_ATTEMPTS times; all other errors are raised. `subject` names what is written, for TooManyConflicts.
    """

    storage: Storage
    origin: Origin
    decide: Callable[[], Awaitable[Decision[T]]]
    subject: str = ""
    retry_on: tuple[type[CatalogError], ...] = ()

    def __await__(self) -> Generator[Any, None, T]:
        """Execute the write and return its result."""
        return self._execute().__await__()

    async def _execute(self) -> T:
        for _ in range(MAX_ATTEMPTS):
            decision = await self.decide()
            try:
                if decision.commit_scope is None:
                    await commit(self.storage, decision.changes, self.origin, decision.records)
                else:
                    async with decision.commit_scope:
                        await commit(self.storage, decision.changes, self.origin, decision.records)
            except self.retry_on:
                continue
            return decision.result
        raise TooManyConflicts(self.subject)


def decide_change(subject: S, change: Change[S] | None) -> Decision[S]:
    """Return the decision to make one change, or none if nothing changes."""
    return Decision((), subject) if change is None else Decision((change,), change.subject)


def check_expected(subject: Item | Category, expected: Expected) -> None:
    """Raise StaleVersion unless the caller accepts this revision."""
    if expected is not None and (subject.id, subject.version) not in expected:
        raise StaleVersion(subject.id, type(subject).__name__.lower())


def conflicts_of_change(expected: Expected) -> tuple[type[CatalogError], ...]:
    """Return the conflicts after which a change of one item or category is decided again."""
    return (StaleVersion, NotFound) if expected is None else (NotFound,)
