"""Requests that bring a credential at the same time: it is looked up and counted once."""

import asyncio
from uuid import UUID

import pytest

from catalog.domain.identity.api_key import ApiKey
from catalog.domain.identity.user import User
from tests.http.identity.making import AUTH, serving


async def test_a_burst_of_requests_with_one_key_counts_as_one_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the address has one attempt left, all are let in, and the key is looked up once."""
    limits = {"requests": 20, "window_seconds": 600}
    async with serving("memory://", rate_limit=limits) as service, service.client() as client:
        key = await service.api_key("editor", "items:read")  # with a token that is counted as well
        guesses = [await client.get(f"{AUTH}/me", headers={"Authorization": f"Bearer {number}"}) for number in range(18)]
        assert {response.status_code for response in guesses} == {401}
        storage = service.container.identity_storage()
        original, looked_up = storage.api_key, []

        async def slow(key_id: UUID) -> tuple[ApiKey, User] | None:
            looked_up.append(key_id)
            await asyncio.sleep(0.05)
            return await original(key_id)

        monkeypatch.setattr(storage, "api_key", slow)
        responses = await asyncio.gather(*(client.get(f"{AUTH}/me", headers=key) for _ in range(15)))
        assert [response.status_code for response in responses] == [200] * 15
        assert len(looked_up) == 1
        late = await client.get(f"{AUTH}/me", headers={"Authorization": "Bearer one more"})
        assert late.status_code == 429
