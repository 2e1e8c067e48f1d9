"""What holds for every answer: ids, security headers, hosts, CORS, the access line."""

import asyncio
import json
import re

import httpx
import pytest

from catalog.entrypoints import log_config
from catalog.entrypoints.container import Container
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.http.middleware.request import RequestMiddleware
from catalog.entrypoints.settings import HttpSettings, LogSettings, Settings, StorageSettings
from tests.http.conftest import asked

ITEMS = "/api/v1/items"


@pytest.fixture
def store() -> str:
    """One kind of store is enough for what is the edge's own."""
    return "memory"


def made(**http: object) -> RequestMiddleware:
    """Make an application on memory, with settings of its own."""
    settings = Settings(storage=StorageSettings(url="memory://"), http=HttpSettings.model_validate(http))
    return create_app(Container(settings=settings))


@pytest.mark.parametrize("path", [ITEMS, "/nope", "/health", "/docs", f"{ITEMS}/nope", "/openapi.json"])
async def test_every_answer_has_the_security_headers_and_an_id(client: httpx.AsyncClient, path: str) -> None:
    """404s included; no server is named."""
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


async def test_https_is_insisted_on_where_it_is_said_to_be_there() -> None:
    """By a setting."""
    async with asked(made(tls=True)) as client:
        assert (await client.get("/nope")).headers["strict-transport-security"].startswith("max-age=")


@pytest.mark.parametrize(
    ("given", "taken"), [("abc-1.2:3_", True), ("a b", False), ("x" * 129, False), ("", False), ("é", False)]
)
async def test_a_plain_request_id_is_taken_over(
    client: httpx.AsyncClient, container: Container, given: str, *, taken: bool
) -> None:
    """Any other is replaced; it stands in the change log too."""
    response = await client.post(ITEMS, json={"name": "x"}, headers=httpx.Headers({"X-Request-ID": given}, encoding="utf-8"))
    assert (response.headers["x-request-id"] == given) is taken
    (entry,) = (await container.storage().changes(after=0, limit=10)).entries
    assert (entry.origin.request_id, entry.origin.actor) == (response.headers["x-request-id"], "local")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:80", "[::1]:8000", "[::1]"])
async def test_local_names_are_answered_to(client: httpx.AsyncClient, host: str) -> None:
    """With a port or without."""
    assert (await client.get("/health", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "localhost:8000:8000", "127.0.0.1.nip.io"])
async def test_a_foreign_host_is_refused(client: httpx.AsyncClient, host: str) -> None:
    """So that a page elsewhere cannot reach a local server under its own name."""
    response = await client.get("/health", headers={"Host": host})
    assert (response.status_code, response.json()["code"]) == (421, "misdirected_request")
    assert response.headers["content-type"] == "application/problem+json"


async def test_hosts_are_named_by_a_setting() -> None:
    """A list, or any."""
    async with asked(made(allowed_hosts="shop.example, y.example")) as client:
        assert [(await client.get("/health", headers={"Host": host})).status_code for host in ("Shop.Example", "localhost")] == [
            200,
            421,
        ]
    async with asked(made(allowed_hosts="*")) as client:
        assert (await client.get("/health", headers={"Host": "any.example"})).status_code == 200


async def test_pages_of_named_origins_may_call() -> None:
    """And of no others; Vary keeps what else an answer depends on."""
    headers = {"Origin": "https://shop.example"}
    async with asked(made(cors_origins="https://shop.example")) as client:
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
    async with asked(made()) as client:
        assert "access-control-allow-origin" not in (await client.get(ITEMS, headers=headers)).headers


async def test_each_request_has_one_access_line_and_no_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON outside a terminal, with the request's id; no body, no header, no query."""
    log_config.configure(LogSettings(level="INFO", format="auto"))
    headers = {"Authorization": "secret-3", "X-Request-ID": "r-1"}
    async with asked(made()) as client:
        await client.post(f"{ITEMS}?token=secret-1", json={"name": "secret-2"}, headers=headers)
        await asyncio.sleep(0)  # lines are written at the end of a turn of the loop
    out, err = capsys.readouterr()
    (line,) = [json.loads(one) for one in err.splitlines()]
    assert (line["event"], line["method"], line["path"], line["status"], line["request_id"]) == (
        "request",
        "POST",
        ITEMS,
        422,
        "r-1",
    )
    assert isinstance(line["ms"], float)
    assert "secret" not in out + err


async def test_lines_on_a_terminal_are_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """And a level keeps the lesser ones out."""
    log_config.configure(LogSettings(format="console"))
    async with asked(made()) as client:
        await client.get("/health", headers={"X-Request-ID": "r-2"})
        await asyncio.sleep(0)
    said = capsys.readouterr().err
    assert "r-2" in said
    assert not said.startswith("{")
    log_config.configure(LogSettings.model_validate({"level": "warning"}))
    async with asked(made()) as client:
        await client.get("/health")
        await asyncio.sleep(0)
    assert capsys.readouterr().err == ""


async def test_head_sends_no_body_whatever_the_server_does(app: RequestMiddleware) -> None:
    """Servers and clients drop it too; here it is looked at before."""
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


async def test_a_service_that_is_about_to_stop_is_not_ready_and_closes_connections(
    app: RequestMiddleware, client: httpx.AsyncClient
) -> None:
    """It answers still."""
    app.stopping.begin()
    response = await client.get("/health/ready")
    assert (response.status_code, response.json()["code"]) == (503, "store_unavailable")
    assert (await client.get("/health/live")).status_code == 200
    assert "connection" not in (await client.get(ITEMS)).headers
    app.stopping.close()
    assert (await client.get(ITEMS)).headers["connection"] == "close"
