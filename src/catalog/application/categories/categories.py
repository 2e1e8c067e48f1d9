"""The use cases around categories."""

from collections.abc import Mapping

from catalog.application.writes.write import Decision, Expected, Write, check_expected, conflicts_of_change, decide_change
from catalog.domain.categories.category import Category
from catalog.domain.categories.tree import Tree
from catalog.domain.change import Origin
from catalog.domain.changes.log import AnyChange
from catalog.domain.errors import (
    CategoryInUse,
    CategoryNotFound,
    InvalidQuery,
    NotFound,
    StaleVersion,
    UnknownCategory,
    shorten,
)
from catalog.domain.queries.filters import IN, Condition
from catalog.domain.queries.item_query import ItemQuery
from catalog.domain.queries.ordering import newest_first
from catalog.domain.validation import FieldErrors
from catalog.domain.values.fields import is_slug
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids
from catalog.ports.storage import Storage

MOVE_BATCH = 1_000
"""Items that are moved to another category in one commit."""


class Categories:
    """Creates, finds, changes and removes categories, each named by its slug."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids) -> None:
        """Work on these."""
        self._storage = storage
        self._clock = clock
        self._ids = ids

    async def tree(self) -> Tree:
        """Return all of them, in their places."""
        return Tree(await self._storage.categories())

    async def item_totals(self, tree: Tree) -> Mapping[str, int]:
        """Count the items in each category of a tree, its descendants included."""
        return tree.totals(await self._storage.category_counts())

    async def lineage(self, slug: str) -> tuple[Category, ...]:
        """Return the way from the root to a category, itself included. Raises CategoryNotFound."""
        found = (await self._storage.lineages((slug,))).get(slug) if is_slug(slug) else None
        if found is None:
            raise CategoryNotFound(slug)
        return found

    async def get(self, slug: str) -> Category:
        """Return a category. Raises CategoryNotFound."""
        return (await self.lineage(slug))[-1]

    def create(self, fields: Mapping[str, object], origin: Origin) -> Write[Category]:
        """Create a category; without a position it is the last among its siblings.

        Raises InvalidInput, UnknownCategory, SlugTaken, CategoryTooDeep.
        """

        async def decide() -> Decision[Category]:
            position = await self._default_position(fields.get("parent")) if fields.get("position") is None else 0
            change = Category.create(fields, category_id=self._ids.item_id(), default_position=position, now=self._clock.now())
            return Decision((change,), change.subject)

        return Write(self._storage, origin, decide)

    def update(self, slug: str, patch: Mapping[str, object], origin: Origin, expected: Expected = None) -> Write[Category]:
        """Rename or move a category by a merge patch; without a position it becomes the last among its new siblings.

        Raises InvalidInput, UnknownCategory, CategoryNotFound, CategoryCycle, CategoryTooDeep, StaleVersion, TooManyConflicts.
        """

        async def decide() -> Decision[Category]:
            category = await self._get_expected(slug, expected)
            position = await self._default_position(patch["parent"]) if "parent" in patch and "position" not in patch else 0
            return decide_change(category, category.update(patch, default_position=position, now=self._clock.now()))

        return Write(self._storage, origin, decide, f"the category {slug}", conflicts_of_change(expected))

    async def delete(self, slug: str, origin: Origin, expected: Expected = None, move_to: str | None = None) -> int:
        """Delete a category. Its items and children move to `move_to`, or it must have none. Return the number of moved items.

        More than MOVE_BATCH items are moved in several commits; the category is deleted in the last of them. Raises
        InvalidQuery (invalid `move_to`), CategoryNotFound, CategoryInUse, CategoryTooDeep, StaleVersion, TooManyConflicts.
        """

        async def decide() -> Decision[int]:
            category = await self._get_expected(slug, expected)
            changes, moved = await self._item_moves(category, move_to)
            if moved < MOVE_BATCH:
                changes = (*changes, category.delete(now=self._clock.now()))
            return Decision(changes, moved)

        # The stale version may also be that of an item that is moved.
        retry_on = (StaleVersion, NotFound) if move_to is None else (StaleVersion, NotFound, CategoryInUse)
        write = Write(self._storage, origin, decide, f"the category {slug}", retry_on)
        total = 0
        try:
            while True:
                moved = await write
                total += moved
                if moved < MOVE_BATCH:
                    return total
        except UnknownCategory as error:
            raise _invalid_move_target(error.errors[0].message) from error

    async def _get_expected(self, slug: str, expected: Expected) -> Category:
        category = await self.get(slug)
        check_expected(category, expected)
        return category

    async def _item_moves(self, category: Category, move_to: str | None) -> tuple[tuple[AnyChange, ...], int]:
        """Decide what moves what is in a category elsewhere, as far as one commit goes; say how many items that are."""
        if move_to is None:
            return (), 0
        tree = await self.tree()
        if move_to in tree.within((category.slug,)):
            raise _invalid_move_target(
                f"What is in {category.slug} cannot go to {move_to}, which is that category or stands below it."
            )
        if move_to not in tree.by_slug:
            raise _invalid_move_target(f"There is no category {shorten(move_to)}.")
        inside = (Condition("category", IN, (category.slug,)),)
        page = await self._storage.list_items(ItemQuery(None, newest_first(), inside, limit=MOVE_BATCH))
        now = self._clock.now()
        items = [item.update({"category": move_to}, now=now) for item in page.items]
        first = _last_position(tree, move_to)
        children = tree.children(category.slug) if len(items) < MOVE_BATCH else []
        places = [
            child.update({"parent": move_to}, default_position=position, now=now)
            for position, child in enumerate(children, first)
        ]
        return tuple(decided for decided in (*items, *places) if decided is not None), len(items)

    async def _default_position(self, parent: object) -> int:
        """Return the position behind all children of a parent."""
        return _last_position(await self.tree(), parent if isinstance(parent, str) else None)


def _last_position(tree: Tree, parent: str | None) -> int:
    return max((child.position + 1 for child in tree.children(parent)), default=0)


def _invalid_move_target(message: str) -> InvalidQuery:
    """Say that what is in a category cannot go where it should."""
    faults = FieldErrors()
    faults.add(("move_to",), "unknown_category", message)
    return faults.to_error(InvalidQuery)
