"""Several signing keys in one text: as PEMs one after the other, as a list of JWKs and as a JWK Set."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from catalog.adapters.jwt.signing_keys import SigningKey, generate_key, parse_keys, to_pem, to_public_jwk
from tests.planted_secrets import MARK, planted

FIRST, SECOND, THIRD = generate_key(), generate_key(), generate_key()
KEYS = (FIRST, SECOND, THIRD)

P256 = ec.generate_private_key(ec.SECP256R1())
P256_PEM = P256.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC_PEM = SECOND.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def jwk(key: SigningKey, **members: object) -> dict[str, Any]:
    """Return the private JWK of a key."""
    raw = key.private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return {**to_public_jwk(key), "d": urlsafe_b64encode(raw).decode().rstrip("="), **members}


def pems(*keys: SigningKey) -> str:
    """Return keys as PEMs, one after the other."""
    return "".join(map(to_pem, keys))


def jwks(*keys: SigningKey) -> str:
    """Return keys as a JWK Set."""
    return json.dumps({"keys": [jwk(key) for key in keys]})


def ids(keys: Sequence[SigningKey]) -> list[str]:
    """Return the ids of keys."""
    return [key.id for key in keys]


@pytest.mark.parametrize(
    "text_of",
    [
        pems,
        jwks,
        lambda *keys: json.dumps([jwk(key) for key in keys]),
        lambda *keys: f"  \n{jwks(*keys)}\n",
        lambda *keys: f"# the keys\n{'# another key'.join(map(to_pem, keys))}# the end\n",
        lambda *keys: pems(*keys).replace("\n", "\r\n"),
        lambda *keys: "".join(to_pem(key).strip() for key in keys),
    ],
    ids=["PEMs", "JWK Set", "list", "blanks around", "comments", "CRLF", "no line breaks between"],
)
def test_keys_are_read_in_their_order(text_of: Callable[..., str]) -> None:
    """In each form. A single key is one of several that are possible."""
    for keys in (KEYS, KEYS[::-1], KEYS[1:], KEYS[:1]):
        assert ids(parse_keys(text_of(*keys))) == ids(keys)


def test_a_single_jwk_is_read() -> None:
    """Without a set around it."""
    assert ids(parse_keys(json.dumps(jwk(FIRST)))) == [FIRST.id]


BAD = {
    "no text": ("", "cannot be read"),
    "no key in a set": ('{"keys": []}', "There is no signing key"),
    "no key in a list": ("[]", "There is no signing key"),
    "keys that are no list": ('{"keys": 3}', "is not a private JWK"),
    "JSON that is cut off": (jwks(*KEYS)[:-1], "is not a private JWK"),
    "a number in a list": (json.dumps([jwk(FIRST), 3]), "Key 2 of 2: The signing key is not a private JWK"),
    "a PEM in a list": (json.dumps([jwk(FIRST), to_pem(SECOND)]), "Key 2 of 2: The signing key is not a private JWK"),
    "a public JWK": (json.dumps([jwk(FIRST), to_public_jwk(SECOND)]), "Key 2 of 2: The signing key is a public JWK"),
    "only public JWKs": (json.dumps({"keys": [to_public_jwk(FIRST)]}), "The signing key is a public JWK"),
    "a public PEM": (to_pem(FIRST) + PUBLIC_PEM, "Key 2 of 2: The signing key is a public one"),
    "only a public PEM": (PUBLIC_PEM, "The signing key is a public one"),
    "a PEM of another type": (P256_PEM + pems(FIRST, SECOND), "Key 1 of 3: The signing key must be of Ed25519"),
    "a JWK of another type": (json.dumps([jwk(FIRST), jwk(SECOND, kty="EC")]), "Key 2 of 2: The signing key must be of Ed25519"),
    "a JWK of another curve": (json.dumps([jwk(FIRST), jwk(SECOND, crv="Ed448")]), "Key 2 of 2: The signing key must be of"),
    "a damaged PEM": (pems(FIRST, SECOND)[:-40], "Key 2 of 2: The signing key cannot be read"),
    "a damaged JWK": (json.dumps([jwk(FIRST, d=planted("d"))]), "is not a private JWK"),
    "a PEM twice": (pems(FIRST, SECOND, FIRST), "Signing keys 1 and 3 are the same one"),
    "a JWK twice": (jwks(THIRD, SECOND, SECOND), "Signing keys 2 and 3 are the same one"),
    "PEM and JSON": (to_pem(FIRST) + json.dumps(jwk(SECOND)), "partly PEM and partly JSON"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD.keys())
def test_an_error_names_the_key_without_quoting_it(text: str, message: str) -> None:
    """Neither in the message nor behind it."""
    with pytest.raises(ValueError, match=message) as caught:
        parse_keys(text)
    shown = str(caught.value)
    assert MARK not in shown
    assert not any(jwk(key)["d"] in shown or to_pem(key).splitlines()[1] in shown for key in KEYS)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
