"""What a caller sees of others: actors, imports, stored responses, live feeds; and what the logs say about callers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from catalog.domain.identity.audit import EVERY_EVENT
from catalog.entrypoints.container import Container, identity_running, running
from catalog.entrypoints.http.app import create_app
from tests.http.identity.making import AUTH, Service, client_of, serving
from tests.http.making import ITEMS


async def test_guests_see_no_actors(store_url: str) -> None:
    """The history is public, the names of the staff are not."""
    async with serving(store_url, identity={"public_read": True}) as service, service.client() as client:
        editor = await service.bearer("editor")
        await client.post(ITEMS, json={"sku": "CHAIR", "name": "Chair"}, headers=editor)
        path = f"{ITEMS}/CHAIR/history"
        assert (await client.get(path, headers=editor)).json()["changes"][0]["actor"] == "editor"
        assert "actor" not in (await client.get(path)).json()["changes"][0]
        assert (await client.get("/api/v1/changes")).status_code == 401


async def test_changes_say_who_with_what_and_from_where(service: Service) -> None:
    """The credential and the address stand in the log, and not in the responses."""
    key = await service.api_key("editor", "items:create", "changes:read")
    async with service.client() as client:
        await client.post(ITEMS, json={"name": "Chair"}, headers=await service.bearer("user"))
        await client.post(ITEMS, json={"name": "Stool"}, headers=key)
        shown = (await client.get("/api/v1/changes", headers=key)).json()["changes"]
    assert [change["actor"] for change in shown] == ["user", "editor"]
    assert not any({"credential", "address"} & change.keys() for change in shown)
    entries = (await service.container.storage().changes(after=0, limit=2)).entries
    assert [str(entry.origin.credential).partition(":")[0] for entry in entries] == ["session", "key"]
    assert {entry.origin.address for entry in entries} == {"203.0.113.7"}


async def test_refusals_are_recorded(service: Service) -> None:
    """Who tried what, and what was missing."""
    async with service.client(**await service.bearer("user")) as client:
        await client.delete(f"{ITEMS}/CHAIR")
    await service.container.security_events().write(everything=True)
    entries = await service.container.identity_storage().security_entries(EVERY_EVENT, before=None, limit=1)
    event = entries[0].event
    assert (event.action, event.result, event.actor, event.address) == ("access.denied", "denied", "user", "203.0.113.7")
    assert event.detail == {
        "code": "insufficient_scope",
        "method": "DELETE",
        "required": "items:write",
        "route": f"{ITEMS}/{{key}}",
    }


async def test_imports_belong_to_those_who_started_them(service: Service) -> None:
    """Admins see all. Another editor gets 403, not 404, because ids are no secret."""
    await service.add_user("other", "editor")
    owner, other, admin = [await service.bearer(name) for name in ("editor", "other", "admin")]
    key = await service.api_key("editor", "items:import")
    async with service.client() as client:
        started = await client.post(f"{ITEMS}/import", content=b"sku,name\nA,A\n", headers=owner | {"Content-Type": "text/csv"})
        path = f"/api/v1/imports/{started.json()['id']}"
        for method, url in (("GET", path), ("GET", f"{path}/errors"), ("DELETE", path)):
            for headers in (owner, key, admin):
                assert (await client.request(method, url, headers=headers)).status_code in (200, 202)
            refused = await client.request(method, url, headers=other)
            assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert (await client.get("/api/v1/imports/none", headers=other)).status_code == 404


async def test_an_idempotency_key_belongs_to_the_user(service: Service) -> None:
    """Whatever the session or the API key. Rights are checked before a response is replayed."""
    body = {"sku": "CHAIR", "name": "Chair"}
    once = {"Idempotency-Key": "k"}
    key = await service.api_key("editor", "items:create")
    async with service.client() as client:
        first = await client.post(ITEMS, json=body, headers=once | await service.bearer("editor"))
        assert "idempotency-replayed" not in first.headers
        for headers in (await service.bearer("editor"), key):
            replayed = await client.post(ITEMS, json=body, headers=once | headers)
            assert (replayed.status_code, replayed.headers["idempotency-replayed"]) == (201, "true")
        assert (await client.post(ITEMS, json=body, headers=once | await service.bearer("user"))).status_code == 409
        blind = await service.bearer("editor", scopes=["items:read"])
        assert (await client.post(ITEMS, json=body, headers=once | blind)).status_code == 403


async def test_a_batch_is_not_replayed_with_fewer_rights(service: Service) -> None:
    """It counts as another body."""
    body = {"operations": [{"op": "create", "item": {"sku": "A", "name": "A"}}]}
    once = {"Idempotency-Key": "k"}
    async with service.client() as client:
        first = await client.post(f"{ITEMS}/batch", json=body, headers=once | await service.bearer("editor"))
        assert first.status_code == 200
        narrow = await service.bearer("editor", scopes=["items:create"])
        again = await client.post(f"{ITEMS}/batch", json=body, headers=once | narrow)
    assert (again.status_code, again.json()["code"]) == (422, "key_reused")


@contextlib.asynccontextmanager
async def listening(service: Service, headers: dict[str, str]) -> AsyncIterator["asyncio.Task[None]"]:
    """Open a live feed. The task ends when the response does."""
    opened, hanging = asyncio.Event(), asyncio.Event()
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": "/api/v1/changes",
        "raw_path": b"/api/v1/changes",
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"accept", b"text/event-stream"), *raw],
        "client": ("203.0.113.7", 1),
        "scheme": "http",
        "http_version": "1.1",
        "server": ("localhost", 80),
        "root_path": "",
    }

    async def receive() -> dict[str, str]:
        await hanging.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:  # noqa: ANN401 - ASGI's
        assert message.get("status", 200) == 200
        if message.get("body"):
            opened.set()

    task: asyncio.Task[None] = asyncio.create_task(service.app(scope, receive, send))
    try:
        await asyncio.wait_for(opened.wait(), 5)
        assert not task.done()
        yield task
    finally:
        hanging.set()
        await asyncio.wait_for(task, 5)


@pytest.mark.parametrize("credential", ["token", "cookie", "api_key"])
async def test_live_feeds_end_when_the_credential_is_revoked(service: Service, credential: str) -> None:
    """Those of other users go on."""
    if credential == "api_key":
        headers = await service.api_key("editor", "changes:read")
    else:
        headers = await (service.cookie("editor") if credential == "cookie" else service.bearer("editor"))
    other = await service.bearer("auditor")
    async with listening(service, headers) as task, listening(service, other) as going_on:
        async with service.client(**await service.bearer("admin")) as client:
            assert (await client.patch("/api/v1/users/editor", json={"disabled": True})).status_code == 200
        await asyncio.wait_for(asyncio.shield(task), 5)
        assert not going_on.done()


async def test_live_feeds_end_when_the_token_expires(service: Service) -> None:
    """The client signs in again, or refreshes, and resumes."""
    headers = await service.bearer("editor")
    async with service.client(**headers) as client:
        assert (await client.get(f"{AUTH}/me")).status_code == 200
    life = service.container.token_life()
    service.clock.ahead = life - life / 600  # one second before
    async with listening(service, headers) as task:
        await asyncio.wait_for(asyncio.shield(task), 5)


async def test_a_revocation_reaches_other_processes(tmp_path: Path) -> None:
    """Two services on one database: what one revokes, the other refuses soon, although it remembers the credential."""
    async with serving(f"sqlite:///{tmp_path / 'catalog.db'}") as service:
        container = Container(settings=service.container.settings())
        async with running(container), identity_running(container):
            app = create_app(container)
            headers, key = await service.bearer("editor"), await service.api_key("user", "items:read")
            async with client_of(app) as client:
                for each in (headers, key):
                    assert (await client.get(ITEMS, headers=each)).status_code == 200
                async with service.client(**await service.bearer("admin")) as admin:
                    for name in ("editor", "user"):
                        assert (await admin.patch(f"/api/v1/users/{name}", json={"disabled": True})).status_code == 200
                async with asyncio.timeout(10):
                    for each in (headers, key):
                        while (await client.get(ITEMS, headers=each)).status_code != 401:  # noqa: ASYNC110 - another process
                            await asyncio.sleep(0.05)
