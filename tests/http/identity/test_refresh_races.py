"""Fifty refreshes of one token at the same time, over HTTP, by two processes on one database."""

import asyncio
import json
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest

from catalog.domain.identity.audit import AuditFilter
from tests.conftest import STORES
from tests.http.identity.making import AUTH, Service, client_of, second_process

PARALLEL = 50


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> str:
    """The kind of store."""
    kind: str = request.param
    return kind


@pytest.fixture
async def clients(service: Service) -> AsyncIterator[Sequence[httpx.AsyncClient]]:
    """A client of each process."""
    async with second_process(service) as other, service.client() as first, client_of(other) as second:
        yield first, second


async def refresh_all(clients: Sequence[httpx.AsyncClient], tokens: Sequence[str]) -> list[httpx.Response]:
    """Present refresh tokens at the same time, to the processes in turn."""
    return await asyncio.gather(
        *(
            clients[number % len(clients)].post(f"{AUTH}/refresh", json={"refresh_token": token})
            for number, token in enumerate(tokens)
        )
    )


def session_in(access_token: str) -> str:
    """Return the session that an access token belongs to."""
    payload = access_token.split(".")[1]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return str(claims["sid"])


def outcomes(responses: Sequence[httpx.Response]) -> set[tuple[int, str]]:
    """Return the statuses and codes."""
    return {(response.status_code, response.json().get("code", "")) for response in responses}


async def statuses(clients: Sequence[httpx.AsyncClient], *tokens: str) -> list[int]:
    """Return how the first process, where the session ended, answers requests with access tokens."""
    return [(await clients[0].get(f"{AUTH}/me", headers={"Authorization": f"Bearer {token}"})).status_code for token in tokens]


async def reuses(service: Service) -> set[tuple[str | None, str | None]]:
    """Return whose tokens were reused according to the security log, and of which session."""
    found = await service.container.identity_storage().security_entries(
        AuditFilter(action="token.reused"), before=None, limit=200
    )
    return {(entry.event.subject, entry.event.credential) for entry in found}


async def test_within_the_grace_everybody_gets_tokens_of_the_same_session(
    service: Service, clients: Sequence[httpx.AsyncClient]
) -> None:
    """And each pair is good for another refresh: only then is the first token a stolen one."""
    first, bystander = await service.sign_in("editor"), await service.sign_in("editor")
    responses = await refresh_all(clients, [first["refresh_token"]] * PARALLEL)
    assert outcomes(responses) == {(200, "")}
    pairs = [response.json() for response in responses]
    assert len({pair["refresh_token"] for pair in pairs} | {first["refresh_token"]}) == PARALLEL + 1
    assert len({pair["access_token"] for pair in pairs}) == PARALLEL
    assert {session_in(pair["access_token"]) for pair in pairs} == {session_in(first["access_token"])}
    assert await statuses(clients, *(pair["access_token"] for pair in pairs)) == [200] * PARALLEL
    assert await reuses(service) == set()

    again = await refresh_all(clients, [pair["refresh_token"] for pair in pairs])
    assert outcomes(again) == {(200, "")}

    replays = await refresh_all(clients[:1], [first["refresh_token"]] * PARALLEL)
    assert outcomes(replays) == {(401, "invalid_token")}
    tokens = [first["access_token"], pairs[0]["access_token"], again[-1].json()["access_token"]]
    assert await statuses(clients, *tokens, bystander["access_token"]) == [401, 401, 401, 200]
    rest = await refresh_all(clients, [response.json()["refresh_token"] for response in again])
    assert outcomes(rest) == {(401, "invalid_token")}
    assert await reuses(service) == {("editor", f"session:{session_in(first['access_token'])}")}


async def test_one_use_of_a_successor_ends_the_grace(service: Service, clients: Sequence[httpx.AsyncClient]) -> None:
    """Whoever presents the first token then, within the ten seconds too, ends the session of both."""
    first = await service.sign_in("editor")
    one, two = await refresh_all(clients, [first["refresh_token"]] * 2)
    (used,) = await refresh_all(clients, [one.json()["refresh_token"]])
    assert used.status_code == 200
    assert outcomes(await refresh_all(clients[:1], [first["refresh_token"]])) == {(401, "invalid_token")}
    rest = await refresh_all(clients, [used.json()["refresh_token"], two.json()["refresh_token"]])
    assert outcomes(rest) == {(401, "invalid_token")}
    assert await statuses(clients, used.json()["access_token"], two.json()["access_token"]) == [401, 401]


async def test_after_the_grace_a_used_token_ends_the_session(service: Service, clients: Sequence[httpx.AsyncClient]) -> None:
    """Although nobody used the successor: ten seconds are for two tabs, not for a thief."""
    first, bystander = await service.sign_in("editor"), await service.sign_in("editor")
    (second,) = await refresh_all(clients, [first["refresh_token"]])
    service.clock.ahead += timedelta(seconds=11)
    late = await refresh_all(clients[:1], [first["refresh_token"]] * PARALLEL)
    assert outcomes(late) == {(401, "invalid_token")}
    assert outcomes(await refresh_all(clients, [second.json()["refresh_token"]])) == {(401, "invalid_token")}
    assert await statuses(clients, second.json()["access_token"], bystander["access_token"]) == [401, 200]
