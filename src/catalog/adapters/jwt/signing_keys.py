"""Keys of Ed25519 (RFC 8037): as they are stored, and as JSON Web Keys."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import Any, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key


class SigningKey(NamedTuple):
    """A private key and its id."""

    id: str
    private: Ed25519PrivateKey

    def __repr__(self) -> str:
        """Return the id only."""
        return f"SigningKey({self.id!r})"

    @property
    def public(self) -> Ed25519PublicKey:
        """The public key."""
        return self.private.public_key()


def parse_key(text: str) -> SigningKey:
    """Read a private key: PKCS#8 in PEM, or a private JSON Web Key. Raises: ValueError, without quoting the key."""
    private = _from_jwk(text) if text.lstrip().startswith("{") else _from_pem(text)
    return SigningKey(_thumbprint(private.public_key()), private)


def generate_key() -> SigningKey:
    """Return a new key."""
    private = Ed25519PrivateKey.generate()
    return SigningKey(_thumbprint(private.public_key()), private)


def to_pem(key: SigningKey) -> str:
    """Return the private key as text."""
    return key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def to_public_jwk(key: SigningKey) -> dict[str, Any]:
    """Return the public key as a JSON Web Key."""
    return {**_members(key.public), "use": "sig", "alg": "EdDSA", "kid": key.id}


def _members(public: Ed25519PublicKey) -> dict[str, str]:
    raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"crv": "Ed25519", "kty": "OKP", "x": urlsafe_b64encode(raw).decode().rstrip("=")}


def _thumbprint(public: Ed25519PublicKey) -> str:
    """Return the id of a key (RFC 7638)."""
    members = json.dumps(_members(public), separators=(",", ":"), sort_keys=True)
    return urlsafe_b64encode(sha256(members.encode()).digest()).decode().rstrip("=")


def _from_pem(text: str) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(text.strip().encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        message = "The signing key cannot be read. Use a private key in PKCS#8 PEM, without a password, or a private JWK."
        raise ValueError(message) from None
    if not isinstance(key, Ed25519PrivateKey):
        message = "The signing key must be of Ed25519: openssl genpkey -algorithm ed25519."
        raise ValueError(message) from None  # noqa: TRY004 - the value is wrong, not its type
    return key


def _from_jwk(text: str) -> Ed25519PrivateKey:
    try:
        members = json.loads(text)
        if members["kty"] != "OKP" or members["crv"] != "Ed25519":
            raise ValueError  # noqa: TRY301 - one message for every fault
        key = Ed25519PrivateKey.from_private_bytes(urlsafe_b64decode(members["d"] + "=="))
        if members.get("x", _members(key.public_key())["x"]) != _members(key.public_key())["x"]:
            raise ValueError  # noqa: TRY301 - likewise
    except (ValueError, KeyError, TypeError, RecursionError):
        message = 'The signing key is not a private JWK of Ed25519: {"kty":"OKP","crv":"Ed25519","d":…}.'
        raise ValueError(message) from None
    return key
