"""The categories that an import knows of, so that it does not read them again for every slice."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from catalog.application.writes.staging import read_category_nodes
from catalog.domain.categories.category import Category
from catalog.domain.categories.tree import Tree
from catalog.domain.changes.stored_state import CategoryNode
from catalog.ports.storage import Storage


@dataclass(frozen=True, slots=True)
class KnownCategories:
    """Categories as they were read: nodes by slug, and the tree if it was needed. They may be out of date; the commit checks."""

    nodes: Mapping[str, CategoryNode] = field(default_factory=dict)
    tree: Tree | None = None

    async def with_nodes(self, storage: Storage, slugs: Collection[str]) -> "KnownCategories":
        """Read those of the categories that are not known, and exist."""
        nodes = await read_category_nodes(storage, set(slugs) - self.nodes.keys())
        return replace(self, nodes={**self.nodes, **nodes}) if nodes else self

    async def with_tree(self, storage: Storage) -> tuple["KnownCategories", Tree]:
        """Read the tree, unless it is known. Then the nodes of all its categories are known too."""
        if self.tree is not None:
            return self, self.tree
        tree = Tree(await storage.categories())
        return replace(self._with_new_nodes(tree.by_slug.values()), tree=tree), tree

    def with_created(self, categories: Collection[Category]) -> "KnownCategories":
        """Add committed categories. The tree has to be read again, because others may have changed it too."""
        return replace(self._with_new_nodes(categories), tree=None) if categories else self

    def with_dry_run(self, categories: Collection[Category]) -> "KnownCategories":
        """Add categories that a dry run would create. The tree in the store does not have them."""
        if not categories:
            return self
        return replace(self._with_new_nodes(categories), tree=Tree((*(self.tree or ()), *categories)))

    def _with_new_nodes(self, categories: Iterable[Category]) -> "KnownCategories":
        nodes = {category.slug: CategoryNode(category.id, category.version, category.parent) for category in categories}
        return replace(self, nodes={**self.nodes, **nodes})
