"""The last deletion of a SKU."""

from catalog.domain.changes.log import LogFilter
from catalog.ports.storage import Storage
from tests.making import category, commit, creation, removal


async def test_the_deletion_of_a_category_is_not_the_deletion_of_an_item(storage: Storage) -> None:
    """A category whose slug equals a SKU does not count as an item with that SKU."""
    created = category("2024")
    await commit(storage, created)
    await commit(storage, created.subject.delete(now=created.at))
    assert await storage.last_deletion("2024") is None
    item = creation(1, sku="2024")
    await commit(storage, item)
    await commit(storage, removal(item.subject))
    deletion = await storage.last_deletion("2024")
    assert deletion is not None
    assert deletion.change.kind == "item.removed"
    assert len((await storage.changes(after=0, limit=9, log_filter=LogFilter())).entries) == 4
