"""Whatever a client sends, an error response is short: at most MAX_PROBLEM bytes and MAX_ERRORS errors, and the total count."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from catalog.application.items.batch import MAX_OPERATIONS
from catalog.domain.validation import MAX_ERRORS
from catalog.entrypoints.container import Container, running
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.http.controllers.batch import MAX_STORED_RESPONSE
from catalog.entrypoints.http.requests.query_string import MAX_PARAMETERS, MAX_QUERY_STRING
from catalog.entrypoints.http.responses.problems import MAX_PROBLEM
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.sections import StorageSettings

ITEMS = "/api/v1/items"
CATEGORIES = "/api/v1/categories"
JSON = {"Content-Type": "application/json"}

LONG = "x" * 15_000
BEYOND = str(2**63)
DIGITS = "9" * 6_000
MANY = {f"unknown_{number}": number for number in range(8_000)}
CONTROL = "%01" * 5_000
CONTROLS = ["\x01" * 99 + str(number) for number in range(350)]
NAMES = [f"n{number}" for number in range(2_000)]
"""Unknown parameters that together are shorter than the limit of a query string."""


@pytest.fixture
async def client(store_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application on a fresh store, with one item in one category."""
    container = Container(settings=Settings(storage=StorageSettings(url=store_url)))
    async with running(container):
        transport = httpx.ASGITransport(app=create_app(container))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            await client.post(CATEGORIES, json={"slug": "chairs", "name": "Chairs"})
            price = {"amount": "1", "currency": "EUR"}
            assert (await client.post(ITEMS, json={"sku": "A", "name": "A", "price": price})).status_code == 201
            yield client


BODIES: list[tuple[str, str, Any]] = [
    ("POST", ITEMS, MANY),
    ("POST", ITEMS, {"name": "A", "attributes": MANY}),
    ("POST", ITEMS, {"name": "A", "attributes": dict.fromkeys(MANY, ())}),
    ("POST", ITEMS, {"name": "A", "attributes": {"é" * 100_000: 1}}),
    ("POST", ITEMS, {"name": "A", "price": MANY}),
    ("POST", ITEMS, {"name": "A", "x" * 200_000: 1}),
    ("POST", ITEMS, {"name": "A", "\x01" * 40_000: 1}),
    ("POST", ITEMS, dict.fromkeys(CONTROLS, 1)),
    ("POST", ITEMS, {"name": "A", "category": "x" * 200_000}),
    ("POST", ITEMS, {"name": "A", "category": "nope", "price": {"amount": "9" * 200_000, "currency": "x" * 10_000}}),
    ("POST", ITEMS, {"name": "A", "sku": "x" * 200_000}),
    ("PUT", f"{ITEMS}/a", {"name": "A", "id": "x" * 100_000, "version": int(DIGITS[:20]), **MANY}),
    ("PUT", f"{ITEMS}/a", {"name": "A", "sku": "B" * 64, "created_at": "9" * 100_000}),
    ("PATCH", f"{ITEMS}/a", MANY),
    ("PATCH", f"{ITEMS}/a", {"updated_at": "2026-11-20T12:00:00." + DIGITS + "Z"}),
    ("PATCH", f"{ITEMS}/a", {"attributes": MANY}),
    ("PATCH", f"{ITEMS}/a/price", MANY),
    ("POST", f"{ITEMS}/a/revert", {"version": int(BEYOND)}),
    ("POST", f"{ITEMS}/a/revert", MANY),
    ("POST", f"{ITEMS}/a/restore", MANY),
    ("POST", CATEGORIES, MANY),
    ("POST", CATEGORIES, {"name": "A", "parent": "x" * 100_000, "position": int(BEYOND)}),
    ("PATCH", f"{CATEGORIES}/chairs", {"version": int(BEYOND), **MANY}),
    ("POST", f"{ITEMS}/batch", MANY),
    ("POST", f"{ITEMS}/batch", {"operations": [1] * (MAX_OPERATIONS + 1)}),
    ("POST", f"{ITEMS}/batch", {"operations": [{"op": "create", "item": MANY}] * 40, "atomic": True}),
    ("POST", f"{ITEMS}/batch", {"operations": [{"op": "delete", "key": "nope"}] * MAX_OPERATIONS, "atomic": True}),
    ("POST", f"{ITEMS}/batch", {"operations": [{"op": "x" * 5_000}] * MAX_OPERATIONS, "atomic": True}),
]

TEXTS: list[str | bytes] = [
    '"' + '\\"' * 120_000 + "[" * 33,
    "[" * 200_000,
    '{"a":' * 40_000,
    json.dumps({"x" * 100_000: 1})[:-1] + "," + json.dumps({"x" * 100_000: 1})[1:],
    '{"name": ' + "9" * 200_000 + "}",
    '{"name": -Infinity}',
    b"\xff" * 200_000,
    '{"name": "A", "attributes": ' + '{"a": ' * 33 + "1" + "}" * 34,
]

PATHS = [
    f"{ITEMS}?{'&'.join(NAMES)}",
    f"{ITEMS}?{'&'.join(NAMES[:MAX_PARAMETERS])}",
    f"{ITEMS}?{'&'.join(f'{name}=' for name in NAMES[:200])}",
    f"{ITEMS}?{LONG}=1",
    f"{ITEMS}?{'x' * 40_000}",
    f"{ITEMS}?attr.{LONG}__gte=1",
    f"{ITEMS}?version__{LONG}=1",
    f"{ITEMS}?{'limit=0&' * 200}",
    f"{ITEMS}?limit={DIGITS}&offset={BEYOND}&version__gte={BEYOND}",
    f"{ITEMS}?version={DIGITS}",
    f"{ITEMS}?attr.a={DIGITS}",
    f"{ITEMS}?currency=EUR&price__gte={DIGITS}",
    f"{ITEMS}?currency=EUR&price__in={','.join(['x'] * 5_000)}",
    f"{ITEMS}?sku__in={','.join(['%07'] * 150)}",
    f"{ITEMS}?created_at__gt=2026-11-20T12:00:00.{DIGITS}",
    f"{ITEMS}?sort={LONG}",
    f"{ITEMS}?sort={','.join(NAMES)}",
    f"{ITEMS}?facet={','.join(NAMES)}",
    f"{ITEMS}?fields={','.join(NAMES)}",
    f"{ITEMS}?include={LONG}&count={LONG}&highlight={LONG}",
    f"{ITEMS}?q={LONG}",
    f"{ITEMS}?cursor={LONG}",
    f"{ITEMS}?category={'x' * 99}",
    f"{ITEMS}?category={LONG}",
    f"{ITEMS}/export?{'&'.join(NAMES[:MAX_PARAMETERS])}",
    f"{ITEMS}/export?format={LONG}",
    f"{ITEMS}/export?category=nope",
    f"{ITEMS}/a?fields={LONG}",
    f"{ITEMS}/{LONG}",
    f"{ITEMS}/{'x' * 60_000}",
    f"{ITEMS}/{CONTROL}",
    f"{ITEMS}/{CONTROL}/history",
    f"{ITEMS}/a/history?after={BEYOND}",
    f"{ITEMS}/a/history?after={DIGITS}&limit={DIGITS}",
    f"{ITEMS}/a/prices?as_of={LONG}",
    f"{ITEMS}/a/prices?as_of=9999-12-31T23:59:59-01:00",
    f"{CATEGORIES}/{LONG}",
    f"{CATEGORIES}/{CONTROL}",
    f"{CATEGORIES}/a%00b",
    f"{CATEGORIES}/a%ED%A0%80b",
    f"{CATEGORIES}/a%00b/items",
    f"{CATEGORIES}/chairs/items?descendants={LONG}",
    f"{CATEGORIES}?as={LONG}&{LONG[:1_000]}",
    f"{ITEMS}/a%00b",
    f"{ITEMS}/a%00b/history",
    f"/api/v1/changes?after={BEYOND}&kind=item.created",
    f"/api/v1/changes?kind={','.join(NAMES)}",
    f"/api/v1/changes?item={LONG}",
    "/api/v1/changes?item=a%00b",
    "/api/v1/imports/a%00b",
    "/api/v1/imports/a%00b/errors",
    f"/api/v1/imports/{LONG}",
    f"/{LONG}",
    f"/api/v1/{CONTROL}",
]

HEADERS = [
    ("PATCH", {"If-Match": '"x", ' * 4_000}),
    ("PATCH", {"If-Match": '"' + "x" * 40_000}),
    ("PATCH", {"If-Match": ("," * 100 + " ") * 300}),
    ("PATCH", {"If-Match": f'"{"a" * 32}.{DIGITS}"'}),
    ("PATCH", {"If-Match": f'"{"a" * 32}.{BEYOND}"'}),
    ("GET", {"If-None-Match": 'W/"' + "\\" * 40_000}),
    ("POST", {"Idempotency-Key": "x" * 40_000}),
    ("POST", {"Content-Type": "x" * 40_000}),
    ("POST", {"Content-Encoding": "x" * 40_000}),
    ("POST", {"Content-Length": DIGITS}),
    ("GET /api/v1/changes", {"Accept": "text/event-stream", "Last-Event-ID": BEYOND}),
    ("GET /api/v1/changes", {"Accept": "text/event-stream", "Last-Event-ID": str(2**63 - 1)}),
    ("GET /api/v1/changes", {"Accept": "text/event-stream", "Last-Event-ID": "9" * 19}),
    ("GET /api/v1/changes", {"Accept": "text/event-stream", "Last-Event-ID": DIGITS}),
    ("GET /api/v1/changes", {"Accept": "text/event-stream", "Last-Event-ID": "-1"}),
]


def short_problem(response: httpx.Response) -> dict[str, Any]:
    """Check that a response is a client error, is short, and repeats little of the request. Return the problem."""
    assert 400 <= response.status_code < 500, f"{str(response.request.url)[:200]}: {response.text[:500]}"
    assert len(response.content) <= MAX_PROBLEM
    problem: dict[str, Any] = response.json()
    assert problem["status"] == response.status_code
    errors = problem.get("errors", [])
    assert len(errors) <= MAX_ERRORS
    if "errors_total" in problem:
        assert problem["errors_total"] > len(errors)
    for error in errors:
        assert len(error["detail"]) <= 500
        assert len(error.get("pointer", "")) <= 500
        assert len(error.get("parameter", "")) <= 101
    return problem


async def test_the_error_for_a_body_is_short(client: httpx.AsyncClient) -> None:
    """However much of the body is wrong."""
    for method, path, body in BODIES:
        short_problem(await client.request(method, path, content=json.dumps(body), headers=JSON))


@pytest.mark.parametrize("store", ["memory"])
@pytest.mark.parametrize("path", [ITEMS, f"{ITEMS}/batch", f"{ITEMS}/a/revert", CATEGORIES])
async def test_the_error_for_a_malformed_body_is_short(client: httpx.AsyncClient, path: str) -> None:
    """Whether or not it is JSON."""
    for text in TEXTS:
        short_problem(await client.post(path, content=text, headers=JSON))


async def test_the_error_for_a_url_is_short(client: httpx.AsyncClient) -> None:
    """For path and query string, and the same on every store."""
    for path in PATHS:
        short_problem(await client.get(path))


async def test_the_error_for_a_header_is_short(client: httpx.AsyncClient) -> None:
    """For numbers and lists of any length."""
    for request_line, headers in HEADERS:
        method, _, path = request_line.partition(" ")
        url = path or (ITEMS if method == "POST" else f"{ITEMS}/a")
        content = None if method == "GET" else b"{}"
        short_problem(await client.request(method, url, content=content, headers={**JSON, **headers}))


@pytest.mark.parametrize("store", ["memory"])
async def test_errors_that_are_not_listed_are_counted(client: httpx.AsyncClient) -> None:
    """In a body, a query string, and an atomic batch. Allowed names are listed once."""
    problem = short_problem(await client.post(ITEMS, json={"name": "A", **MANY}))
    assert (len(problem["errors"]), problem["errors_total"]) == (MAX_ERRORS, len(MANY))
    assert f"There are {len(MANY)} errors" in problem["detail"]
    assert problem["detail"].count("sku, name, description") == 1
    assert not any("description" in error["detail"] for error in problem["errors"])
    problem = short_problem(await client.get(f"{ITEMS}?{'&'.join(f'{name}=1' for name in NAMES[:200])}"))
    assert (len(problem["errors"]), problem["errors_total"]) == (MAX_ERRORS, 200)
    problem = short_problem(await client.post(ITEMS, json={"name": "A", "nam": 1, "skuu": 2}))
    assert "errors_total" not in problem
    assert [error["detail"].partition("; ")[2] for error in problem["errors"]] == ["did you mean name?", "did you mean sku?"]
    batch = {"operations": [{"op": "create", "item": {"name": "A", **MANY}}] * 3, "atomic": True}
    problem = short_problem(await client.post(f"{ITEMS}/batch", json=batch))
    assert problem["errors_total"] == 3 * len(MANY)


@pytest.mark.parametrize("store", ["memory"])
async def test_a_problem_is_truncated_to_its_size_limit(client: httpx.AsyncClient) -> None:
    """If the first hundred errors are too large, fewer are listed. Control characters take six bytes each."""
    problem = short_problem(await client.post(ITEMS, json={"name": "A", **dict.fromkeys(CONTROLS, 1)}))
    assert 0 < len(problem["errors"]) < MAX_ERRORS
    assert problem["errors_total"] == len(CONTROLS)


async def test_the_response_to_a_batch_is_bounded(client: httpx.AsyncClient) -> None:
    """Each operation has its problem, and the response stored for an Idempotency-Key stays below its limit."""
    operation = {"op": "update", "key": "A", "patch": {f"x{number}": 1 for number in range(700)}}
    response = await client.post(
        f"{ITEMS}/batch", json={"operations": [operation] * MAX_OPERATIONS}, headers={"Idempotency-Key": "a"}
    )
    assert (response.status_code, response.json()["failed"]) == (200, MAX_OPERATIONS)
    assert len(response.content) < MAX_STORED_RESPONSE
    first, last = (response.json()["results"][index]["problem"] for index in (0, -1))
    assert (len(first["errors"]), first["errors_total"]) == (MAX_ERRORS, 700)
    assert "errors" not in last
    assert "There are 700 errors" in last["detail"]


async def test_a_large_response_is_stored_without_its_items(client: httpx.AsyncClient) -> None:
    """The first response omits them too, so that both responses are identical."""
    await client.patch(f"{ITEMS}/a", json={"description": "x" * 9_000})
    operations = [{"op": "update", "key": "A", "patch": {"name": f"A {number}"}} for number in range(200)]
    full = await client.post(f"{ITEMS}/batch", json={"operations": operations})
    assert len(full.content) > MAX_STORED_RESPONSE
    responses = [
        await client.post(f"{ITEMS}/batch", json={"operations": operations}, headers={"Idempotency-Key": "b"}) for _ in range(2)
    ]
    assert responses[0].content == responses[1].content
    assert len(responses[0].content) < MAX_STORED_RESPONSE
    assert responses[0].headers["preference-applied"] == "return=minimal"
    assert "item" not in responses[0].json()["results"][0]


@pytest.mark.parametrize("store", ["memory"])
async def test_a_query_string_has_a_limit(client: httpx.AsyncClient) -> None:
    """Longer ones get 414. The number of parameters has a limit too."""
    longest = f"attr.a={'x' * (MAX_QUERY_STRING - 7)}"
    assert (await client.get(f"{ITEMS}?{longest}")).status_code == 200
    for path in (ITEMS, f"{ITEMS}/a", f"{ITEMS}/export", CATEGORIES, "/api/v1/changes"):
        problem = short_problem(await client.get(f"{path}?{longest}x"))
        assert (problem["status"], problem["code"]) == (414, "uri_too_long")
        assert str(MAX_QUERY_STRING) in problem["detail"]
    assert (await client.post(f"{ITEMS}?{longest}x", json={"name": "A"})).status_code == 414
    assert (await client.get(f"{ITEMS}?{'&'.join(['sku=A'] * 200)}")).status_code == 200
    problem = short_problem(await client.get(f"{ITEMS}?{'&'.join(['sku=A'] * (MAX_PARAMETERS + 1))}"))
    assert problem["errors"][0]["code"] == "too_many_parameters"
    assert str(MAX_PARAMETERS) in problem["detail"]
