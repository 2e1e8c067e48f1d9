"""The authentication middleware: who is recorded for what it refuses, whom it counts, and what it remembers."""

import httpx
import pytest

from catalog.domain.identity.audit import AuditFilter
from catalog.entrypoints.http.middleware import authentication
from catalog.entrypoints.http.middleware.authentication import AuthenticationMiddleware
from catalog.entrypoints.http.middleware.request import RequestMiddleware
from catalog.entrypoints.http.requests.caller import principal_of
from tests.http.identity.making import AUTH, PASSWORD, SAME_ORIGIN, Service, serving
from tests.http.making import ITEMS

NARROW = {"requests": 10, "window_seconds": 60, "sign_in_requests": 100}


def middleware_of(app: RequestMiddleware) -> AuthenticationMiddleware:
    """Return the authentication middleware within an application."""
    inner = app.app
    assert isinstance(inner, AuthenticationMiddleware)
    return inner


async def denied(service: Service) -> list[tuple[str | None, str | None]]:
    """Return the actor and the kind of credential of each refusal in the security log, the oldest first."""
    await service.container.security_events().write(everything=True)
    entries = await service.container.identity_storage().security_entries(
        AuditFilter(action="access.denied"), before=None, limit=10
    )
    return [(entry.event.actor, (entry.event.credential or "").partition(":")[0] or None) for entry in entries][::-1]


async def test_refusals_by_the_middleware_name_the_caller(service: Service) -> None:
    """Who it is, if that is known; nobody otherwise, and never the local admin."""
    cookie = await service.cookie("editor")
    async with service.client() as client:
        await client.post(f"{AUTH}/token", json={}, headers={"Origin": "http://evil.example"})
        await client.post(ITEMS, json={}, headers=cookie | {"Sec-Fetch-Site": "cross-site"})
    assert await denied(service) == [(None, None), ("editor", "session")]


def test_a_request_that_nobody_authenticated_has_no_principal() -> None:
    """It is a bug, which must not make an admin of its caller."""
    with pytest.raises(KeyError):
        principal_of({"state": {}})


async def test_bad_tokens_of_others_keep_nobody_out() -> None:
    """They are counted by address, but an own token that is valid is not looked up, so it needs no permission."""
    async with serving("memory://", rate_limit=NARROW) as service, service.client() as client:
        bearer, key = await service.bearer("user"), await service.api_key("editor", "items:read")
        bad = [await client.get(ITEMS, headers={"Authorization": f"Bearer {number}"}) for number in range(12)]
        assert [response.status_code for response in bad] == [401] * 10 + [429] * 2
        assert (await client.get(ITEMS, headers=bearer)).status_code == 200
        assert (await client.get(ITEMS, headers=key)).status_code == 429  # it takes a query to find out whether it is valid
        transport = httpx.ASGITransport(app=service.app, client=("198.51.100.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as other:
            assert (await other.get(ITEMS, headers=key)).status_code == 200


async def test_every_refusal_says_how_many_requests_are_left() -> None:
    """Those of the limit that was counted last."""
    async with serving("memory://", rate_limit=NARROW | {"sign_in_requests": 3}) as service, service.client() as client:
        bad = [await client.get(ITEMS, headers={"Authorization": f"Bearer {number}"}) for number in range(11)]
        assert [response.headers["ratelimit"].partition(";t=")[0] for response in bad] == [
            f'"default";r={left}' for left in (*range(9, -1, -1), 0)
        ]
        tries = []
        for number in range(4):
            transport = httpx.ASGITransport(app=service.app, client=(f"198.51.100.{number}", 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as other:
                tries.append(await other.post(f"{AUTH}/token", json={"username": "user", "password": PASSWORD}))
        assert [response.status_code for response in tries] == [200] * 3 + [429]
        assert tries[3].headers["ratelimit"].startswith('"sign-in";r=0')


async def test_long_headers_are_not_remembered(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """One credential can be sent in any number of them, with padding or with other cookies."""
    bearer, cookie = await service.bearer("user"), await service.cookie("user")
    monkeypatch.setattr(authentication, "MAX_KNOWN_LENGTH", 1000)
    known = middleware_of(service.app)._known
    known.clear()
    async with service.client(**SAME_ORIGIN) as client:
        for number in range(3):
            padded = {"Authorization": bearer["Authorization"].replace(" ", " " * (1000 + number))}
            assert (await client.get(ITEMS, headers=padded)).status_code == 200
            others = {"Cookie": f"{cookie['Cookie']}; other={'x' * (1000 + number)}"}
            assert (await client.get(ITEMS, headers=others)).status_code == 200
        assert not known
        assert (await client.get(ITEMS, headers=bearer)).status_code == 200
        assert len(known) == 1


async def test_signing_out_with_a_token_keeps_the_cookie(service: Service) -> None:
    """The browser's own session goes on; it is cleared if it is the one that ends."""
    cookie, bearer = await service.cookie("user"), await service.bearer("user")
    async with service.client() as client:
        by_token = await client.post(f"{AUTH}/logout", json={}, headers=cookie | bearer)
        assert (by_token.status_code, "set-cookie" in by_token.headers) == (204, False)
        by_cookie = await client.post(f"{AUTH}/logout", json={}, headers=cookie)
        assert (by_cookie.status_code, "Max-Age=0" in by_cookie.headers["set-cookie"]) == (204, True)
