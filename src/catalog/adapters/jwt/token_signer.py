"""Signs and verifies our own access tokens: JWTs of RFC 9068, with EdDSA and nothing else."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import jwt
from jwt.types import Options

from catalog.adapters.jwt.signing_keys import SigningKey, generate_key, parse_key, to_pem, to_public_jwk
from catalog.domain.identity.errors import ExpiredToken, InvalidToken, UnknownSigningKey
from catalog.domain.identity.roles import ROLES
from catalog.domain.identity.scopes import ALL_SCOPES, in_order, with_implied
from catalog.domain.identity.session import MAX_ACCESS_LIFE
from catalog.domain.identity.signing_key import StoredSigningKey
from catalog.ports.identity.tokens import AccessClaims

ALGORITHM: Final = "EdDSA"
TOKEN_TYPE: Final = "at+jwt"  # noqa: S105 - the type of a token, not a token

MAX_TOKEN = 4_096
"""Maximum length of a token, in characters. Ours have about 700."""

LEEWAY = timedelta(seconds=5)
"""How far clocks may differ when a token is not valid yet. Expiry has no leeway."""

_OPTIONS: Options = {
    "require": ["iss", "aud", "sub", "exp", "nbf", "iat", "jti", "sid", "scope", "role", "username"],
    "strict_aud": True,
    # The times are checked here, by the application's clock.
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}


class JwtSigner:
    """Signs and verifies tokens of one issuer for one audience."""

    def __init__(self, issuer: str, audience: str) -> None:
        """Take the values of the claims `iss` and `aud`. There are no keys yet; see `use`."""
        self._issuer = issuer
        self._audience = audience
        self._keys: dict[str, SigningKey] = {}
        self._newest: SigningKey | None = None

    def use(self, keys: Sequence[StoredSigningKey]) -> None:
        """Sign with the first of these keys, the newest, and accept tokens that any of them has signed. Raises: ValueError."""
        parsed = [parse_key(key.private_key) for key in keys]
        self._keys = {key.id: key for key in parsed}
        self._newest = parsed[0] if parsed else None

    def new_key(self, now: datetime) -> StoredSigningKey:
        """Return a new signing key."""
        key = generate_key()
        return StoredSigningKey(key.id, to_pem(key), now)

    def sign(self, claims: AccessClaims) -> str:
        """Return a signed token."""
        if self._newest is None:
            message = "There is no signing key yet."
            raise RuntimeError(message)
        payload = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(claims.user_id),
            "username": claims.username,
            "role": claims.role,
            "scope": " ".join(in_order(claims.scopes)),
            "sid": str(claims.session_id),
            "jti": str(claims.token_id),
            "iat": int(claims.issued_at.timestamp()),
            "nbf": int(claims.issued_at.timestamp()),
            "exp": int(claims.expires_at.timestamp()),
        }
        headers = {"typ": TOKEN_TYPE, "kid": self._newest.id}
        return jwt.encode(payload, self._newest.private, algorithm=ALGORITHM, headers=headers)

    def verify(self, token: str, now: datetime) -> AccessClaims:
        """Return what a token says. Raises: InvalidToken, ExpiredToken."""
        payload = self._payload(token)
        claims = _claims(payload)
        if claims.expires_at <= now:
            raise ExpiredToken
        if max(claims.issued_at, _time(payload["nbf"])) > now + LEEWAY:
            raise InvalidToken
        if claims.expires_at - claims.issued_at > MAX_ACCESS_LIFE:  # its revocation may be forgotten before it expires
            raise InvalidToken
        return claims

    def public_keys(self) -> Sequence[dict[str, Any]]:
        """Return the public keys, as JSON Web Keys."""
        return [to_public_jwk(key) for key in self._keys.values()]

    def _payload(self, token: str) -> dict[str, Any]:
        """Return the payload of a token whose signature, type, issuer and audience are right."""
        if len(token) > MAX_TOKEN:
            raise InvalidToken
        try:
            header = jwt.get_unverified_header(token)
            key = self._keys.get(str(header.get("kid")))
            if header.get("typ") != TOKEN_TYPE or "crit" in header:
                raise InvalidToken
            if key is None:
                raise UnknownSigningKey
            payload: dict[str, Any] = jwt.decode(
                token,
                key.public,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                options=_OPTIONS,
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise InvalidToken from error
        return payload


def _claims(payload: dict[str, Any]) -> AccessClaims:
    """Read the claims. The service has signed them, but perhaps an older release."""
    try:
        role, username = payload["role"], payload["username"]
        scopes = with_implied(payload["scope"].split())
        if role not in ROLES or not isinstance(username, str) or not scopes <= ALL_SCOPES:
            raise InvalidToken
        return AccessClaims(
            token_id=UUID(payload["jti"]),
            user_id=UUID(payload["sub"]),
            username=username,
            role=role,
            scopes=scopes,
            session_id=UUID(payload["sid"]),
            issued_at=_time(payload["iat"]),
            expires_at=_time(payload["exp"]),
        )
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidToken from error


def _time(seconds: object) -> datetime:
    """Return a time from seconds since 1970. Raises: InvalidToken."""
    try:
        if isinstance(seconds, int) and not isinstance(seconds, bool):
            return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidToken from error
    raise InvalidToken
