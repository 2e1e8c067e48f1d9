"""Fetches the public keys of an issuer: its discovery document names where they are (OpenID Connect Discovery 1.0).

The issuer may be slow, away or hostile. So there is one fetch at a time, with a time limit for the whole of it; answers have a
maximum size; redirects are not followed; addresses are https, or http on loopback if the issuer's own is. Keys that are not at
the issuer's own host and port must be at a public address (see checked_transport).
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from time import monotonic
from urllib.parse import urlsplit

import httpx

from catalog.adapters.oidc.checked_transport import PUBLIC_ONLY, CheckedTransport, Resolve, resolve
from catalog.adapters.oidc.json_web_keys import IssuerKey, KeySet
from catalog.domain.identity.errors import InvalidToken, IssuerUnavailable

TIMEOUT = 5.0
"""Seconds that both documents together may take."""

MAX_BYTES = 256 * 1024
"""Maximum size of a document."""

REFETCH_AFTER = 60.0
"""Seconds after a fetch during which an unknown key does not cause another one."""

RETRY_AFTER = 5.0
"""Seconds after a failed fetch without another one."""

FRESH = 3600.0
"""Seconds after which the keys are fetched again, while those at hand are still used."""

USABLE = 86_400.0
"""Seconds after which the keys are not used any more, if the issuer cannot be reached: it may have withdrawn one."""


class IssuerKeys:
    """The keys of an issuer, cached."""

    def __init__(
        self, issuer: str, *, clock: Callable[[], float] = monotonic, timeout: float = TIMEOUT, resolve: Resolve = resolve
    ) -> None:
        """Take the issuer's address. Nothing is fetched before the first token. Raises: ValueError if it is not https."""
        self._is_loopback = _is_loopback(issuer)
        _check_address(issuer, allow_loopback=self._is_loopback)
        self._issuer = issuer
        self._clock = clock
        self._timeout = timeout
        self._keys = KeySet()
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._failure: Exception | None = None
        # A proxy named by the environment is used, but not to reach this machine.
        transport = CheckedTransport(trust_env=not self._is_loopback, resolve=resolve)
        self._client = httpx.AsyncClient(transport=transport, follow_redirects=False, timeout=timeout)

    async def find(self, algorithm: str, key_id: str | None) -> IssuerKey:
        """Return the only key that may have signed a token with this header. Raises: InvalidToken, IssuerUnavailable."""
        age = self._age()
        if age is None or age >= USABLE:
            await self._fetch(RETRY_AFTER)
        elif age >= FRESH:
            self._start_fetch(REFETCH_AFTER)
        found = self._keys.find(algorithm, key_id)
        if not found:
            await self._fetch(REFETCH_AFTER)
            found = self._keys.find(algorithm, key_id)
        return _only(found)

    async def close(self) -> None:
        """Stop fetching, and close the connections."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])
        await self._client.aclose()

    def _age(self) -> float | None:
        return None if self._fetched_at is None else self._clock() - self._fetched_at

    async def _fetch(self, pause: float) -> None:
        """Fetch the keys, unless it was tried less than `pause` seconds ago. Raises: IssuerUnavailable if that failed."""
        task = self._start_fetch(pause)
        if task is not None:
            await asyncio.shield(task)  # others wait for it too
        if self._failure is not None:
            raise IssuerUnavailable from self._failure

    def _start_fetch(self, pause: float) -> asyncio.Task[None] | None:
        """Return the fetch that is under way, or a new one unless the last one is too recent."""
        if self._fetching is not None:
            return self._fetching
        if self._tried_at is not None and self._clock() - self._tried_at < pause:
            return None
        self._fetching = asyncio.create_task(self._fetch_now())
        return self._fetching

    async def _fetch_now(self) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                discovery = await self._document(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
                keys = KeySet.parse(await self._document(self._keys_address(discovery)))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError, OSError) as error:
            self._failure = error
        else:
            self._keys, self._failure, self._fetched_at = keys, None, self._clock()
        finally:
            self._fetching, self._tried_at = None, self._clock()

    def _keys_address(self, discovery: object) -> str:
        """Return where the keys are. Raises: ValueError."""
        if not isinstance(discovery, dict) or discovery.get("issuer") != self._issuer:
            message = "The discovery document is that of another issuer."
            raise ValueError(message)
        address = discovery.get("jwks_uri")
        if not isinstance(address, str):
            message = "The discovery document does not say where the keys are."
            raise ValueError(message)  # noqa: TRY004 - the value is wrong, not its type
        _check_address(address, allow_loopback=self._is_loopback)
        return address

    async def _document(self, address: str) -> object:
        """Return a JSON document. Raises: httpx.HTTPError, ValueError."""
        # Not compressed, because a small answer could become a huge one.
        headers = {"accept": "application/json", "accept-encoding": "identity"}
        extensions = {PUBLIC_ONLY: not self._is_loopback and _origin(address) != _origin(self._issuer)}
        async with self._client.stream("GET", address, headers=headers, extensions=extensions) as answer:
            if answer.status_code != httpx.codes.OK or answer.headers.get("content-encoding", "identity") != "identity":
                message = f"{address} answered with status {answer.status_code}, or compressed."
                raise ValueError(message)
            content = bytearray()
            async for part in answer.aiter_raw():
                content += part
                if len(content) > MAX_BYTES:
                    message = f"The answer of {address} is longer than {MAX_BYTES} bytes."
                    raise ValueError(message)
        document: object = json.loads(content)
        return document


def _only(keys: Sequence[IssuerKey]) -> IssuerKey:
    if len(keys) != 1:
        raise InvalidToken
    return keys[0]


def _check_address(address: str, *, allow_loopback: bool) -> None:
    parts = urlsplit(address)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and allow_loopback and _is_loopback(address))
    if not is_safe or not parts.hostname or parts.username is not None or parts.query or parts.fragment:
        message = "The address of an issuer and of its keys must begin with https://; http:// is for loopback only."
        raise ValueError(message)


def _origin(address: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port of an address. Raises: ValueError."""
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def _is_loopback(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
