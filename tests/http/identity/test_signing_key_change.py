"""Signing keys in the settings that are changed one process after the other, while tokens stay valid."""

import json
from itertools import pairwise

from catalog.adapters.jwt.signing_keys import SigningKey, generate_key, to_pem
from tests.http.identity.making import Service, serving
from tests.http.making import ITEMS

OLD, NEW = generate_key(), generate_key()

STEPS = ((OLD,), (OLD, NEW), (NEW, OLD), (NEW,))
"""The keys of the settings in each step of a change."""


async def published(service: Service) -> list[str]:
    """Return the ids of the public keys."""
    async with service.client() as client:
        return [key["kid"] for key in (await client.get("/.well-known/jwks.json")).json()["keys"]]


async def status_of(service: Service, headers: dict[str, str]) -> int:
    """Return whether a process accepts a token."""
    async with service.client(**headers) as client:
        return (await client.get(ITEMS)).status_code


def settings(keys: tuple[SigningKey, ...]) -> dict[str, str]:
    """Return the settings with these keys."""
    return {"signing_key": "".join(map(to_pem, keys))}


async def test_keys_are_changed_in_steps_without_refusing_a_token() -> None:
    """While a step is rolled out, each process accepts the tokens of the others. All keys are published, the first one signs."""
    for before, after in pairwise(STEPS):
        async with (
            serving("memory://", ("user",), identity=settings(before)) as earlier,
            serving("memory://", ("user",), identity=settings(after)) as later,
        ):
            assert await published(later) == [key.id for key in after]
            for issuer in (earlier, later):
                token = await issuer.bearer("user")
                assert [await status_of(process, token) for process in (earlier, later)] == [200, 200]


async def test_a_key_that_was_dropped_verifies_nothing() -> None:
    """Its tokens are invalid, and clients refresh them."""
    async with (
        serving("memory://", ("user",), identity=settings(STEPS[1])) as earlier,
        serving("memory://", ("user",), identity=settings(STEPS[3])) as later,
    ):
        assert await status_of(later, await earlier.bearer("user")) == 401


async def test_a_jwk_set_is_a_setting_as_well() -> None:
    """JSON in the variable is not taken for a nested setting."""
    members = {"kty": "OKP", "crv": "Ed25519", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}  # of RFC 8037, appendix A
    async with serving("memory://", ("user",), identity={"signing_key": json.dumps({"keys": [members]})}) as service:
        assert await published(service) == ["kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"]
