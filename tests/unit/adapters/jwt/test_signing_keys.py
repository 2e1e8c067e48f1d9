"""Signing keys: the forms in which they are read, and errors that do not show them."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from catalog.adapters.jwt.signing_keys import parse_key, to_pem, to_public_jwk
from tests.planted_secrets import planted
from tests.unit.adapters.forging import base64url

# The key of RFC 8037, appendix A.
PRIVATE_PART = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
JWK = {"kty": "OKP", "crv": "Ed25519", "d": PRIVATE_PART, "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"

PLAIN = NoEncryption()


def pem(
    key: Ed25519PrivateKey | Ed448PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
    encryption: KeySerializationEncryption = PLAIN,
) -> str:
    """Return a private key in PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


def test_the_key_of_the_standard_is_read() -> None:
    """A private JWK gives the public key and the thumbprint of RFC 8037, appendix A."""
    key = parse_key(json.dumps(JWK))
    assert key.id == THUMBPRINT
    assert to_public_jwk(key) == {"kty": "OKP", "crv": "Ed25519", "x": JWK["x"], "use": "sig", "alg": "EdDSA", "kid": THUMBPRINT}


def test_both_forms_of_a_key_are_the_same_key() -> None:
    """PEM and JWK can be exchanged. Whitespace around does not matter: secrets files end with a line break."""
    key = parse_key(json.dumps(JWK))
    again = parse_key(f"\n  {to_pem(key)}\n\n")
    assert (again.id, to_public_jwk(again)) == (key.id, to_public_jwk(key))
    assert parse_key(f"\n {json.dumps(JWK)}\n").id == key.id


ED25519 = Ed25519PrivateKey.generate()
PUBLIC = ED25519.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
SECRET_TEXT = planted("correct-horse-battery-staple")

BAD_KEYS = {
    "an RSA key": pem(rsa.generate_private_key(65537, 2048)),
    "a key of P-256": pem(ec.generate_private_key(ec.SECP256R1())),
    "a key of Ed448": pem(Ed448PrivateKey.generate()),
    "an encrypted key": pem(ED25519, BestAvailableEncryption(b"password")),
    "a public key": PUBLIC,
    "a truncated key": pem(ED25519)[:60],
    "PEM with other content": f"-----BEGIN PRIVATE KEY-----\n{base64url(SECRET_TEXT.encode())}\n-----END PRIVATE KEY-----\n",
    "the base64 of a key without PEM": pem(ED25519).splitlines()[1],
    "nothing": "",
    "blanks": "  \n",
    "garbage": SECRET_TEXT,
    "letters that are not ASCII": f"{SECRET_TEXT}é\0",
    "a lone surrogate": f"{SECRET_TEXT}\ud800",
    "JSON cut off": json.dumps(JWK)[:-1],
    "JSON that is no object": f'{{"{SECRET_TEXT}"',
    "JSON nested deeply": '{"a":' * 100_000,
    "a public JWK": json.dumps({"kty": "OKP", "crv": "Ed25519", "x": JWK["x"]}),
    "a JWK of another type": json.dumps({**JWK, "kty": "EC"}),
    "a JWK of another curve": json.dumps({**JWK, "crv": "X25519"}),
    "a JWK with a short key": json.dumps({**JWK, "d": SECRET_TEXT}),
    "a JWK with a key that is no text": json.dumps({**JWK, "d": [PRIVATE_PART]}),
    "a JWK without base64": json.dumps({**JWK, "d": "é" * 43}),
    "a symmetric JWK": json.dumps({"kty": "oct", "k": PRIVATE_PART}),
    "a JWK whose public part is that of another key": json.dumps({**JWK, "x": PRIVATE_PART}),
}


@pytest.mark.parametrize("text", BAD_KEYS.values(), ids=BAD_KEYS.keys())
def test_a_bad_key_is_refused_without_being_quoted(text: str) -> None:
    """The error says what a key should be. It neither quotes the key nor has an error behind it that does."""
    with pytest.raises(ValueError, match="signing key") as caught:
        parse_key(text)
    shown = str(caught.value)
    assert SECRET_TEXT not in shown
    assert PRIVATE_PART not in shown
    assert not any(line and line in shown for line in text.splitlines() if len(line) > 20)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
