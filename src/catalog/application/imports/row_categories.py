"""Resolves the categories of a slice before its rows are decided: slugs, names and paths become slugs."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from catalog.application.imports.categories import KnownCategories
from catalog.application.imports.category_index import CategoryIndex
from catalog.application.imports.category_paths import OTHER_CATEGORIES, CategoryPaths, CellCategory
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.row_parser import ImportRow, create_item
from catalog.application.imports.rows import TURN_ROWS, Slice
from catalog.domain.categories.category import Category
from catalog.domain.categories.tree import Tree, ancestors
from catalog.domain.change import Change
from catalog.domain.changes.stored_state import CategoryNode
from catalog.domain.errors import InvalidInput
from catalog.domain.values.fields import is_slug
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids
from catalog.ports.storage import Storage

NewCategories = Mapping[str, Change[Category]]
"""Changes that create categories, by slug, parents first."""


@dataclass(frozen=True, slots=True)
class ResolvedRows:
    """Rows with their categories, or the errors why they have none.

    `slugs` has the slugs of their categories. `from_file` are the new categories that the file describes, and `made` those that
    rows may need.
    """

    rows: Sequence[ImportRow]
    slugs: Collection[str]
    known: KnownCategories
    from_file: NewCategories
    made: NewCategories = field(default_factory=dict)

    @property
    def new_nodes(self) -> dict[str, CategoryNode]:
        """The nodes of the new categories, whether rows need them or not."""
        new = (change.subject for change in (*self.from_file.values(), *self.made.values()))
        return {category.slug: CategoryNode(category.id, category.version, category.parent) for category in new}

    def new_categories(self, used: Iterable[str | None]) -> list[Change[Category]]:
        """Return the new categories to commit, parents first: those of the file, and those made for the `used` slugs."""
        made = {slug: change.subject for slug, change in self.made.items()}
        needed = {ancestor for slug in set(used) for ancestor in ancestors(slug, made)}
        return [*self.from_file.values(), *(change for slug, change in self.made.items() if slug in needed)]


class RowCategories:
    """Resolves the categories of one slice after another. Keeps the index of the tree, which most often stays the same."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids, plan: ImportPlan) -> None:
        """Look up categories in `storage`, and make missing ones if the plan allows it."""
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._plan = plan
        self._tree: Tree | None = None
        self._index = CategoryIndex()

    async def resolve(self, row_slice: Slice, known: KnownCategories) -> ResolvedRows:
        """Resolve the categories of a slice. The tree is read only if the file has categories, or rows name unknown ones."""
        rows = row_slice.rows_to_import
        known, from_file = await self._new_in_file(row_slice, known)
        cells = {cell: None for row in rows if (cell := row.category_cell or row.category) is not None}
        known = await known.with_nodes(self._storage, [*filter(is_slug, cells.keys() - known.nodes.keys() - from_file.keys())])
        unknown = [cell for cell in cells if cell not in known.nodes and cell not in from_file]
        if not unknown:
            return ResolvedRows(rows, cells, known, from_file)
        known, tree = await known.with_tree(self._storage)
        index = self._index_of(tree).extended(change.subject for change in from_file.values())
        paths = CategoryPaths(index, self._plan.separator, self._clock, self._ids, create=self._plan.create_categories)
        # Names and paths come first: a slug may be that of a category which they make.
        categories = await _resolve_each(sorted(unknown, key=is_slug), paths)
        rows = await self._with_categories(rows, categories)
        slugs = {category.slug for category in categories.values() if isinstance(category, CellCategory)}
        return ResolvedRows(rows, slugs.union(cells), known, from_file, paths.made)

    async def _new_in_file(self, row_slice: Slice, known: KnownCategories) -> tuple[KnownCategories, NewCategories]:
        """Return the categories of the file that do not exist."""
        if not row_slice.categories:
            return known, {}
        known, tree = await known.with_tree(self._storage)
        changes = (change for _, change in row_slice.categories)
        return known, {change.subject.slug: change for change in changes if change.subject.slug not in tree.by_slug}

    def _index_of(self, tree: Tree) -> CategoryIndex:
        if self._tree is not tree:
            self._tree, self._index = tree, CategoryIndex.of(tree)
        return self._index

    async def _with_categories(
        self, rows: Sequence[ImportRow], categories: Mapping[str, CellCategory | InvalidInput]
    ) -> list[ImportRow]:
        """Return the rows with their categories. Gives way to other tasks every TURN_ROWS rows."""
        resolved: list[ImportRow] = []
        for number, row in enumerate(rows):
            if not number % TURN_ROWS:
                await asyncio.sleep(0)
            resolved.append(self._with_category(row, categories.get(row.category_cell or row.category or "")))
        return resolved

    def _with_category(self, row: ImportRow, category: CellCategory | InvalidInput | None) -> ImportRow:
        """Return a row with what its cell was resolved to. None if it has no category, or one whose slug was known."""
        if isinstance(category, InvalidInput):
            return row._replace(category_error=category)
        if category is None or category.slug == row.category:
            return row
        fields = {**row.fields, "category": category.slug}
        attributes = fields.get("attributes", {})  # None to clear them all, or invalid: then nothing is added
        has_others = bool(category.others) and isinstance(attributes, dict)
        if has_others:
            fields["attributes"] = {**attributes, OTHER_CATEGORIES: category.others}
        return row._replace(
            fields=fields, change=create_item(fields, row.provenance, self._clock, self._ids), has_other_categories=has_others
        )


async def _resolve_each(cells: Collection[str], paths: CategoryPaths) -> dict[str, CellCategory | InvalidInput]:
    """Resolve each cell, or return why it cannot be. Gives way to other tasks every TURN_ROWS cells."""
    categories: dict[str, CellCategory | InvalidInput] = {}
    for number, cell in enumerate(cells):
        if not number % TURN_ROWS:
            await asyncio.sleep(0)
        try:
            categories[cell] = paths.resolve(cell)
        except InvalidInput as error:
            categories[cell] = error
    return categories
