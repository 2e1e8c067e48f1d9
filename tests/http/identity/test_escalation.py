"""Nobody gets more scopes than their credential has: not by new users, roles or passwords, and not by keys without scopes."""

import pytest

from tests.http.identity.making import ANOTHER, AUTH, PASSWORD, Service

USERS = "/api/v1/users"


async def limited(service: Service, kind: str, *scopes: str) -> dict[str, str]:
    """Return the header of an admin's token or key with these scopes only."""
    if kind == "key":
        return await service.api_key("admin", *scopes)
    return await service.bearer("admin", scopes=list(scopes))


@pytest.mark.parametrize("kind", ["token", "key"])
async def test_users_admin_alone_makes_no_admins(service: Service, kind: str) -> None:
    """Whoever sets a role or a password could sign in as that user, so the user's scopes must be among their own."""
    await service.add_user("second", "admin")
    async with service.client(**await limited(service, kind, "users:admin")) as client:
        new = {"username": "mallory", "password": PASSWORD, "role": "admin"}
        for response in (
            await client.post(USERS, json=new),
            await client.post(USERS, json=new | {"role": "user"}),
            await client.patch(f"{USERS}/second", json={"password": ANOTHER}),
            await client.patch(f"{USERS}/user", json={"password": ANOTHER}),
            await client.patch(f"{USERS}/user", json={"role": "admin"}),
        ):
            assert (response.status_code, response.json()["required"]) == (403, "items:read")
        assert (await client.get(f"{USERS}/mallory")).status_code == 404
        assert (await client.patch(f"{USERS}/user", json={"disabled": True})).status_code == 200
        assert (await client.delete(f"{USERS}/editor")).status_code == 204
    async with service.client(**await limited(service, kind, "users:admin", "items:read", "items:create")) as client:
        assert (await client.post(USERS, json=new | {"role": "user"})).status_code == 201
        assert (await client.patch(f"{USERS}/mallory", json={"password": ANOTHER, "role": "user"})).status_code == 200
        assert (await client.patch(f"{USERS}/mallory", json={"role": "editor"})).json()["required"] == "items:write"


@pytest.mark.parametrize("kind", ["token", "key"])
async def test_an_admins_own_password_takes_the_current_one(service: Service, kind: str) -> None:
    """With any credential: a stolen one must not become the account."""
    headers = await (service.bearer("admin") if kind == "token" else service.api_key("admin", "users:admin"))
    async with service.client(**headers) as client:
        response = await client.patch(f"{USERS}/admin", json={"password": ANOTHER})
        assert (response.status_code, response.json()["code"]) == (403, "credential_not_allowed")
        assert f"{AUTH}/me/password" in response.json()["detail"]
    await service.sign_in("admin")


@pytest.mark.parametrize("scopes", [None, [], "items:read"])
async def test_a_key_says_what_it_may_do(service: Service, scopes: object) -> None:
    """At least one scope, as a list."""
    async with service.client(**await service.bearer("admin")) as client:
        response = await client.post("/api/v1/api-keys", json={"name": "key", "scopes": scopes})
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/scopes")


@pytest.mark.parametrize("cursor", ["%00", "b%00b", "%ED%A0%80", "x%20y", "%C3%A9", "x" * 65])
async def test_a_damaged_cursor_of_users_is_refused(service: Service, cursor: str) -> None:
    """Whatever a database would say about it. A search for what no name contains finds nothing."""
    async with service.client(**await service.bearer("admin")) as client:
        response = await client.get(f"{USERS}?cursor={cursor}")
        assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor")
        found = await client.get(f"{USERS}?q=x{cursor}y")
        assert (found.status_code, found.json()["users"]) == (200, [])
