"""Category cells of other systems: paths of names, from which an import finds the same category."""

from collections import Counter

from catalog.domain.categories.category import Category
from catalog.domain.categories.tree import Tree, ancestors
from catalog.domain.text.normalization import fold
from catalog.domain.values.fields import is_slug


class CategoryCells:
    """Writes categories as paths. Those whose path could be read differently are written as slugs."""

    def __init__(self, tree: Tree, separator: str) -> None:
        """Write the names of these categories with a separator between them, such as >."""
        self._tree = tree
        self._separator = separator
        self._cells: dict[str, str] = {}
        self._names = Counter(fold(category.name) for category in tree)

    def cell(self, slug: str) -> str:
        """Return the cell of a category."""
        cell = self._cells.get(slug)
        if cell is None:
            cell = self._cells[slug] = self._path(slug) or slug
        return cell

    def _path(self, slug: str) -> str | None:
        """Return the path of a category; None if it could be read differently."""
        lineage = [self._tree.by_slug[ancestor] for ancestor in ancestors(slug, self._tree.by_slug)][::-1]
        names = [category.name for category in lineage]
        is_unique = all(map(self._is_unique, lineage)) and (len(names) > 1 or all(self._names[fold(name)] == 1 for name in names))
        if not names or not is_unique or any(self._separator in name or "," in name for name in names):
            return None
        joined = f" {self._separator} " if self._separator == ">" else self._separator
        path = joined.join(names)
        # A path that looks like a slug would be read as one.
        return None if path != slug and (is_slug(path) or path in self._tree.by_slug) else path

    def _is_unique(self, category: Category) -> bool:
        """Return whether no sibling has the same name, or the name as its slug."""
        siblings = self._tree.children(category.parent)
        key = fold(category.name)
        return [category] == [sibling for sibling in siblings if fold(sibling.name) == key or sibling.slug == category.name]
