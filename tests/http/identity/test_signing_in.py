"""Signing in with a password, refreshing and signing out: shapes, statuses and headers."""

from datetime import timedelta

import pytest

from tests.http.identity.making import ANOTHER, AUTH, PASSWORD, Service
from tests.planted_secrets import MARK, planted


async def test_signing_in_returns_tokens_which_a_request_may_use(service: Service) -> None:
    """The shape of the response, and that nobody may store it."""
    async with service.client() as client:
        response = await client.post(f"{AUTH}/token", json={"username": " Editor ", "password": PASSWORD})
        tokens = response.json()
        assert response.status_code == 200
        assert response.headers["cache-control"] == "no-store"
        assert tokens.keys() == {"access_token", "token_type", "expires_in", "refresh_token", "scopes"}
        assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 600)
        assert tokens["scopes"] == ["items:read", "items:create", "items:write", "items:import", "changes:read"]
        me = await client.get(f"{AUTH}/me", headers={"Authorization": f"bearer {tokens['access_token']}"})
    assert me.json() == {"username": "editor", "role": "editor", "scopes": tokens["scopes"], "kind": "user"}
    assert (me.headers["cache-control"], me.headers["vary"]) == ("no-store", "Authorization, Cookie, X-API-Key, Accept-Encoding")


async def test_the_form_of_oauth_is_accepted(service: Service) -> None:
    """As Swagger UI sends it. Scopes beyond the role are left out."""
    form = {
        "grant_type": "password",
        "username": "user",
        "password": PASSWORD,
        "scope": "items:read users:admin",
        "client_id": "x",
    }
    async with service.client() as client:
        assert (await client.post(f"{AUTH}/token", data=form)).json()["scopes"] == ["items:read"]
        for wrong in ({"grant_type": "client_credentials"}, {"colour": "red"}, {"scope": "items:eat"}):
            assert (await client.post(f"{AUTH}/token", data=form | wrong)).status_code == 422, wrong
        repeated = await client.post(
            f"{AUTH}/token",
            content=b"username=a&username=b&password=c",
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
    assert repeated.json()["errors"][0]["code"] == "repeated_field"


@pytest.mark.parametrize("name", ["user", "nobody", "x" * 300, "\u0000"])
async def test_wrong_passwords_and_unknown_names_look_the_same(service: Service, name: str) -> None:
    """A challenge without an error, because no token was sent."""
    async with service.client() as client:
        response = await client.post(f"{AUTH}/token", json={"username": name, "password": "wrong " * 3})
    assert (response.status_code, response.json()["code"]) == (401, "invalid_credentials")
    assert response.json()["detail"] == "The username or the password is wrong."
    assert response.headers["www-authenticate"] == "Bearer"


async def test_what_a_sign_in_lacks_is_said_without_quoting_it(service: Service) -> None:
    """Secrets are not repeated in errors."""
    async with service.client() as client:
        response = await client.post(f"{AUTH}/token", json={"username": 1, "passwrd": planted("secret"), "scopes": ["items:eat"]})
        empty = await client.post(f"{AUTH}/token", json={"username": "user", "password": PASSWORD, "scopes": ["users:admin"]})
    assert response.status_code == 422
    assert {error["code"] for error in response.json()["errors"]} == {"wrong_type", "required", "unknown_field", "unknown_scope"}
    assert MARK not in response.text
    assert (empty.status_code, empty.json()["required"]) == (403, "users:admin")


async def test_failures_are_answered_with_a_delay(service: Service) -> None:
    """The right password too, until the delay is over."""
    async with service.client() as client:
        wrong = [await client.post(f"{AUTH}/token", json={"username": "user", "password": "wrong"}) for _ in range(6)]
        right = await client.post(f"{AUTH}/token", json={"username": "user", "password": PASSWORD})
        assert [response.status_code for response in wrong] == [401] * 5 + [429]
        assert (right.status_code, right.json()["code"]) == (429, "too_many_attempts")
        service.clock.ahead += timedelta(seconds=int(right.headers["retry-after"]))
        again = await client.post(f"{AUTH}/token", json={"username": "user", "password": PASSWORD})
    assert again.status_code == 200


async def test_a_refresh_token_is_replaced(service: Service) -> None:
    """The new tokens have the same scopes; the used refresh token ends the session after the grace."""
    first = await service.sign_in("editor", scopes=["items:read"])
    async with service.client() as client:
        second = await client.post(f"{AUTH}/refresh", json={"refresh_token": first["refresh_token"]})
        assert (second.status_code, second.json()["scopes"]) == (200, ["items:read"])
        third = await client.post(f"{AUTH}/refresh", json={"refresh_token": second.json()["refresh_token"]})
        assert third.status_code == 200
        stolen = await client.post(f"{AUTH}/refresh", json={"refresh_token": first["refresh_token"]})
        assert (stolen.status_code, stolen.json()["code"]) == (401, "invalid_token")
        for token in (first["access_token"], third.json()["access_token"]):
            response = await client.get(f"{AUTH}/me", headers={"Authorization": f"Bearer {token}"})
            assert (response.status_code, response.json()["code"]) == (401, "invalid_token")
        assert (await client.post(f"{AUTH}/refresh", json={"refresh_token": "unknown"})).json()["code"] == "invalid_token"


async def test_signing_out_ends_one_session_or_all(service: Service) -> None:
    """Its access token is refused at once."""
    one, two, three = [await service.bearer("user") for _ in range(3)]
    async with service.client() as client:
        assert (await client.post(f"{AUTH}/logout", json={"all": False}, headers=one)).status_code == 204
        statuses = [(await client.get(f"{AUTH}/me", headers=headers)).status_code for headers in (one, two, three)]
        assert statuses == [401, 200, 200]
        assert (await client.post(f"{AUTH}/logout", json={"all": "yes"}, headers=two)).status_code == 422
        assert (await client.post(f"{AUTH}/logout", json={"all": True}, headers=two)).status_code == 204
        assert (await client.get(f"{AUTH}/me", headers=three)).status_code == 401


async def test_users_see_and_end_their_own_sessions(service: Service) -> None:
    """Those of other users are not found."""
    mine, others = await service.bearer("user"), await service.bearer("editor")
    async with service.client() as client:
        sessions = (await client.get(f"{AUTH}/sessions", headers=mine)).json()["sessions"]
        assert [(one["current"], one["address"]) for one in sessions] == [(True, "203.0.113.7")]
        path = f"{AUTH}/sessions/{sessions[0]['id']}"
        for refused in (path, f"{AUTH}/sessions/nonsense"):
            response = await client.delete(refused, headers=others)
            assert (response.status_code, response.json()["code"]) == (404, "session_not_found")
        assert (await client.delete(path, headers=mine)).status_code == 204
        assert (await client.get(f"{AUTH}/me", headers=mine)).status_code == 401


async def test_users_change_their_own_password(service: Service) -> None:
    """The wrong current one is 403, a weak new one 422; tokens of fewer scopes may not."""
    headers = await service.bearer("user")
    async with service.client(**headers) as client:
        wrong = await client.post(f"{AUTH}/me/password", json={"current": "wrong", "new": ANOTHER})
        assert (wrong.status_code, wrong.json()["code"]) == (403, "invalid_credentials")
        weak = await client.post(f"{AUTH}/me/password", json={"current": PASSWORD, "new": "password"})
        assert (weak.status_code, weak.json()["code"]) == (422, "weak_password")
        assert weak.json()["errors"][0]["pointer"] == "/new"
        assert (await client.post(f"{AUTH}/me/password", json={"current": PASSWORD, "new": ANOTHER})).status_code == 204
    async with service.client() as client:
        assert (await client.post(f"{AUTH}/token", json={"username": "user", "password": PASSWORD})).status_code == 401
        assert (await client.post(f"{AUTH}/token", json={"username": "user", "password": ANOTHER})).status_code == 200
    partial = await service.bearer("editor", scopes=["items:read"])
    async with service.client(**partial) as client:
        refused = await client.post(f"{AUTH}/me/password", json={"current": PASSWORD, "new": ANOTHER})
    assert (refused.status_code, refused.json()["code"]) == (403, "credential_not_allowed")


async def test_after_a_new_password_the_client_refreshes(service: Service) -> None:
    """Its access token ends, and its refresh token stays. The session is still the current one, with the same facts."""
    tokens = await service.sign_in("user")
    old = {"Authorization": f"Bearer {tokens['access_token']}"}
    async with service.client() as client:
        before = (await client.get(f"{AUTH}/sessions", headers=old)).json()["sessions"]
        body = {"current": PASSWORD, "new": ANOTHER}
        assert (await client.post(f"{AUTH}/me/password", json=body, headers=old)).status_code == 204
        refused = await client.get(f"{AUTH}/me", headers=old)
        assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")
        fresh = await client.post(f"{AUTH}/refresh", json={"refresh_token": tokens["refresh_token"]})
        assert fresh.status_code == 200
        new = {"Authorization": f"Bearer {fresh.json()['access_token']}"}
        after = (await client.get(f"{AUTH}/sessions", headers=new)).json()["sessions"]
    assert [session["id"] for session in after] != [session["id"] for session in before]
    same = ("created_at", "expires_at", "address", "user_agent", "current")
    assert [[session[name] for name in same] for session in after] == [[session[name] for name in same] for session in before]


async def test_the_public_keys_may_be_cached(service: Service) -> None:
    """Without signing in."""
    async with service.client() as client:
        response = await client.get("/.well-known/jwks.json")
    assert [key["alg"] for key in response.json()["keys"]] == ["EdDSA"]
    assert "d" not in response.json()["keys"][0]
    assert response.headers["cache-control"] == "public, max-age=60"
