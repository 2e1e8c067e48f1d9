"""The file from which the page loads the sample items."""

import json

import httpx
import pytest

from catalog.domain.change import Origin
from catalog.entrypoints.container import Container
from tests.http.making import ITEMS, create_categories, create_item

QUERY = {"create_categories": "true", "on_conflict": "skip"}


async def load(client: httpx.AsyncClient) -> dict[str, object]:
    """Import the file as the page does, and return the result."""
    file = await client.get("/page/sample.jsonl")
    assert (file.headers["content-type"], file.headers["cache-control"]) == ("application/jsonl", "no-cache")
    response = await client.post(
        f"{ITEMS}/import", params=QUERY, content=file.content, headers={"Content-Type": "application/jsonl"}
    )
    assert response.status_code == 200, response.text
    result: dict[str, object] = response.json()
    return result


async def contents(client: httpx.AsyncClient) -> list[dict[str, object]]:
    """Return all categories and items, by slug and SKU, without what differs between two catalogs."""
    exported = (await client.get(f"{ITEMS}/export", params={"format": "jsonl", "with_categories": "true"})).text
    rows = [json.loads(line) for line in exported.splitlines()]
    kept = [{name: value for name, value in row.items() if name not in ("id", "created_at", "updated_at")} for row in rows]
    return sorted(kept, key=lambda row: str(row.get("sku") or row["_category"]))


async def test_the_file_loads_what_the_command_loads(client: httpx.AsyncClient, container: Container) -> None:
    """On every store: categories with their places, items with all their fields. Loading either again changes nothing."""
    result = await load(client)
    assert (result["created"], result["refused"], result["categories"]) == (1000, 0, 18)
    from_file = await contents(client)
    report = await container.seeding().run(Origin("tester", "request-1"))
    assert (report.created, report.skipped, report.categories) == (0, 1000, 0)
    assert await contents(client) == from_file
    again = await load(client)
    assert (again["created"], again["skipped"], again["categories"]) == (0, 1000, 0)


@pytest.mark.parametrize("store", ["memory"], indirect=True)
async def test_the_command_loads_what_the_file_loads(client: httpx.AsyncClient, container: Container) -> None:
    """The other way round, so neither has more than the other."""
    await container.seeding().run(Origin("tester", "request-1"))
    from_command = await contents(client)
    result = await load(client)
    assert (result["created"], result["skipped"], result["categories"]) == (0, 1000, 0)
    assert await contents(client) == from_command
    assert len(from_command) == 1018


async def test_what_exists_is_left_as_it_is(client: httpx.AsyncClient) -> None:
    """Items with the SKU of a sample item, and categories with the slug of one."""
    await create_categories(client, "garden-chairs")
    await create_item(client, sku="GAR-0001", name="Mine")
    result = await load(client)
    assert (result["created"], result["skipped"], result["categories"]) == (999, 1, 17)
    assert (await client.get(f"{ITEMS}/GAR-0001")).json()["name"] == "Mine"
    assert (await client.get("/api/v1/categories/garden-chairs")).json()["parent"] is None
