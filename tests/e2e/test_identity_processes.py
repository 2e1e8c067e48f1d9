"""Two real processes on one database: what one revokes, the other refuses, although it remembers the credentials."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.e2e.test_process import ITEMS, Server, serving
from tests.servers import wait_until

PASSWORD = "correct horse battery staple"
ANOTHER = "a stapler, a battery and a horse"
AUTH = "/api/v1/auth"
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}

REQUIRED = {
    "CATALOG_IDENTITY__MODE": "required",
    "CATALOG_IDENTITY__ADMIN_USERNAME": "root",
    "CATALOG_IDENTITY__ADMIN_PASSWORD": PASSWORD,
    "CATALOG_RATE_LIMIT__REQUESTS": "100000",
    "CATALOG_RATE_LIMIT__SIGN_IN_REQUESTS": "1000",
}


class Credentials(NamedTuple):
    """Headers of a user, by the kind of the credential."""

    token: dict[str, str]
    cookie: dict[str, str]
    api_key: dict[str, str]


class Pair:
    """Two processes: credentials come from the first, and the second is the one that must notice."""

    def __init__(self, first: Server, second: Server) -> None:
        """Sign in as the admin."""
        self.first, self.second = first, second
        self.admin = self.bearer("root")

    def bearer(self, username: str, password: str = PASSWORD) -> dict[str, str]:
        """Sign in for a token."""
        body = self.call("POST", f"{AUTH}/token", {}, {"username": username, "password": password})
        return {"Authorization": f"Bearer {body['access_token']}"}

    def call(self, method: str, path: str, headers: dict[str, str], body: object = None) -> Any:  # noqa: ANN401 - JSON
        """Send a request that must succeed to the first process."""
        response = httpx.request(method, self.first.url + path, headers=headers, json=body)
        assert response.status_code in (200, 201, 204), response.text
        return response.json() if response.content else None

    def add_user(self, username: str) -> Credentials:
        """Create an editor, sign in in each way, and let the second process get to know all credentials."""
        self.call("POST", "/api/v1/users", self.admin, {"username": username, "password": PASSWORD, "role": "editor"})
        token = self.bearer(username)
        new_key = {"name": "test", "scopes": ["items:read", "items:write"]}
        key = self.call("POST", "/api/v1/api-keys", token, new_key)["key"]
        body = {"username": username, "password": PASSWORD}
        signed_in = httpx.post(f"{self.first.url}{AUTH}/session", json=body, headers=SAME_ORIGIN)
        cookie = signed_in.headers["set-cookie"].partition(";")[0]
        credentials = Credentials(token, {"Cookie": cookie, **SAME_ORIGIN}, {"X-API-Key": key})
        for headers in credentials:
            assert self.status(headers) == 200
        return credentials

    def status(self, headers: dict[str, str]) -> int:
        """Return how the second process answers a read."""
        return httpx.get(self.second.url + ITEMS, headers=headers).status_code

    def until_refused(self, *credentials: dict[str, str]) -> None:
        """Wait until the second process refuses all of these."""
        wait_until(lambda: {self.status(headers) for headers in credentials} == {401})


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> str:
    """The kind of store. No other process sees a store in memory."""
    kind: str = request.param
    return kind


@pytest.fixture
def pair(store_url: str, tmp_path: Path) -> Iterator[Pair]:
    """Two processes on one database."""
    with ExitStack() as stack:
        servers = []
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            servers.append(stack.enter_context(serving(tmp_path / name, store_url, **REQUIRED)))
        yield Pair(*servers)
        for server in servers:
            assert '"status":5' not in server.log.read_text()


def test_what_changes_in_one_process_reaches_the_other(pair: Pair) -> None:
    """Revocations, roles and passwords. One test, because the start of the processes takes the most time."""
    revoke(pair)
    change_a_role(pair)
    change_the_own_password(pair)


def revoke(pair: Pair) -> None:
    """Sessions that end, keys that are revoked, and users who are changed are refused. Others go on."""
    bystander = pair.add_user("bystander")

    user = pair.add_user("signs-out")
    pair.call("POST", f"{AUTH}/logout", user.token, {"all": False})
    pair.until_refused(user.token)
    assert [pair.status(headers) for headers in (user.cookie, user.api_key)] == [200, 200]

    user = pair.add_user("signs-out-everywhere")
    pair.call("POST", f"{AUTH}/logout", user.token, {"all": True})
    pair.until_refused(user.token, user.cookie)
    assert pair.status(user.api_key) == 200

    user = pair.add_user("revokes-a-key")
    (key,) = pair.call("GET", "/api/v1/api-keys", user.token)["api_keys"]
    pair.call("DELETE", f"/api/v1/api-keys/{key['id']}", user.token)
    pair.until_refused(user.api_key)
    assert [pair.status(headers) for headers in (user.token, user.cookie)] == [200, 200]

    user = pair.add_user("is-disabled")
    pair.call("PATCH", "/api/v1/users/is-disabled", pair.admin, {"disabled": True})
    pair.until_refused(*user)

    user = pair.add_user("is-deleted")
    pair.call("DELETE", "/api/v1/users/is-deleted", pair.admin)
    pair.until_refused(*user)

    user = pair.add_user("gets-a-password")
    pair.call("PATCH", "/api/v1/users/gets-a-password", pair.admin, {"password": ANOTHER})
    pair.until_refused(*user)

    assert [pair.status(headers) for headers in bystander] == [200] * 3


def change_a_role(pair: Pair) -> None:
    """Sessions end. The key goes on with what the new role allows, there too."""
    user = pair.add_user("berta")
    new = {"sku": "CHAIR", "name": "Chair"}
    assert httpx.post(pair.second.url + ITEMS, json=new, headers=user.api_key).status_code == 201
    path = f"{pair.second.url}{ITEMS}/CHAIR"
    assert httpx.patch(path, json={"name": "Stool"}, headers=user.api_key).status_code == 200
    pair.call("PATCH", "/api/v1/users/berta", pair.admin, {"role": "user"})
    pair.until_refused(user.token, user.cookie)
    wait_until(lambda: httpx.patch(path, json={"name": "Table"}, headers=user.api_key).status_code == 403)
    assert pair.status(user.api_key) == 200
    again = httpx.post(f"{pair.second.url}{AUTH}/token", json={"username": "berta", "password": PASSWORD}).json()
    assert again["scopes"] == ["items:read", "items:create"]


def change_the_own_password(pair: Pair) -> None:
    """The session that changes it goes on with fresh tokens, and so do the keys; the other sessions end."""
    user, other = pair.add_user("anna"), pair.bearer("anna")
    assert pair.status(other) == 200
    pair.call("POST", f"{AUTH}/me/password", other, {"current": PASSWORD, "new": ANOTHER})
    pair.until_refused(user.token, user.cookie)
    assert pair.status(user.api_key) == 200
    body = {"username": "anna", "password": PASSWORD}
    assert httpx.post(f"{pair.second.url}{AUTH}/token", json=body).status_code == 401
    body = {"username": "anna", "password": ANOTHER}
    assert httpx.post(f"{pair.second.url}{AUTH}/token", json=body).status_code == 200
