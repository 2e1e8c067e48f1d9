"""An index of categories by parent and folded name, in which category cells are looked up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from catalog.domain.categories.category import Category
from catalog.domain.text.normalization import fold


@dataclass(frozen=True, slots=True)
class CategoryIndex:
    """Categories by slug, by name, and by parent and name. Names are folded, so case and marks do not matter."""

    by_slug: dict[str, Category] = field(default_factory=dict)
    _by_name: dict[str, list[str]] = field(default_factory=dict)
    _by_parent: dict[tuple[str | None, str], list[str]] = field(default_factory=dict)
    _next_positions: dict[str | None, int] = field(default_factory=dict)

    @classmethod
    def of(cls, categories: Iterable[Category]) -> "CategoryIndex":
        """Index these categories."""
        index = cls()
        for category in categories:
            index.add(category)
        return index

    def with_categories(self, categories: Iterable[Category]) -> "CategoryIndex":
        """Return a copy with further categories. Does not fold the names of this index again."""
        by_name = {name: slugs.copy() for name, slugs in self._by_name.items()}
        by_parent = {key: slugs.copy() for key, slugs in self._by_parent.items()}
        copy = CategoryIndex(self.by_slug.copy(), by_name, by_parent, self._next_positions.copy())
        for category in categories:
            copy.add(category)
        return copy

    def add(self, category: Category) -> None:
        """Add a category."""
        name, parent = fold(category.name), category.parent
        self.by_slug[category.slug] = category
        self._by_name.setdefault(name, []).append(category.slug)
        self._by_parent.setdefault((parent, name), []).append(category.slug)
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
