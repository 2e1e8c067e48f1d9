"""One of each kind of thing that a store can be asked for."""

from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.changes.log import ChangeSet, LogFilter
from catalog.domain.queries.item_query import ItemQuery
from catalog.ports.storage import Storage
from tests.making import NOON, TESTER, category, certain, commit, creation, removal, revision

QUESTIONS: tuple[dict[str, str], ...] = (
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


async def work(storage: Storage, begin: int) -> None:
    """Do each kind of thing that a store can do: seven times, for Postgres keeps a plan from the sixth."""
    for number in range(begin, begin + 7):
        born = creation(number, name="Oak chair", attributes={"color": "red", "size": number})
        changed = revision(born.subject, sku=f"T-{number}", name=f"Ash chair {number}", attributes={"color": "green"})
        note = ExpiringRecord(f"note {number}", b"content", NOON)
        planted = category(f"slug-{number}")
        await commit(storage, born, planted)
        await storage.commit([ChangeSet((changed,), TESTER, records=(note,))])
        await commit(storage, removal(changed.subject))
        renamed = certain(planted.subject.update({"name": "Other"}, default_position=0, now=NOON))
        await commit(storage, renamed)
        await commit(storage, renamed.subject.delete(now=NOON))
        await storage.head()
        await storage.items_by_id([born.subject.id])
        await storage.items_by_sku(["S-1", "S-2"])
        await storage.changes(after=0, limit=20)
        await storage.changes(after=0, limit=20, log_filter=LogFilter(subject=born.subject.id))
        await storage.find_entry(born.subject.id)
        await storage.find_entry(born.subject.id, 1)
        await storage.last_deletion(f"T-{number}")
        await storage.records([note.key])
        await storage.categories()
        await storage.lineages(["chairs"])
        await storage.category_counts()
        for question in QUESTIONS:
            query = ItemQuery.parse(question)
            page = await storage.list_items(query)
            if page.next_cursor is not None and "offset" not in question:
                await storage.list_items(ItemQuery.parse({**question, "cursor": page.next_cursor}))
            await storage.count(query, exact=True, seconds=5)
            await storage.count(query, exact=False, seconds=5)
            for facet in ("category", "currency", "attr.color"):
                await storage.facet(query, facet, seconds=5)
            if "q" not in question:
                async for _ in storage.stream(query):
                    pass
    search = ItemQuery.parse({"q": "oka chiar"}).search
    assert search is not None
    await storage.suggest(search)
