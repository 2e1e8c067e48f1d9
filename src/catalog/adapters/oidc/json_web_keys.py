"""The public keys of an issuer (RFC 7517). Each verifies only the algorithms that belong to its type."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

MAX_KEYS = 100
"""Keys of an issuer that are looked at. Others have about three."""

MIN_RSA_BITS, MAX_RSA_BITS = 2_048, 8_192
"""Shorter keys are not safe (NIST SP 800-131A), and longer ones are slow."""

_ALGORITHMS: Final = {
    ("RSA", None): ("RS256", "PS256"),
    ("EC", "P-256"): ("ES256",),
    ("OKP", "Ed25519"): ("EdDSA",),
}
"""The algorithms of each type and curve. Symmetric keys (`oct`) have none: an issuer must not publish them."""

ALGORITHMS = tuple(algorithm for algorithms in _ALGORITHMS.values() for algorithm in algorithms)
"""The algorithms of tokens that are accepted."""


@dataclass(frozen=True, slots=True)
class IssuerKey:
    """A public key for one algorithm. A key for two algorithms counts twice."""

    id: str | None
    algorithm: str
    key: jwt.PyJWK


class KeySet:
    """The keys of an issuer."""

    def __init__(self, keys: Sequence[IssuerKey] = ()) -> None:
        """Take the keys."""
        self._keys = keys

    @classmethod
    def parse(cls, document: object) -> "KeySet":
        """Read a JSON Web Key Set. Keys that verify none of the algorithms are left out. Raises: ValueError."""
        keys = document.get("keys") if isinstance(document, dict) else None
        if not isinstance(keys, list):
            message = "The issuer's keys are not a JSON Web Key Set."
            raise ValueError(message)  # noqa: TRY004 - the value is wrong, not its type
        return cls([key for members in keys[:MAX_KEYS] if isinstance(members, dict) for key in _usable_keys(members)])

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, algorithm: str, key_id: str | None) -> Sequence[IssuerKey]:
        """Return the keys for an algorithm that have this id; without an id, all for the algorithm."""
        return [key for key in self._keys if key.algorithm == algorithm and key_id in (None, key.id)]


def _usable_keys(members: Mapping[str, Any]) -> Iterator[IssuerKey]:
    """Return a key for each algorithm that it may verify (RFC 7517, sections 4.2 to 4.4)."""
    kind, curve = members.get("kty"), members.get("crv")
    key_id, operations = members.get("kid"), members.get("key_ops", ["verify"])
    is_public = not {"d", "k"} & members.keys()  # an issuer that shows its private key cannot be trusted with it
    if (
        not is_public
        or members.get("use", "sig") != "sig"
        or not isinstance(operations, list)
        or "verify" not in operations
        or not isinstance(key_id, str | None)
    ):
        return
    for (own_kind, own_curve), algorithms in _ALGORITHMS.items():
        if kind == own_kind and own_curve in (None, curve):
            for algorithm in algorithms:
                key = _load(members, algorithm) if members.get("alg", algorithm) == algorithm else None
                if key is not None:
                    yield IssuerKey(key_id, algorithm, key)


def _load(members: Mapping[str, Any], algorithm: str) -> jwt.PyJWK | None:
    """Return a key, or None if it cannot be read or is not safe."""
    try:
        key = jwt.PyJWK(dict(members), algorithm)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None
    public = key.key
    if isinstance(public, RSAPublicKey) and not MIN_RSA_BITS <= public.key_size <= MAX_RSA_BITS:
        return None
    return key
