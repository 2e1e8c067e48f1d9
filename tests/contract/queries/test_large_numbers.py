"""Numbers beyond 64 bits: no store fails on them, wherever they come from."""

import pytest

from catalog.domain.changes.log import MAX_SEQ, LogFilter
from catalog.domain.items.item import CREATED
from catalog.entrypoints.container import Container
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.sections import StorageSettings
from catalog.ports.storage import Storage
from tests.http.making import client_for
from tests.making import create_items, item_id

BEYOND = (MAX_SEQ - 1, MAX_SEQ, MAX_SEQ + 1, 10**30)


async def test_a_number_beyond_the_log_counts_as_its_end(storage: Storage) -> None:
    """Reading after a number beyond the log returns an empty page, with any filter. Waiting returns when its time is up."""
    await create_items(storage, 1)
    for after in BEYOND:
        for log_filter in (LogFilter(), LogFilter(frozenset({CREATED})), LogFilter(subject=item_id(1))):
            page = await storage.changes(after=after, limit=10, log_filter=log_filter)
            assert (page.entries, page.head, page.next_after) == ((), 1, None)
        await storage.wait(after, 0.01)


async def test_a_version_beyond_the_last_one_is_not_found(storage: Storage) -> None:
    """No entry has a version beyond the last one. Pruning up to the highest number deletes every entry."""
    await create_items(storage, 1)
    for version in BEYOND:
        assert await storage.find_entry(item_id(1), version) is None
    await storage.prune(MAX_SEQ)
    assert (await storage.changes(after=0, limit=1)).floor == 1


@pytest.mark.parametrize("number", [str(number) for number in BEYOND])
async def test_large_numbers_in_requests_cause_no_internal_error(store_url: str, number: str) -> None:
    """A request with a large number succeeds or is refused, but never causes an internal error."""
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
        responses = [await client.get(f"/api/v1{path}") for path in paths]
        responses.append(await client.get("/api/v1/changes", headers=stream))
    await container.storage().close()
    assert [
        (str(response.status_code), response.text) for response in responses if response.status_code not in (200, 400, 422)
    ] == []
