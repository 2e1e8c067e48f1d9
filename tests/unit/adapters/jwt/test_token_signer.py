"""Our own access tokens: what is signed, what is accepted, and more than sixty bad tokens."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from catalog.adapters.jwt.signing_keys import SigningKey, generate_key, parse_key, to_pem, to_public_jwk
from catalog.adapters.jwt.token_signer import LEEWAY, MAX_TOKEN, JwtSigner
from catalog.domain.identity.errors import ExpiredToken, InvalidToken
from catalog.domain.identity.scopes import ITEMS_CREATE, ITEMS_READ, ITEMS_WRITE
from catalog.domain.identity.session import MAX_ACCESS_LIFE
from catalog.domain.identity.signing_key import StoredSigningKey
from catalog.ports.identity.tokens import AccessClaims
from tests.making import NOON
from tests.unit.adapters.forging import OMITTED, PrivateKey, base64url, changed, encode_part, forge

ISSUER, AUDIENCE = "catalog", "catalog-api"
NOW = NOON.replace(microsecond=0)
START = int(NOW.timestamp())

KEY = generate_key()
OTHER_KEY = generate_key()
RSA_KEY = rsa.generate_private_key(65537, 2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC_RAW = KEY.public.public_bytes(Encoding.Raw, PublicFormat.Raw)
PUBLIC_PEM = KEY.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

CLAIMS = AccessClaims(
    token_id=UUID(int=1),
    user_id=UUID(int=2),
    username="ada",
    role="editor",
    scopes=frozenset({ITEMS_READ, ITEMS_WRITE, ITEMS_CREATE}),
    session_id=UUID(int=3),
    issued_at=NOW,
    expires_at=NOW + timedelta(minutes=10),
)

HEADER: dict[str, Any] = {"alg": "EdDSA", "typ": "at+jwt", "kid": KEY.id}
PAYLOAD: dict[str, Any] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": str(CLAIMS.user_id),
    "username": "ada",
    "role": "editor",
    "scope": "items:read items:write",
    "sid": str(CLAIMS.session_id),
    "jti": str(CLAIMS.token_id),
    "iat": START,
    "nbf": START,
    "exp": START + 600,
}
GOOD = forge(HEADER, PAYLOAD, KEY.private)
GOOD_HEADER, GOOD_PAYLOAD, GOOD_SIGNATURE = GOOD.split(".")


def stored(*keys: SigningKey) -> list[StoredSigningKey]:
    """Return keys as the store has them."""
    return [StoredSigningKey(key.id, to_pem(key), NOW) for key in keys]


def signer(*keys: SigningKey) -> JwtSigner:
    """Return a signer with these keys, the newest first."""
    made = JwtSigner(ISSUER, AUDIENCE)
    made.use(stored(*keys or (KEY,)))
    return made


def with_header(**changes: object) -> str:
    """Return a token with another header, well signed."""
    return forge(changed(HEADER, **changes), PAYLOAD, KEY.private)


def with_claims(**changes: object) -> str:
    """Return a token with other claims, well signed."""
    return forge(HEADER, changed(PAYLOAD, **changes), KEY.private)


def resigned(algorithm: str, key: PrivateKey | bytes | None, **header: object) -> str:
    """Return a token with another algorithm and key."""
    return forge(changed(HEADER, alg=algorithm, **header), PAYLOAD, key)


def flipped(text: str) -> str:
    """Return text whose first character is another one."""
    return ("A" if text[0] != "A" else "B") + text[1:]


BAD_TOKENS = {
    # algorithms
    "alg none without signature": resigned("none", None),
    "alg none in capitals": resigned("NONE", None),
    "alg none in mixed case": resigned("nOnE", None),
    "alg none with a signature": resigned("none", KEY.private),
    "alg empty": resigned("", KEY.private),
    "alg missing": with_header(alg=OMITTED),
    "alg null": with_header(alg=None),
    "alg a list": with_header(alg=["EdDSA"]),
    "alg a number": with_header(alg=1),
    "alg in lower case": with_header(alg="eddsa"),
    "alg Ed448": with_header(alg="Ed448"),
    "HS256 with the raw public key": resigned("HS256", PUBLIC_RAW),
    "HS256 with the public key in PEM": resigned("HS256", PUBLIC_PEM),
    "HS256 with the text of the public JWK": resigned("HS256", json.dumps(to_public_jwk(KEY)).encode()),
    "HS256 with the key id": resigned("HS256", KEY.id.encode()),
    "HS256 with nothing": resigned("HS256", b""),
    "HS384": resigned("HS384", PUBLIC_PEM),
    "HS512": resigned("HS512", PUBLIC_PEM),
    "EdDSA signed as HS256": resigned("EdDSA", PUBLIC_PEM),
    "RS256": resigned("RS256", RSA_KEY),
    "RS512": resigned("RS512", RSA_KEY),
    "PS256": resigned("PS256", RSA_KEY),
    "ES256": resigned("ES256", EC_KEY),
    "ES384": resigned("ES384", EC_KEY),
    "ES256K": resigned("ES256K", EC_KEY),
    "EdDSA signed with RSA": resigned("EdDSA", RSA_KEY),
    # headers
    "typ missing": with_header(typ=OMITTED),
    "typ JWT": with_header(typ="JWT"),
    "typ in capitals": with_header(typ="AT+JWT"),
    "typ of a logout token": with_header(typ="logout+jwt"),
    "typ null": with_header(typ=None),
    "typ a list": with_header(typ=["at+jwt"]),
    "kid missing": with_header(kid=OMITTED),
    "kid unknown": with_header(kid="unknown"),
    "kid of another key": with_header(kid=OTHER_KEY.id),
    "kid empty": with_header(kid=""),
    "kid null": with_header(kid=None),
    "kid a number": with_header(kid=0),
    "kid a list": with_header(kid=[KEY.id]),
    "kid an object": with_header(kid={"id": KEY.id}),
    "kid a path": with_header(kid="../../../../dev/null"),
    "kid with SQL": with_header(kid="' OR 1=1 --"),
    "crit with an unknown extension": with_header(crit=["exp"], exp=1),
    "crit with a known extension": with_header(crit=["b64"], b64=True),
    "crit empty": with_header(crit=[]),
    "b64 false": with_header(b64=False, crit=["b64"]),
    "b64 false without crit": with_header(b64=False),
    "embedded jwk": resigned("EdDSA", OTHER_KEY.private, jwk=to_public_jwk(OTHER_KEY)),
    "embedded jwk with its own kid": resigned("EdDSA", OTHER_KEY.private, jwk=to_public_jwk(OTHER_KEY), kid=OTHER_KEY.id),
    "jku": resigned("EdDSA", OTHER_KEY.private, jku="https://attacker.example/jwks.json"),
    "x5u": resigned("EdDSA", OTHER_KEY.private, x5u="https://attacker.example/certificate.pem"),
    "x5c": resigned("RS256", RSA_KEY, x5c=["MIIB"]),
    "header a list": forge([HEADER], PAYLOAD, KEY.private),
    "header a string": forge('"EdDSA"', PAYLOAD, KEY.private),
    "header no JSON": forge("{", PAYLOAD, KEY.private),
    "header empty": forge("", PAYLOAD, KEY.private),
    "header nested deeply": forge("[" * 2_500, {}, KEY.private),
    "header with a huge number": forge('{"alg":"EdDSA","typ":"at+jwt","kid":' + "9" * 2_000 + "}", {}, KEY.private),
    "header with a lone surrogate": forge('{"alg":"\\ud800","typ":"at+jwt","kid":"\\ud800"}', PAYLOAD, KEY.private),
    "header not in UTF-8": f"{base64url(bytes([255, 254]))}.{GOOD_PAYLOAD}.{GOOD_SIGNATURE}",
    # claims
    "iss wrong": with_claims(iss="another"),
    "iss with a slash": with_claims(iss=f"{ISSUER}/"),
    "iss a list": with_claims(iss=[ISSUER]),
    "aud wrong": with_claims(aud="another"),
    "aud a list": with_claims(aud=[AUDIENCE]),
    "aud a list with others": with_claims(aud=["another", AUDIENCE]),
    "aud an empty list": with_claims(aud=[]),
    "aud in capitals": with_claims(aud=AUDIENCE.upper()),
    **{f"{claim} missing": with_claims(**{claim: OMITTED}) for claim in PAYLOAD},
    **{f"{claim} null": with_claims(**{claim: None}) for claim in PAYLOAD},
    **{f"{claim} an object": with_claims(**{claim: {}}) for claim in PAYLOAD},
    **{f"{claim} true": with_claims(**{claim: True}) for claim in PAYLOAD},
    "sub no UUID": with_claims(sub="ada"),
    "sid no UUID": with_claims(sid="1"),
    "jti no UUID": with_claims(jti="1"),
    "sub a number": with_claims(sub=2),
    "role unknown": with_claims(role="root"),
    "role a list": with_claims(role=["admin"]),
    "scope unknown": with_claims(scope="items:read everything"),
    "scope a list": with_claims(scope=["items:read"]),
    "not yet valid": with_claims(nbf=START + 6),
    "issued in the future": with_claims(iat=START + 6),
    "nbf a text": with_claims(nbf=str(START)),
    "iat a fraction": with_claims(iat=START + 0.5),
    "exp a text": with_claims(exp=str(START + 600)),
    "exp a fraction": with_claims(exp=START + 600.5),
    "exp not a number": with_claims(exp=float("nan")),
    "exp infinite": with_claims(exp=float("inf")),
    "exp huge": with_claims(exp=10**30),
    "exp beyond all calendars": with_claims(exp=10**15),
    "exp far below zero": with_claims(exp=-(10**30)),
    "exp of thousands of digits": forge(HEADER, json.dumps(PAYLOAD)[:-1] + f',"exp":{"9" * 2_000}}}', KEY.private),
    "valid for longer than any token of ours": with_claims(iat=START - 3_000, exp=START + 601),
    "payload a list": forge(HEADER, [PAYLOAD], KEY.private),
    "payload a text": forge(HEADER, '"admin"', KEY.private),
    "payload no JSON": forge(HEADER, "{", KEY.private),
    "payload empty": forge(HEADER, "", KEY.private),
    "payload nested deeply": forge(HEADER, "[" * 2_500, KEY.private),
    # signatures and forms
    "another key": forge(HEADER, PAYLOAD, OTHER_KEY.private),
    "signature missing": f"{GOOD_HEADER}.{GOOD_PAYLOAD}.",
    "signature truncated": GOOD[:-4],
    "signature changed": f"{GOOD_HEADER}.{GOOD_PAYLOAD}.{flipped(GOOD_SIGNATURE)}",
    "signature of zeros": f"{GOOD_HEADER}.{GOOD_PAYLOAD}.{base64url(bytes(64))}",
    "signature too long": f"{GOOD_HEADER}.{GOOD_PAYLOAD}.{GOOD_SIGNATURE}AAAA",
    "signature of another token": f"{GOOD_HEADER}.{encode_part(changed(PAYLOAD, role='admin'))}.{GOOD_SIGNATURE}",
    "payload changed": f"{GOOD_HEADER}.{flipped(GOOD_PAYLOAD)}.{GOOD_SIGNATURE}",
    "detached payload": f"{GOOD_HEADER}..{GOOD_SIGNATURE}",
    "two segments": f"{GOOD_HEADER}.{GOOD_PAYLOAD}",
    "one segment": GOOD_HEADER,
    "four segments": f"{GOOD}.{GOOD_SIGNATURE}",
    "five segments, as if encrypted": f"{encode_part({'alg': 'dir', 'enc': 'A256GCM', 'kid': KEY.id})}..aaaa.bbbb.cccc",
    "nothing": "",
    "points": "..",
    "a space before": f" {GOOD}",
    "a space behind": f"{GOOD} ",
    "a line break behind": f"{GOOD}\n",
    "a space within": f"{GOOD_HEADER}. {GOOD_PAYLOAD}.{GOOD_SIGNATURE}",
    "a NUL behind": f"{GOOD}\0",
    "letters that are not ASCII": f"{GOOD_HEADER}.{GOOD_PAYLOAD}.{GOOD_SIGNATURE[:-1]}é",
    "digits that are not ASCII": "١٢٣.١٢٣.١٢٣",
    "a lone surrogate": f"{GOOD}\ud800",
    "no base64": "!!!.!!!.!!!",
    "the alphabet of plain base64": f"{GOOD_HEADER}.{GOOD_PAYLOAD}.{'+/' * 43}",
    "JSON instead of the compact form": json.dumps({"payload": GOOD_PAYLOAD, "signatures": []}),
    "the scheme": f"Bearer {GOOD}",
    "an API key": f"cat_{'0' * 32}_{'A' * 43}",
    "too long, but well signed": with_claims(filler="x" * MAX_TOKEN),
    "huge": "A" * 1_000_000,
    "huge with points": "." * 1_000_000,
}


def test_a_signed_token_is_accepted() -> None:
    """What is signed is read back, and the token made by hand in these tests is as good."""
    assert signer().verify(signer().sign(CLAIMS), NOW) == CLAIMS
    assert signer().verify(GOOD, NOW) == CLAIMS


def test_a_token_has_the_form_of_the_standard() -> None:
    """Header and claims are those of RFC 9068, and `scope` is one text."""
    token = signer().sign(CLAIMS)
    assert jwt.get_unverified_header(token) == HEADER
    claims = jwt.decode(token, options={"verify_signature": False})
    assert {**claims, "scope": set(claims["scope"].split())} == {**PAYLOAD, "scope": CLAIMS.scopes}
    assert len(token) < MAX_TOKEN / 4


@pytest.mark.parametrize("token", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
def test_a_bad_token_is_refused(token: str) -> None:
    """Each is refused with the same error, which quotes nothing."""
    with pytest.raises(InvalidToken) as caught:
        signer().verify(token, NOW)
    assert str(caught.value) == str(InvalidToken())


def test_there_are_enough_bad_tokens() -> None:
    """They differ from each other, and there are at least sixty."""
    assert len(set(BAD_TOKENS.values())) == len(BAD_TOKENS) >= 60


def test_a_token_expires_to_the_second() -> None:
    """Expiry has no leeway. An expired token gets an error of its own, so that clients refresh it."""
    token = signer().sign(CLAIMS)
    assert signer().verify(token, CLAIMS.expires_at - timedelta(microseconds=1)) == CLAIMS
    with pytest.raises(ExpiredToken):
        signer().verify(token, CLAIMS.expires_at)


def test_a_token_of_the_longest_life_is_accepted() -> None:
    """The longest that a setting allows. A longer one might outlive the memory of its revocation."""
    assert signer().verify(with_claims(exp=START + 3_600), NOW).expires_at == NOW + MAX_ACCESS_LIFE
    with pytest.raises(InvalidToken):
        signer().verify(with_claims(exp=START + 3_601), NOW)


def test_a_forged_token_is_never_called_expired() -> None:
    """The signature is checked first."""
    with pytest.raises(InvalidToken):
        signer().verify(forge(HEADER, changed(PAYLOAD, exp=1), OTHER_KEY.private), NOW)


def test_clocks_may_differ_by_a_few_seconds() -> None:
    """Another process whose clock is behind accepts a new token."""
    token = signer().sign(CLAIMS)
    assert signer().verify(token, NOW - LEEWAY) == CLAIMS
    with pytest.raises(InvalidToken):
        signer().verify(token, NOW - LEEWAY - timedelta(seconds=1))


def test_keys_overlap_when_they_are_rotated() -> None:
    """The newest key signs, tokens of the one before stay valid until it is deleted, and both are published."""
    rotating = signer(KEY)
    before = rotating.sign(CLAIMS)
    rotating.use(stored(OTHER_KEY, KEY))
    after = rotating.sign(CLAIMS)
    assert jwt.get_unverified_header(after)["kid"] == OTHER_KEY.id
    assert rotating.verify(before, NOW) == rotating.verify(after, NOW) == CLAIMS
    assert [key["kid"] for key in rotating.public_keys()] == [OTHER_KEY.id, KEY.id]
    rotating.use(stored(OTHER_KEY))
    assert rotating.verify(after, NOW) == CLAIMS
    with pytest.raises(InvalidToken):
        rotating.verify(before, NOW)


def test_nothing_is_signed_or_accepted_without_a_key() -> None:
    """A signer has no key until it is given one."""
    empty = JwtSigner(ISSUER, AUDIENCE)
    with pytest.raises(RuntimeError, match="no signing key"):
        empty.sign(CLAIMS)
    with pytest.raises(InvalidToken):
        empty.verify(GOOD, NOW)
    assert empty.public_keys() == []


def test_a_new_key_signs() -> None:
    """A new key can be stored and used at once, and its repr does not show it."""
    made = JwtSigner(ISSUER, AUDIENCE)
    key = made.new_key(NOW)
    made.use([key])
    assert made.verify(made.sign(CLAIMS), NOW) == CLAIMS
    assert key.created_at == NOW
    assert "PRIVATE" not in repr(key)
    assert repr(parse_key(key.private_key)) == f"SigningKey({key.id!r})"


def test_public_keys_show_nothing_private() -> None:
    """The published keys have the members of RFC 8037, and other libraries verify tokens with them."""
    (key,) = signer().public_keys()
    assert set(key) == {"kty", "crv", "x", "use", "alg", "kid"}
    assert (
        jwt.decode(
            GOOD,
            jwt.PyJWK(key),
            algorithms=["EdDSA"],
            audience=AUDIENCE,
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )["sub"]
        == PAYLOAD["sub"]
    )


def test_the_signer_reads_no_files(tmp_path: Path) -> None:
    """A key id is looked up among the keys only."""
    (tmp_path / "key").write_bytes(PUBLIC_PEM)
    with pytest.raises(InvalidToken):
        signer().verify(with_header(kid=str(tmp_path / "key")), NOW)


def test_any_other_key_is_refused() -> None:
    """A token signed by a stranger is refused, whatever key id it names."""
    stranger = Ed25519PrivateKey.generate()
    for key_id in (KEY.id, OTHER_KEY.id):
        with pytest.raises(InvalidToken):
            signer(KEY, OTHER_KEY).verify(forge(changed(HEADER, kid=key_id), PAYLOAD, stranger), NOW)
