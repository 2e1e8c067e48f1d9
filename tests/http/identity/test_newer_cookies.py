"""A browser keeps its newer cookie when a response comes late to a request that it sent with the older one."""

from datetime import timedelta

import httpx
import pytest

from catalog.domain.identity.session import JUST_ENDED
from tests.conftest import STORES
from tests.http.identity.making import ANOTHER, AUTH, PASSWORD, SAME_ORIGIN, Service
from tests.http.making import ITEMS


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> str:
    """The kind of store."""
    kind: str = request.param
    return kind


async def sign_in(browser: httpx.AsyncClient) -> dict[str, str]:
    """Sign in. Return the header with which requests are already on their way when the cookie changes."""
    response = await browser.post(f"{AUTH}/session", json={"username": "editor", "password": PASSWORD})
    assert response.status_code == 200, response.text
    return {"Cookie": f"catalog_session={browser.cookies['catalog_session']}"}


async def late(service: Service, browser: httpx.AsyncClient, headers: dict[str, str]) -> httpx.Response:
    """Return the response to a request with the older cookie, after the browser has taken the cookies that it sets."""
    async with service.client(**SAME_ORIGIN) as sender:
        response = await sender.get(ITEMS, headers=headers)
    browser.cookies.extract_cookies(response)
    return response


async def test_a_new_password_leaves_the_new_cookie(service: Service) -> None:
    """Requests with the old one are refused at once, but the browser stays signed in."""
    async with service.client(**SAME_ORIGIN) as browser:
        old = await sign_in(browser)
        changed = await browser.post(f"{AUTH}/me/password", json={"current": PASSWORD, "new": ANOTHER})
        assert changed.status_code == 204
        for _ in range(2):
            response = await late(service, browser, old)
            assert (response.status_code, response.json()["code"]) == (401, "invalid_token")
            assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
            assert "set-cookie" not in response.headers
        assert (await browser.get(f"{AUTH}/me")).json()["username"] == "editor"


async def test_signing_in_again_leaves_the_new_cookie(service: Service) -> None:
    """As when somebody else has ended the session a moment ago."""
    async with service.client(**SAME_ORIGIN) as browser:
        old = await sign_in(browser)
        assert (await browser.delete(f"{AUTH}/session")).status_code == 204
        await sign_in(browser)
        assert (await late(service, browser, old)).status_code == 401
        assert (await browser.get(f"{AUTH}/me")).json()["username"] == "editor"


async def test_a_cookie_is_cleared_later(service: Service) -> None:
    """No script can remove it, and with it the browser would not be a guest again."""
    async with service.client(**SAME_ORIGIN) as browser:
        old = await sign_in(browser)
        async with service.client(**await service.bearer("admin")) as admin:
            assert (await admin.patch("/api/v1/users/editor", json={"disabled": True})).status_code == 200
        service.clock.ahead += JUST_ENDED - timedelta(seconds=10)
        assert (await late(service, browser, old)).status_code == 401
        assert "catalog_session" in browser.cookies
        service.clock.ahead += timedelta(seconds=10)
        assert (await late(service, browser, old)).status_code == 401
        assert "catalog_session" not in browser.cookies
