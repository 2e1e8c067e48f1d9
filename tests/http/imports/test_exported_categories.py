"""Exports with the category tree."""

import httpx

from tests.http.making import ITEMS, create_categories


async def test_an_export_can_include_the_categories(client: httpx.AsyncClient) -> None:
    """`with_categories=true` exports the category tree before the items."""
    await create_categories(client, "lamps")
    text = (await client.get(f"{ITEMS}/export", params={"format": "jsonl", "with_categories": "true"})).text
    assert text.startswith('{"_category":{"slug":"lamps"')
    assert "_category" not in (await client.get(f"{ITEMS}/export", params={"format": "jsonl"})).text
    refused = await client.get(f"{ITEMS}/export", params={"with_categories": "yes", "limit": "1"})
    assert [error["parameter"] for error in refused.json()["errors"]] == ["limit", "with_categories"]
