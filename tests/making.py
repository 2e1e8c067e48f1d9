"""Items and changes for tests, made the short way."""

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
    """A clock that stands, until it is moved."""

    def __init__(self, now: datetime = NOON) -> None:
        """Stand at `now`."""
        self.time = now

    def now(self) -> datetime:
        """Tell the time."""
        return self.time

    def move(self, **by: float) -> None:
        """Let time pass."""
        self.time += timedelta(**by)


class CountedIds:
    """Ids and SKUs by counting."""

    def __init__(self) -> None:
        """Begin at one."""
        self.count = 0

    def item_id(self) -> UUID:
        """Return the next id."""
        self.count += 1
        return item_id(self.count)

    def sku(self) -> str:
        """Return the next SKU."""
        return f"I-{self.count + 1:013}"


def item_id(number: int) -> UUID:
    """Return an id with the form of a UUIDv7."""
    return UUID(int=(0x7 << 76) | (0x2 << 62) | number)


def creation(number: int = 1, at: datetime = NOON, **fields: object) -> Change[Item]:
    """Decide to create the item of this number."""
    given = {"sku": f"S-{number}", "name": f"Item {number}"} | fields
    return Item.create(given, item_id=item_id(number), default_sku="SPARE", now=at)


def category(slug: str, parent: str | None = None, life: int = 1, **fields: object) -> Change[Category]:
    """Decide to create a category; in another life under the same slug it is another."""
    given = {"slug": slug, "name": slug.title(), "parent": parent} | fields
    return Category.create(given, category_id=uuid5(NAMESPACE_OID, f"{slug} {life}"), default_position=0, now=NOON)


async def plant(storage: Storage, *ways: str) -> None:
    """Create the categories on these ways from a root: `home/garden`; those that are there already stay."""
    for way in ways:
        slugs = way.split("/")
        await commit(storage, *map(category, slugs, [None, *slugs[:-1]]))


def item(number: int = 1, at: datetime = NOON, **fields: object) -> Item:
    """Make the item of this number."""
    return creation(number, at, **fields).subject


def certain(value: T | None) -> T:
    """Return a value that there is."""
    assert value is not None
    return value


def as_item(subject: object) -> Item:
    """Return an item of which only the test knows that it is one."""
    assert isinstance(subject, Item)
    return subject


def revision(before: Item, **patch: object) -> Change[Item]:
    """Decide to revise an item."""
    return certain(before.update(patch, now=before.updated_at + timedelta(seconds=1)))


def removal(before: Item) -> Change[Item]:
    """Decide to remove an item."""
    return before.delete(now=before.updated_at + timedelta(seconds=1))


def sets(*changes: AnyChange) -> list[ChangeSet]:
    """Make a change set of each change."""
    return [ChangeSet((change,), TESTER) for change in changes]


async def commit(storage: Storage, *changes: AnyChange) -> Sequence[Outcome]:
    """Commit each change by itself."""
    return await storage.commit(sets(*changes))


async def keep(storage: Storage, *numbers: int, **fields: Any) -> list[Item]:  # noqa: ANN401 - what a caller sends
    """Create the items of these numbers, and return them."""
    changes = [creation(number, **fields) for number in numbers]
    await commit(storage, *changes)
    return [change.subject for change in changes]


async def pages(storage: Storage, question: Parameters) -> list[tuple[Item, ...]]:
    """Return all items that a question finds, page by page; and see that the way back leads through the same."""
    page = await storage.list_items(ItemQuery.parse(question))
    found = [page.items]
    assert page.prev_cursor is None or "offset" in question
    while page.next_cursor is not None:
        page = await storage.list_items(
            ItemQuery.parse({**{name: its for name, its in question.items() if name != "offset"}, "cursor": page.next_cursor})
        )
        found.append(page.items)
    if "offset" not in question:
        for items in found[-2::-1]:
            assert page.prev_cursor is not None
            page = await storage.list_items(ItemQuery.parse({**question, "cursor": page.prev_cursor}))
            assert page.items == items
            assert page.next_cursor is not None
        assert page.prev_cursor is None
    return found


async def names(storage: Storage, **parameters: str) -> list[str]:
    """Return the names of all items that a question finds, through all pages."""
    return [one.name for items in await pages(storage, parameters) for one in items]
