"""The address of the client, as trusted proxies report it (`Forwarded` of RFC 7239, or `X-Forwarded-For`).

Each proxy appends the address that it was called from. Whatever a client sends itself stands to the left of that, so the list is
read from the right: the first hop that is not a trusted proxy is the client.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Networks = Sequence[IPv4Network | IPv6Network]

MAX_LENGTH = 4096
"""Characters of a header. A longer one is not read."""

_WITH_PORT = re.compile(r"\[([^\]]*)\](?::\d+)?|([^:]*):\d+")


def client_address(peer: str, headers: Sequence[tuple[bytes, bytes]], networks: Networks) -> str:
    """Return the address of the client. `peer` is the address at the other end of the connection.

    If a trusted proxy sends both headers and they disagree, one of them is the client's own, so neither is believed.
    """
    nearest = _parse(peer)
    if nearest is None or not is_in_networks(nearest, networks):
        return peer
    found = {
        _client(peer, hops, networks)
        for hops in (_forwarded_for(_joined(headers, b"x-forwarded-for")), _forwarded(_joined(headers, b"forwarded")))
        if hops
    }
    return found.pop() if len(found) == 1 else peer


@lru_cache(maxsize=1024)
def is_in_networks(address: IPv4Address | IPv6Address, networks: Networks) -> bool:
    """Return whether an address is in one of the networks."""
    return any(address in network for network in networks)


def _client(peer: str, hops: list[str], networks: Networks) -> str:
    """Return the right-most hop that is not trusted; the left-most one if all are."""
    address = peer
    for hop in reversed(hops):
        parsed = _parse(_without_port(hop))
        if parsed is None:  # `unknown`, an obfuscated name, or garbage: nobody knows what is to the left of it
            break
        address = str(parsed)
        if not is_in_networks(parsed, networks):
            break
    return address


def _forwarded_for(value: str) -> list[str]:
    return [hop.strip() for hop in value.split(",")] if value else []


def _forwarded(value: str) -> list[str]:
    """Return the parameter `for` of each element. An element without one is an unknown hop."""
    return [_parameter(element, "for") for element in value.split(",")] if value else []


def _parameter(element: str, wanted: str) -> str:
    """Return a parameter of an element of Forwarded, or `unknown`."""
    for pair in element.split(";"):
        name, _, content = pair.partition("=")
        if name.strip().lower() == wanted:
            return content.strip().strip('"')
    return "unknown"


def _without_port(hop: str) -> str:
    match = _WITH_PORT.fullmatch(hop)
    return hop if match is None else match[1] or match[2] or ""


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    """Parse an address. One of IPv4 within IPv6 is that of IPv4."""
    try:
        parsed = ip_address(text)
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


def _joined(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> str:
    """Return the values of a header, joined; an empty string if it is missing or too long."""
    joined = b",".join(value for header_name, value in headers if header_name == name)
    return "" if len(joined) > MAX_LENGTH else joined.decode("latin-1")
