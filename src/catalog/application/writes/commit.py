"""Read, decide, commit: how one thing is changed, whatever it is."""

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
"""How often a change is decided again when others are quicker. Each round, one of the rivals at least gets through."""

_MAX_LENGTH_DIFFERENCE = 4
_MAX_COMPARED = 300

Revision = tuple[UUID, int]
"""The id and version of an item or category, as a caller saw them."""

Expected = Collection[Revision] | None
"""The revisions that a caller is ready to change; None: whichever is there."""


RecordsFor = Callable[[T], tuple[ExpiringRecord, ...]]
"""Makes, of what is about to be answered, the notes that are to be committed with it."""


def no_records(_answer: object) -> tuple[ExpiringRecord, ...]:
    """Make none."""
    return ()


async def update_with_retry(  # noqa: PLR0913 - what, how, by whom, under which condition
    storage: Storage,
    read: Callable[[], Awaitable[S]],
    decide: Callable[[S], Awaitable[Change[S] | None]],
    origin: Origin,
    expected: Expected,
    key: str,
    *,
    records_for: RecordsFor[S] = no_records,
) -> S:
    """Read, decide, commit; again when another writer came between, unless the caller named what he expects.

    Raises what `read` and `decide` raise, StaleVersion, Contended, and what the commit refuses.
    """
    for _ in range(MAX_ATTEMPTS):
        subject = await read()
        if expected is not None and (subject.id, subject.version) not in expected:
            raise StaleVersion(subject.id, type(subject).__name__.lower())
        decided = await decide(subject)
        will_be = subject if decided is None else decided.subject
        try:
            await commit(storage, () if decided is None else (decided,), origin, records_for(will_be))
        except (StaleVersion, NotFound) as error:
            if expected is not None and isinstance(error, StaleVersion):
                raise
            continue
        return will_be
    raise TooManyConflicts(key)


async def commit(
    storage: Storage, changes: tuple[AnyChange, ...], origin: Origin, records: tuple[ExpiringRecord, ...] = ()
) -> None:
    """Commit changes with their notes, all or nothing.

    Raises what is refused; of a category that is not there, with what may have been meant.
    """
    if not changes and not records:
        return
    (outcome,) = await storage.commit((ChangeSet(changes, origin, records),))
    if isinstance(outcome, UnknownCategory):
        raise with_suggestion(outcome, [category.slug for category in await storage.categories()])
    if isinstance(outcome, CatalogError):
        raise outcome


def with_suggestion(error: UnknownCategory, slugs: Iterable[str]) -> UnknownCategory:
    """Return the error with the nearest of the slugs that there are, if one is near."""
    nearest = closest_slug(error.slug, slugs)
    return error if nearest is None else UnknownCategory(error.slug, error.path, nearest)


def closest_slug(slug: str, slugs: Iterable[str]) -> str | None:
    """Return which of the slugs may have been meant; None when none is near."""
    # Comparing takes its time, so it is done with few: those of about the same length, beginning alike first.
    alike = [other for other in slugs if abs(len(other) - len(slug)) <= _MAX_LENGTH_DIFFERENCE]
    alike.sort(key=lambda other: (other[:1] != slug[:1], abs(len(other) - len(slug)), other))
    return next(iter(get_close_matches(slug, alike[:_MAX_COMPARED], n=1)), None)
