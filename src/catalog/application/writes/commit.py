"""Commit changes, and suggest the category that was meant if one does not exist."""

from collections.abc import Iterable
from difflib import get_close_matches

from catalog.domain.change import Origin
from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.changes.log import AnyChange, ChangeSet
from catalog.domain.errors import CatalogError, UnknownCategory
from catalog.ports.storage import Storage

MAX_ATTEMPTS = 50
"""How often a change is attempted when other writers commit first. In each round, at least one writer succeeds."""

_MAX_LENGTH_DIFFERENCE = 4
"""The maximum difference in length, in characters, between a slug and its suggestion."""

_MAX_COMPARED = 300
"""The maximum number of slugs to compare, because each comparison is slow."""


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
