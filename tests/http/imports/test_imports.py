"""Imports over HTTP: options, refusals, and files that Catalog exported."""

import json

import httpx
import pytest

from tests.http.imports.requests import CSV, IMPORT, IN_BACKGROUND, counts, import_csv
from tests.http.making import ITEMS, create_categories, create_item


async def test_valid_rows_are_imported_and_refusals_are_reported(client: httpx.AsyncClient) -> None:
    """Each refusal has line, field, code and detail. `errors_url` returns the refusals again, or the refused rows as CSV."""
    await create_categories(client, "lamps")
    text = "sku,name,category,price,currency,shelf\na,A,lamps,1,EUR,7\nb,,lamp,2,EUR,\na,Again,,1,EUR,\n,x,,,,\n"
    response = await import_csv(client, text)
    assert response.status_code == 200, response.text
    body = response.json()
    assert (body["status"], counts(body), body["ignored"], body["bytes"]) == ("done", (4, 1, 0, 0, 0, 3), ["shelf"], len(text))
    assert [(refusal["line"], refusal["field"], refusal["code"]) for refusal in body["refusals"]] == [
        (3, "name", "required"),
        (4, "sku", "sku_taken"),
        (5, "sku", "required"),
    ]
    assert (await client.get(f"{ITEMS}/a")).json()["price"] == {"amount": "1.00", "currency": "EUR"}
    state = (await client.get(f"/api/v1/imports/{body['id']}")).json()
    assert state == body
    lines = (await client.get(body["errors_url"])).text.splitlines()
    assert [json.loads(line) for line in lines] == body["refusals"]
    table = (await client.get(body["errors_url"], params={"format": "csv"})).text.splitlines()
    assert table[:2] == [
        "sku,name,category,price,currency,shelf,refused_line,refused_reason",
        "b,,lamp,2,EUR,,3,name: The name is missing.",
    ]


async def test_import_options_work_as_on_the_command_line(client: httpx.AsyncClient) -> None:
    """Existing items are refused, skipped or updated; columns are mapped, constants set and types given."""
    await create_item(client, sku="A", name="Old")
    text = "id;title;pages\na;New;3\nb;Other;4\n"
    options = {"map": ["sku=id", "name=title", "attr.pages=pages"], "type": "attr.pages=integer", "delimiter": ";"}
    assert counts((await import_csv(client, text, **options, dry_run="true")).json()) == (2, 1, 0, 0, 0, 1)
    assert counts((await import_csv(client, text, **options, on_conflict="skip")).json()) == (2, 1, 0, 0, 1, 0)
    with_constants = options | {"set": ["price=5", "currency=EUR"]}
    assert counts((await import_csv(client, text, **with_constants, on_conflict="update")).json()) == (2, 0, 2, 0, 0, 0)
    item = (await client.get(f"{ITEMS}/a")).json()
    assert (item["name"], item["attributes"], item["price"]["amount"]) == ("New", {"pages": 3}, "5.00")
    rows = [{"sku": "C", "name": "C", "category": "new"}]
    with_category = await client.post(f"{IMPORT}?create_categories=true", json=rows)
    assert (with_category.json()["created"], with_category.json()["categories"]) == (1, 1)
    lines = await client.post(IMPORT, content=b'{"sku": "D", "name": "D"}\n', headers={"Content-Type": "application/x-ndjson"})
    assert lines.json()["created"] == 1


async def test_all_or_nothing_imports_every_row_or_none(client: httpx.AsyncClient) -> None:
    """One refused row refuses the import. Under a key, the refusal is not stored. Without refusals there is one commit."""
    text = "sku,name\na,A\nb,\nc,C\n"
    refused = await import_csv(client, text, mode="all_or_nothing")
    body = refused.json()
    assert (refused.status_code, body["status"], counts(body)) == (422, "refused", (3, 0, 0, 0, 0, 1))
    assert [refusal["line"] for refusal in body["refusals"]] == [3]
    keyed = CSV | {"Idempotency-Key": "k"}
    for content, status in ((text, 422), ("sku,name\nz,Z\n", 200)):
        response = await client.post(f"{IMPORT}?mode=all_or_nothing", content=content, headers=keyed)
        assert response.status_code == status
    await client.delete(f"{ITEMS}/z")
    assert (await client.get(ITEMS)).json()["items"] == []
    dry_run = await import_csv(client, text, mode="all_or_nothing", dry_run="true")
    assert (dry_run.status_code, dry_run.json()["refused"]) == (200, 1)
    done = await import_csv(client, "sku,name\na,A\na,Twice\n", mode="all_or_nothing", on_conflict="update")
    assert (done.status_code, counts(done.json())) == (200, (2, 1, 1, 0, 0, 0))
    assert (await client.get(f"{ITEMS}/a")).json()["version"] == 2


async def test_an_export_can_be_imported(client: httpx.AsyncClient) -> None:
    """An export is imported as it is, with its trailer."""
    await create_item(client, sku="A")
    for kind, media in (("csv", "text/csv"), ("jsonl", "application/jsonl"), ("json", "application/json")):
        exported = (await client.get(f"{ITEMS}/export", params={"format": kind})).content
        response = await client.post(IMPORT, params={"on_conflict": "update"}, content=exported, headers={"Content-Type": media})
        assert counts(response.json()) == (1, 0, 0, 1, 0, 0), response.text


@pytest.mark.parametrize(
    ("query", "media", "body", "status", "code"),
    [
        ("on_conflict=x&mode=y&dry_run=1&colour=red&map=name&map=nope=x", "text/csv", "", 422, "invalid_query"),
        ("", "application/octet-stream", "", 422, "invalid_file"),
        ("format=csv", "text/plain", "", 415, "unsupported_media_type"),
        ("encoding=nope", "text/csv", "sku\n", 422, "invalid_query"),
        ("sheet=2", "text/csv", "sku,name\n", 200, ""),
        ("format=xml", "text/csv", "", 422, "invalid_query"),
        ("", "text/csv; charset=nope", "sku\n", 422, "invalid_query"),
        ("", "text/csv", "", 422, "invalid_file"),
        ("delimiter=ab", "text/csv", "sku\n", 422, "invalid_query"),
        ("category_separator=%20", "text/csv", "sku\n", 422, "invalid_query"),
        ("category_separator=01234567890", "text/csv", "sku\n", 422, "invalid_query"),
        ("empty=erase", "text/csv", "sku\n", 422, "invalid_query"),
        ("map=name=title", "text/csv", "sku\n", 422, "invalid_query"),
        ("limit=1", "text/csv", "sku\n", 422, "invalid_query"),
    ],
)
async def test_invalid_import_requests_are_refused(
    client: httpx.AsyncClient, query: str, media: str, body: str, status: int, code: str
) -> None:
    """Nothing is written, and every invalid parameter is reported."""
    response = await client.post(f"{IMPORT}?{query}", content=body, headers={"Content-Type": media})
    assert (response.status_code, response.json().get("code", "")) == (status, code), response.text
    if "colour" in query:
        assert [error["parameter"] for error in response.json()["errors"]] == [
            "on_conflict", "mode", "dry_run", "colour", "map", "map",
        ]  # fmt: skip


async def test_a_repeated_import_gets_the_stored_response(client: httpx.AsyncClient) -> None:
    """This applies to synchronous and background imports. Other content under the same key is refused."""
    for headers in (CSV, IN_BACKGROUND):
        key = headers | {"Idempotency-Key": f"key-{len(headers)}"}
        text = f"sku,name\nk-{len(headers)},A\n"
        first = await client.post(IMPORT, content=text, headers=key)
        repeated = await client.post(IMPORT, content=text, headers=key)
        assert (repeated.status_code, repeated.content) == (first.status_code, first.content)
        assert repeated.headers["idempotency-replayed"] == "true"
        elsewhere = await client.post(f"{IMPORT}?on_conflict=skip", content=text, headers=key)
        assert "idempotency-replayed" not in elsewhere.headers
        other = await client.post(IMPORT, content=f"{text}b,B\n", headers=key)
        assert (other.status_code, other.json()["code"]) == (422, "key_reused")


async def test_an_edited_export_with_a_proof_is_imported_only_with_partial(client: httpx.AsyncClient) -> None:
    """A proof that does not match the file refuses it, unless `partial=true`. A file without a proof is imported."""
    await create_item(client, sku="A")
    await create_item(client, sku="B")
    lines = (await client.get(f"{ITEMS}/export", params={"format": "csv", "proof": "true"})).text.splitlines(keepends=True)
    part = "".join([*lines[:2], lines[-1]])
    refused = await import_csv(client, part, on_conflict="update")
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_file")
    assert "was changed since" in refused.json()["detail"]
    assert counts((await import_csv(client, part, on_conflict="update", partial="true")).json()) == (1, 0, 0, 1, 0, 0)
    assert counts((await import_csv(client, "".join(lines[:2]), on_conflict="update")).json()) == (1, 0, 0, 1, 0, 0)
    assert (await client.get(f"{ITEMS}/export", params={"proof": "x"})).status_code == 422


async def test_formulas_in_refused_rows_are_escaped(client: httpx.AsyncClient) -> None:
    """The CSV of refusals escapes formulas like an export does."""
    body = (await import_csv(client, "sku,name\n=1+1,\n")).json()
    table = (await client.get(body["errors_url"], params={"format": "csv"})).text
    assert table.splitlines()[1].startswith("'=1+1,,2,")
