"""The tree that categories make by their parents."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Protocol

from catalog.domain.categories.category import Category

MAX_DEPTH = 16
"""How many categories a way from a root may have."""


class HasParent(Protocol):
    """What has a parent."""

    @property
    def parent(self) -> str | None:
        """The slug of the parent; None for a root."""


def ancestors(slug: str | None, places: Mapping[str, HasParent | None]) -> Iterator[str]:
    """Go from a category up to its root, itself included, as far as the places are known; never longer than they are many."""
    for _ in range(len(places)):
        place = None if slug is None else places.get(slug)
        if slug is None or place is None:
            return
        yield slug
        slug = place.parent


class Tree:
    """Categories in their places."""

    def __init__(self, categories: Iterable[Category]) -> None:
        """Build it; siblings are put in order."""
        self.by_slug = {category.slug: category for category in sorted(categories, key=lambda one: one.order)}
        self._children: dict[str | None, list[Category]] = {}
        for category in self.by_slug.values():
            self._children.setdefault(category.parent, []).append(category)

    def __iter__(self) -> Iterator[Category]:
        """Go through all of it, from the roots down, each followed by its children."""
        waiting = self.children(None)[::-1]
        while waiting:
            category = waiting.pop()
            yield category
            waiting += self.children(category.slug)[::-1]

    def children(self, slug: str | None) -> list[Category]:
        """Return the children of a category, or the roots, in their order."""
        return self._children.get(slug, [])

    def within(self, slugs: Collection[str]) -> frozenset[str]:
        """Return these slugs with those of all their descendants; what is not there is left out."""
        found: set[str] = set()
        waiting = [slug for slug in slugs if slug in self.by_slug]
        while waiting:
            slug = waiting.pop()
            if slug not in found:
                found.add(slug)
                waiting += (child.slug for child in self.children(slug))
        return frozenset(found)

    def lineage(self, slug: str) -> tuple[Category, ...]:
        """Return the way from the root to a category, itself included; nothing when it is not there."""
        return tuple(self.by_slug[each] for each in ancestors(slug, self.by_slug))[::-1]

    def totals(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Add up what is counted for each category with what is counted for its descendants."""
        totals = {category.slug: counts.get(category.slug, 0) for category in self}
        for category in reversed(list(self)):
            if category.parent is not None:
                totals[category.parent] += totals[category.slug]
        return totals
