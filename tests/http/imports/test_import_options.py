"""The options of an import: parsed once, wherever they come from."""

from typing import Any

import httpx
import pytest

from catalog.application.files.read_options import ReadOptions
from catalog.entrypoints.http.controllers import imports
from catalog.entrypoints.http.requests.import_options import ImportOptions, parse_import_options
from tests.http.making import ITEMS

IMPORT = f"{ITEMS}/import"
CSV = {"Content-Type": "text/csv"}
ROWS = b"sku,name\nA,Chair\n"


@pytest.fixture
def store() -> str:
    """One kind of store is enough: options are read at the edge."""
    return "memory"


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[ImportOptions]:
    """The options of each time that they were parsed."""
    results: list[ImportOptions] = []

    def record(*arguments: Any) -> ImportOptions:  # noqa: ANN401 - any arguments
        results.append(parse_import_options(*arguments))
        return results[-1]

    monkeypatch.setattr(imports, "parse_import_options", record)
    return results


async def test_the_options_of_a_file_are_parsed_once(client: httpx.AsyncClient, parsed: list[ImportOptions]) -> None:
    """They are all in the query string, so they are parsed before the file arrives."""
    response = await client.post(f"{IMPORT}?dry_run=true&delimiter=,", content=ROWS, headers=CSV)
    assert (response.status_code, response.json()["dry_run"]) == (200, True)
    assert [(options.plan.dry_run, options.reading.delimiter, options.filename) for options in parsed] == [(True, ",", None)]


async def test_the_options_of_a_form_are_parsed_once(client: httpx.AsyncClient, parsed: list[ImportOptions]) -> None:
    """They are complete only when the file is. Those of the query string count too."""
    data = {"delimiter": ",", "map": ["name=name", "description=name"]}
    response = await client.post(f"{IMPORT}?dry_run=true", files={"file": ("a.csv", ROWS)}, data=data)
    assert (response.status_code, response.json()["dry_run"]) == (200, True)
    assert [(options.plan.dry_run, options.reading.delimiter, options.filename) for options in parsed] == [(True, ",", "a.csv")]


async def test_the_fields_of_a_form_are_declared_parameters(client: httpx.AsyncClient) -> None:
    """Errors are in the order of the request, those of the query string first."""
    data = {"colour": "red", "mode": "x", "dry_run": "true", "limit": ["1", "2"]}
    response = await client.post(f"{IMPORT}?offset=1&dry_run=true", files={"file": ("a.csv", ROWS)}, data=data)
    assert response.status_code == 422
    assert [(error["parameter"], error["code"]) for error in response.json()["errors"]] == [
        ("dry_run", "repeated_parameter"),
        ("limit", "repeated_parameter"),
        ("offset", "unknown_parameter"),
        ("colour", "unknown_parameter"),
        ("mode", "invalid_choice"),
        ("limit", "unknown_parameter"),
    ]


@pytest.mark.parametrize("partial", [True, False])
async def test_a_partial_file_may_contradict_its_proof(client: httpx.AsyncClient, *, partial: bool) -> None:
    """Whether it does is one option, over HTTP and on the command line."""
    assert ReadOptions(partial=partial).policy == ("ignore" if partial else "verify")
    broken = b'{"sku": "A", "name": "Chair"}\n{"_end": {"rows": 7, "sha256": "x"}}\n'
    response = await client.post(
        f"{IMPORT}?partial={str(partial).lower()}", content=broken, headers={"Content-Type": "application/jsonl"}
    )
    assert response.status_code == (200 if partial else 422)


async def test_the_description_of_an_import_names_every_kind_of_file(client: httpx.AsyncClient) -> None:
    """So that a reader of the API need not guess."""
    document = (await client.get("/openapi.json")).json()
    description = document["paths"][IMPORT]["post"]["description"]
    for word in ("CSV", "JSON Lines", ".xlsx", ".ods", "gzip", "bzip2", "xz", "zstd", "ZIP"):
        assert word in description
