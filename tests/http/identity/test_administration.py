"""Users and API keys: shapes, statuses and conditions."""

from datetime import UTC, datetime, timedelta

from tests.http.identity.making import ANOTHER, AUTH, PASSWORD, Service
from tests.planted_secrets import MARK

USERS = "/api/v1/users"
KEYS = "/api/v1/api-keys"


async def test_admins_create_find_change_and_delete_users(service: Service) -> None:
    """By id and by name, with ETags as for items."""
    async with service.client(**await service.bearer("admin")) as client:
        created = await client.post(USERS, json={"username": "Anna", "password": PASSWORD, "role": "user"})
        user = created.json()
        assert created.status_code == 201
        assert user.keys() == {"id", "username", "role", "disabled", "created_at", "updated_at", "version"}
        assert (user["username"], user["role"], user["disabled"], user["version"]) == ("anna", "user", False, 1)
        assert created.headers["location"] == f"{USERS}/{user['id']}"
        old = {"If-Match": created.headers["etag"]}
        for key in (user["id"], "anna", "ANNA"):
            found = await client.get(f"{USERS}/{key}")
            assert (found.json(), found.headers["etag"]) == (user, created.headers["etag"])
        taken = await client.post(USERS, json={"username": "anna", "password": PASSWORD, "role": "user"})
        assert (taken.status_code, taken.json()["code"]) == (409, "username_taken")
        changed = await client.patch(f"{USERS}/anna", json={"role": "editor"}, headers=old)
        assert (changed.status_code, changed.json()["role"], changed.json()["version"]) == (200, "editor", 2)
        stale = await client.patch(f"{USERS}/anna", json={"role": "user"}, headers=old)
        assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
        assert (await client.delete(f"{USERS}/anna", headers=old)).status_code == 412
        assert (await client.delete(f"{USERS}/anna", headers={"If-Match": changed.headers["etag"]})).status_code == 204
        for gone in (await client.get(f"{USERS}/anna"), await client.delete(f"{USERS}/{user['id']}")):
            assert (gone.status_code, gone.json()["code"]) == (404, "user_not_found")
        assert (await client.get(f"{USERS}/-")).status_code == 404


async def test_the_last_admin_stays(service: Service) -> None:
    """Neither another role, nor disabled, nor deleted."""
    async with service.client(**await service.bearer("admin")) as client:
        for response in (
            await client.patch(f"{USERS}/admin", json={"role": "user"}),
            await client.patch(f"{USERS}/admin", json={"disabled": True}),
            await client.delete(f"{USERS}/admin"),
        ):
            assert (response.status_code, response.json()["code"]) == (409, "last_admin")


async def test_users_are_listed_in_pages(service: Service) -> None:
    """By name; a search looks within names."""
    async with service.client(**await service.bearer("admin")) as client:
        first = (await client.get(USERS, params={"limit": 3})).json()
        second = (await client.get(USERS, params={"limit": 3, "cursor": first["next_cursor"]})).json()
        names = [user["username"] for user in first["users"] + second["users"]]
        assert (names, second["next_cursor"]) == (["admin", "auditor", "editor", "user"], None)
        found = (await client.get(USERS, params={"q": "DIT"})).json()["users"]
        assert [user["username"] for user in found] == ["auditor", "editor"]
        for limit in ("0", "201", "x"):
            assert (await client.get(USERS, params={"limit": limit})).json()["code"] == "invalid_query"


async def test_fields_that_nobody_may_set_are_refused(service: Service) -> None:
    """And passwords are not quoted."""
    async with service.client(**await service.bearer("admin")) as client:
        for field in ("id", "version", "disabled", "password_hash", "created_at"):
            body = {"username": "anna", "password": PASSWORD, "role": "user", field: 1}
            assert (await client.post(USERS, json=body)).status_code == 422
        for field in ("id", "username", "version", "scopes"):
            assert (await client.patch(f"{USERS}/user", json={field: "x"})).status_code == 422
        guest = await client.post(USERS, json={"username": "anna", "password": PASSWORD, "role": "guest"})
        assert guest.json()["errors"][0]["code"] == "invalid_role"
        weak = await client.post(USERS, json={"username": "anna", "password": MARK, "role": "user"})
        assert (weak.status_code, weak.json()["code"]) == (422, "weak_password")
        assert MARK not in weak.text


async def test_changes_of_a_user_end_the_sessions(service: Service) -> None:
    """At once in this process. Disabled users cannot sign in, and their keys do not work."""
    session, key = await service.bearer("editor"), await service.api_key("editor", "items:read")
    async with service.client() as client:
        admin = await service.bearer("admin")
        assert (await client.get("/api/v1/items", headers=key)).status_code == 200
        assert (await client.patch(f"{USERS}/editor", json={"disabled": True}, headers=admin)).status_code == 200
        for headers in (session, key):
            assert (await client.get("/api/v1/items", headers=headers)).status_code == 401
        assert (await client.post(f"{AUTH}/token", json={"username": "editor", "password": PASSWORD})).status_code == 401
        await client.patch(f"{USERS}/editor", json={"disabled": False, "password": ANOTHER}, headers=admin)
        assert (await client.get("/api/v1/items", headers=key)).status_code == 401  # a new password revokes keys
        assert (await client.post(f"{AUTH}/token", json={"username": "editor", "password": ANOTHER})).status_code == 200


async def test_an_api_key_is_shown_once(service: Service) -> None:
    """Later only its beginning. A key can make no keys."""
    async with service.client(**await service.bearer("editor")) as client:
        expiry = (datetime.now(UTC) + timedelta(days=1)).isoformat()
        created = await client.post(KEYS, json={"name": " Nightly ", "scopes": ["items:write"], "expires_at": expiry})
        key = created.json()
        assert created.status_code == 201
        assert key.keys() == {"id", "name", "scopes", "expires_at", "created_at", "last_used_at", "prefix", "key"}
        assert (key["name"], key["scopes"], key["last_used_at"]) == ("Nightly", ["items:create", "items:write"], None)
        assert key["key"].startswith(key["prefix"])
        listed = (await client.get(KEYS)).json()["api_keys"]
        assert listed == [{name: value for name, value in key.items() if name != "key"}]
        beyond = await client.post(KEYS, json={"name": "x", "scopes": ["users:admin"]})
        assert (beyond.status_code, beyond.json()["required"]) == (403, "users:admin")
        past = await client.post(KEYS, json={"name": "x", "scopes": ["items:read"], "expires_at": "2020-01-01T00:00:00Z"})
        assert past.json()["errors"][0]["code"] == "expired"
    async with service.client(X_API_Key=key["key"]) as client:
        refused = await client.post(KEYS, json={"name": "x", "scopes": ["items:read"]})
        assert (refused.status_code, refused.json()["code"]) == (403, "credential_not_allowed")


async def test_users_revoke_their_own_keys_and_admins_all(service: Service) -> None:
    """Other users' keys are not found."""
    keys = [await service.api_key("editor", "items:read") for _ in range(2)]
    editor, user, admin = [await service.bearer(name) for name in ("editor", "user", "admin")]
    async with service.client() as client:
        ids = [key["id"] for key in (await client.get(KEYS, headers=editor)).json()["api_keys"]]
        for path in (f"{KEYS}/{ids[0]}", f"{KEYS}/nonsense"):
            response = await client.delete(path, headers=user)
            assert (response.status_code, response.json()["code"]) == (404, "api_key_not_found")
        assert (await client.get(KEYS, headers=user)).json()["api_keys"] == []
        assert (await client.get(KEYS, params={"user": "editor"}, headers=user)).json()["required"] == "users:admin"
        seen = (await client.get(KEYS, params={"user": "editor"}, headers=admin)).json()["api_keys"]
        assert [key["id"] for key in seen] == ids
        assert (await client.get(KEYS, params={"user": "nobody"}, headers=admin)).status_code == 404
        assert (await client.delete(f"{KEYS}/{ids[0]}", headers=editor)).status_code == 204
        assert (await client.delete(f"{KEYS}/{ids[1]}", headers=admin)).status_code == 204
        for key in keys:
            assert (await client.get("/api/v1/items", headers=key)).status_code == 401


async def test_the_setup_token_makes_the_first_admin(service: Service) -> None:
    """There are users already, so no token is valid."""
    assert await service.container.first_admin().new_token() is None
    async with service.client() as client:
        response = await client.post(f"{AUTH}/setup", json={"token": "x", "username": "anna", "password": PASSWORD})
        assert (response.status_code, response.json()["code"]) == (401, "invalid_token")
        assert "restart the service for a new one" in response.json()["detail"]
        lacking = await client.post(f"{AUTH}/setup", json={"username": "anna", "password": PASSWORD})
        assert lacking.json()["errors"][0]["pointer"] == "/token"
