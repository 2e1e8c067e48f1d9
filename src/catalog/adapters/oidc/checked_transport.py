"""Sends requests to addresses that were checked. A DNS answer that changes after the check makes no difference.

The issuer's discovery document names another address, so whoever controls the document could point this service to machines that
only it can reach (server-side request forgery).
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.request import getproxies, proxy_bypass

import httpx

PUBLIC_ONLY: Final = "catalog_public_only"
"""The extension of a request that may only be sent to a public address."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the IP addresses of a host. Raises: OSError."""

_NAT64 = ip_network("64:ff9b::/96")
_IPV4_MASK = 0xFFFF_FFFF


async def resolve(host: str, port: int) -> Sequence[str]:
    """Return the IP addresses of a host, the preferred one first. Raises: OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def is_public(address: str) -> bool:
    """Return whether an IP address belongs to the public internet. One of IPv6 may stand for one of IPv4, which then counts."""
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address):
        parsed = _embedded(parsed) or parsed
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved


def _embedded(address: IPv6Address) -> IPv4Address | None:
    if address in _NAT64:
        return IPv4Address(int(address) & _IPV4_MASK)
    return address.ipv4_mapped or address.sixtofour


class CheckedTransport(httpx.AsyncBaseTransport):
    """Resolves a host once, checks all its addresses, and connects to one of them.

    If the environment names a proxy for the host, the proxy resolves it, and only hosts that are addresses are checked.
    """

    def __init__(self, *, trust_env: bool, resolve: Resolve = resolve, inner: httpx.AsyncBaseTransport | None = None) -> None:
        """Use the proxy and the certificates that the environment names with `trust_env`."""
        # A connection is never used again: it was verified for one name, and two names may have the same address.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._inner = inner or httpx.AsyncHTTPTransport(trust_env=trust_env, limits=limits)
        self._proxied: dict[str, httpx.AsyncHTTPTransport] = {}
        self._trust_env = trust_env
        self._resolve = resolve

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request. Raises: httpx.HTTPError, OSError, ValueError if it must be public and an address is not."""
        host = request.url.raw_host.decode("ascii")
        public_only = bool(request.extensions.get(PUBLIC_ONLY))
        proxy = _proxy_for(host) if self._trust_env else None
        if proxy is not None:
            if public_only and _is_address(host):
                _check_public([host])
            return await self._through(proxy).handle_async_request(request)
        addresses = await self._resolve(host, request.url.port or 443)
        if public_only:
            _check_public(addresses)
        failure: httpx.TransportError | None = None
        for address in addresses:
            try:
                return await self._inner.handle_async_request(_pinned(request, address, host, len(addresses)))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
        raise failure or httpx.ConnectError("The host has no address.", request=request)

    async def aclose(self) -> None:
        """Close the connections."""
        for transport in (self._inner, *self._proxied.values()):
            await transport.aclose()

    def _through(self, proxy: str) -> httpx.AsyncHTTPTransport:
        """Return what sends requests through a proxy."""
        if proxy not in self._proxied:
            self._proxied[proxy] = httpx.AsyncHTTPTransport(proxy=proxy)
        return self._proxied[proxy]


def _pinned(request: httpx.Request, address: str, host: str, count: int) -> httpx.Request:
    """Return the request to an address. Host header and certificate are the host's; `count` tries share the time."""
    timeout = request.extensions.get("timeout", {})
    connect = timeout.get("connect")
    if connect is not None:
        timeout = {**timeout, "connect": connect / count}
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "timeout": timeout, "sni_hostname": host},
    )


def _check_public(addresses: Sequence[str]) -> None:
    if not all(map(is_public, addresses)):
        message = "The issuer's keys are at an address that is not public."
        raise ValueError(message)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _proxy_for(host: str) -> str | None:
    """Return the proxy that the environment names for HTTPS to a host, with its scheme."""
    proxies = getproxies()
    proxy = proxies.get("https") or proxies.get("all")
    if not proxy or proxy_bypass(host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
