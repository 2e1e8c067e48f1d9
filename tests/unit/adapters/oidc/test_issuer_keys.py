"""The keys of another issuer: how often they are fetched, and an issuer that is slow, away or hostile."""

import asyncio
import gzip
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from catalog.adapters.oidc.foreign_tokens import OidcTokens, TrustedIssuer
from catalog.adapters.oidc.issuer_keys import FRESH, MAX_BYTES, REFETCH_AFTER, RETRY_AFTER, USABLE
from catalog.adapters.oidc.json_web_keys import MAX_KEYS, KeySet
from catalog.domain.identity.errors import InvalidToken, IssuerUnavailable
from tests.making import NOON
from tests.servers import free_port
from tests.unit.adapters.forging import OMITTED, PrivateKey, base64url
from tests.unit.adapters.oidc.issuer import DISCOVERY, KEYS, Issuer
from tests.unit.adapters.oidc.keys import EC_KEY, ED_KEY, P384_KEY, RSA_KEY, SMALL_RSA_KEY, STRANGER, jwk

ED_JWK = jwk(ED_KEY, kid="ed")


class Seconds:
    """A monotonic clock that tests can move."""

    def __init__(self) -> None:
        """Start at a time at which the machine might have been started."""
        self.now = 1.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now


async def accepts(tokens: OidcTokens, token: str) -> bool:
    """Return whether a token is accepted."""
    try:
        await tokens.verify(token, NOON)
    except InvalidToken:
        return False
    return True


async def is_unavailable(tokens: OidcTokens, token: str) -> bool:
    """Return whether the issuer is unavailable, so that it is not known whether the token is good."""
    try:
        await tokens.verify(token, NOON)
    except IssuerUnavailable as error:
        return bool(error.reason)
    return False


async def test_keys_are_fetched_once() -> None:
    """The documents are fetched with the first token, once for all that come at the same time, and then kept."""
    async with Issuer(ED_JWK) as issuer:
        tokens = issuer.tokens()
        assert issuer.requests == []
        token = issuer.token("EdDSA", ED_KEY, "ed")
        assert all(await asyncio.gather(*(accepts(tokens, token) for _ in range(50))))
        assert await accepts(tokens, token)
        assert issuer.requests == [f"/realm{DISCOVERY}", f"/realm{KEYS}"]
        await tokens.close()


async def test_a_request_to_the_issuer_shows_nothing() -> None:
    """It has neither the token nor cookies, and asks for what is not compressed."""
    async with Issuer(ED_JWK) as issuer:
        issuer.answers(DISCOVERY, 200, {"issuer": issuer.url, "jwks_uri": f"{issuer.url}{KEYS}"}, set_cookie="a=b")
        tokens = issuer.tokens()
        token = issuer.token("EdDSA", ED_KEY, "ed")
        assert await accepts(tokens, token)
        for head in issuer.headers:
            assert token not in head
            assert "authorization" not in head.lower()
            assert "accept-encoding: identity" in head.lower()
        await tokens.close()


async def test_a_new_key_is_found() -> None:
    """A token with an unknown key id makes the keys to be fetched again; a key that was withdrawn is forgotten then."""
    async with Issuer(ED_JWK) as issuer:
        seconds = Seconds()
        tokens = issuer.tokens(clock=seconds)
        old, new = issuer.token("EdDSA", ED_KEY, "ed"), issuer.token("EdDSA", STRANGER, "new")
        assert await accepts(tokens, old)
        issuer.keys = {"keys": [jwk(STRANGER, kid="new")]}
        seconds.now += REFETCH_AFTER
        assert await accepts(tokens, new)
        assert not await accepts(tokens, old)
        assert issuer.fetches == 2
        await tokens.close()


async def test_a_flood_of_key_ids_causes_one_fetch_a_minute() -> None:
    """Unknown key ids are cheap to make up. Good tokens are accepted all the while."""
    async with Issuer(ED_JWK) as issuer:
        seconds = Seconds()
        tokens = issuer.tokens(clock=seconds)
        good = issuer.token("EdDSA", ED_KEY, "ed")
        for minute in range(1, 4):
            for second in (0, 1, REFETCH_AFTER - 0.01):
                seconds.now = minute * REFETCH_AFTER + second
                flood = [accepts(tokens, issuer.token("EdDSA", STRANGER, f"{minute}-{second}-{number}")) for number in range(20)]
                assert not any(await asyncio.gather(*flood))
                assert await accepts(tokens, good)
                assert issuer.fetches == minute
        await tokens.close()


async def test_known_keys_do_not_wait_for_a_slow_fetch() -> None:
    """While the keys are fetched again for an unknown one, good tokens are accepted at once."""
    async with Issuer(ED_JWK) as issuer:
        seconds = Seconds()
        tokens = issuer.tokens(clock=seconds, timeout=60)
        good = issuer.token("EdDSA", ED_KEY, "ed")
        assert await accepts(tokens, good)
        issuer.hangs(KEYS)
        seconds.now += REFETCH_AFTER
        waiting = asyncio.create_task(accepts(tokens, issuer.token("EdDSA", STRANGER, "unknown")))
        while issuer.fetches < 2:  # noqa: ASYNC110 - the issuer does not know this test
            await asyncio.sleep(0.001)
        assert await accepts(tokens, good)
        assert not waiting.done()
        waiting.cancel()
        await tokens.close()


async def test_a_caller_that_goes_away_does_not_stop_the_fetch() -> None:
    """Others wait for the same fetch."""
    async with Issuer(ED_JWK) as issuer:
        tokens = issuer.tokens()
        token = issuer.token("EdDSA", ED_KEY, "ed")
        first, second = (asyncio.create_task(accepts(tokens, token)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert await second
        assert issuer.fetches == 1
        await tokens.close()


async def test_old_keys_are_fetched_again_in_the_background() -> None:
    """After an hour the keys are fetched again, while those at hand are used. So a withdrawn key is noticed."""
    async with Issuer(ED_JWK) as issuer:
        seconds = Seconds()
        tokens = issuer.tokens(clock=seconds)
        token = issuer.token("EdDSA", ED_KEY, "ed")
        assert await accepts(tokens, token)
        seconds.now += FRESH - 0.01
        assert await accepts(tokens, token)
        assert issuer.fetches == 1
        issuer.keys = {"keys": []}
        seconds.now += 0.01
        assert await accepts(tokens, token)
        async with asyncio.timeout(20):
            while await accepts(tokens, token):  # noqa: ASYNC110 - the fetch in the background has no event
                await asyncio.sleep(0.001)
        assert issuer.fetches == 2
        await tokens.close()


async def test_keys_are_used_for_a_day_while_the_issuer_is_away() -> None:
    """An outage of the issuer stops only tokens with unknown keys. After a day, no key is trusted any more."""
    async with Issuer(ED_JWK) as issuer:
        seconds = Seconds()
        tokens = issuer.tokens(clock=seconds)
        good, unknown = issuer.token("EdDSA", ED_KEY, "ed"), issuer.token("EdDSA", STRANGER, "unknown")
        assert await accepts(tokens, good)
        await issuer.stop()
        seconds.now += FRESH
        assert await accepts(tokens, good)
        assert await is_unavailable(tokens, unknown)
        seconds.now += USABLE - FRESH - 0.01
        assert await accepts(tokens, good)
        seconds.now += 2 * RETRY_AFTER
        assert await is_unavailable(tokens, good)
        await issuer.start()
        assert await is_unavailable(tokens, good)
        seconds.now += RETRY_AFTER
        assert await accepts(tokens, good)
        await tokens.close()


async def test_an_issuer_that_is_away_is_tried_every_few_seconds() -> None:
    """Until there are keys, callers learn that the issuer is unavailable, and do not each try it themselves."""
    async with Issuer(ED_JWK) as issuer:
        seconds = Seconds()
        tokens = issuer.tokens(clock=seconds)
        token = issuer.token("EdDSA", ED_KEY, "ed")
        issuer.answers(DISCOVERY, 503)
        for attempt in range(1, 4):
            assert all(await asyncio.gather(*(is_unavailable(tokens, token) for _ in range(20))))
            assert await is_unavailable(tokens, token)
            assert len(issuer.requests) == attempt
            seconds.now += RETRY_AFTER
        issuer.handlers.clear()
        assert await accepts(tokens, token)
        await tokens.close()


async def test_nobody_listens() -> None:
    """An issuer that was never there is unavailable."""
    issuer = Issuer(ED_JWK)
    issuer._port = free_port()
    tokens = issuer.tokens()
    assert await is_unavailable(tokens, issuer.token("EdDSA", ED_KEY, "ed"))
    await tokens.close()


def redirect_to_keys(issuer: Issuer) -> None:
    """Name an address that redirects to the keys."""
    issuer.answers("/moved", 301, {}, location=f"{issuer.url}{KEYS}")
    issuer.discovery["jwks_uri"] = f"{issuer.url}/moved"


HOSTILE: dict[str, Callable[[Issuer], None]] = {
    "never answers": lambda issuer: issuer.hangs(DISCOVERY),
    "never sends the keys": lambda issuer: issuer.hangs(KEYS),
    "sends a little at a time without end": lambda issuer: issuer.streams(KEYS, b" ", 0.01),
    "sends much without end": lambda issuer: issuer.streams(KEYS, b" " * 65_536, 0),
    "sends much without end at once": lambda issuer: issuer.streams(DISCOVERY, b" " * 65_536, 0),
    "sends a huge document": lambda issuer: issuer.answers(KEYS, 200, json.dumps(issuer.keys).encode().ljust(MAX_BYTES + 1)),
    "sends a small document that becomes huge": lambda issuer: issuer.answers(
        KEYS, 200, gzip.compress(b" " * 10_000_000 + json.dumps(issuer.keys).encode()), content_encoding="gzip"
    ),
    "redirects the discovery": lambda issuer: issuer.answers(DISCOVERY, 302, {}, location=f"{issuer.url}/elsewhere"),
    "redirects to the keys": redirect_to_keys,
    "redirects for ever": lambda issuer: issuer.answers(KEYS, 307, {}, location=f"{issuer.url}{KEYS}"),
    "answers with an error": lambda issuer: issuer.answers(KEYS, 500, issuer.keys),
    "answers with no content": lambda issuer: issuer.answers(KEYS, 204, b""),
    "has no discovery document": lambda issuer: issuer.answers(DISCOVERY, 404, {}),
    "speaks no HTTP": lambda issuer: issuer.handlers.update({f"/realm{DISCOVERY}": speak_nonsense}),
    "hangs up": lambda issuer: issuer.handlers.update({f"/realm{KEYS}": hang_up}),
    "sends HTML": lambda issuer: issuer.answers(DISCOVERY, 200, b"<html>"),
    "sends an empty document": lambda issuer: issuer.answers(DISCOVERY, 200, b""),
    "sends a list": lambda issuer: issuer.answers(DISCOVERY, 200, []),
    "sends no UTF-8": lambda issuer: issuer.answers(DISCOVERY, 200, b'"\xff\xfe"'),
    "sends deeply nested JSON": lambda issuer: issuer.answers(KEYS, 200, b"[" * 100_000),
    "sends huge numbers": lambda issuer: issuer.answers(KEYS, 200, b"9" * 100_000),
    "is another issuer": lambda issuer: issuer.discovery.update(issuer="https://issuer.example"),
    "is the issuer with a slash": lambda issuer: issuer.discovery.update(issuer=f"{issuer.url}/"),
    "does not say which issuer it is": lambda issuer: issuer.discovery.update(issuer=OMITTED),
    "does not say where the keys are": lambda issuer: issuer.discovery.update(jwks_uri=OMITTED),
    "has a number as address": lambda issuer: issuer.discovery.update(jwks_uri=1),
    "has a file as address": lambda issuer: issuer.discovery.update(jwks_uri="file:///etc/passwd"),
    "has a relative address": lambda issuer: issuer.discovery.update(jwks_uri=KEYS),
    "has an address without TLS": lambda issuer: issuer.discovery.update(jwks_uri="http://192.0.2.1/keys"),
    "has an address with a password": lambda issuer: issuer.discovery.update(jwks_uri=f"http://a:b@{issuer.url[7:]}{KEYS}"),
    "has an address that is none": lambda issuer: issuer.discovery.update(jwks_uri="https://[::1/keys"),
    "has an address with control characters": lambda issuer: issuer.discovery.update(jwks_uri=f"{issuer.url}/\0\x7f"),
    "has a port that is none": lambda issuer: issuer.discovery.update(jwks_uri="https://issuer.example:99999/"),
    "sends keys that are no set": lambda issuer: issuer.answers(KEYS, 200, [ED_JWK]),
    "sends a key instead of a set": lambda issuer: issuer.answers(KEYS, 200, ED_JWK),
    "sends a set that is no list": lambda issuer: issuer.answers(KEYS, 200, {"keys": ED_JWK}),
}


async def speak_nonsense(writer: Any) -> None:  # noqa: ANN401 - it is written to
    """Answer with what is no HTTP, and hang up."""
    writer.write(b"220 mail.example ESMTP\r\n\r\n")
    await writer.drain()
    raise ConnectionResetError


async def hang_up(writer: Any) -> None:  # noqa: ANN401 - as above
    """Begin an answer and hang up."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
    await writer.drain()
    raise ConnectionResetError


@pytest.mark.parametrize("make_hostile", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_hostile_issuer_is_unavailable(make_hostile: Callable[[Issuer], None]) -> None:
    """None of this is accepted, followed or waited for. The issuer is tried again later, and then it works."""
    async with Issuer(ED_JWK) as issuer:
        make_hostile(issuer)
        seconds = Seconds()
        tokens = issuer.tokens(timeout=0.3, clock=seconds)
        token = issuer.token("EdDSA", ED_KEY, "ed")
        assert await is_unavailable(tokens, token)
        assert issuer.requests in ([f"/realm{DISCOVERY}"], [f"/realm{DISCOVERY}", issuer.requests[-1]])
        issuer.handlers.clear()
        issuer.discovery.clear()
        seconds.now += RETRY_AFTER
        assert await accepts(tokens, token)
        await tokens.close()


UNUSABLE: dict[str, tuple[str, PrivateKey | bytes, dict[str, Any]]] = {
    "a symmetric key": ("HS256", b"secret" * 6, {"kty": "oct", "k": base64url(b"secret" * 6), "alg": "HS256", "kid": "x"}),
    "a symmetric key said to be asymmetric": (
        "EdDSA",
        b"secret" * 6,
        {"kty": "oct", "k": base64url(b"secret" * 6), "alg": "EdDSA", "kid": "x"},
    ),
    "a key for encryption": ("EdDSA", ED_KEY, {**ED_JWK, "kid": "x", "use": "enc"}),
    "a key that may only sign": ("EdDSA", ED_KEY, {**ED_JWK, "kid": "x", "key_ops": ["sign"]}),
    "a key whose operations are no list": ("EdDSA", ED_KEY, {**ED_JWK, "kid": "x", "key_ops": "verify"}),
    "a private key": ("EdDSA", ED_KEY, {**ED_JWK, "kid": "x", "d": base64url(ED_KEY.private_bytes_raw())}),
    "an RSA key that is too short": ("RS256", SMALL_RSA_KEY, jwk(SMALL_RSA_KEY, kid="x")),
    "a key on another curve": ("ES256", P384_KEY, jwk(P384_KEY, kid="x")),
    "a key for another algorithm of its type": ("RS256", RSA_KEY, jwk(RSA_KEY, kid="x", alg="PS256")),
    "a key for an algorithm that is not accepted": ("RS256", RSA_KEY, jwk(RSA_KEY, kid="x", alg="RS512")),
    "a key for an algorithm of another type": ("EdDSA", ED_KEY, {**ED_JWK, "kid": "x", "alg": "RS256"}),
    "a key that is cut off": ("EdDSA", ED_KEY, {**ED_JWK, "kid": "x", "x": ED_JWK["x"][:-4]}),
    "a key without its content": ("EdDSA", ED_KEY, {"kty": "OKP", "crv": "Ed25519", "kid": "x"}),
    "a key that is no base64": ("RS256", RSA_KEY, {**jwk(RSA_KEY), "kid": "x", "n": "é"}),
    "a key of zeros": ("RS256", RSA_KEY, {**jwk(RSA_KEY), "kid": "x", "e": "AA"}),
    "a point that is not on the curve": ("ES256", EC_KEY, {**jwk(EC_KEY), "kid": "x", "y": jwk(EC_KEY)["x"]}),
    "members of wrong types": ("RS256", RSA_KEY, {"kty": "RSA", "n": 1, "e": [], "kid": "x"}),
    "a type that is no text": ("RS256", RSA_KEY, {**jwk(RSA_KEY), "kty": ["RSA"], "kid": "x"}),
    "a key id that is no text": ("EdDSA", ED_KEY, {**ED_JWK, "kid": ["x"]}),
    "a key without id, for a token with one": ("EdDSA", ED_KEY, jwk(ED_KEY)),
}


@pytest.mark.parametrize(("algorithm", "key", "members"), UNUSABLE.values(), ids=UNUSABLE.keys())
async def test_a_key_that_must_not_be_used_is_left_out(algorithm: str, key: PrivateKey | bytes, members: dict[str, Any]) -> None:
    """No token is accepted because of it, and the other keys still work."""
    async with Issuer(members, jwk(EC_KEY, kid="good")) as issuer:
        tokens = issuer.tokens()
        assert not await accepts(tokens, issuer.token(algorithm, key, "x"))
        assert await accepts(tokens, issuer.token("ES256", EC_KEY, "good"))
        await tokens.close()


async def test_keys_without_ids() -> None:
    """A token without a key id is verified by the only key for its algorithm. If there are two, it is refused."""
    async with Issuer(jwk(ED_KEY), jwk(EC_KEY, kid="ec"), jwk(RSA_KEY)) as issuer:
        tokens = issuer.tokens()
        for algorithm, key in (("EdDSA", ED_KEY), ("ES256", EC_KEY), ("RS256", RSA_KEY), ("PS256", RSA_KEY)):
            assert await accepts(tokens, issuer.token(algorithm, key, OMITTED))
        assert not await accepts(tokens, issuer.token("EdDSA", STRANGER, OMITTED))
        await tokens.close()
        issuer.keys["keys"].append(jwk(STRANGER))
        tokens = issuer.tokens()
        assert not await accepts(tokens, issuer.token("EdDSA", ED_KEY, OMITTED))
        assert await accepts(tokens, issuer.token("ES256", EC_KEY, OMITTED))
        await tokens.close()


async def test_keys_of_two_types_may_have_the_same_id() -> None:
    """The algorithm selects one (RFC 7517, section 4.5). Two of the same type are refused."""
    async with Issuer(jwk(ED_KEY, kid="k"), jwk(EC_KEY, kid="k")) as issuer:
        tokens = issuer.tokens()
        assert await accepts(tokens, issuer.token("EdDSA", ED_KEY, "k"))
        assert await accepts(tokens, issuer.token("ES256", EC_KEY, "k"))
        await tokens.close()
        issuer.keys["keys"].append(jwk(STRANGER, kid="k"))
        tokens = issuer.tokens()
        assert not await accepts(tokens, issuer.token("EdDSA", ED_KEY, "k"))
        await tokens.close()


def test_a_huge_set_of_keys_is_cut_off() -> None:
    """Only the first hundred are read. What is no object is left out."""
    assert len(KeySet.parse({"keys": [ED_JWK] * (MAX_KEYS + 1)})) == MAX_KEYS
    assert len(KeySet.parse({"keys": [None, 1, "x", [], ED_JWK]})) == 1
    assert len(KeySet.parse({"keys": []})) == 0


async def test_closing_stops_a_fetch() -> None:
    """At shutdown nothing waits for a slow issuer."""
    async with Issuer(ED_JWK) as issuer:
        issuer.hangs(DISCOVERY)
        tokens = issuer.tokens(timeout=60)
        waiting = asyncio.create_task(tokens.verify(issuer.token("EdDSA", ED_KEY, "ed"), NOON + timedelta(0)))
        while not issuer.requests:  # noqa: ASYNC110 - the issuer does not know this test
            await asyncio.sleep(0.001)
        await tokens.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting


@pytest.mark.parametrize(
    "address",
    [
        "http://issuer.example",
        "http://192.0.2.1",
        "http://127.0.0.1.issuer.example",
        "http://localhost.issuer.example",
        "http://localhost@issuer.example",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "issuer.example",
        "https://",
        "https://user:password@issuer.example",
        "https://issuer.example?tenant=1",
        "https://issuer.example#top",
        "",
    ],
)
def test_an_issuer_has_a_safe_address(address: str) -> None:
    """Keys that come without TLS may be those of an attacker. The error does not quote the address."""
    with pytest.raises(ValueError, match="https") as caught:
        OidcTokens(TrustedIssuer(issuer=address, audience="a"))
    assert "password" not in str(caught.value)


@pytest.mark.parametrize("address", ["https://issuer.example/", "http://localhost:1", "http://127.9.9.9/x", "http://[::1]:8080"])
async def test_loopback_may_be_without_tls(address: str) -> None:
    """On loopback there is nobody in between."""
    await OidcTokens(TrustedIssuer(issuer=address, audience="a")).close()
