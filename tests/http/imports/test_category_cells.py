"""Category cells over HTTP: the separator of their paths, and rows with several categories."""

import httpx

from tests.http.making import ITEMS

IMPORT = f"{ITEMS}/import"
CSV = {"Content-Type": "text/csv"}


async def test_the_response_counts_rows_with_several_categories(client: httpx.AsyncClient) -> None:
    """So does the stored progress."""
    text = 'sku,name,category\nA,A,"Shoes/Boots, Sale"\nB,B,"Hats, New"\nC,C,Hats\n'
    parameters = {"create_categories": "true", "category_separator": "/"}
    body = (await client.post(IMPORT, content=text, headers=CSV, params=parameters)).json()
    assert (body["created"], body["categories"], body["other_categories"], body["warnings"]) == (3, 3, 2, [])
    assert (await client.get(f"/api/v1/imports/{body['id']}")).json()["other_categories"] == 2
    item = (await client.get(f"{ITEMS}/A")).json()
    assert (item["category"], item["attributes"]) == ("boots", {"other_categories": "Sale"})


async def test_the_separator_of_a_request_wins_over_that_of_the_profile(client: httpx.AsyncClient) -> None:
    """The default of Magento is a slash."""
    text = "sku,name,categories\nA,A,Home|Pots/Pans\nB,B,Home|Pots/Lids\n"
    for separator, made in ({"category_separator": "|"}, {"home", "pots-pans", "pots-lids"}), ({}, {"home-pots", "pans", "lids"}):
        parameters = {"profile": "magento", "create_categories": "true", "on_conflict": "update"} | separator
        body = (await client.post(IMPORT, content=text, headers=CSV, params=parameters)).json()
        assert (body["refused"], body["categories"]) == (0, 3), body
        assert made <= {category["slug"] for category in (await client.get("/api/v1/categories")).json()["categories"]}
