"""Rate limits: how many requests a caller may send in a time, and the headers that say how many are left.

The headers are those of draft-ietf-httpapi-ratelimit-headers.
"""

from collections.abc import Awaitable
from functools import lru_cache
from hashlib import sha256
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Final

from catalog.domain.identity.back_off import network_of
from catalog.domain.identity.errors import TooManyRequests
from catalog.domain.identity.usernames import normalize_username
from catalog.entrypoints.http.requests.access import SIGN_INS, Limit
from catalog.entrypoints.http.requests.caller import address_of
from catalog.entrypoints.settings.sections import RateLimitSettings
from catalog.ports.identity.limits import Allowance, Meter, RateLimiter

Header = tuple[bytes, bytes]

RATE_HEADERS: Final = "rate_headers"
"""Key in the state of an ASGI scope of the headers that say how many requests are left, by the limit that was counted last."""

_IPV6_PREFIX = 64
"""The length of an IPv6 network that counts as one address: its owner can use all of it."""


class RateLimits:
    """Counts requests by caller."""

    def __init__(self, limiter: RateLimiter, settings: RateLimitSettings) -> None:
        """Count with `limiter`."""
        self._limiter = limiter
        self._default = _Policy("default", settings.requests, settings.window_seconds)
        self._sign_in = _Policy("sign-in", settings.sign_in_requests, settings.sign_in_window_seconds, prefix="sign-in ")
        self.apply = self._default.apply
        """Takes what a meter returns, and the scope of the request."""

    async def take(self, limit: Limit, key: str, scope: Any) -> None:  # noqa: ANN401 - an ASGI scope
        """Count a request, and put the headers that its response has into the state of its scope. Raises: TooManyRequests."""
        counting = self.count(limit, key, scope)
        if counting is not None:
            await counting

    def count(self, limit: Limit, key: str, scope: Any) -> Awaitable[None] | None:  # noqa: ANN401 - an ASGI scope
        """Do what `take` does. If that takes waiting, return what to wait for. Raises: TooManyRequests."""
        policy = self._sign_in if limit == SIGN_INS else self._default
        key = policy.prefix + key
        meter = self._limiter.meter(key, policy.requests, policy.seconds)
        if meter is None:
            return self._wait(policy, key, scope)
        policy.apply(meter.take(), scope)
        return None

    def meter(self, key: str) -> Meter | None:
        """Return what counts requests with a key without waiting, whose results are for `apply`; None if it takes waiting."""
        return self._limiter.meter(key, self._default.requests, self._default.seconds)

    async def _wait(self, policy: "_Policy", key: str, scope: Any) -> None:  # noqa: ANN401 - an ASGI scope
        policy.apply(await self._limiter.take(key, policy.requests, policy.seconds), scope)


class _Policy:
    """A number of requests in a time."""

    def __init__(self, name: str, requests: int, seconds: int, prefix: str = "") -> None:
        self.prefix = prefix
        """What its keys begin with; nothing for most requests."""
        self.left = f'"{name}";r=%d;t=%d'.encode()
        self.requests = requests
        self.seconds = seconds
        self.header: Header = (b"ratelimit-policy", f'"{name}";q={requests};w={seconds}'.encode())

    def apply(self, allowance: Allowance, scope: Any) -> None:  # noqa: ANN401 - an ASGI scope
        """Put the headers of the response into the state of the scope. Raises: TooManyRequests if the request is not allowed."""
        allowed, remaining, reset_after = allowance
        scope["state"][RATE_HEADERS] = (self.header, (b"ratelimit", self.left % (remaining, reset_after)))
        if not allowed:
            raise TooManyRequests(reset_after)


class SignInLimit:
    """Limits sign-ins with one name from one network. From anywhere would let strangers keep a user out."""

    def __init__(self, limits: RateLimits) -> None:
        """Count with `limits`."""
        self._limits = limits

    async def check(self, username: str, scope: Any) -> None:  # noqa: ANN401 - an ASGI scope
        """Count a sign-in. Raises: TooManyRequests."""
        name = sha256(normalize_username(username).encode(errors="surrogatepass")).hexdigest()
        await self._limits.take(SIGN_INS, f"{network_of(address_of(scope) or 'unknown')} {name}", scope)


@lru_cache(maxsize=1024)
def address_key(address: str | None) -> str:
    """Return what requests from an address are counted by: the address, or the /64 network of one of IPv6."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return f"address {address}"
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return f"address {ip_network((parsed, _IPV6_PREFIX), strict=False)}"
    return f"address {getattr(parsed, 'ipv4_mapped', None) or parsed}"
