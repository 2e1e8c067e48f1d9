"""Errors are problem details (RFC 9457) with a status and a code."""

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
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.sections import StorageSettings
from tests.http.making import ITEMS, client_for
from tests.planted_secrets import planted

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def store() -> str:
    """The memory store, because these tests do not depend on the store."""
    return "memory"


def check_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check that the response is a complete problem, and return its body."""
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
async def test_errors_of_the_framework_are_problems(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    """An unknown path returns 404 and an unknown method 405. Allow lists every method of the path."""
    response = await client.request(method, path)
    check_problem(response, status, code)
    if path == ITEMS:
        assert response.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    if path == f"{ITEMS}/a":
        assert response.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"


async def test_options_lists_every_method_of_a_path(client: httpx.AsyncClient) -> None:
    """OPTIONS returns 204 with the Allow header of a 405."""
    for path, allowed in ((ITEMS, "GET, HEAD, OPTIONS, POST"), (f"{ITEMS}/a", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT")):
        response = await client.options(path)
        assert (response.status_code, response.content, response.headers["allow"]) == (204, b"", allowed)
        assert "content-type" not in response.headers
    assert (await client.options("/nope")).status_code == 404


async def test_every_error_of_a_body_is_reported_with_its_pointer(client: httpx.AsyncClient) -> None:
    """Each error has a JSON pointer (RFC 6901) in which slashes and tildes are escaped."""
    body = {
        "sku": "a\tb",
        "nam/e~": 1,
        "version": 2,
        "price": {"amount": "1.234", "currency": "EUR", "vat": 1},
        "attributes": {"A": 1, "b": None},
    }
    problem = check_problem(await client.post(ITEMS, json=body), 422, "invalid_input")
    assert sorted((error["pointer"], error["code"]) for error in problem["errors"]) == [
        ("/attributes/A", "invalid_name"),
        ("/name", "required"),
        ("/nam~1e~0", "unknown_field"),
        ("/price/amount", "too_many_decimals"),
        ("/price/vat", "unknown_field"),
        ("/sku", "invalid_sku"),
        ("/version", "read_only"),
    ]
    assert all(error["detail"].endswith((".", "?")) for error in problem["errors"])


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"5", b"null", b"true"])
async def test_a_body_that_is_not_an_object_is_422(client: httpx.AsyncClient, body: bytes) -> None:
    """Well-formed JSON other than an object returns 422 rather than 400, also for a merge patch."""
    await client.post(ITEMS, json={"name": "x", "sku": "A"})
    for response in (
        await client.post(ITEMS, content=body, headers=JSON),
        await client.patch(f"{ITEMS}/a", content=body, headers=JSON),
    ):
        assert check_problem(response, 422, "invalid_input")["errors"][0]["pointer"] == ""


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
async def test_a_body_that_cannot_be_parsed_is_400(client: httpx.AsyncClient, body: bytes) -> None:
    """Broken JSON, deep nesting, invalid UTF-8, a repeated member and NaN return 400."""
    check_problem(await client.post(ITEMS, content=body, headers=JSON), 400, "malformed")


@pytest.mark.parametrize("name", ["a\\u0000b", "\\ud800"])
async def test_text_that_cannot_be_stored_is_422(client: httpx.AsyncClient, name: str) -> None:
    """JSON with NUL or a lone surrogate in a value or a member's name is well-formed but invalid."""
    response = await client.post(ITEMS, content=f'{{"name": "{name}"}}', headers=JSON)
    assert check_problem(response, 422, "invalid_input")["errors"][0]["code"] == "invalid_text"
    response = await client.post(ITEMS, content=f'{{"name": "x", "{name}": 1, "attributes": {{"{name}": 1}}}}', headers=JSON)
    assert {error["code"] for error in check_problem(response, 422, "invalid_input")["errors"]} == {
        "unknown_field",
        "invalid_name",
    }


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
async def test_a_body_of_another_content_type_is_415(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    """Case, quotes and an explicit UTF-8 charset in the Content-Type do not matter."""
    check_problem(await client.post(ITEMS, content=b'{"name": "x"}', headers=headers), 415, "unsupported_media_type")
    accepted = {"Content-Type": 'Application/JSON; charset="UTF-8"', "Content-Encoding": "identity"}
    assert (await client.post(ITEMS, content=b'{"name": "x"}', headers=accepted)).status_code == 201


async def test_a_body_that_is_too_large_is_413(client: httpx.AsyncClient) -> None:
    """A body over 256 KiB is refused with or without a Content-Length."""
    large = json.dumps({"name": "x", "description": "y" * 300_000}).encode()

    async def chunks() -> Any:  # noqa: ANN401 - an asynchronous generator
        for start in range(0, len(large), 10_000):
            yield large[start : start + 10_000]

    check_problem(await client.post(ITEMS, content=large, headers=JSON), 413, "content_too_large")
    check_problem(await client.post(ITEMS, content=chunks(), headers=JSON), 413, "content_too_large")


async def test_an_unexpected_error_leaks_no_details(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The response has only the request id, under which the log has the exception."""

    async def raise_error(*_: object) -> None:
        message = "a secret"
        raise RuntimeError(message)

    monkeypatch.setattr("catalog.application.items.items.Items.get", raise_error)
    problem = check_problem(await client.get(f"{ITEMS}/a"), 500, "internal_server_error")
    assert "secret" not in json.dumps(problem)
    assert "a secret" in "".join(capsys.readouterr())


async def test_an_unreachable_store_is_503_with_retry_after() -> None:
    """Requests that need no store still get 200, 404, 405 or 422."""
    container = Container(
        settings=Settings(storage=StorageSettings(url=f"postgresql://catalog:{planted('secret')}@127.0.0.1:1/catalog"))
    )
    async with client_for(create_app(container)) as client:
        for response in (
            await client.get(f"{ITEMS}/a"),
            await client.get(ITEMS),
            await client.post(ITEMS, json={"name": "x"}),
            await client.delete(f"{ITEMS}/a"),
            await client.get("/health/ready"),
        ):
            problem = check_problem(response, 503, "store_unavailable")
            assert response.headers["retry-after"] == "1"
            assert "secret" not in json.dumps(problem)
        assert (await client.get("/health/live")).status_code == 200
        check_problem(await client.get("/nope"), 404, "not_found")
        check_problem(await client.put(ITEMS), 405, "method_not_allowed")
        check_problem(await client.post(ITEMS, json={}), 422, "invalid_input")
    await container.storage().close()


def leaves(error_type: type[CatalogError]) -> set[type[CatalogError]]:
    """Return the error classes without subclasses."""
    subclasses = error_type.__subclasses__()
    return {error_type} if not subclasses else set().union(*map(leaves, subclasses))


def test_every_error_has_a_status_and_a_title() -> None:
    """A new error class without a status and a title fails this test."""
    for error_type in leaves(CatalogError) | {errors.InvalidInput}:
        assert any(ancestor in STATUS_CODES for ancestor in error_type.__mro__), error_type
        assert error_type.code in PROBLEM_TYPES, error_type
    assert status_of(errors.StoreBusy("x")) == 503
    assert status_of(errors.SkuTaken("x")) == 409
