"""Resolves the categories of a slice before its rows are decided: their slugs, names and paths become slugs."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from catalog.application.imports.categories import KnownCategories
from catalog.application.imports.category_index import CategoryIndex
from catalog.application.imports.category_paths import OTHER_CATEGORIES, CategoryPaths, CellCategory
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.refusals import Refusal, refusals_of
from catalog.application.imports.rows import TURN_ROWS, ImportRow, Slice
from catalog.domain.categories.category import Category
from catalog.domain.categories.tree import Tree, ancestors
from catalog.domain.change import Change
from catalog.domain.changes.stored_state import CategoryNode
from catalog.domain.errors import InvalidInput
from catalog.domain.items.item import Item
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids
from catalog.ports.storage import Storage


@dataclass(frozen=True, slots=True)
class ResolvedRows:
    """Rows with the slugs of their categories, without those refused for them.

    `from_file` are the new categories that the file describes. `made` are those that cells need, by slug, parents first.
    """

    rows: Sequence[ImportRow]
    refusals: Sequence[Refusal] = ()
    from_file: Mapping[str, Change[Category]] = field(default_factory=dict)
    made: Mapping[str, Change[Category]] = field(default_factory=dict)
    known: KnownCategories = KnownCategories()  # noqa: RUF009 - immutable

    @property
    def new_nodes(self) -> dict[str, CategoryNode]:
        """The nodes of the new categories, whether they are used or not."""
        new = (change.subject for change in (*self.from_file.values(), *self.made.values()))
        return {category.slug: CategoryNode(category.id, 1, category.parent) for category in new}

    def new_categories(self, used: Iterable[str | None]) -> list[Change[Category]]:
        """Return the new categories to commit, parents first: those of the file, and those made for the `used` slugs."""
        made = {slug: change.subject for slug, change in self.made.items()}
        needed = {ancestor for slug in set(used) for ancestor in ancestors(slug, made)}
        return [*self.from_file.values(), *(change for slug, change in self.made.items() if slug in needed)]


class RowCategories:
    """Resolves the categories of one slice after another."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids, plan: ImportPlan) -> None:
        """Look up categories in `storage`, and make missing ones if the plan allows it."""
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._plan = plan
        self._indexed: tuple[Tree | None, CategoryIndex] = (None, CategoryIndex())

    async def resolve(self, row_slice: Slice, known: KnownCategories) -> ResolvedRows:
        """Resolve the categories of a slice. The tree is read only for cells that are not slugs of known categories."""
        rows, file_categories = row_slice.rows_to_import, row_slice.categories
        from_file: dict[str, Change[Category]] = {}
        if file_categories:
            known, tree = await known.with_tree(self._storage)
            from_file = {change.subject.slug: change for _, change in file_categories if change.subject.slug not in tree.by_slug}
        cells = dict.fromkeys(row.category_cell for row in rows if row.category_cell is not None)
        slugs = {row.category for row in rows if row.category_cell is None and row.category is not None} - from_file.keys()
        known = await known.with_nodes(self._storage, slugs)
        unknown = slugs - known.nodes.keys()
        if not cells and not unknown:
            return ResolvedRows(rows, from_file=from_file, known=known)
        known, tree = await known.with_tree(self._storage)
        index = self._index(tree).with_categories(change.subject for change in from_file.values())
        paths = CategoryPaths(index, self._plan.separator, self._clock, self._ids, create=self._plan.create_categories)
        # Names and paths come first: a slug may be one that they make.
        categories = await _resolve_each((*cells, *sorted(unknown - cells.keys())), paths)
        resolved, refusals = await self._apply(rows, categories)
        return ResolvedRows(resolved, refusals, from_file, paths.made, known)

    def _index(self, tree: Tree) -> CategoryIndex:
        """Return the index of a tree. It is kept for the next slice, which most often has the same tree."""
        if self._indexed[0] is not tree:
            self._indexed = (tree, CategoryIndex.of(tree))
        return self._indexed[1]

    async def _apply(
        self, rows: Sequence[ImportRow], categories: Mapping[str, CellCategory | InvalidInput]
    ) -> tuple[list[ImportRow], list[Refusal]]:
        """Return the rows with their categories, and the refusals of those that have none.

        Gives way to other tasks every TURN_ROWS rows.
        """
        resolved: list[ImportRow] = []
        refusals: list[Refusal] = []
        for number, row in enumerate(rows):
            if not number % TURN_ROWS:
                await asyncio.sleep(0)
            category = categories.get(row.category_cell or row.category or "")
            if isinstance(category, InvalidInput):
                refusals += refusals_of(row.line, row.sku, category.errors)
            else:
                resolved.append(row if category is None or category.slug == row.category else self._with_category(row, category))
        return resolved, refusals

    def _with_category(self, row: ImportRow, category: CellCategory) -> ImportRow:
        """Return a row with the category of its cell."""
        fields = {**row.fields, "category": category.slug}
        if category.others and isinstance(fields.get("attributes", {}), dict):
            fields["attributes"] = {**fields.get("attributes", {}), OTHER_CATEGORIES: category.others}
        change: Change[Item] | InvalidInput
        try:
            change = Item.create(
                fields, item_id=self._ids.item_id(), default_sku="", now=self._clock.now(), provenance=row.provenance
            )
        except InvalidInput as error:
            change = error
        return replace(row, fields=fields, change=change)


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
