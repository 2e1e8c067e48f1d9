"""Where the service is reached over HTTPS only, a page that came over HTTP is of another origin, whoever ends TLS."""

import pytest

from catalog.application.identity.client import Client
from catalog.entrypoints.http.requests.credentials import SECURE_COOKIE
from tests.http.identity.making import AUTH, PASSWORD, serving
from tests.http.making import ITEMS, client_for, memory_app


@pytest.mark.parametrize(
    ("origin", "accepted"),
    [
        ("https://localhost", True),
        ("HTTPS://Localhost", True),
        ("http://localhost", False),
        ("https://localhost:8443", False),
        ("localhost", False),
        ("ws://localhost", False),
    ],
)
async def test_the_scheme_of_the_origin_counts(origin: str, *, accepted: bool) -> None:
    """If the browser sends no Sec-Fetch-Site. A proxy ends TLS here: the service is asked over HTTP."""
    async with client_for(memory_app(tls=True)) as client:
        response = await client.post(ITEMS, json={"name": "x"}, headers={"Origin": origin})
        assert response.status_code == (201 if accepted else 403)
    async with serving("memory://", http={"tls": True}) as service, service.client(Origin=origin) as client:
        signed_in = await client.post(f"{AUTH}/session", json={"username": "editor", "password": PASSWORD})
        assert signed_in.status_code == (200 if accepted else 403)
        secret = (await service.container.sign_in().for_browser("editor", PASSWORD, Client())).cookie
        cookie = {"Cookie": f"{SECURE_COOKIE}={secret}"}
        created = await client.post(ITEMS, json={"name": "x"}, headers=cookie)
        assert created.status_code == (201 if accepted else 403)
