"""Keys of Ed25519 (RFC 8037): as they are stored, and as JSON Web Keys."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key

_NO_JWK = 'The signing key is not a private JWK of Ed25519: {"kty":"OKP","crv":"Ed25519","d":…}.'
_WRONG_TYPE = "The signing key must be of Ed25519: openssl genpkey -algorithm ed25519."

_PEM_START = "-----BEGIN "


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
    private = _from_jwk(_json(text)) if text.lstrip().startswith("{") else _from_pem(text)
    return SigningKey(_thumbprint(private.public_key()), private)


def parse_keys(text: str) -> Sequence[SigningKey]:
    """Read one or more private keys: PEMs one after the other, a JSON Web Key, a list of them, or a JSON Web Key Set.

    Raises: ValueError, without quoting the keys, if there is none, one cannot be read, or one is there twice.
    """
    is_json = text.lstrip().startswith(("{", "["))
    parts: Sequence[Any] = _jwks(text) if is_json else _pems(text)
    read = _from_jwk if is_json else _from_pem
    privates: list[Ed25519PrivateKey] = []
    for number, part in enumerate(parts, start=1):
        try:
            privates.append(read(part))
        except ValueError as error:
            message = f"Key {number} of {len(parts)}: {error}" if len(parts) > 1 else str(error)
            raise ValueError(message) from None
    keys = [SigningKey(_thumbprint(private.public_key()), private) for private in privates]
    ids = [key.id for key in keys]
    for number, key_id in enumerate(ids):
        if ids.index(key_id) < number:
            message = f"Signing keys {ids.index(key_id) + 1} and {number + 1} are the same one. Remove one of them."
            raise ValueError(message)
    return keys


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


def _pems(text: str) -> Sequence[str]:
    """Split PEMs. What stands before the first one is explanatory (RFC 7468, section 5.2)."""
    if '"kty"' in text:
        message = "The signing keys are partly PEM and partly JSON. Use one form for all, so that none is overlooked."
        raise ValueError(message)
    return [_PEM_START + rest for rest in text.split(_PEM_START)[1:]] or [text]


def _jwks(text: str) -> Sequence[object]:
    """Return the keys of a JSON Web Key Set or a list, or the only one."""
    document = _json(text)
    keys = document.get("keys", [document]) if isinstance(document, dict) else document
    if not isinstance(keys, list):
        raise ValueError(_NO_JWK)  # noqa: TRY004 - the value is wrong, not its type
    if not keys:
        message = "There is no signing key in the JSON Web Key Set. Add a private one, or remove the setting."
        raise ValueError(message)
    return keys


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(_NO_JWK) from None


def _from_pem(text: str) -> Ed25519PrivateKey:
    if text.lstrip().startswith(("-----BEGIN PUBLIC KEY", "-----BEGIN CERTIFICATE")):
        message = "The signing key is a public one. Use the private key, which contains the public one."
        raise ValueError(message) from None
    try:
        key = load_pem_private_key(text.strip().encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        message = "The signing key cannot be read. Use a private key in PKCS#8 PEM, without a password, or a private JWK."
        raise ValueError(message) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(_WRONG_TYPE) from None  # noqa: TRY004 - the value is wrong, not its type
    return key


def _from_jwk(members: object) -> Ed25519PrivateKey:
    if not isinstance(members, dict):
        raise ValueError(_NO_JWK)  # noqa: TRY004 - the value is wrong, not its type
    kind, curve = members.get("kty"), members.get("crv")
    if kind not in (None, "OKP") or curve not in (None, "Ed25519"):
        raise ValueError(_WRONG_TYPE) from None
    if kind and curve and "d" not in members:
        message = 'The signing key is a public JWK. Use the private one, which has the member "d" as well.'
        raise ValueError(message) from None
    try:
        if not kind or not curve:
            raise ValueError  # noqa: TRY301 - one message for every fault
        key = Ed25519PrivateKey.from_private_bytes(urlsafe_b64decode(members["d"] + "=="))
        if members.get("x", _members(key.public_key())["x"]) != _members(key.public_key())["x"]:
            raise ValueError  # noqa: TRY301 - likewise
    except (ValueError, KeyError, TypeError):
        raise ValueError(_NO_JWK) from None
    return key
