"""The first admin by a setup token, over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from tests.conftest import STORES
from tests.http.identity.making import AUTH, PASSWORD, Service, serving

ADMIN = {"username": "Ada", "password": PASSWORD}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> str:
    """The kind of store."""
    kind: str = request.param
    return kind


@pytest.fixture
async def service(store_url: str) -> AsyncIterator[Service]:
    """A service without users."""
    async with serving(store_url, ()) as running:
        yield running


async def new_token(service: Service) -> str:
    """Return a setup token, as the start prints it."""
    token: str | None = await service.container.first_admin().new_token()
    assert token is not None
    return token


async def set_up(service: Service, token: str, **fields: object) -> httpx.Response:
    """Create the admin."""
    async with service.client() as client:
        return await client.post(f"{AUTH}/setup", json={"token": token} | ADMIN | fields)


def code(response: httpx.Response) -> tuple[int, str]:
    """Return the status and the code."""
    return response.status_code, response.json().get("code", "")


async def test_a_setup_token_creates_the_first_admin_once(service: Service) -> None:
    """Who can then sign in. No token is valid any more, the others that were printed included."""
    token, other = await new_token(service), await new_token(service)
    created = await set_up(service, token)
    assert created.status_code == 201, created.text
    assert created.headers["cache-control"] == "no-store"
    user = created.json()
    assert user.keys() == {"id", "username", "role", "disabled", "created_at", "updated_at", "version"}
    assert (user["username"], user["role"], user["disabled"], user["version"]) == ("ada", "admin", False, 1)
    for used in (token, other):
        again = await set_up(service, used, username="bob")
        assert code(again) == (401, "invalid_token")
        assert again.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert await service.container.first_admin().new_token() is None
    async with service.client(**await service.bearer("ada")) as client:
        assert [each["username"] for each in (await client.get("/api/v1/users")).json()["users"]] == ["ada"]


async def test_a_wrong_token_creates_nobody(service: Service) -> None:
    """It does not use up the right one, and it is not quoted. Neither does a weak password."""
    token = await new_token(service)
    for wrong in (token[:-1], f"{token}x", token.swapcase(), f" {token}", "", "\u0000", "x" * 10_000, "é"):
        response = await set_up(service, wrong)
        assert code(response) == (401, "invalid_token")
        assert len(wrong) < 20 or wrong not in response.text
    assert code(await set_up(service, token, password="password")) == (422, "weak_password")
    assert (await set_up(service, token)).status_code == 201


async def test_a_setup_token_is_good_for_an_hour(service: Service) -> None:
    """Not for a second more. A token that was printed later still is."""
    early = await new_token(service)
    service.clock.ahead += timedelta(minutes=30)
    late = await new_token(service)
    service.clock.ahead += timedelta(minutes=30)
    assert code(await set_up(service, early)) == (401, "invalid_token")
    service.clock.ahead += timedelta(minutes=29)
    assert (await set_up(service, late)).status_code == 201


async def test_a_setup_token_used_twice_at_the_same_time_makes_one_admin(service: Service) -> None:
    """Of twenty requests, one wins."""
    token = await new_token(service)
    responses = await asyncio.gather(*(set_up(service, token, username=f"ada{number}") for number in range(20)))
    assert sorted(response.status_code for response in responses) == [201] + [401] * 19
    (winner,) = (response.json()["username"] for response in responses if response.status_code == 201)
    async with service.client(**await service.bearer(winner)) as client:
        assert [each["username"] for each in (await client.get("/api/v1/users")).json()["users"]] == [winner]


async def test_fields_that_are_not_the_callers_are_refused(service: Service) -> None:
    """The role as well: it is not chosen, and the token is not used up."""
    token = await new_token(service)
    for field in ("id", "version", "disabled", "password_hash", "scopes", "role"):
        refused = await set_up(service, token, **{field: "admin"})
        assert code(refused) == (422, "invalid_input")
        assert [(error["code"], error["pointer"]) for error in refused.json()["errors"]] == [("unknown_field", f"/{field}")]
    assert (await set_up(service, token)).json()["role"] == "admin"
