"""Valkey is killed and comes back: what is refused meanwhile, and what goes on. With the real server, over HTTP."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from tests.http.identity.making import AUTH, PASSWORD, Service, serving
from tests.http.making import ITEMS
from tests.servers import ValkeyServer, valkey

LIMIT = 8


@pytest.fixture
def server() -> Iterator[ValkeyServer]:
    """A Valkey that a test may kill."""
    with valkey() as running:
        yield running


async def sign_in(service: Service, password: str, username: str = "user") -> httpx.Response:
    """Try to sign in."""
    async with service.client() as client:
        return await client.post(f"{AUTH}/token", json={"username": username, "password": password})


def outcome(response: httpx.Response) -> tuple[int, str]:
    """Return the status and the code."""
    return response.status_code, response.json().get("code", "")


@pytest.mark.parametrize("store", ["memory"], indirect=True)
async def test_each_process_counts_while_valkey_is_away(store_url: str, server: ValkeyServer) -> None:
    """Requests are counted anew, sign-ins go on, and delays after failures hold. When it is back, the limits hold again."""
    async with serving(store_url, cache={"url": server.url}, rate_limit={"requests": LIMIT, "window_seconds": 3600}) as service:
        user, editor = await service.bearer("user"), await service.bearer("editor")
        async with service.client() as client:
            read = [(await client.get(ITEMS, headers=user)).status_code for _ in range(LIMIT + 2)]
            assert read == [200] * LIMIT + [429] * 2
            failures = [outcome(await sign_in(service, "wrong")) for _ in range(6)]
            assert failures == [(401, "invalid_credentials")] * 5 + [(429, "too_many_attempts")]

            server.kill()
            user = await service.bearer("auditor")
            read = [(await client.get(ITEMS, headers=user)).status_code for _ in range(LIMIT + 2)]
            assert read == [200] * LIMIT + [429] * 2
            assert outcome(await sign_in(service, PASSWORD)) == (429, "too_many_attempts")
            failures = [outcome(await sign_in(service, "wrong", "auditor")) for _ in range(6)]
            assert failures == [(401, "invalid_credentials")] * 5 + [(429, "too_many_attempts")]
            assert outcome(await sign_in(service, PASSWORD, "editor")) == (200, "")
            assert (await client.get(ITEMS, headers={"Authorization": "Bearer x"})).status_code == 401
            async with service.client(**await service.bearer("admin")) as admin:
                assert (await admin.delete("/api/v1/users/editor")).status_code == 204
            assert (await client.get(ITEMS, headers=editor)).status_code == 401  # revocation needs no Valkey

            await asyncio.to_thread(server.start)
            async with asyncio.timeout(40):
                while not await service.container.shared_counts().client.dbsize():
                    await client.get(f"{AUTH}/me")
                    await asyncio.sleep(0.05)
            read = [(await client.get(ITEMS, headers=user)).status_code for _ in range(LIMIT + 2)]
            assert read == [200] * LIMIT + [429] * 2
            failures = [outcome(await sign_in(service, "wrong", "nobody")) for _ in range(6)]
            assert failures == [(401, "invalid_credentials")] * 5 + [(429, "too_many_attempts")]
