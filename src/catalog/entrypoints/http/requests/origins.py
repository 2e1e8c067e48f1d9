"""Which page a browser sent a request for, by the headers Sec-Fetch-Site and Origin, which no page can set."""

from typing import Any, Final

from litestar.config.cors import CORSConfig

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

HTTPS: Final = "https"
"""Set in the state of a scope if the service is reached over HTTPS only. The scheme does not say so: a proxy may end TLS."""

_SAME_ORIGIN = b"same-origin"
_SAME_SITE = (_SAME_ORIGIN, b"none")
"""Values of Sec-Fetch-Site for our own pages, and for requests that the user started (address bar, bookmark)."""


def is_cross_origin(scope: Any, cors: CORSConfig | None) -> bool:  # noqa: ANN401 - an ASGI scope
    """Return whether a browser sent this for a page of another origin that CORS does not allow.

    Clients other than browsers send neither Origin nor Sec-Fetch-Site and are accepted: no web page controls them.
    """
    hosts, origins, sites = _read_headers(scope)
    if not origins and not sites:
        return False
    if cors is not None and len(origins) == 1 and cors.is_origin_allowed(origins[0].decode("latin-1")):
        return False
    if sites:
        return any(site not in _SAME_SITE for site in sites)
    return _is_other_origin(scope, hosts, origins)


def is_same_origin(scope: Any) -> bool:  # noqa: ANN401 - an ASGI scope
    """Return whether a browser certainly sent this for a page of this service. Without any of the headers, it is not certain."""
    hosts, origins, sites = _read_headers(scope)
    if sites:
        return all(site == _SAME_ORIGIN for site in sites)
    return bool(origins) and not _is_other_origin(scope, hosts, origins)


def _is_other_origin(scope: Any, hosts: list[bytes], origins: list[bytes]) -> bool:  # noqa: ANN401 - an ASGI scope
    host = hosts[0].lower() if len(hosts) == 1 else b""
    own = [scheme + host for scheme in ((b"https://",) if HTTPS in scope["state"] else (b"https://", b"http://"))]
    return any(origin.lower() not in own for origin in origins)


def _read_headers(scope: Any) -> tuple[list[bytes], list[bytes], list[bytes]]:  # noqa: ANN401 - an ASGI scope
    """Return the values of Host, Origin and Sec-Fetch-Site."""
    found: dict[bytes, list[bytes]] = {b"host": [], b"origin": [], b"sec-fetch-site": []}
    for name, value in scope["headers"]:
        if name in found:
            found[name].append(value)
    hosts, origins, sites = found.values()
    return hosts, origins, sites
