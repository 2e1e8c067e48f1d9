"""Verifies access tokens of another issuer (OpenID Connect)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import jwt
from jwt.types import Options

from catalog.adapters.oidc.checked_transport import Resolve, resolve
from catalog.adapters.oidc.issuer_keys import TIMEOUT, IssuerKeys
from catalog.adapters.oidc.json_web_keys import ALGORITHMS
from catalog.adapters.oidc.roles import role_of
from catalog.domain.identity.errors import ExpiredToken, InvalidToken, NoRole
from catalog.domain.identity.principal import Principal
from catalog.domain.identity.roles import ROLE_SCOPES, Role
from catalog.domain.identity.scopes import ALL_SCOPES, Scopes, with_implied

MAX_TOKEN = 16_384
"""Maximum length of a token, in characters. Those with many groups have several thousand."""

MAX_SUBJECT = 255
"""Maximum length of the claim `sub` (OpenID Connect Core 1.0, section 2)."""

LEEWAY = timedelta(seconds=60)
"""How far the issuer's clock may be ahead. Expiry has no leeway."""

MAX_TRUST = timedelta(hours=1)
"""How long a verified token is trusted. Then it is verified again, because the issuer may have withdrawn its key."""

_CREDENTIAL = "oidc"
"""What the logs say such callers have signed in with."""

_TOKEN_TYPES = (None, "jwt", "at+jwt", "application/at+jwt")
"""Types of tokens, in lower case. Many issuers do not follow RFC 9068; `logout+jwt` and the like are not access tokens."""

_OPTIONS: Options = {
    "require": ["iss", "aud", "sub", "exp"],
    # The times are checked here, by the application's clock.
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedIssuer:
    """Whose tokens are accepted: the issuer, the audience that they must be for, and the claim that says the role."""

    issuer: str
    audience: str
    role_claim: str = "roles"
    role_map: Mapping[str, Role] = field(default_factory=dict)


class OidcTokens:
    """Verifies the tokens of one issuer for one audience."""

    def __init__(
        self,
        trusted: TrustedIssuer,
        *,
        timeout: float = TIMEOUT,
        clock: Callable[[], float] = monotonic,
        resolve: Resolve = resolve,
    ) -> None:
        """Trust an issuer. `timeout` is for fetching its keys, `clock` measures their age, and `resolve` finds its addresses.

        Raises: ValueError.
        """
        self._trusted = trusted
        self._keys = IssuerKeys(trusted.issuer, timeout=timeout, clock=clock, resolve=resolve)

    def is_foreign(self, token: str) -> bool:
        """Return whether a token says that this issuer has issued it. Its signature is not checked."""
        if len(token) > MAX_TOKEN:
            return False
        try:
            payload: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        except (jwt.PyJWTError, ValueError):
            return False
        return bool(payload.get("iss") == self._trusted.issuer)

    async def verify(self, token: str, now: datetime) -> Principal:
        """Return who sends a token. Its scopes are those of the role; if the token names some of ours, only those.

        Raises: InvalidToken, ExpiredToken, NoRole, IssuerUnavailable.
        """
        payload = await self._payload(token)
        expires_at = _check_times(payload, now)
        username = f"{self._trusted.issuer}|{_subject(payload)}"
        role = role_of(payload, self._trusted.role_claim, self._trusted.role_map)
        if role is None:
            raise NoRole(username, _CREDENTIAL)
        return Principal(
            kind="user",
            username=username,
            role=role,
            scopes=ROLE_SCOPES[role] & _scopes(payload),
            credential=_CREDENTIAL,
            expires_at=min(expires_at, now + MAX_TRUST),
        )

    async def close(self) -> None:
        """Release all resources."""
        await self._keys.close()

    async def _payload(self, token: str) -> dict[str, Any]:
        """Return the payload of a token whose signature, type, issuer and audience are right."""
        if len(token) > MAX_TOKEN:
            raise InvalidToken
        try:
            algorithm, key_id = _header(token)
            key = await self._keys.find(algorithm, key_id)
            payload: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[algorithm],
                audience=self._trusted.audience,
                issuer=self._trusted.issuer,
                options=_OPTIONS,
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise InvalidToken from error
        return payload


def _header(token: str) -> tuple[str, str | None]:
    """Return a token's algorithm and key id. Addresses of keys and keys within the header are ignored. Raises: InvalidToken."""
    header = jwt.get_unverified_header(token)
    algorithm, key_id, kind = header.get("alg"), header.get("kid"), header.get("typ")
    kind = kind.lower() if isinstance(kind, str) else kind
    if algorithm not in ALGORITHMS or kind not in _TOKEN_TYPES or "crit" in header:
        raise InvalidToken
    return algorithm, key_id


def _check_times(payload: Mapping[str, Any], now: datetime) -> datetime:
    """Return when a token expires, if it is valid now. Raises: InvalidToken, ExpiredToken."""
    expires_at = _time(payload["exp"])
    starts = [_time(payload[claim]) for claim in ("nbf", "iat") if claim in payload]
    if any(start > now + LEEWAY for start in starts):
        raise InvalidToken
    if expires_at <= now:
        raise ExpiredToken
    return expires_at


def _subject(payload: Mapping[str, Any]) -> str:
    subject = payload["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT or not subject.isprintable():
        raise InvalidToken
    return subject


def _scopes(payload: Mapping[str, Any]) -> Scopes:
    """Return the scopes of ours that a token is limited to. Issuers that do not know them name others, which limit nothing."""
    scope = payload.get("scope")
    named = with_implied(scope.split()) & ALL_SCOPES if isinstance(scope, str) else ALL_SCOPES
    return named or ALL_SCOPES


def _time(seconds: object) -> datetime:
    """Return a time from seconds since 1970, which may have a fraction. Raises: InvalidToken."""
    try:
        if isinstance(seconds, int | float) and not isinstance(seconds, bool):
            return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidToken from error
    raise InvalidToken
