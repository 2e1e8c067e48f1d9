"""Makes JSON Web Tokens by hand: also those that no library would make."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

PrivateKey = Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

OMITTED = object()
"""Stands for a member that a header or payload does not have."""


def base64url(content: bytes) -> str:
    """Return text in base64url without padding."""
    return urlsafe_b64encode(content).decode().rstrip("=")


def encode_part(part: object) -> str:
    """Return a header or payload, as JSON or, if it is text, as it is."""
    text = part if isinstance(part, str) else json.dumps(part)
    return base64url(text.encode(errors="surrogatepass"))


def changed(members: Mapping[str, Any], **changes: object) -> dict[str, Any]:
    """Return the members with some changed or omitted."""
    return {name: value for name, value in {**members, **changes}.items() if value is not OMITTED}


def forge(header: object, payload: object, key: PrivateKey | bytes | None) -> str:
    """Return a token that is signed as fits the key: with EdDSA, RS256 or PS256, ES256, HS256, or not at all."""
    signed = f"{encode_part(header)}.{encode_part(payload)}"
    algorithm = header.get("alg") if isinstance(header, dict) else None
    return f"{signed}.{base64url(_signature(signed.encode(), key, algorithm))}"


def _signature(signed: bytes, key: PrivateKey | bytes | None, algorithm: object) -> bytes:
    match key:
        case None:
            return b""
        case bytes():
            return hmac.digest(key, signed, sha256)
        case rsa.RSAPrivateKey():
            pss = padding.PSS(padding.MGF1(SHA256()), SHA256.digest_size)
            return key.sign(signed, pss if algorithm == "PS256" else padding.PKCS1v15(), SHA256())
        case ec.EllipticCurvePrivateKey():
            first, second = decode_dss_signature(key.sign(signed, ec.ECDSA(SHA256())))
            size = (key.curve.key_size + 7) // 8
            return first.to_bytes(size, "big") + second.to_bytes(size, "big")
        case _:
            return key.sign(signed)
