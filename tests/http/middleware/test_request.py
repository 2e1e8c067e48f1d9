"""What applies to every response: request ids, security headers, hosts, CORS and the access log."""

import asyncio
import json
import re

import httpx
import pytest

from catalog.entrypoints import log_config
from catalog.entrypoints.container import Container
from catalog.entrypoints.http.middleware.request import RequestMiddleware
from catalog.entrypoints.settings.sections import LogSettings
from tests.http.making import ITEMS, client_for, memory_app
from tests.planted_secrets import planted


@pytest.fixture
def store() -> str:
    """The memory store, because these tests do not depend on the store."""
    return "memory"


@pytest.mark.parametrize("path", [ITEMS, "/nope", "/health", "/docs", f"{ITEMS}/nope", "/openapi.json"])
async def test_every_response_has_security_headers_and_a_request_id(client: httpx.AsyncClient, path: str) -> None:
    """This includes 404s. No response has a Server header."""
    response = await client.get(path)
    expected = {
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "geolocation=(), camera=(), microphone=()",
    }
    assert {name: response.headers.get(name) for name in expected} == expected
    policies = response.headers.get_list("content-security-policy")
    assert len(policies) == 1
    assert "default-src 'none'" in policies[0]
    assert re.fullmatch(r"[0-9a-f]{32}", response.headers["x-request-id"])
    assert re.fullmatch(r"\d+\.\d{6}", response.headers["x-process-time"])
    assert "server" not in response.headers
    assert "strict-transport-security" not in response.headers


async def test_hsts_is_sent_with_the_tls_setting() -> None:
    """With `tls`, every response has Strict-Transport-Security."""
    async with client_for(memory_app(tls=True)) as client:
        assert (await client.get("/nope")).headers["strict-transport-security"].startswith("max-age=")


@pytest.mark.parametrize(
    ("request_id", "accepted"), [("abc-1.2:3_", True), ("a b", False), ("x" * 129, False), ("", False), ("é", False)]
)
async def test_a_valid_request_id_is_used(
    client: httpx.AsyncClient, container: Container, request_id: str, *, accepted: bool
) -> None:
    """An invalid X-Request-ID is replaced. The id is also recorded in the change log."""
    response = await client.post(ITEMS, json={"name": "x"}, headers=httpx.Headers({"X-Request-ID": request_id}, encoding="utf-8"))
    assert (response.headers["x-request-id"] == request_id) is accepted
    (entry,) = (await container.storage().changes(after=0, limit=10)).entries
    assert (entry.origin.request_id, entry.origin.actor) == (response.headers["x-request-id"], "local")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:80", "[::1]:8000", "[::1]"])
async def test_local_hosts_are_allowed_by_default(client: httpx.AsyncClient, host: str) -> None:
    """Loopback names and addresses are allowed by default, with or without a port."""
    assert (await client.get("/health", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "localhost:8000:8000", "127.0.0.1.nip.io"])
async def test_an_unknown_host_is_refused(client: httpx.AsyncClient, host: str) -> None:
    """This prevents DNS rebinding: a web page cannot reach a local server under its own host name."""
    response = await client.get("/health", headers={"Host": host})
    assert (response.status_code, response.json()["code"]) == (421, "misdirected_request")
    assert response.headers["content-type"] == "application/problem+json"


async def test_allowed_hosts_are_a_setting() -> None:
    """`allowed_hosts` lists host names; * allows any."""
    async with client_for(memory_app(allowed_hosts="shop.example, y.example")) as client:
        assert [(await client.get("/health", headers={"Host": host})).status_code for host in ("Shop.Example", "localhost")] == [
            200,
            421,
        ]
    async with client_for(memory_app(allowed_hosts="*")) as client:
        assert (await client.get("/health", headers={"Host": "any.example"})).status_code == 200


async def test_cors_allows_the_configured_origins() -> None:
    """No other origin gets CORS headers. Vary keeps its other values."""
    headers = {"Origin": "https://shop.example"}
    async with client_for(memory_app(cors_origins="https://shop.example")) as client:
        response = await client.get(ITEMS, headers=headers)
        assert response.headers["access-control-allow-origin"] == "https://shop.example"
        assert {"Authorization", "Cookie", "Origin"} <= set(re.split(r", *", response.headers["vary"]))
        assert "ETag" in response.headers["access-control-expose-headers"]
        preflight = {**headers, "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "if-match"}
        response = await client.options(f"{ITEMS}/a", headers=preflight)
        assert response.status_code == 204
        assert "PATCH" in response.headers["access-control-allow-methods"]
        response = await client.get(ITEMS, headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in response.headers
    async with client_for(memory_app()) as client:
        assert "access-control-allow-origin" not in (await client.get(ITEMS, headers=headers)).headers


async def test_each_request_is_logged_once_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    """The access log line is JSON outside a terminal and has the request id, but no body, header or query."""
    log_config.configure(LogSettings(level="INFO", format="auto"))
    headers = {"Authorization": planted("secret-3"), "X-Request-ID": "r-1"}
    async with client_for(memory_app()) as client:
        await client.post(f"{ITEMS}?token={planted('secret-1')}", json={"name": planted("secret-2")}, headers=headers)
        await asyncio.sleep(0)  # log lines are written at the end of the event loop's iteration
    out, err = capsys.readouterr()
    (line,) = [json.loads(entry) for entry in err.splitlines()]
    assert (line["event"], line["method"], line["path"], line["status"], line["request_id"]) == (
        "request",
        "POST",
        ITEMS,
        422,
        "r-1",
    )
    assert isinstance(line["ms"], float)
    assert "secret" not in out + err


async def test_the_console_format_is_readable_and_the_level_filters(capsys: pytest.CaptureFixture[str]) -> None:
    """The console format is not JSON. With level warning, requests are not logged."""
    log_config.configure(LogSettings(format="console"))
    async with client_for(memory_app()) as client:
        await client.get("/health", headers={"X-Request-ID": "r-2"})
        await asyncio.sleep(0)
    output = capsys.readouterr().err
    assert "r-2" in output
    assert not output.startswith("{")
    log_config.configure(LogSettings.model_validate({"level": "warning"}))
    async with client_for(memory_app()) as client:
        await client.get("/health")
        await asyncio.sleep(0)
    assert capsys.readouterr().err == ""


async def test_head_sends_no_body(app: RequestMiddleware) -> None:
    """Servers and clients would drop a body, so this test reads the ASGI messages."""
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "HEAD",
        "path": ITEMS,
        "raw_path": ITEMS.encode(),
        "query_string": b"",
        "http_version": "1.1",
    }
    await app({**scope, "headers": [(b"host", b"localhost")], "asgi": {"version": "3.0"}}, receive, send)  # type: ignore[arg-type]
    assert [message.get("body", b"") for message in sent] == [b"", b""]
    assert sent[0]["status"] == 200


async def test_a_stopping_service_is_not_ready_and_closes_connections(app: RequestMiddleware, client: httpx.AsyncClient) -> None:
    """It still serves requests until it stops."""
    app.stopping.begin()
    response = await client.get("/health/ready")
    assert (response.status_code, response.json()["code"]) == (503, "store_unavailable")
    assert (await client.get("/health/live")).status_code == 200
    assert "connection" not in (await client.get(ITEMS)).headers
    app.stopping.close()
    assert (await client.get(ITEMS)).headers["connection"] == "close"
