"""Every refusal is a problem (RFC 9457), with a status that says whose fault it is."""

import json
from typing import Any

import httpx
import pytest

from catalog.domain import errors
from catalog.domain.errors import CatalogError
from catalog.entrypoints.container import Container
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.http.responses.problem_types import PROBLEM_TYPES
from catalog.entrypoints.http.responses.problems import STATUS_CODES, status_of
from catalog.entrypoints.settings import Settings, StorageSettings
from tests.http.conftest import asked

ITEMS = "/api/v1/items"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def store() -> str:
    """One kind of store is enough for what is the edge's own."""
    return "memory"


def is_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check that an answer is a whole problem, and return it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert {"type", "title", "status", "detail", "instance", "code", "request_id"} <= body.keys()
    assert (body["status"], body["code"], body["request_id"]) == (status, code, response.headers["x-request-id"])
    assert body["instance"] == response.request.url.path
    return body


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nope", 404, "not_found"),
        ("GET", "/api/v1/nope", 404, "not_found"),
        ("PUT", ITEMS, 405, "method_not_allowed"),
        ("DELETE", ITEMS, 405, "method_not_allowed"),
        ("TRACE", "/health", 405, "method_not_allowed"),
    ],
)
async def test_the_frameworks_own_refusals_are_problems(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    """No such path, no such method; Allow names all that there are."""
    response = await client.request(method, path)
    is_problem(response, status, code)
    if path == ITEMS:
        assert response.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    if path == f"{ITEMS}/a":
        assert response.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"


async def test_options_names_all_methods_of_a_path(client: httpx.AsyncClient) -> None:
    """As a 405 does."""
    for path, allowed in ((ITEMS, "GET, HEAD, OPTIONS, POST"), (f"{ITEMS}/a", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT")):
        response = await client.options(path)
        assert (response.status_code, response.content, response.headers["allow"]) == (204, b"", allowed)
        assert "content-type" not in response.headers
    assert (await client.options("/nope")).status_code == 404


async def test_every_fault_of_a_body_is_told_with_its_pointer(client: httpx.AsyncClient) -> None:
    """A JSON pointer each, slashes and tildes escaped."""
    body = {
        "sku": "a b",
        "nam/e~": 1,
        "version": 2,
        "price": {"amount": "1.234", "currency": "EUR", "vat": 1},
        "attributes": {"A": 1, "b": None},
    }
    problem = is_problem(await client.post(ITEMS, json=body), 422, "invalid_input")
    assert sorted((fault["pointer"], fault["code"]) for fault in problem["errors"]) == [
        ("/attributes/A", "invalid_name"),
        ("/name", "required"),
        ("/nam~1e~0", "unknown_field"),
        ("/price/amount", "too_many_decimals"),
        ("/price/vat", "unknown_field"),
        ("/sku", "invalid_sku"),
        ("/version", "read_only"),
    ]
    assert all(fault["detail"].endswith((".", "?")) for fault in problem["errors"])


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"5", b"null", b"true"])
async def test_a_body_that_is_no_object_is_well_formed_and_invalid(client: httpx.AsyncClient, body: bytes) -> None:
    """422, not 400; for a merge patch too."""
    await client.post(ITEMS, json={"name": "x", "sku": "A"})
    for response in (
        await client.post(ITEMS, content=body, headers=JSON),
        await client.patch(f"{ITEMS}/a", content=body, headers=JSON),
    ):
        assert is_problem(response, 422, "invalid_input")["errors"][0]["pointer"] == ""


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"name": "x",}',
        b'{"name": "x", "name": "y"}',
        b'{"name": "\xff"}',
        b"[" * 100_000,
        b'{"a":' * 40 + b"1" + b"}" * 40,
        b'{"name": NaN}',
    ],
)
async def test_a_body_that_cannot_be_read_is_malformed(client: httpx.AsyncClient, body: bytes) -> None:
    """Broken, deep, no UTF-8, a member twice."""
    is_problem(await client.post(ITEMS, content=body, headers=JSON), 400, "malformed")


@pytest.mark.parametrize("name", ["a\\u0000b", "\\ud800"])
async def test_text_that_no_store_can_keep_is_invalid(client: httpx.AsyncClient, name: str) -> None:
    """NUL and lone surrogates: the JSON is well-formed. Also where they are names of members."""
    response = await client.post(ITEMS, content=f'{{"name": "{name}"}}', headers=JSON)
    assert is_problem(response, 422, "invalid_input")["errors"][0]["code"] == "invalid_text"
    response = await client.post(ITEMS, content=f'{{"name": "x", "{name}": 1, "attributes": {{"{name}": 1}}}}', headers=JSON)
    assert {fault["code"] for fault in is_problem(response, 422, "invalid_input")["errors"]} == {"unknown_field", "invalid_name"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/merge-patch+json"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_a_body_of_another_type_is_refused(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """415; the type in any writing is taken."""
    is_problem(await client.post(ITEMS, content=b'{"name": "x"}', headers=headers), 415, "unsupported_media_type")
    good = {"Content-Type": 'Application/JSON; charset="UTF-8"', "Content-Encoding": "identity"}
    assert (await client.post(ITEMS, content=b'{"name": "x"}', headers=good)).status_code == 201


async def test_a_body_that_is_too_large_is_refused(client: httpx.AsyncClient) -> None:
    """Above 256 KiB; whether or not its length was said."""
    large = json.dumps({"name": "x", "description": "y" * 300_000}).encode()

    async def parts() -> Any:  # noqa: ANN401 - an asynchronous generator
        for start in range(0, len(large), 10_000):
            yield large[start : start + 10_000]

    is_problem(await client.post(ITEMS, content=large, headers=JSON), 413, "content_too_large")
    is_problem(await client.post(ITEMS, content=parts(), headers=JSON), 413, "content_too_large")


async def test_an_unforeseen_failure_tells_nothing_of_itself(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """But the id under which the log has it."""

    async def broken(*_: object) -> None:
        message = "a secret"
        raise RuntimeError(message)

    monkeypatch.setattr("catalog.application.items.items.Items.get", broken)
    problem = is_problem(await client.get(f"{ITEMS}/a"), 500, "internal_server_error")
    assert "secret" not in json.dumps(problem)
    assert "a secret" in "".join(capsys.readouterr())


async def test_a_store_that_is_away_is_503_with_retry_after_and_the_rest_is_right_still() -> None:
    """404, 405, 415 and 422 need no store."""
    container = Container(settings=Settings(storage=StorageSettings(url="postgresql://catalog:secret@127.0.0.1:1/catalog")))
    async with asked(create_app(container)) as client:
        for response in (
            await client.get(f"{ITEMS}/a"),
            await client.get(ITEMS),
            await client.post(ITEMS, json={"name": "x"}),
            await client.delete(f"{ITEMS}/a"),
            await client.get("/health/ready"),
        ):
            problem = is_problem(response, 503, "store_unavailable")
            assert response.headers["retry-after"] == "1"
            assert "secret" not in json.dumps(problem)
        assert (await client.get("/health/live")).status_code == 200
        is_problem(await client.get("/nope"), 404, "not_found")
        is_problem(await client.put(ITEMS), 405, "method_not_allowed")
        is_problem(await client.post(ITEMS, json={}), 422, "invalid_input")
    await container.storage().close()


def leaves(kind: type[CatalogError]) -> set[type[CatalogError]]:
    """Return the errors at the ends of the tree."""
    below = kind.__subclasses__()
    return {kind} if not below else set().union(*map(leaves, below))


def test_every_error_has_a_status_and_a_title() -> None:
    """One that is new must be told apart here."""
    for kind in leaves(CatalogError) | {errors.InvalidInput}:
        assert any(above in STATUS_CODES for above in kind.__mro__), kind
        assert kind.code in PROBLEM_TYPES, kind
    assert status_of(errors.StoreBusy("x")) == 503
    assert status_of(errors.SkuTaken("x")) == 409
