"""How a request says who sends it: headers, cookies, what wins, and what other sites' pages cannot do."""

import pytest

from catalog.domain.identity.session import JUST_ENDED
from catalog.entrypoints.http.requests.credentials import SECURE_COOKIE
from tests.http.identity.making import ANOTHER, AUTH, PASSWORD, SAME_ORIGIN, Service, serving
from tests.http.making import ITEMS, cache_of

NEW = {"name": "Chair"}
FORM = "application/x-www-form-urlencoded"


async def test_several_credentials_are_refused(service: Service) -> None:
    """Whether they are valid or not, and whether they agree or not."""
    token = (await service.bearer("user"))["Authorization"]
    async with service.client() as client:
        for headers in (
            [("Authorization", token), ("X-API-Key", "x")],
            [("Authorization", token), ("Authorization", token)],
            [("X-API-Key", "x"), ("X-API-Key", "x")],
        ):
            response = await client.get(ITEMS, headers=headers)
            assert (response.status_code, response.json()["code"]) == (400, "several_credentials")


async def test_an_api_key_is_sent_in_either_header(service: Service) -> None:
    """And a token is no API key."""
    key = (await service.api_key("user", "items:read"))["X-API-Key"]
    token = (await service.sign_in("user"))["access_token"]
    async with service.client() as client:
        for headers in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"}):
            me = (await client.get(f"{AUTH}/me", headers=headers)).json()
            assert me == {"username": "user", "role": "user", "scopes": ["items:read"], "kind": "api_key"}
        assert (await client.get(f"{AUTH}/me", headers={"X-API-Key": token})).json()["code"] == "invalid_token"
        for wrong in (key[:-1], f"{key}x", key.replace("cat_", "dog_"), "cat_", "x" * 100_000, "Bearer", "é"):
            response = await client.get(f"{AUTH}/me", headers=[(b"authorization", f"Bearer {wrong}".encode())])
            assert (response.status_code, response.json()["code"]) == (401, "invalid_token")


async def test_a_browser_signs_in_and_out_with_a_cookie(service: Service) -> None:
    """No script can read it, and no other site can make it be sent. It is cleared when it is not valid any more."""
    async with service.client(**SAME_ORIGIN) as client:
        response = await client.post(f"{AUTH}/session", json={"username": "editor", "password": PASSWORD})
        assert (response.status_code, response.json()["kind"]) == (200, "user")
        cookie = response.headers["set-cookie"]
        assert cookie.startswith("catalog_session=")
        assert cookie.partition(";")[2] == " Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict"
        assert (await client.get(f"{AUTH}/me")).json()["username"] == "editor"
        assert (await client.post(ITEMS, json=NEW)).status_code == 201
        old = {"Cookie": f"catalog_session={client.cookies['catalog_session']}"}
        gone = await client.delete(f"{AUTH}/session")
        assert (gone.status_code, gone.headers["set-cookie"].partition(";")[0]) == (204, "catalog_session=")
    async with service.client(**old) as client:
        stale = await client.get(ITEMS)
        assert (stale.status_code, stale.json()["code"]) == (401, "invalid_token")
        service.clock.ahead += JUST_ENDED
        stale = await client.get(ITEMS)
        assert (stale.status_code, stale.json()["code"]) == (401, "invalid_token")
        assert "Max-Age=0" in stale.headers["set-cookie"]
        token = await service.bearer("user")
        assert (await client.get(f"{AUTH}/me", headers=token)).json()["username"] == "user"  # a header wins
        several = {"Cookie": f"{old['Cookie']}; {old['Cookie']}"}
        assert (await client.get(ITEMS, headers=several)).json()["code"] == "invalid_token"


async def test_with_tls_the_cookie_belongs_to_this_host(store_url: str) -> None:
    """Browsers accept it only over HTTPS, and no other host can set one with this name."""
    async with serving(store_url, http={"tls": True}) as service, service.client(**SAME_ORIGIN) as client:
        response = await client.post(f"{AUTH}/session", json={"username": "user", "password": PASSWORD})
        cookie = response.headers["set-cookie"]
        assert cookie.startswith(f"{SECURE_COOKIE}=")
        assert cookie.endswith("; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict; Secure")
        secret = cookie.partition(";")[0].partition("=")[2]
        for name, status in ((SECURE_COOKIE, 200), ("catalog_session", 401)):
            sent = {"Cookie": f"other=1; {name}={secret}"}
            assert (await client.get(ITEMS, headers=sent)).status_code == status


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}, True),
        ({"Origin": "http://localhost"}, True),
        ({}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, False),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "null"}, False),
    ],
)
async def test_writes_with_a_cookie_come_from_our_own_pages(service: Service, headers: dict[str, str], allowed: bool) -> None:  # noqa: FBT001 - a column of the table
    """It must be certain. Reads, and requests with a token, are free."""
    cookie = {"Cookie": (await service.cookie("editor"))["Cookie"]}
    token = await service.bearer("editor")
    async with service.client(**headers) as client:
        response = await client.post(ITEMS, json=NEW, headers=cookie)
        sign_in = await client.post(f"{AUTH}/session", json={"username": "user", "password": PASSWORD})
        for each, status in ((response, 201), (sign_in, 200)):
            assert each.status_code == (status if allowed else 403)
            assert allowed or each.json()["code"] == "cross_site"
            assert (
                allowed
                or "Programs use no session cookie: they get a token with POST /api/v1/auth/token" in each.json()["detail"]
            )
        assert (await client.get(ITEMS, headers=cookie)).status_code == 200
        again = await client.post(ITEMS, json=NEW, headers=cookie)  # the cookie is known now
        assert again.status_code == (201 if allowed else 403)
        assert (await client.post(ITEMS, json=NEW, headers=token | cookie)).status_code == 201


async def test_pages_of_other_sites_cannot_use_the_public_routes(service: Service) -> None:
    """They would use up the attempts of the user's address. Programs send none of the headers."""
    body = {"username": "user", "password": PASSWORD}
    async with service.client() as client:
        for headers in ({}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost"}):
            assert (await client.post(f"{AUTH}/token", json=body, headers=headers)).status_code == 200
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "http://evil.example"}):
            response = await client.post(f"{AUTH}/token", json=body, headers=headers)
            assert (response.status_code, response.json()["code"]) == (403, "cross_site")


async def test_no_form_can_write_with_a_cookie(service: Service) -> None:
    """Even from our own origin. Types that need a script are taken."""
    cookie = await service.cookie("editor")
    async with service.client(**cookie) as client:
        for media_type in (FORM, "multipart/form-data; boundary=x", "text/plain", None):
            headers = {} if media_type is None else {"Content-Type": media_type}
            response = await client.post(f"{ITEMS}/import", content=b"sku,name\nA,A\n", headers=headers)
            assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type"), media_type
        for media_type, body in (("text/csv", b"sku,name\nA,A\n"), ("application/jsonl", b'{"sku": "B", "name": "B"}\n')):
            response = await client.post(f"{ITEMS}/import", content=body, headers={"Content-Type": media_type})
            assert response.status_code == 200, response.text
        merge = {"Content-Type": "application/merge-patch+json"}
        assert (await client.patch(f"{ITEMS}/A", content=b'{"name": "C"}', headers=merge)).status_code == 200
        assert (await client.delete(f"{ITEMS}/A")).status_code == 204


async def test_a_password_change_gives_a_browser_a_new_cookie(service: Service) -> None:
    """The old one is not valid any more, in case somebody has it."""
    old = await service.cookie("user")
    async with service.client(**SAME_ORIGIN) as client:
        body = {"current": PASSWORD, "new": ANOTHER}
        changed = await client.post(f"{AUTH}/me/password", json=body, headers={"Cookie": old["Cookie"]})
        assert changed.status_code == 204
        assert (await client.get(f"{AUTH}/me", headers={"Cookie": old["Cookie"]})).status_code == 401
        new = {"Cookie": changed.headers["set-cookie"].partition(";")[0]}
        client.cookies.clear()
        assert (await client.get(f"{AUTH}/me", headers=new)).json()["username"] == "user"


async def test_expired_tokens_say_so(service: Service) -> None:
    """So that the client refreshes them, and does not ask for the password."""
    headers = await service.bearer("user")
    async with service.client(**headers) as client:
        assert (await client.get(ITEMS)).status_code == 200
        service.clock.ahead += service.container.token_life()
        response = await client.get(ITEMS)
    assert (response.status_code, response.json()["code"]) == (401, "expired_token")
    assert response.headers["www-authenticate"].startswith('Bearer error="invalid_token"')


async def test_cached_responses_are_only_for_those_who_may_read(store_url: str) -> None:
    """Not even 304, and guests share no entry with users."""
    async with serving(store_url, identity={"public_read": True}) as service, service.client() as client:
        editor, user = await service.bearer("editor"), await service.bearer("user")
        created = await client.post(ITEMS, json={"sku": "CHAIR", "name": "Chair"}, headers=editor)
        path, etag = f"{ITEMS}/CHAIR", {"If-None-Match": created.headers["etag"]}
        await cache_of(service.container)._freshness.poll()
        hits = [(await client.get(path, headers=headers)).headers["x-cache"] for headers in (editor, user, {}, {})]
        assert hits == ["MISS", "HIT", "MISS", "HIT"]
        blind = await service.bearer("editor", scopes=["changes:read"])
        for headers in (blind, {"Authorization": "Bearer x"}):
            refused = await client.get(path, headers=headers | etag)
            assert refused.status_code == (403 if headers is blind else 401)
            assert refused.headers["x-cache"] == "MISS"
