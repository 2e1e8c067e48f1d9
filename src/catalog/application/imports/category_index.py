"""An index of categories by slug, name and parent, in which category cells are looked up."""

from collections import ChainMap
from collections.abc import Iterable, MutableMapping, Sequence
from dataclasses import dataclass, field

from catalog.domain.categories.category import Category
from catalog.domain.text.normalization import fold


@dataclass(frozen=True, slots=True)
class CategoryIndex:
    """Categories by slug, by name, and by parent and name. Names are folded, so case and marks do not matter."""

    by_slug: MutableMapping[str, Category] = field(default_factory=dict)
    _by_name: MutableMapping[str, tuple[str, ...]] = field(default_factory=dict)
    _by_parent: MutableMapping[tuple[str | None, str], tuple[str, ...]] = field(default_factory=dict)
    _next_positions: MutableMapping[str | None, int] = field(default_factory=dict)

    @classmethod
    def of(cls, categories: Iterable[Category]) -> "CategoryIndex":
        """Index these categories."""
        index = cls()
        index.add(categories)
        return index

    def extended(self, categories: Iterable[Category]) -> "CategoryIndex":
        """Return an index of these categories too. It reads this one, which stays as it is, instead of copying it."""
        index = CategoryIndex(
            ChainMap({}, self.by_slug),
            ChainMap({}, self._by_name),
            ChainMap({}, self._by_parent),
            ChainMap({}, self._next_positions),
        )
        index.add(categories)
        return index

    def add(self, categories: Iterable[Category]) -> None:
        """Add categories."""
        for category in categories:
            name, parent = fold(category.name), category.parent
            self.by_slug[category.slug] = category
            self._by_name[name] = (*self._by_name.get(name, ()), category.slug)
            self._by_parent[parent, name] = (*self._by_parent.get((parent, name), ()), category.slug)
            self._next_positions[parent] = max(self.next_position(parent), category.position + 1)

    def named(self, name: str) -> Sequence[str]:
        """Return the slugs of all categories with this name."""
        return self._by_name.get(fold(name), ())

    def children_named(self, parent: str | None, name: str) -> Sequence[str]:
        """Return the slugs of the children with this slug or else this name. The parent None has the roots."""
        child = self.by_slug.get(name)
        if child is not None and child.parent == parent:
            return (name,)
        return self._by_parent.get((parent, fold(name)), ())

    def next_position(self, parent: str | None) -> int:
        """Return the position after the last child."""
        return self._next_positions.get(parent, 0)
