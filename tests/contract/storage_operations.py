"""Calls every operation of a store, with queries of every kind."""

from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.changes.log import ChangeSet, LogFilter
from catalog.domain.queries.item_query import ItemQuery
from catalog.ports.storage import Storage
from tests.making import NOON, TESTER, category, certain, commit, creation, removal, revision

QUERIES: tuple[dict[str, str], ...] = (
    {},
    {"sort": "price"},
    {"sort": "-price"},
    {"sort": "name", "offset": "5"},
    {"sort": "sku", "category": "chairs"},
    {"sort": "-updated_at", "updated_after": "2026-01-01T00:00:00Z"},
    {"q": "oak"},
    {"q": "oak chair", "currency": "EUR", "price_min": "1"},
    {"q": "oak", "sort": "name", "attr.color": "red"},
    {"category": "home"},
    {"category": "home", "attr.size__gte": "3", "sort": "price"},
    {"category__exists": "false"},
    {"attr.color": "red"},
    {"attr.color__in": "red,green", "attr.size__exists": "true"},
    {"attr.color__ne": "red", "sku__in": "S-1,S-2"},
)


async def run_every_operation(storage: Storage, first_number: int) -> None:
    """Call every operation seven times; from the sixth execution on, Postgres may reuse a generic plan."""
    for number in range(first_number, first_number + 7):
        created = creation(number, name="Oak chair", attributes={"color": "red", "size": number})
        updated = revision(created.subject, sku=f"T-{number}", name=f"Ash chair {number}", attributes={"color": "green"})
        record = ExpiringRecord(f"record {number}", b"content", NOON)
        created_category = category(f"slug-{number}")
        await commit(storage, created, created_category)
        await storage.commit([ChangeSet((updated,), TESTER, records=(record,))])
        await commit(storage, removal(updated.subject))
        renamed = certain(created_category.subject.update({"name": "Other"}, default_position=0, now=NOON))
        await commit(storage, renamed)
        await commit(storage, renamed.subject.delete(now=NOON))
        await storage.head()
        await storage.items_by_id([created.subject.id])
        await storage.items_by_sku(["S-1", "S-2"])
        await storage.changes(after=0, limit=20)
        await storage.changes(after=0, limit=20, log_filter=LogFilter(subject=created.subject.id))
        await storage.find_entry(created.subject.id)
        await storage.find_entry(created.subject.id, 1)
        await storage.last_deletion(f"T-{number}")
        await storage.records([record.key])
        await storage.categories()
        await storage.lineages(["chairs"])
        await storage.category_counts()
        for parameters in QUERIES:
            query = ItemQuery.parse(parameters)
            page = await storage.list_items(query)
            if page.next_cursor is not None and "offset" not in parameters:
                await storage.list_items(ItemQuery.parse({**parameters, "cursor": page.next_cursor}))
            await storage.count(query, exact=True, seconds=5)
            await storage.count(query, exact=False, seconds=5)
            for facet in ("category", "currency", "attr.color"):
                await storage.facet(query, facet, seconds=5)
            if "q" not in parameters:
                async for _ in storage.stream(query):
                    pass
    search = ItemQuery.parse({"q": "oka chiar"}).search
    assert search is not None
    await storage.suggest(search)
