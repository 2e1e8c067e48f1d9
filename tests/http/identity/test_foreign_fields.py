"""What callers try to set that is not theirs to set: fields, scopes, and the host."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from catalog.entrypoints.http.openapi.endpoints import Endpoint
from tests.http.identity.making import ANOTHER, AUTH, PASSWORD, SAME_ORIGIN, Service
from tests.http.identity.test_grid import ENDPOINTS, url
from tests.http.making import ITEMS

KEYS = "/api/v1/api-keys"

VALID: dict[str, dict[str, Any]] = {
    "create_token": {"username": "user", "password": PASSWORD},
    "refresh_token": {"refresh_token": "x"},
    "create_session": {"username": "user", "password": PASSWORD},
    "set_up": {"token": "x", "username": "anna", "password": PASSWORD},
    "sign_out": {"all": False},
    "change_password": {"current": PASSWORD, "new": ANOTHER},
    "create_user": {"username": "anna", "password": PASSWORD, "role": "user"},
    "update_user": {"role": "user"},
    "create_api_key": {"name": "test", "scopes": ["items:read"]},
}
"""A valid body of each operation of identity."""

FOREIGN: dict[str, object] = {
    "id": "00000000-0000-4000-8000-000000000000",
    "user_id": "00000000-0000-4000-8000-000000000000",
    "user": "admin",
    "owner": "admin",
    "is_admin": True,
    "version": 1,
    "created_at": "2020-01-01T00:00:00Z",
    "updated_at": "2020-01-01T00:00:00Z",
    "last_used_at": "2020-01-01T00:00:00Z",
    "password_hash": "$argon2id$",
    "secret_hash": "x",
    "session_id": "00000000-0000-4000-8000-000000000000",
    "prefix": "cat_",
    "key": "cat_x",
    "kind": "local",
    "__proto__": {"role": "admin"},
}
"""Fields of what is stored, which no caller sets, whatever the operation."""

TAKING_BODIES = [endpoint for endpoint in ENDPOINTS if endpoint.operation.id in VALID]


def test_every_operation_of_identity_with_a_body_is_covered() -> None:
    """A new one needs a valid body in the table."""
    paths = ("/api/v1/auth", "/api/v1/users", KEYS)
    taking = {each.operation.id for each in ENDPOINTS if each.operation.body and each.path.startswith(paths)}
    assert taking == VALID.keys()


@pytest.mark.parametrize("store", ["memory"], indirect=True)
@pytest.mark.parametrize("endpoint", TAKING_BODIES, ids=lambda endpoint: endpoint.operation.id)
async def test_a_field_that_is_not_the_callers_is_refused(service: Service, endpoint: Endpoint) -> None:
    """In every operation of identity, alone and beside valid ones. Nothing is changed then."""
    valid = VALID[endpoint.operation.id]
    admin = await service.bearer("admin")
    headers = SAME_ORIGIN if endpoint.operation.access.public else admin
    path = url(endpoint).replace("nobody", "editor")
    async with service.client(**headers) as client:
        before = (await client.get("/api/v1/users", headers=admin)).json()
        for name, value in FOREIGN.items():
            for body in ({name: value}, valid | {name: value}):
                response = await client.request(endpoint.method, path, json=body)
                assert (response.status_code, response.json()["code"]) == (422, "invalid_input"), (name, response.text)
                assert PASSWORD not in response.text
        assert (await client.get("/api/v1/users", headers=admin)).json() == before
        assert (await client.get(KEYS, headers=admin)).json()["api_keys"] == []


async def test_a_key_gets_no_more_than_the_credential_that_makes_it(service: Service) -> None:
    """The scopes of the role, which the token was not given, are beyond it. A key without scopes is not made."""
    narrow = await service.bearer("admin", scopes=["items:write"])
    async with service.client(**narrow) as client:
        key = (await client.post(KEYS, json={"name": "as much", "scopes": ["items:write"]})).json()
        assert key["scopes"] == ["items:create", "items:write"]
        assert (await client.post(KEYS, json={"name": "none"})).status_code == 422
        assert (await client.post(KEYS, json={"name": "less", "scopes": ["items:create"]})).status_code == 201
        for beyond in ("items:read", "users:admin", "audit:read"):
            refused = await client.post(KEYS, json={"name": "more", "scopes": ["items:create", beyond]})
            assert (refused.status_code, refused.json()["code"], refused.json()["required"]) == (
                403,
                "insufficient_scope",
                beyond,
            )
        for unknown in (["everything"], ["*"], [""], "everything", [1]):
            assert (await client.post(KEYS, json={"name": "other", "scopes": unknown})).status_code == 422
        assert len((await client.get(KEYS)).json()["api_keys"]) == 2
    async with service.client(X_API_Key=key["key"]) as client:
        assert (await client.post(ITEMS, json={"name": "Chair"})).status_code == 201
        for path in (ITEMS, "/api/v1/users"):
            assert (await client.get(path)).json()["code"] == "insufficient_scope"


async def test_a_key_gets_no_more_than_its_users_role(service: Service) -> None:
    """Also when the role becomes a lower one. Then the key has what both allow; and a higher role gives it nothing."""
    key = await service.api_key("editor", "items:write", "items:read")
    admin = await service.bearer("admin")
    async with service.client() as client:
        for role, scopes in (
            ("user", ["items:read", "items:create"]),
            ("auditor", ["items:read"]),
            ("admin", ["items:read", "items:create", "items:write"]),
        ):
            await client.patch("/api/v1/users/editor", json={"role": role}, headers=admin)
            assert (await client.get(f"{AUTH}/me", headers=key)).json()["scopes"] == scopes


async def test_an_expired_key_is_refused(service: Service) -> None:
    """To the second, also where it was known."""
    async with service.client(**await service.bearer("editor")) as client:
        expiry = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        key = (await client.post(KEYS, json={"name": "short", "scopes": ["items:read"], "expires_at": expiry})).json()["key"]
    async with service.client(X_API_Key=key) as client:
        assert (await client.get(ITEMS)).status_code == 200
        service.clock.ahead += timedelta(hours=1)
        response = await client.get(ITEMS)
    assert (response.status_code, response.json()["code"]) in {(401, "invalid_token"), (401, "expired_token")}


@pytest.mark.parametrize("store", ["memory"], indirect=True)
@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", ""])
async def test_a_page_whose_name_points_here_gets_nothing(service: Service, host: str) -> None:
    """A rebinding page sends its own host. The request is refused, whatever the credential, before that is looked at."""
    cookie, token = await service.cookie("editor"), await service.bearer("editor")
    async with service.client(Host=host) as client:
        for headers in ({}, cookie, token, {"Authorization": "Bearer x"}):
            for response in (
                await client.get(ITEMS, headers=headers),
                await client.post(ITEMS, json={"name": "Chair"}, headers=headers),
                await client.get(f"{AUTH}/me", headers=headers),
            ):
                assert response.status_code in (400, 421)
                assert response.headers["content-type"] == "application/problem+json"
                assert "www-authenticate" not in response.headers
        for path in ("token", "session", "setup", "refresh"):
            signed_in = await client.post(f"{AUTH}/{path}", json={"username": "user", "password": PASSWORD}, headers=SAME_ORIGIN)
            assert signed_in.status_code in (400, 421)
            assert "set-cookie" not in signed_in.headers
    async with service.client(**token) as client:
        assert (await client.get(ITEMS)).json()["items"] == []
