"""The category tree, built from each category's parent."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Protocol

from catalog.domain.categories.category import Category

MAX_DEPTH = 16
"""Maximum depth of the tree, in levels."""


class HasParent(Protocol):
    """A node of the tree."""

    @property
    def parent(self) -> str | None:
        """The slug of the parent, or None for a root."""


def ancestors(slug: str | None, nodes: Mapping[str, HasParent | None]) -> Iterator[str]:
    """Yield the slugs from a category up to its root, including its own, as far as `nodes` contains them.

    At most `len(nodes)` slugs are yielded, even if the parents form a cycle.
    """
    for _ in range(len(nodes)):
        node = None if slug is None else nodes.get(slug)
        if slug is None or node is None:
            return
        yield slug
        slug = node.parent


class Tree:
    """The category tree."""

    def __init__(self, categories: Iterable[Category]) -> None:
        """Build the tree; siblings are sorted by their order."""
        self.by_slug = {category.slug: category for category in sorted(categories, key=lambda category: category.order)}
        self._children: dict[str | None, list[Category]] = {}
        for category in self.by_slug.values():
            self._children.setdefault(category.parent, []).append(category)

    def __iter__(self) -> Iterator[Category]:
        """Iterate depth-first from the roots, parents before children."""
        pending = self.children(None)[::-1]
        while pending:
            category = pending.pop()
            yield category
            pending += self.children(category.slug)[::-1]

    def children(self, slug: str | None) -> list[Category]:
        """Return the children of a category in order, or the roots if the slug is None."""
        return self._children.get(slug, [])

    def within(self, slugs: Collection[str]) -> frozenset[str]:
        """Return the slugs and those of all their descendants, without slugs that do not exist."""
        subtree: set[str] = set()
        pending = [slug for slug in slugs if slug in self.by_slug]
        while pending:
            slug = pending.pop()
            if slug not in subtree:
                subtree.add(slug)
                pending += (child.slug for child in self.children(slug))
        return frozenset(subtree)

    def lineage(self, slug: str) -> tuple[Category, ...]:
        """Return the categories from the root to this one, inclusive; empty if it does not exist."""
        return tuple(self.by_slug[ancestor] for ancestor in ancestors(slug, self.by_slug))[::-1]

    def totals(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Return each category's count plus the counts of its descendants."""
        totals = {category.slug: counts.get(category.slug, 0) for category in self}
        for category in reversed(list(self)):
            if category.parent is not None:
                totals[category.parent] += totals[category.slug]
        return totals
