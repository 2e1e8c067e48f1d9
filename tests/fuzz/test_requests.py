"""Any method, path, query, headers and body get a response; an error is a short problem with a code."""

import json
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catalog.entrypoints.container import Container, running
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.http.middleware.request import RequestMiddleware
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.sections import StorageSettings
from tests.http.making import cache_of

MAX_PROBLEM_SIZE = 64 * 1024

PATHS = st.sampled_from(
    [
        "/api/v1/items",
        "/api/v1/items/A",
        "/api/v1/items/A/price",
        "/api/v1/items/A/history",
        "/api/v1/items/A/prices",
        "/api/v1/items/A/restore",
        "/api/v1/items/A/revert",
        "/api/v1/items/batch",
        "/api/v1/items/import",
        "/api/v1/items/export",
        "/api/v1/categories",
        "/api/v1/categories/garden",
        "/api/v1/categories/garden/items",
        "/api/v1/changes",
        "/api/v1/imports/x",
        "/health",
        "/openapi.json",
        "/docs",
        "/docs/assets/swagger-ui.css",
    ]
)
JUNK = st.binary(max_size=30).map(lambda drawn: "".join(f"%{byte:02x}" for byte in drawn))
QUERIES = st.lists(
    st.tuples(
        st.sampled_from(["q", "limit", "cursor", "sort", "sku", "attr.a", "format", "after", "map", "as_of", "fields"]) | JUNK,
        JUNK | st.sampled_from(["1", "", "csv", "a=b"]),
    ).map("=".join),
    max_size=4,
).map("&".join) | st.sampled_from(["&&&", "=", "%", "a;b", "q=" + "x" * 5_000, "&".join(f"p{n}=1" for n in range(500))])
VALUES = st.binary(max_size=60).map(lambda drawn: drawn.replace(b"\n", b"").replace(b"\r", b"").replace(b"\0", b""))
TYPES = st.sampled_from([[], [(b"content-type", b"application/json")], [(b"content-type", b"text/csv")]])
SOME_HEADERS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from(
                [
                    *(b"if-match", b"if-none-match", b"idempotency-key", b"prefer", b"last-event-id", b"x-request-id", b"origin"),
                    *(b"content-type", b"content-encoding", b"content-length", b"accept-encoding", b"cookie", b"referer"),
                ]
            ),
            VALUES,
        ),
        st.sampled_from(
            [
                (b"content-type", b"application/json"),
                (b"content-type", b"application/merge-patch+json"),
                (b"content-type", b"text/csv; charset=utf-8"),
                (b"content-type", b"multipart/form-data; boundary=x"),
                (b"if-match", b"*"),
                (b"if-none-match", b"*"),
                (b"idempotency-key", b"k"),
                (b"prefer", b"return=minimal, respond-async"),
                (b"content-length", b"99999999999999999999"),
            ]
        ),
    ),
    max_size=4,
)
HEADERS = st.tuples(TYPES, SOME_HEADERS).map(lambda drawn: drawn[0] + drawn[1])
MANY_UNKNOWN = json.dumps({f"unknown{number}": number for number in range(3_000)}).encode()
BODIES = st.binary(max_size=80) | st.sampled_from(
    [
        *(b"{}", b"[]", b"null", b'{"name": "x"}', b'{"name": "x", "sku": "A"}', b'{"version": 1}', b"name\nx\n", b"[{}]"),
        b'{"amount": 1, "currency": "EUR"}',
        b'{"operations": [{"op": "create", "item": {"name": "x"}}]}',
        b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.csv"\r\n\r\nname\nx\n\r\n--x--\r\n',
        MANY_UNKNOWN,
    ]
)


@pytest.fixture
async def app() -> AsyncIterator[RequestMiddleware]:
    """The application on a memory store. Requests are parsed in the same way on every store."""
    container = Container(settings=Settings(storage=StorageSettings(url="memory://")))
    async with running(container) as storage, cache_of(container).running(storage):
        yield create_app(container)


@settings(max_examples=400)
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY", "x"]),
    path=PATHS | st.tuples(PATHS, JUNK).map("".join),
    query=QUERIES,
    headers=HEADERS,
    body=BODIES,
)
@example("POST", "/api/v1/items", "", [(b"content-type", b"application/json")], MANY_UNKNOWN)
@example("POST", "/api/v1/items/import", "format=csv", [(b"content-type", b"text/csv")], b"x," * 20_000 + b"\n")
@example("POST", "/api/v1/items/import", "", [(b"content-type", b"application/json")], b'[{}, {"a": 1}]')
@example("GET", "/api/v1/items/" + "x" * 60_000, "", [], b"")
@example("GET", "/api/v1/items", "&".join(f"p{n}=1" for n in range(9_000)), [], b"")
async def test_any_request_gets_a_response(
    app: RequestMiddleware, method: str, path: str, query: str, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    """No response is a 5xx, and no refusal is long."""
    status, response_headers, content = await send_request(app, method, path, query, headers, body)
    assert status < HTTPStatus.INTERNAL_SERVER_ERROR
    if method == "HEAD":
        assert not content
    elif status >= HTTPStatus.BAD_REQUEST:
        assert len(content) <= MAX_PROBLEM_SIZE
        if b"problem+json" in response_headers[b"content-type"]:
            assert json.loads(content)["code"]


async def send_request(
    app: RequestMiddleware, method: str, path: str, query: str, headers: list[tuple[bytes, bytes]], body: bytes
) -> tuple[int, dict[bytes, bytes], bytes]:
    """Call the application like an ASGI server does."""
    raw = path.encode("latin-1")
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote_to_bytes(path).decode("utf-8", errors="replace"),
        "raw_path": raw,
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": [(b"host", b"localhost"), *headers],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 8000),
        "state": {},
        "extensions": {},
    }
    events = [{"type": "http.request", "body": body, "more_body": False}, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> Any:  # noqa: ANN401 - an ASGI message
        return events.pop(0) if len(events) > 1 else events[0]

    async def send(message: Any) -> None:  # noqa: ANN401 - an ASGI message
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(message.get("body", b"") for message in sent[1:])
