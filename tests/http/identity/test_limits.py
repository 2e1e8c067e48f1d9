"""Rate limits: by principal, else by address; and the headers that say how many requests are left."""

from datetime import timedelta

import httpx

from catalog.entrypoints.http.middleware.rate_limits import address_key
from tests.http.identity.making import AUTH, PASSWORD, client_of, serving
from tests.http.making import ITEMS, memory_app

NARROW = {"requests": 3, "window_seconds": 60, "sign_in_requests": 4, "sign_in_window_seconds": 30}


def left(response: httpx.Response) -> str:
    """Return the header without the time."""
    return response.headers["ratelimit"].partition(";t=")[0]


async def test_each_principal_has_requests_of_its_own() -> None:
    """Those of a user do not depend on the address; the response says how many are left, and when there are more."""
    async with serving("memory://", rate_limit=NARROW | {"sign_in_requests": 100}) as service, service.client() as client:
        user, editor = await service.bearer("user"), await service.bearer("editor")
        responses = [await client.get(ITEMS, headers=user) for _ in range(4)]
        assert [response.status_code for response in responses] == [200, 200, 200, 429]
        assert [left(response) for response in responses] == [f'"default";r={number}' for number in (2, 1, 0, 0)]
        assert all(response.headers["ratelimit-policy"] == '"default";q=3;w=60' for response in responses)
        assert responses[3].json()["code"] == "too_many_requests"
        assert 0 < int(responses[3].headers["retry-after"]) <= 60
        assert (await client.get(ITEMS, headers=editor)).status_code == 200
        assert (await client.get(ITEMS, headers=await service.bearer("user"))).status_code == 429  # another session
        service.clock.ahead += timedelta(seconds=61)
        assert (await client.get(ITEMS, headers=user)).status_code == 200


async def test_guests_are_counted_by_address_and_probes_are_not_counted() -> None:
    """Health checks must not fail because of others."""
    async with serving("memory://", rate_limit=NARROW, identity={"public_read": True}) as service, service.client() as client:
        assert [(await client.get(ITEMS)).status_code for _ in range(4)] == [200, 200, 200, 429]
        health = [await client.get("/health/live") for _ in range(5)]
        assert all(response.status_code == 200 and "ratelimit" not in response.headers for response in health)
        transport = httpx.ASGITransport(app=service.app, client=("198.51.100.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as other:
            assert (await other.get(ITEMS)).status_code == 200


async def test_guesses_are_counted_before_they_cost_anything() -> None:
    """An invalid credential is counted by address."""
    async with serving("memory://", rate_limit=NARROW) as service, service.client() as client:
        guesses = [await client.get(ITEMS, headers={"Authorization": f"Bearer {number}"}) for number in range(4)]
        assert [response.status_code for response in guesses] == [401, 401, 401, 429]


async def test_sign_ins_are_counted_by_address_and_by_name() -> None:
    """With a policy of their own."""
    async with serving("memory://", rate_limit=NARROW) as service, service.client() as client:

        async def sign_in(name: str) -> httpx.Response:
            return await client.post(f"{AUTH}/token", json={"username": name, "password": PASSWORD})

        responses = [await sign_in(name) for name in ("user", "editor", "auditor", "admin", "user")]
        assert [response.status_code for response in responses] == [200] * 4 + [429]
        assert responses[0].headers["ratelimit-policy"] == '"sign-in";q=4;w=30'
        statuses = []
        for number in range(5):  # of one network, but different addresses
            transport = httpx.ASGITransport(app=service.app, client=(f"198.51.100.{number}", 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as other:
                response = await other.post(f"{AUTH}/token", json={"username": "User ", "password": PASSWORD})
                statuses.append(response.status_code)
        assert statuses == [200] * 4 + [429]


async def test_without_sign_in_there_are_no_limits() -> None:
    """And credentials are ignored, even those that are not valid."""
    app = memory_app()
    async with client_of(app, authorization="Bearer x") as client:
        response = await client.get(f"{AUTH}/me", headers={"X-API-Key": "y"})
        assert "ratelimit" not in response.headers
        me = response.json()
        assert (me["username"], me["role"], me["kind"], len(me["scopes"])) == ("local", "admin", "local", 9)
        assert (await client.post(f"{AUTH}/token", json={})).status_code == 404
        document = (await client.get("/openapi.json")).json()
        assert "securitySchemes" not in document["components"]


def test_addresses_of_one_network_are_one_caller() -> None:
    """With IPv6, whoever has one address has the whole /64."""
    assert address_key("2001:db8::1") == address_key("2001:db8::ffff:1") == "address 2001:db8::/64"
    assert address_key("::ffff:192.0.2.1") == address_key("192.0.2.1") == "address 192.0.2.1"
    assert address_key(None) == "address None"
