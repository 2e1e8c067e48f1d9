"""Read, decide, commit: update one item or category, with retries on conflict."""

from collections.abc import Awaitable, Callable, Collection, Iterable
from difflib import get_close_matches
from typing import TypeVar
from uuid import UUID

from catalog.domain.categories.category import Category
from catalog.domain.change import Change, Origin
from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.changes.log import AnyChange, ChangeSet
from catalog.domain.errors import CatalogError, NotFound, StaleVersion, TooManyConflicts, UnknownCategory
from catalog.domain.items.item import Item
from catalog.ports.storage import Storage

S = TypeVar("S", Item, Category)
T = TypeVar("T")

MAX_ATTEMPTS = 50
"""How often a change is attempted when other writers commit first. In each round, at least one writer succeeds."""

_MAX_LENGTH_DIFFERENCE = 4
"""The maximum difference in length, in characters, between a slug and its suggestion."""

_MAX_COMPARED = 300
"""The maximum number of slugs to compare, because each comparison is slow."""

Revision = tuple[UUID, int]
"""The id and version of an item or category, as a caller read them."""

Expected = Collection[Revision] | None
"""The revisions that a caller accepts for an update, from If-Match. None accepts any."""

RecordsFor = Callable[[T], tuple[ExpiringRecord, ...]]
"""Builds the expiring records to commit together with a result, from that result."""


def no_records(_result: object) -> tuple[ExpiringRecord, ...]:
    """Return no records."""
    return ()


async def update_with_retry(  # noqa: PLR0913 - every argument is independent of the others
    storage: Storage,
    read: Callable[[], Awaitable[S]],
    decide: Callable[[S], Awaitable[Change[S] | None]],
    origin: Origin,
    expected: Expected,
    key: str,
    *,
    records_for: RecordsFor[S] = no_records,
) -> S:
    """Read, decide and commit; start over if another writer commits first, unless the caller expects certain revisions.

    `decide` returns None if nothing changes. `key` names the subject in TooManyConflicts.

    Raises StaleVersion, TooManyConflicts, errors of `read` and `decide`, and the error that refused the commit.
    """
    for _ in range(MAX_ATTEMPTS):
        subject = await read()
        if expected is not None and (subject.id, subject.version) not in expected:
            raise StaleVersion(subject.id, type(subject).__name__.lower())
        change = await decide(subject)
        result = subject if change is None else change.subject
        try:
            await commit(storage, () if change is None else (change,), origin, records_for(result))
        except (StaleVersion, NotFound) as error:
            if expected is not None and isinstance(error, StaleVersion):
                raise
            continue
        return result
    raise TooManyConflicts(key)


async def commit(
    storage: Storage, changes: tuple[AnyChange, ...], origin: Origin, records: tuple[ExpiringRecord, ...] = ()
) -> None:
    """Commit changes and records in one change set, all or nothing.

    Raises the error that refused the change set. UnknownCategory includes a suggestion if a similar slug exists.
    """
    if not changes and not records:
        return
    (outcome,) = await storage.commit((ChangeSet(changes, origin, records),))
    if isinstance(outcome, UnknownCategory):
        raise with_suggestion(outcome, [category.slug for category in await storage.categories()])
    if isinstance(outcome, CatalogError):
        raise outcome


def with_suggestion(error: UnknownCategory, slugs: Iterable[str]) -> UnknownCategory:
    """Return the error with the closest of the existing slugs as a suggestion, if one is similar."""
    nearest = closest_slug(error.slug, slugs)
    return error if nearest is None else UnknownCategory(error.slug, error.path, nearest)


def closest_slug(slug: str, slugs: Iterable[str]) -> str | None:
    """Return the slug that is most similar, or None if none is similar enough."""
    # Comparing is slow, so compare only slugs of similar length, those with the same first letter first.
    candidates = [other for other in slugs if abs(len(other) - len(slug)) <= _MAX_LENGTH_DIFFERENCE]
    candidates.sort(key=lambda other: (other[:1] != slug[:1], abs(len(other) - len(slug)), other))
    return next(iter(get_close_matches(slug, candidates[:_MAX_COMPARED], n=1)), None)
