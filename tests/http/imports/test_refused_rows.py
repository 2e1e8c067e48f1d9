"""The report of an import over HTTP, and the rows that it refused."""

import csv
import io
import json
from typing import Any

import httpx

IMPORT = "/api/v1/items/import"
MAPPING = ["sku=Nr", "price=Preis"]
TEXT = 'Nr;name;Preis;Ort\na;A;1,50;x\nb;;2,50;"=1;\n2"\nc;C;2,50;x;y\nd;D;billig;\n'
OPTIONS: dict[str, Any] = {"map": MAPPING, "set": "currency=EUR", "delimiter": ";", "encoding": "windows-1252"}


async def import_csv(client: httpx.AsyncClient, text: str, **parameters: Any) -> httpx.Response:  # noqa: ANN401 - parameters
    """Import CSV; lone surrogates in the text stand for bytes that are not UTF-8."""
    content = text.encode(errors="surrogateescape")
    return await client.post(IMPORT, content=content, headers={"Content-Type": "text/csv"}, params=parameters)


async def test_the_report_says_what_was_detected_as_fields(client: httpx.AsyncClient) -> None:
    """The answer to the import and the job have the same."""
    body = (await import_csv(client, TEXT, **OPTIONS)).json()
    assert body["detected"] == "windows-1252, semicolon-separated; decimal comma; 1 column ignored"
    assert body["detection"] == {
        "format": "csv",
        "compression": None,
        "encoding": "windows-1252",
        "delimiter": ";",
        "sheet": None,
        "records": None,
        "decimal": "comma",
        "profile": None,
        "mapping": {"sku": "Nr", "name": "name", "price": "Preis"},
        "types": {},
    }
    assert [{name: refusal[name] for name in ("line", "column", "value", "cure")} for refusal in body["refusals"]] == [
        {"line": 3, "column": "name", "value": "", "cure": ""},
        {"line": 5, "column": "", "value": "", "cure": ""},
        {"line": 6, "column": "Preis", "value": "billig", "cure": ""},
    ]
    job = (await client.get(f"/api/v1/imports/{body['id']}")).json()
    assert job == body
    assert next(iter(job)) == "id"


async def test_refusals_have_cures_and_the_last_line(client: httpx.AsyncClient) -> None:
    """A cure is a parameter with its value, or an action. The job has the first 20 refusals, and the answer 1,000."""
    text = 'sku,name\na,A\na,A\nb,"x" y\nc,"z" z\n' + "".join(f"{number},\n" for number in range(30))
    body = (await import_csv(client, text)).json()
    assert [(refusal["line"], refusal.get("last_line"), refusal["cure"]) for refusal in body["refusals"][:2]] == [
        (3, None, "on_conflict=update|skip"),
        (4, 5, "double the quotes inside cells"),
    ]
    assert len(body["refusals"]) == 32
    job = (await client.get(f"/api/v1/imports/{body['id']}")).json()
    assert job["refusals"] == body["refusals"][:20]


async def test_refused_rows_are_mended_and_imported_again(client: httpx.AsyncClient) -> None:
    """They are a CSV file with two more columns, which is imported with the same parameters."""
    body = (await import_csv(client, TEXT, **OPTIONS)).json()
    response = await client.get(body["errors_url"], params={"format": "csv"})
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(response.text, newline="")))
    assert rows == [
        ["Nr", "name", "Preis", "Ort", "refused_line", "refused_reason"],
        ["b", "", "2,50", "'=1;\n2", "3", "name: The name is missing."],
        ["c", "C", "2,50", "x", "5", "The row has 5 cells, but the header has 4; no column for 'y'.", "y"],
        ["d", "D", "billig", "", "6", f"Preis: {body['refusals'][2]['detail']}"],
    ]
    rows[1][1], rows[3][2] = "B", "3,50"
    del rows[2][6]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    again = (await import_csv(client, text.getvalue(), **OPTIONS)).json()
    assert (again["created"], again["refused"], again["ignored"]) == (3, 0, ["Ort"])
    empty = await client.get(again["errors_url"], params={"format": "csv"})
    assert empty.text == "refused_line,refused_reason\r\n"
    assert (await client.get(again["errors_url"])).text == ""


async def test_refused_rows_of_json_are_json_lines(client: httpx.AsyncClient) -> None:
    """They have two more members."""
    body = (await client.post(IMPORT, json=[{"sku": "a", "tags": [1]}, {"sku": "b", "name": "B"}])).json()
    response = await client.get(body["errors_url"], params={"format": "csv"})
    assert response.headers["content-type"] == "application/jsonl"
    row = json.loads(response.text)
    assert row == {"refused_line": 1, "refused_reason": "name: The name is missing.", "sku": "a", "tags": [1]}
    headers = {"Content-Type": "application/jsonl"}
    again = await client.post(IMPORT, content=json.dumps({**row, "name": "A"}), headers=headers)
    assert (again.json()["created"], again.json()["ignored"]) == (1, ["tags"])


async def test_a_file_that_is_refused_names_the_cure_in_its_problem(client: httpx.AsyncClient) -> None:
    """An error without one has no such member."""
    refused = await import_csv(client, "sku,na\udcffme\n", encoding="utf-8")
    (error,) = refused.json()["errors"]
    assert (refused.status_code, error["cure"]) == (422, "save the file as UTF-8, or set encoding=NAME")
    (error,) = (await import_csv(client, "")).json()["errors"]
    assert "cure" not in error
