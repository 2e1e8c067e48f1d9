"""Numbers beyond 64 bits: no store fails on them, wherever they come from."""

import pytest

from catalog.domain.changes.log import MAX_SEQ, LogFilter
from catalog.domain.items.item import CREATED
from catalog.entrypoints.container import Container
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.settings import Settings, StorageSettings
from catalog.ports.storage import Storage
from tests.http.making import client_for
from tests.making import create_items, item_id

BEYOND = (MAX_SEQ - 1, MAX_SEQ, MAX_SEQ + 1, 10**30)


async def test_a_position_beyond_every_log_is_its_end(storage: Storage) -> None:
    """Whatever is asked for of it."""
    await create_items(storage, 1)
    for after in BEYOND:
        for wanted in (LogFilter(), LogFilter(frozenset({CREATED})), LogFilter(subject=item_id(1))):
            page = await storage.changes(after=after, limit=10, log_filter=wanted)
            assert (page.entries, page.head, page.next_after) == ((), 1, None)
        await storage.wait(after, 0.01)


async def test_a_version_beyond_all_is_not_there(storage: Storage) -> None:
    """And pruning up to such a number prunes what there is."""
    await create_items(storage, 1)
    for version in BEYOND:
        assert await storage.find_entry(item_id(1), version) is None
    await storage.prune(MAX_SEQ)
    assert (await storage.changes(after=0, limit=1)).floor == 1


@pytest.mark.parametrize("number", [str(number) for number in BEYOND])
async def test_numbers_in_requests_are_bad_input_at_most(store_url: str, number: str) -> None:
    """Never a fault of the service."""
    container = Container(settings=Settings(storage=StorageSettings(url=store_url)))
    await create_items(container.storage(), 1)
    paths = (
        f"/changes?after={number}&kind=item.created",
        f"/changes?after={number}",
        f"/changes?after={number}&item=S-1",
        f"/changes?limit={number}",
        f"/items?offset={number}",
        f"/items?limit={number}",
        f"/items?version__gte={number}",
        f"/items?version={number}",
        f"/items?attr.x={number}",
        f"/items?currency=EUR&price_min={number}",
        f"/items/S-1/history?after={number}",
    )
    stream = {"Accept": "text/event-stream", "Last-Event-ID": number}
    async with client_for(create_app(container)) as client:
        answers = [await client.get(f"/api/v1{path}") for path in paths]
        answers.append(await client.get("/api/v1/changes", headers=stream))
    await container.storage().close()
    assert [(str(answer.status_code), answer.text) for answer in answers if answer.status_code not in (200, 400, 422)] == []
