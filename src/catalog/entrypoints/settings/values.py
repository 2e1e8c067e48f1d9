"""Types of settings that need parsing: lists, host names, origins, networks, path prefixes."""

import json
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode


def _split(value: object) -> object:
    """Parse `a, b` or `["a", "b"]` as a list. A value in brackets is not always JSON: it may be an IPv6 address."""
    if not isinstance(value, str):
        return value
    if value.strip().startswith(('["', "['", "[]", "[ ")):
        try:
            parsed = json.loads(value)
        except ValueError:
            parsed = None
        if not isinstance(parsed, list) or not all(isinstance(part, str) for part in parsed):
            message = 'Must be a list: comma-separated (a, b) or JSON (["a", "b"]).'
            raise ValueError(message)
        return parsed
    return [part.strip() for part in value.split(",") if part.strip()]


_ORIGIN = re.compile(r"(https?)://([a-z0-9._-]+|\[[0-9a-f.]*:[0-9a-f:.]*\])(?::([0-9]{1,5}))?/?")
_HOST = re.compile(r"\*|[a-z0-9._-]+|\[[0-9a-f.]*:[0-9a-f:.]*\]")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def _normalize_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    """Normalize origins to the form that browsers send. Raises: ValueError for anything else, because it would never match."""
    normalized = []
    for origin in origins:
        match = _ORIGIN.fullmatch(origin.lower())
        if match is None and origin != "*":
            message = f"{origin[:100]!r} is not an origin. Use https://shop.example or http://localhost:3000, without a path."
            raise ValueError(message)
        scheme, host, port = match.groups() if match else ("", "", None)
        port_suffix = "" if port is None or port == _DEFAULT_PORTS[scheme] else f":{port}"
        normalized.append(f"{scheme}://{host}{port_suffix}" if match else origin)
    return tuple(normalized)


def _check_hosts(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the host names unchanged. Raises: ValueError for anything else, because it would never match."""
    for host in hosts:
        if not _HOST.fullmatch(host.lower()):
            message = f"{host[:100]!r} is not a host name. Use shop.example, without scheme, port or path."
            raise ValueError(message)
    return hosts


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Hosts = Annotated[Names, AfterValidator(_check_hosts)]
Origins = Annotated[Names, AfterValidator(_normalize_origins)]


def _parse_networks(value: object) -> object:
    """Parse addresses and networks. A plain address is a network of one."""
    return tuple(ip_network(part, strict=False) for part in parts) if isinstance(parts := _split(value), list) else parts


Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_parse_networks)]

_PATH_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")

OWN_PATHS = ("/api/", "/docs/", "/redoc/", "/health/", "/openapi.json/", "/page/")
"""The service's own paths. A proxy prefix that starts with one would be ambiguous."""


def is_prefix(path: str) -> bool:
    """Return whether a proxy may publish the service below this path: well-formed, and not one of the service's own paths."""
    well_formed = _PATH_PREFIX.fullmatch(path) is not None and not {".", ".."} & set(path.split("/"))
    return well_formed and not f"{path}/".startswith(OWN_PATHS)


def without_password(url: str) -> str:
    """Return the URL without password and query string, safe to display."""
    scheme, separator, rest = url.partition("://")
    credentials, at, address = rest.rpartition("@")
    user = credentials.partition(":")[0]
    return f"{scheme}{separator}{user}{at}{address.partition('?')[0]}"
