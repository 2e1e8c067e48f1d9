"""The use cases for categories."""

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
"""The number of items that are moved to another category in one commit."""


class Categories:
    """Creates, reads, updates and deletes categories. They are identified by slug.

    `expected` are the revisions that may be changed; None allows any.
    """

    def __init__(self, storage: Storage, clock: Clock, ids: Ids) -> None:
        """Use this storage, clock and id generator."""
        self._storage = storage
        self._clock = clock
        self._ids = ids

    async def tree(self) -> Tree:
        """Return the category tree."""
        return Tree(await self._storage.categories())

    async def item_totals(self, tree: Tree) -> Mapping[str, int]:
        """Return the number of items in each category of a tree, including its descendants, by slug."""
        return tree.totals(await self._storage.category_counts())

    async def lineage(self, slug: str) -> tuple[Category, ...]:
        """Return the categories from the root of the tree to this one. Raises CategoryNotFound."""
        lineage = (await self._storage.lineages((slug,))).get(slug) if is_slug(slug) else None
        if lineage is None:
            raise CategoryNotFound(slug)
        return lineage

    async def get(self, slug: str) -> Category:
        """Return a category. Raises CategoryNotFound."""
        return (await self.lineage(slug))[-1]

    def create(self, fields: Mapping[str, object], origin: Origin) -> Write[Category]:
        """Create a category. Without a position it becomes the last of its siblings.

        Raises InvalidInput, UnknownCategory, SlugTaken, CategoryTooDeep.
        """

        async def decide() -> Decision[Category]:
            position = await self._default_position(fields.get("parent")) if fields.get("position") is None else 0
            change = Category.create(fields, category_id=self._ids.new_id(), default_position=position, now=self._clock.now())
            return Decision((change,), change.subject)

        return Write(self._storage, origin, decide)

    def update(self, slug: str, patch: Mapping[str, object], origin: Origin, expected: Expected = None) -> Write[Category]:
        """Update a category with a merge patch (RFC 7396).

        If it moves to another parent without a position, it becomes the last of its new siblings.

        Raises InvalidInput, UnknownCategory, CategoryNotFound, CategoryCycle, CategoryTooDeep, StaleVersion,
        TooManyConflicts.
        """

        async def decide() -> Decision[Category]:
            category = await self._get_expected(slug, expected)
            position = await self._default_position(patch["parent"]) if "parent" in patch and "position" not in patch else 0
            return decide_change(category, category.update(patch, default_position=position, now=self._clock.now()))

        return Write(self._storage, origin, decide, f"the category {slug}", conflicts_of_change(expected))

    async def delete(self, slug: str, origin: Origin, expected: Expected = None, move_to: str | None = None) -> int:
        """Delete a category and move its items and children to `move_to`. Return the number of items moved.

        Without `move_to` the category must be empty. Items are moved in batches of MOVE_BATCH, one commit each; the last
        commit deletes the category.

        Raises InvalidQuery if `move_to` is not a valid target, CategoryNotFound, CategoryInUse, CategoryTooDeep,
        StaleVersion, TooManyConflicts.
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
        """Return the changes of the next commit that moves the contents of a category, and the number of items among them."""
        if move_to is None:
            return (), 0
        tree = await self.tree()
        if move_to in tree.within((category.slug,)):
            raise _invalid_move_target(
                f"The contents of {category.slug} cannot move to {move_to}: it is the same category or one of its descendants."
            )
        if move_to not in tree.by_slug:
            raise _invalid_move_target(f"There is no category {shorten(move_to)}.")
        filters = (Condition("category", IN, (category.slug,)),)
        page = await self._storage.list_items(ItemQuery(None, newest_first(), filters, limit=MOVE_BATCH))
        now = self._clock.now()
        item_changes = [item.update({"category": move_to}, now=now) for item in page.items]
        first_position = _next_position(tree, move_to)
        children = tree.children(category.slug) if len(item_changes) < MOVE_BATCH else []
        child_changes = [
            child.update({"parent": move_to}, default_position=position, now=now)
            for position, child in enumerate(children, first_position)
        ]
        return tuple(change for change in (*item_changes, *child_changes) if change is not None), len(item_changes)

    async def _default_position(self, parent: object) -> int:
        """Return the position after the last child of a parent."""
        return _next_position(await self.tree(), parent if isinstance(parent, str) else None)


def _next_position(tree: Tree, parent: str | None) -> int:
    return max((child.position + 1 for child in tree.children(parent)), default=0)


def _invalid_move_target(message: str) -> InvalidQuery:
    """Return the error for an invalid `move_to`."""
    errors = FieldErrors()
    errors.add(("move_to",), "unknown_category", message)
    return errors.to_error(InvalidQuery)
