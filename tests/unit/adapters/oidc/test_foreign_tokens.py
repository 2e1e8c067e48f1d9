"""Tokens of another issuer: which are accepted, with which rights, and many bad ones."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from catalog.adapters.oidc.foreign_tokens import LEEWAY, MAX_TOKEN, MAX_TRUST, OidcTokens
from catalog.domain.identity.errors import ExpiredToken, InvalidToken, NoRole
from catalog.domain.identity.roles import ROLE_SCOPES
from catalog.domain.identity.scopes import ITEMS_CREATE, ITEMS_READ, ITEMS_WRITE
from tests.making import NOON
from tests.unit.adapters.forging import OMITTED, PrivateKey, base64url, changed, encode_part, forge
from tests.unit.adapters.oidc.issuer import AUDIENCE, START, Issuer
from tests.unit.adapters.oidc.keys import EC_KEY, ED_KEY, P384_KEY, RSA_KEY, STRANGER, jwk

PUBLIC_KEYS = (jwk(RSA_KEY, kid="rsa"), jwk(EC_KEY, kid="ec"), jwk(ED_KEY, kid="ed"))


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    """An issuer with a key of each type."""
    async with Issuer(*PUBLIC_KEYS) as started:
        yield started


@pytest.fixture
async def tokens(issuer: Issuer) -> AsyncIterator[OidcTokens]:
    """What verifies its tokens."""
    made = issuer.tokens()
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("algorithm", "key", "kid"),
    [("RS256", RSA_KEY, "rsa"), ("PS256", RSA_KEY, "rsa"), ("ES256", EC_KEY, "ec"), ("EdDSA", ED_KEY, "ed")],
)
async def test_each_algorithm_is_accepted(issuer: Issuer, tokens: OidcTokens, algorithm: str, key: PrivateKey, kid: str) -> None:
    """The four algorithms are accepted with a key of their type."""
    principal = await tokens.verify(issuer.token(algorithm, key, kid), NOON)
    assert principal.username == principal.actor == f"{issuer.url}|ada"
    assert (principal.kind, principal.role, principal.credential) == ("user", "editor", "oidc")
    assert principal.scopes == ROLE_SCOPES["editor"]
    assert (principal.user_id, principal.credential_id) == (None, None)
    assert principal.expires_at == datetime.fromtimestamp(START + 600, UTC)


@pytest.mark.parametrize("kind", [OMITTED, "JWT", "jwt", "at+jwt", "application/at+jwt"])
async def test_usual_types_of_tokens_are_accepted(issuer: Issuer, tokens: OidcTokens, kind: object) -> None:
    """Many issuers do not follow RFC 9068."""
    header = changed({"alg": "EdDSA", "kid": "ed"}, typ=kind)
    assert (await tokens.verify(forge(header, issuer.claims(), ED_KEY), NOON)).role == "editor"


async def test_the_audience_may_be_one_of_several(issuer: Issuer, tokens: OidcTokens) -> None:
    """A list of audiences is accepted if ours is one of them."""
    token = issuer.token("EdDSA", ED_KEY, "ed", aud=["another", AUDIENCE])
    assert (await tokens.verify(token, NOON)).role == "editor"


async def test_optional_claims_may_be_missing(issuer: Issuer, tokens: OidcTokens) -> None:
    """Access tokens need neither `nbf` nor `iat`. Times may have a fraction."""
    token = issuer.token("EdDSA", ED_KEY, "ed", nbf=OMITTED, iat=OMITTED, exp=START + 0.5)
    assert (await tokens.verify(token, NOON)).role == "editor"


BAD: dict[str, Callable[[Issuer], str]] = {}


def bad(name: str, make: Callable[[Issuer], str]) -> None:
    """Add a bad token."""
    BAD[name] = make


def bad_header(name: str, key: PrivateKey | bytes | None = ED_KEY, **header: object) -> None:
    """Add a token with a bad header."""
    members = changed({"alg": "EdDSA", "typ": "JWT", "kid": "ed"}, **header)
    bad(name, lambda issuer: forge(members, issuer.claims(), key))


def bad_claims(name: str, **claims: object) -> None:
    """Add a well signed token with bad claims."""
    bad(name, lambda issuer: issuer.token("EdDSA", ED_KEY, "ed", **claims))


bad_header("alg none", None, alg="none")
bad_header("alg none, with a signature", alg="none")
bad_header("alg missing", alg=OMITTED)
bad_header("alg a list", alg=["EdDSA"])
for what, text in {
    "the public key": json.dumps(PUBLIC_KEYS[2]),
    "a part of it": PUBLIC_KEYS[2]["x"],
    "its id": "ed",
    "no key": "",
}.items():
    bad_header(f"HS256 with {what}", text.encode(), alg="HS256")
for other in ("RS384", "RS512", "PS384", "PS512"):
    bad_header(other, RSA_KEY, alg=other, kid="rsa")
for other in ("ES384", "ES512", "ES256K"):
    bad_header(other, EC_KEY, alg=other, kid="ec")
bad_header("RS256 with the key of ES256", RSA_KEY, alg="RS256", kid="ec")
bad_header("EdDSA with an RSA key", RSA_KEY, kid="rsa")
bad_header("ES256 with a key of EdDSA", EC_KEY, alg="ES256", kid="ed")
bad_header("RS256 signed as PS256", RSA_KEY, alg="RS256 ", kid="rsa")
bad_header("ES256 on another curve", P384_KEY, alg="ES256", kid="ec")
bad_header("kid unknown", kid="unknown")
bad_header("kid a number", kid=1)
bad_header("kid null", kid=None)
bad_header("kid of another key", kid="rsa")
bad_header("crit", crit=["exp"])
bad_header("crit empty", crit=[])
bad_header("crit with a known extension", crit=["b64"], b64=True)
bad_header("typ of a logout token", typ="logout+jwt")
bad_header("typ of a proof", typ="dpop+jwt")
bad_header("typ null in a list", typ=[None])
bad_header("embedded jwk", STRANGER, jwk=jwk(STRANGER))
bad_header("embedded jwk with its own kid", STRANGER, jwk=jwk(STRANGER, kid="s"), kid="s")
bad_header("jku", STRANGER, jku="http://127.0.0.1:1/keys")
bad_header("x5u", STRANGER, x5u="http://127.0.0.1:1/keys")
bad_header("another key", STRANGER)
bad_claims("iss of another", iss="https://issuer.example")
bad_claims("iss missing", iss=OMITTED)
bad_claims("aud of another", aud="another")
bad_claims("aud of others", aud=["another", "third"])
bad_claims("aud missing", aud=OMITTED)
bad_claims("aud empty", aud=[])
bad_claims("aud with what is no text", aud=[AUDIENCE, 1])
bad_claims("aud an object", aud={AUDIENCE: True})
bad_claims("sub missing", sub=OMITTED)
bad_claims("sub empty", sub="")
bad_claims("sub a number", sub=1)
bad_claims("sub too long", sub="a" * 256)
bad_claims("sub with a line break", sub="ada\nadmin")
bad_claims("sub with a character that turns the direction", sub="ada\u202e")
bad_claims("sub with a lone surrogate", sub="\ud800")
bad_claims("exp missing", exp=OMITTED)
bad_claims("exp null", exp=None)
bad_claims("exp a text", exp=str(START + 600))
bad_claims("exp true", exp=True)
bad_claims("exp not a number", exp=float("nan"))
bad_claims("exp infinite", exp=float("inf"))
bad_claims("exp huge", exp=10**30)
bad_claims("exp beyond all calendars", exp=1e300)
bad_claims("nbf in the future", nbf=START + 61)
bad_claims("nbf null", nbf=None)
bad_claims("nbf a text", nbf="now")
bad_claims("iat in the future", iat=START + 61)
bad_claims("iat infinite", iat=float("-inf"))
bad("nothing", lambda _: "")
bad("garbage", lambda _: "garbage")
bad("letters that are not ASCII", lambda issuer: issuer.token("EdDSA", ED_KEY, "ed") + "é")
bad("a lone surrogate", lambda issuer: issuer.token("EdDSA", ED_KEY, "ed") + "\ud800")
bad("a space behind", lambda issuer: issuer.token("EdDSA", ED_KEY, "ed") + " ")
bad("four segments", lambda issuer: issuer.token("EdDSA", ED_KEY, "ed") + ".a")
bad("without signature", lambda issuer: issuer.token("EdDSA", ED_KEY, "ed").rpartition(".")[0] + ".")
bad("truncated", lambda issuer: issuer.token("EdDSA", ED_KEY, "ed")[:-4])
bad("detached", lambda issuer: "..".join(issuer.token("EdDSA", ED_KEY, "ed").split(".")[::2]))
bad("encrypted", lambda _: f"{encode_part({'alg': 'RSA-OAEP', 'enc': 'A256GCM', 'kid': 'rsa'})}.a.b.c.d")
bad("header nested deeply", lambda issuer: forge("[" * 2_500, issuer.claims(), ED_KEY))
bad("payload nested deeply", lambda _: forge({"alg": "EdDSA", "kid": "ed"}, "[" * 2_500, ED_KEY))
bad("payload a list", lambda issuer: forge({"alg": "EdDSA", "kid": "ed"}, [issuer.claims()], ED_KEY))
bad("payload a number", lambda _: forge({"alg": "EdDSA", "kid": "ed"}, "1", ED_KEY))
bad("too long", lambda issuer: issuer.token("EdDSA", ED_KEY, "ed", filler="x" * MAX_TOKEN))
bad("huge", lambda _: "." * 1_000_000)


@pytest.mark.parametrize("make", BAD.values(), ids=BAD.keys())
async def test_a_bad_token_is_refused(issuer: Issuer, tokens: OidcTokens, make: Callable[[Issuer], str]) -> None:
    """Each is refused with the same error, which quotes nothing; the keys are fetched at most once."""
    for _ in range(2):
        with pytest.raises(InvalidToken) as caught:
            await tokens.verify(make(issuer), NOON)
        assert str(caught.value) == str(InvalidToken())
    assert issuer.fetches <= 1


async def test_a_header_that_is_refused_anyway_causes_no_fetch(issuer: Issuer, tokens: OidcTokens) -> None:
    """Nothing is fetched for algorithms and types that are never accepted."""
    for header in ({"alg": "none"}, {"alg": "HS256"}, {"alg": "RS512"}, {"alg": "EdDSA", "typ": "logout+jwt"}):
        with pytest.raises(InvalidToken):
            await tokens.verify(forge({"kid": "ed", **header}, issuer.claims(), ED_KEY), NOON)
    assert issuer.requests == []


def test_there_are_enough_bad_tokens() -> None:
    """There are at least sixty."""
    assert len(BAD) >= 60


async def test_a_token_expires_to_the_second(issuer: Issuer, tokens: OidcTokens) -> None:
    """Expiry has no leeway, and is seen only after the signature."""
    token = issuer.token("EdDSA", ED_KEY, "ed")
    expiry = datetime.fromtimestamp(START + 600, UTC)
    await tokens.verify(token, expiry - timedelta(microseconds=1))
    with pytest.raises(ExpiredToken):
        await tokens.verify(token, expiry)
    with pytest.raises(InvalidToken):
        await tokens.verify(issuer.token("EdDSA", STRANGER, "ed"), expiry)


async def test_the_clock_of_the_issuer_may_be_ahead(issuer: Issuer, tokens: OidcTokens) -> None:
    """A minute is accepted."""
    token = issuer.token("EdDSA", ED_KEY, "ed")
    moment = datetime.fromtimestamp(START, UTC) - LEEWAY
    await tokens.verify(token, moment)
    with pytest.raises(InvalidToken):
        await tokens.verify(token, moment - timedelta(seconds=1))


async def test_a_long_token_is_verified_again_after_an_hour(issuer: Issuer, tokens: OidcTokens) -> None:
    """Whoever remembers the principal asks again, and notices that the issuer has withdrawn its key."""
    principal = await tokens.verify(issuer.token("EdDSA", ED_KEY, "ed", exp=START + 10**6), NOON)
    assert principal.expires_at == NOON + MAX_TRUST


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        (["staff"], "user"),
        ("staff", "user"),
        (["auditors", "staff", "editors"], "auditor"),
        (["staff", "admins", 1, None, ["x"], {"y": 1}], "admin"),
        ("admins", "admin"),
    ],
)
async def test_the_highest_role_wins(issuer: Issuer, tokens: OidcTokens, roles: object, expected: str) -> None:
    """The claim is one value or a list. Values that are not mapped do not matter."""
    principal = await tokens.verify(issuer.token("EdDSA", ED_KEY, "ed", roles=roles), NOON)
    assert principal.role == expected


@pytest.mark.parametrize(
    "roles", [OMITTED, None, [], "", "Admins", "admins ", ["admin"], "staff admins", {"admins": True}, [["admins"]], True, 7]
)
async def test_without_a_role_the_caller_is_refused(issuer: Issuer, tokens: OidcTokens, roles: object) -> None:
    """Only exact values of the map grant a role; the names of our roles do not."""
    with pytest.raises(NoRole, match="no role") as caught:
        await tokens.verify(issuer.token("EdDSA", ED_KEY, "ed", roles=roles), NOON)
    assert (caught.value.actor, caught.value.credential) == (f"{issuer.url}|ada", "oidc")


@pytest.mark.parametrize(
    ("claim", "claims", "role"),
    [
        ("realm_access.roles", {"realm_access": {"roles": ["admins"]}}, "admin"),
        ("https://catalog.example/roles", {"https://catalog.example/roles": "admins"}, "admin"),
        ("a.b", {"a.b": "staff", "a": {"b": "admins"}}, "user"),
        ("a.b", {"a": "admins"}, None),
        ("a.b", {"a": ["admins"]}, None),
        ("a", {"a": {"b": "admins"}}, None),
        ("a.b.c", {"a": {"b": None}}, None),
        ("", {}, None),
    ],
)
async def test_the_claim_may_be_nested(issuer: Issuer, claim: str, claims: dict[str, Any], role: str | None) -> None:
    """Points lead into objects, unless a claim has the whole name."""
    tokens = issuer.tokens(role_claim=claim)
    token = issuer.token("EdDSA", ED_KEY, "ed", **claims)
    if role is None:
        with pytest.raises(NoRole):
            await tokens.verify(token, NOON)
    else:
        assert (await tokens.verify(token, NOON)).role == role
    await tokens.close()


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("openid profile", ROLE_SCOPES["editor"]),
        ("", ROLE_SCOPES["editor"]),
        (["items:read"], ROLE_SCOPES["editor"]),
        ("openid items:read", {ITEMS_READ}),
        ("items:write", {ITEMS_WRITE, ITEMS_CREATE}),
        ("users:admin", set()),
    ],
)
async def test_scopes_of_ours_limit_a_token(issuer: Issuer, tokens: OidcTokens, scope: object, expected: set[str]) -> None:
    """A token never has more than its role. If it names scopes of ours, it has only those."""
    principal = await tokens.verify(issuer.token("EdDSA", ED_KEY, "ed", scope=scope), NOON)
    assert principal.scopes == expected


async def test_foreign_tokens_are_recognized_by_their_issuer(issuer: Issuer, tokens: OidcTokens) -> None:
    """Only the claim `iss` is read, without fetching anything. What cannot be read is not foreign."""
    assert tokens.is_foreign(issuer.token("EdDSA", STRANGER, "ed"))
    assert not tokens.is_foreign(issuer.token("EdDSA", ED_KEY, "ed", iss="catalog"))
    assert not tokens.is_foreign(issuer.token("EdDSA", ED_KEY, "ed", iss=[issuer.url]))
    for text in ("", "..", "a.b.c", "\ud800", f"cat_{'0' * 32}_{'A' * 43}", "." * 1_000_000, forge("[" * 2_500, {}, ED_KEY)):
        assert not tokens.is_foreign(text)
    assert not tokens.is_foreign(forge({"alg": "EdDSA"}, "[" * 2_500, ED_KEY))
    assert not tokens.is_foreign(f"{base64url(b'{}')}.{base64url(b'[]')}.")
    assert issuer.requests == []
