"""Short ways to make items, categories and changes in tests."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import NAMESPACE_OID, UUID, uuid5

from catalog.domain.categories.category import Category
from catalog.domain.change import Change, Origin
from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.changes.log import AnyChange, ChangeSet
from catalog.domain.items.item import Item
from catalog.domain.queries.item_query import ItemQuery, Parameters
from catalog.ports.storage import Storage

NOON = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
TESTER = Origin("tester", "request-1")


T = TypeVar("T")


class FixedClock:
    """A clock with a fixed time that tests can move."""

    def __init__(self, now: datetime = NOON) -> None:
        """Set the time to `now`."""
        self.time = now

    def now(self) -> datetime:
        """Return the time."""
        return self.time

    def timestamp(self) -> float:
        """Return the time in seconds since 1970."""
        return self.now().timestamp()

    def move(self, **by: float) -> None:
        """Move the time by a `timedelta` with these arguments."""
        self.time += timedelta(**by)


class CountedIds:
    """Generates consecutive ids and SKUs."""

    def __init__(self) -> None:
        """Start at one."""
        self.count = 0

    def new_id(self) -> UUID:
        """Return the next id."""
        self.count += 1
        return item_id(self.count)

    def sku(self) -> str:
        """Return the next SKU."""
        return f"I-{self.count + 1:013}"


def item_id(number: int) -> UUID:
    """Return an id in the format of a UUIDv7."""
    return UUID(int=(0x7 << 76) | (0x2 << 62) | number)


def creation(number: int = 1, at: datetime = NOON, **fields: object) -> Change[Item]:
    """Return the change that creates the item with this number."""
    values = {"sku": f"S-{number}", "name": f"Item {number}"} | fields
    return Item.create(values, item_id=item_id(number), default_sku="SPARE", now=at)


def category(slug: str, parent: str | None = None, generation: int = 1, **fields: object) -> Change[Category]:
    """Return the change that creates a category. Each generation of a slug is a different category, with its own id."""
    values = {"slug": slug, "name": slug.title(), "parent": parent} | fields
    return Category.create(values, category_id=uuid5(NAMESPACE_OID, f"{slug} {generation}"), default_position=0, now=NOON)


async def create_categories(storage: Storage, *paths: str) -> None:
    """Create the categories on these paths from the root, such as `home/garden`. Existing ones are left unchanged."""
    for path in paths:
        slugs = path.split("/")
        await commit(storage, *map(category, slugs, [None, *slugs[:-1]]))


def item(number: int = 1, at: datetime = NOON, **fields: object) -> Item:
    """Return the item with this number."""
    return creation(number, at, **fields).subject


def certain(value: T | None) -> T:
    """Return the value, which must not be None."""
    assert value is not None
    return value


def as_item(subject: object) -> Item:
    """Return the subject, which must be an item."""
    assert isinstance(subject, Item)
    return subject


def revision(before: Item, **patch: object) -> Change[Item]:
    """Return the change that updates an item."""
    return certain(before.update(patch, now=before.updated_at + timedelta(seconds=1)))


def removal(before: Item) -> Change[Item]:
    """Return the change that deletes an item."""
    return before.delete(now=before.updated_at + timedelta(seconds=1))


def sets(*changes: AnyChange) -> list[ChangeSet]:
    """Return one change set per change."""
    return [ChangeSet((change,), TESTER) for change in changes]


async def commit(storage: Storage, *changes: AnyChange) -> Sequence[Outcome]:
    """Commit the changes in one batch, each as its own change set."""
    return await storage.commit(sets(*changes))


async def create_items(storage: Storage, *numbers: int, **fields: Any) -> list[Item]:  # noqa: ANN401 - request values
    """Create the items with these numbers, and return them."""
    changes = [creation(number, **fields) for number in numbers]
    await commit(storage, *changes)
    return [change.subject for change in changes]


async def pages(storage: Storage, parameters: Parameters) -> list[tuple[Item, ...]]:
    """Return the matching items page by page, and check that paging backwards returns the same pages."""
    page = await storage.list_items(ItemQuery.parse(parameters))
    forward = [page.items]
    assert page.prev_cursor is None or "offset" in parameters
    while page.next_cursor is not None:
        page = await storage.list_items(
            ItemQuery.parse(
                {**{name: value for name, value in parameters.items() if name != "offset"}, "cursor": page.next_cursor}
            )
        )
        forward.append(page.items)
    if "offset" not in parameters:
        for items in forward[-2::-1]:
            assert page.prev_cursor is not None
            page = await storage.list_items(ItemQuery.parse({**parameters, "cursor": page.prev_cursor}))
            assert page.items == items
            assert page.next_cursor is not None
        assert page.prev_cursor is None
    return forward


async def names(storage: Storage, **parameters: str) -> list[str]:
    """Return the names of the matching items on all pages."""
    return [item.name for items in await pages(storage, parameters) for item in items]
