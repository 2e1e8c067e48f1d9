"""`/audit`: both streams on every store, filters, pages and rights; and what the service records in the security log."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from catalog.domain.identity.audit import EVERY_EVENT
from catalog.entrypoints.activity_recording import recording
from catalog.entrypoints.container import Container, running
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.settings.loading import load_settings
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.sections import StorageSettings
from tests.conftest import STORES
from tests.http.identity.making import Service, serving
from tests.http.making import ITEMS, client_for

AUDIT = "/api/v1/audit"
CSV = {"Content-Type": "text/csv"}

every_store = pytest.mark.parametrize("store", STORES, indirect=True)


@pytest.fixture
async def container(store_url: str) -> AsyncIterator[Container]:
    """The container of a service without sign-in, whose events are written."""
    container = Container(settings=Settings(storage=StorageSettings(url=store_url)))
    async with running(container), recording(container):
        yield container


@pytest.fixture
async def local(container: Container) -> AsyncIterator[httpx.AsyncClient]:
    """A client of that service."""
    async with client_for(create_app(container)) as client:
        yield client


async def written(container: Container, client: httpx.AsyncClient, **parameters: str) -> list[dict[str, Any]]:
    """Write what is recorded, and return the events of an action, the oldest first."""
    await container.security_events().write(everything=True)
    return await events(client, **parameters)


async def events(client: httpx.AsyncClient, **parameters: str) -> list[dict[str, Any]]:
    """Return the events of the first page, the oldest first."""
    response = await client.get(AUDIT, params=parameters)
    assert response.status_code == 200, response.text
    return list(reversed(response.json()["events"]))


@every_store
async def test_both_streams_are_shown(service: Service) -> None:
    """Newest first, with who, with what and from where, and nobody may store the response."""
    async with service.client(**await service.bearer("editor")) as client:
        await client.post(ITEMS, json={"sku": "CHAIR", "name": "Chair"})
    async with service.client(**await service.bearer("auditor")) as client:
        response = await client.get(AUDIT)
        body = response.json()
        assert (response.headers["cache-control"], response.headers["content-type"]) == ("no-store", "application/json")
        assert (await client.head(AUDIT)).headers["cache-control"] == "no-store"
        (change,) = await events(client, stream="catalog")
    assert {event["stream"] for event in body["events"]} == {"catalog", "security"}
    assert body["next_cursor"] is None
    assert [event["at"] for event in body["events"]] == sorted((event["at"] for event in body["events"]), reverse=True)
    assert (change["actor"], change["action"], change["subject"], change["result"]) == (
        "editor",
        "item.created",
        "CHAIR",
        "success",
    )
    assert (change["seq"], change["address"], change["detail"]["version"]) == (1, "203.0.113.7", 1)
    assert change["credential"].startswith("session:")
    assert change["request_id"]
    assert list(change) == [
        "stream",
        "seq",
        "at",
        "actor",
        "credential",
        "address",
        "request_id",
        "action",
        "subject",
        "result",
        "detail",
    ]


@every_store
async def test_filters_select(service: Service) -> None:
    """Alone and together."""
    editor = await service.bearer("editor")
    async with service.client(**editor) as client:
        await client.post(ITEMS, json={"sku": "A", "name": "A"})
        await client.post(ITEMS, json={"sku": "B", "name": "B"})
        await client.get(AUDIT)
    async with service.client(**await service.bearer("admin")) as client:
        (denied,) = await written(service.container, client, action="access.denied")
        assert (denied["actor"], denied["result"], denied["stream"]) == ("editor", "denied", "security")
        assert denied["detail"] == {"code": "insufficient_scope", "method": "GET", "required": "audit:read", "route": AUDIT}
        assert await events(client, result="denied", actor="editor") == [denied]
        assert [event["subject"] for event in await events(client, actor="editor", stream="catalog")] == ["A", "B"]
        assert [event["subject"] for event in await events(client, subject="B")] == ["B"]
        assert await events(client, actor="nobody") == await events(client, address="192.0.2.9") == []
        assert (await events(client, address="203.0.113.7", action="item.created", subject="A"))[0]["seq"] == 1
        later = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
        assert await events(client, since=later) == []
        assert await events(client, until=later) == await events(client)
        assert await events(client, until="2020-01-01") == []


@every_store
async def test_pages_follow_each_other(service: Service) -> None:
    """Every event once, in order, whatever is recorded meanwhile."""
    async with service.client(**await service.bearer("editor")) as client:
        for sku in "ABCDE":
            await client.post(ITEMS, json={"sku": sku, "name": sku})
    async with service.client(**await service.bearer("auditor")) as client:
        everything = (await client.get(AUDIT)).json()["events"]
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = (await client.get(AUDIT, params={"limit": "3", "cursor": cursor})).json()
            assert len(page["events"]) <= 3
            found += page["events"]
            if page["next_cursor"] is None:
                break
            cursor = page["next_cursor"]
            await service.bearer("user")
    assert found == everything
    assert len(found) > 10


async def test_the_audit_needs_its_scope(service: Service) -> None:
    """Auditors and admins have it; keys if it was given to them."""
    for role, status in (("user", 403), ("editor", 403), ("auditor", 200), ("admin", 200)):
        async with service.client(**await service.bearer(role)) as client:
            response = await client.get(AUDIT)
        assert response.status_code == status
        if status == 403:
            assert (response.json()["code"], response.json()["required"]) == ("insufficient_scope", "audit:read")
    for scope, status in (("audit:read", 200), ("items:read", 403)):
        async with service.client(**await service.api_key("admin", scope)) as client:
            assert (await client.get(AUDIT)).status_code == status
    async with service.client() as client:
        assert (await client.get(AUDIT)).status_code == 401


@every_store
@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ("stream=items", "invalid_query", "Unknown stream 'items'"),
        ("action=item.create", "invalid_query", "did you mean item.created"),
        ("result=ok", "invalid_query", "Unknown result 'ok'"),
        ("since=yesterday", "invalid_query", "must be a time"),
        ("until=2020-13-01", "invalid_query", "must be a time"),
        ("limit=0", "invalid_query", "limit"),
        ("limit=1001", "invalid_query", "limit"),
        ("actor=a%00b", "invalid_query", "actor contains"),
        ("subject=%FF", "invalid_query", "subject contains"),
        ("actors=anna", "invalid_query", "Unknown parameter actors"),
        ("actor=a&actor=b", "invalid_query", "is repeated"),
        ("cursor=x", "invalid_cursor", "damaged"),
        ("cursor=9999999999999999999.1", "invalid_cursor", "damaged"),
    ],
)
async def test_invalid_parameters_are_explained(local: httpx.AsyncClient, query: str, code: str, words: str) -> None:
    """With the codes that other lists have."""
    response = await local.get(f"{AUDIT}?{query}")
    assert (response.status_code, response.json()["code"]) == (400 if code == "invalid_cursor" else 422, code)
    assert words in response.text
    assert response.headers["content-type"] == "application/problem+json"


@every_store
async def test_a_flood_of_refusals_is_one_entry(service: Service) -> None:
    """With their number, and the route instead of the path. Parts of a batch that are refused count as well."""
    user, auditor = await service.bearer("user"), await service.bearer("auditor")
    async with service.client(**user) as client:
        for number in range(20):
            assert (await client.delete(f"{ITEMS}/ITEM-{number}")).status_code == 403
            assert (await client.get(f"{AUDIT}?actor={number}")).status_code == 403
        operations = [{"op": "create", "item": {"sku": "A", "name": "A"}}, {"op": "delete", "key": "A"}]
        assert (await client.post(f"{ITEMS}/batch", json={"operations": operations})).status_code == 200
    key = await service.api_key("editor", "items:read")
    async with service.client(**key) as client:
        assert (await client.get("/api/v1/auth/sessions")).status_code == 403
    async with service.client(**auditor) as client:
        denied = await written(service.container, client, action="access.denied")
    assert [(event["actor"], event["detail"]) for event in denied] == [
        (
            "user",
            {
                "code": "insufficient_scope",
                "method": "DELETE",
                "required": "items:write",
                "route": f"{ITEMS}/{{key}}",
                "count": 20,
            },
        ),
        ("user", {"code": "insufficient_scope", "method": "GET", "required": "audit:read", "route": AUDIT, "count": 20}),
        ("user", {"code": "insufficient_scope", "method": "POST", "required": "items:write", "route": f"{ITEMS}/batch"}),
        ("editor", {"code": "credential_not_allowed", "method": "GET", "route": "/api/v1/auth/sessions"}),
    ]
    assert {event["result"] for event in denied} == {"denied"}
    assert denied[-1]["credential"].startswith("key:")


@every_store
async def test_imports_and_exports_are_recorded(service: Service) -> None:
    """Who, with what, and how many rows; also those that fail or are refused."""
    async with service.client(**await service.bearer("editor")) as client:
        done = await client.post(f"{ITEMS}/import", content=b"sku,name\nA,A\nB,B\n", headers=CSV)
        assert done.status_code == 200
        refused = await client.post(f"{ITEMS}/import?mode=all_or_nothing", content=b"sku,name\nA,A\nC,C\n", headers=CSV)
        assert refused.status_code == 422
        invalid = await client.post(f"{ITEMS}/import", content=b"\x00\x01\x02", headers=CSV)
        assert invalid.status_code == 422
        await client.post(f"{ITEMS}/import?dry_run=true", content=b"sku,name\nD,D\n", headers=CSV)
        assert (await client.get(f"{ITEMS}/export?format=jsonl")).status_code == 200
        assert (await client.head(f"{ITEMS}/export?format=csv")).status_code == 200
        assert (await client.get(f"{ITEMS}/export?category=none")).status_code == 422
    async with service.client(**await service.bearer("auditor")) as client:
        imported = await written(service.container, client, action="items.imported")
        exported = await events(client, action="items.exported")
    assert [event["result"] for event in imported] == ["success", "failure", "failure"]
    first, second, third = imported
    assert (first["subject"], second["subject"]) == (done.json()["id"], refused.json()["id"])
    assert first["detail"] == {"format": "csv", "rows": 2, "created": 2, "updated": 0, "deleted": 0, "refused": 0}
    assert (second["detail"]["error"], second["detail"]["refused"], third["detail"]) == ("refused", 1, {"error": "invalid_file"})
    assert [(event["result"], event["detail"]) for event in exported] == [
        ("success", {"format": "jsonl", "rows": 2}),
        ("failure", {"error": "invalid_query", "format": "csv", "rows": 0}),
    ]
    for event in (*imported, *exported):
        assert (event["actor"], event["address"]) == ("editor", "203.0.113.7")
        assert event["credential"].startswith("session:")
        assert event["request_id"]


@every_store
async def test_activities_are_recorded_without_sign_in(container: Container, local: httpx.AsyncClient) -> None:
    """Everybody is `local` there."""
    await local.post(f"{ITEMS}/import", content=b"sku,name\nA,A\n", headers=CSV)
    await local.get(f"{ITEMS}/export")
    shown = await written(container, local, stream="security")
    assert [(event["action"], event["actor"], event["credential"]) for event in shown] == [
        ("items.imported", "local", "local"),
        ("items.exported", "local", "local"),
    ]
    assert [event["action"] for event in await events(local, stream="catalog")] == ["item.created"]


@every_store
async def test_weak_settings_are_recorded_in_open_mode(store: str, store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A memory store records them in the process that serves; others before it, once for all processes."""
    monkeypatch.setenv("CATALOG_STORAGE__URL", store_url)
    monkeypatch.setenv("CATALOG_IDENTITY__MODE", "open")
    container = Container(settings=load_settings())
    async with running(container), recording(container), client_for(create_app(container)) as client:
        shown = await events(client, action="settings.insecure")
    assert [event["subject"] for event in shown] == (["CATALOG_IDENTITY__MODE"] if store == "memory" else [])


@pytest.mark.parametrize("store", ["memory"])
async def test_a_storage_without_identity_shows_its_changes(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps no security log, which is no error where nobody signs in."""
    monkeypatch.setattr("catalog.entrypoints.identity_plugins._plugins", dict)
    container = Container(settings=Settings(storage=StorageSettings(url=store_url)))
    async with running(container), recording(container), client_for(create_app(container)) as client:
        await client.post(f"{ITEMS}/import", content=b"sku,name\nA,A\n", headers=CSV)
        assert [event["stream"] for event in await events(client)] == ["catalog"]


async def test_a_page_of_another_site_is_recorded(store_url: str) -> None:
    """It is refused before routing, so the route is not known."""
    async with serving(store_url) as service:
        headers = (await service.cookie("editor")) | {"Sec-Fetch-Site": "cross-site"}
        async with service.client(**headers) as client:
            assert (await client.post(ITEMS, json={"name": "A"})).status_code == 403
        async with service.client(**await service.bearer("auditor")) as client:
            (event,) = await written(service.container, client, action="access.denied")
    assert event["detail"] == {"code": "cross_site", "method": "POST"}


@pytest.mark.parametrize("store", ["memory"])
async def test_the_service_writes_what_it_records(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it runs and when it stops, weak settings and interrupted imports included."""
    monkeypatch.setenv("CATALOG_STORAGE__URL", store_url)
    monkeypatch.setenv("CATALOG_IDENTITY__MODE", "open")
    container = Container(settings=load_settings())
    app = create_app(container)
    starting, stopping = asyncio.Event(), asyncio.Event()

    async def receive() -> dict[str, str]:
        if not starting.is_set():
            starting.set()
            return {"type": "lifespan.startup"}
        await stopping.wait()
        return {"type": "lifespan.shutdown"}

    started = asyncio.Event()

    async def send(_message: object) -> None:
        started.set()
        await asyncio.sleep(0)

    scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}, "app": app}
    service = asyncio.create_task(app(scope, receive, send))
    await started.wait()
    gate = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"sku,name\nA,A\n"
        await asyncio.sleep(0)

    async with client_for(app) as client:
        assert [event["subject"] for event in await events(client, action="settings.insecure")] == ["CATALOG_IDENTITY__MODE"]
        pipeline = container.importing()
        original = pipeline._run

        async def waiting(*arguments: Any) -> AsyncIterator[Any]:  # noqa: ANN401 - as the original
            async for committed in original(*arguments):
                yield committed
                await gate.wait()

        monkeypatch.setattr(pipeline, "_run", waiting)
        accepted = await client.post(f"{ITEMS}/import", content=body(), headers=CSV | {"Prefer": "respond-async"})
        assert accepted.status_code == 202
    stopping.set()
    await service
    log = await container.identity_storage().security_entries(EVERY_EVENT, before=None, limit=1)
    event = log[0].event
    assert (event.action, event.result, event.subject, event.actor) == (
        "items.imported",
        "failure",
        accepted.json()["id"],
        "local",
    )
    assert event.detail["error"] == "interrupted"
