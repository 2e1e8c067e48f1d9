"""More than sixty bad access tokens, and a good one. They are valid for ten minutes from NOW."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from catalog.adapters.jwt.signing_keys import generate_key, to_public_jwk
from catalog.adapters.jwt.token_signer import MAX_TOKEN
from catalog.domain.identity.scopes import ITEMS_CREATE, ITEMS_READ, ITEMS_WRITE
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


def _twice(members: dict[str, Any], **again: object) -> str:
    """Return an object as JSON in which some members appear a second time."""
    return f"{json.dumps(members)[:-1]}, {json.dumps(again)[1:]}"


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
    # members that appear twice: readers disagree on which one counts, so the last one is bad here
    "alg twice": forge(_twice(HEADER, alg="none"), PAYLOAD, KEY.private),
    "kid twice": forge(_twice(HEADER, kid="unknown"), PAYLOAD, KEY.private),
    "typ twice": forge(_twice(HEADER, typ="JWT"), PAYLOAD, KEY.private),
    "iss twice": forge(HEADER, _twice(PAYLOAD, iss="another"), KEY.private),
    "aud twice": forge(HEADER, _twice(PAYLOAD, aud="another"), KEY.private),
    "role twice": forge(HEADER, _twice(PAYLOAD, role="root"), KEY.private),
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
