"""Bad access tokens over HTTP: each is refused, and none is in the log."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from catalog.adapters.jwt.signing_keys import to_pem
from catalog.domain.identity.audit import EVERY_EVENT
from catalog.entrypoints import log_config
from catalog.entrypoints.settings.sections import LogSettings
from tests.http.identity.making import AUTH, Service, serving
from tests.http.making import ITEMS
from tests.unit.adapters.jwt.bad_tokens import AUDIENCE, BAD_TOKENS, CLAIMS, GOOD, ISSUER, KEY, NOW, START, with_claims

SPACES = {"a space before", "a space behind", "a line break behind"}
"""Tokens that are good over HTTP: spaces around the value of a header do not belong to it."""

OVER_HTTP = {name: token for name, token in BAD_TOKENS.items() if name not in SPACES}

EXPIRED = {
    "expired an hour ago": with_claims(exp=START - 3600),
    "expired at the second": with_claims(exp=START - 4),
    "expired in 1970": with_claims(exp=0),
    "expired before 1970": with_claims(exp=-1),
}

ROUTES = (("GET", ITEMS), ("POST", ITEMS), ("DELETE", "/api/v1/users/admin"))


@asynccontextmanager
async def verifying() -> AsyncIterator[Service]:
    """Run a service that signs with the key of the tokens, four seconds before their time. It has no users."""
    log_config.configure(LogSettings.model_validate({"level": "DEBUG", "format": "json"}))
    identity = {"signing_key": to_pem(KEY), "issuer_name": ISSUER, "audience_name": AUDIENCE}
    async with serving("memory://", (), identity=identity) as running:
        running.clock.ahead = NOW - datetime.now(UTC) - timedelta(seconds=4)
        yield running


async def send(service: Service, token: str, method: str = "GET", path: str = ITEMS) -> httpx.Response:
    """Send a request with a token, byte for byte."""
    value = f"Bearer {token}".encode(errors="surrogatepass")
    async with service.client() as client:
        return await client.request(method, path, headers=[(b"authorization", value)])


async def logged(service: Service, capsys: pytest.CaptureFixture[str]) -> str:
    """Return everything that was printed, and the security log."""
    await service.container.security_events().write(everything=True)
    await asyncio.sleep(0)  # log lines are written at the end of the event loop's iteration
    out, err = capsys.readouterr()
    assert '"event":"request"' in err.replace(" ", "")
    entries = await service.container.identity_storage().security_entries(EVERY_EVENT, before=None, limit=100)
    return out + err + repr(entries)


def secrets_of(token: str) -> list[str]:
    """Return the token and its longer segments, also as they would stand in JSON."""
    parts = [part for part in (token, *token.split(".")) if len(part) > 16]
    return parts + [json.dumps(part)[1:-1] for part in parts]


async def test_the_good_token_is_accepted() -> None:
    """So the bad ones are refused for what is bad about them."""
    async with verifying() as service:
        for token in (GOOD, f" {GOOD}", f"{GOOD} "):
            response = await send(service, token, path=f"{AUTH}/me")
            assert (response.status_code, response.json()["username"]) == (200, CLAIMS.username)


@pytest.mark.parametrize("token", OVER_HTTP.values(), ids=OVER_HTTP.keys())
async def test_a_bad_token_is_refused(capsys: pytest.CaptureFixture[str], token: str) -> None:
    """By every kind of route, with the same words."""
    async with verifying() as service:
        for method, path in ROUTES:
            response = await send(service, token, method, path)
            assert response.status_code == 401, response.text
            assert response.headers["content-type"] == "application/problem+json"
            assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
            assert response.headers["cache-control"] == "no-store"
            body = response.json()
            assert (body["status"], body["code"]) == (401, "invalid_token")
            shown = response.text + repr(response.headers)
            assert not any(secret in shown for secret in secrets_of(token))
        log = await logged(service, capsys)
    assert not any(secret in log for secret in secrets_of(token))
    assert "Traceback" not in log
    assert '"exception"' not in log


@pytest.mark.parametrize("token", EXPIRED.values(), ids=EXPIRED.keys())
async def test_an_expired_token_is_called_expired(capsys: pytest.CaptureFixture[str], token: str) -> None:
    """So that the client refreshes it. It is not in the log either."""
    async with verifying() as service:
        for method, path in ROUTES:
            response = await send(service, token, method, path)
            assert (response.status_code, response.json()["code"]) == (401, "expired_token")
            assert response.headers["content-type"] == "application/problem+json"
            assert response.headers["www-authenticate"].startswith('Bearer error="invalid_token"')
            assert token not in response.text
        log = await logged(service, capsys)
    assert not any(secret in log for secret in secrets_of(token))


async def test_a_token_that_was_remembered_expires() -> None:
    """A token is verified once; its end is looked at with each request."""
    async with verifying() as service:
        assert (await send(service, GOOD)).status_code == 200
        service.clock.ahead += timedelta(minutes=10, seconds=4)
        response = await send(service, GOOD)
        assert (response.status_code, response.json()["code"]) == (401, "expired_token")


async def test_bad_tokens_are_no_api_keys_and_no_cookies() -> None:
    """In the other places for credentials, a token counts as little, even the good one."""
    async with verifying() as service:
        tokens = [GOOD, *(token for token in OVER_HTTP.values() if token and len(token) < 5_000)]
        async with service.client() as client:
            for token in tokens:
                value = token.encode(errors="surrogatepass")
                for name, sent in ((b"x-api-key", value), (b"cookie", b"catalog_session=" + value)):
                    response = await client.get(ITEMS, headers=[(name, sent)])
                    assert (response.status_code, response.json()["code"]) == (401, "invalid_token"), (name, token)


def test_there_are_enough_bad_tokens() -> None:
    """At least sixty, and every one that the verifier refuses, except for spaces around it."""
    assert len(OVER_HTTP) >= 60
    assert BAD_TOKENS.keys() - OVER_HTTP.keys() == SPACES
