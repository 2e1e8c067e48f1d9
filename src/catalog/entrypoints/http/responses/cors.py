"""CORS headers for responses that are sent before Litestar sees the request, which adds them to all others."""

from typing import Any, Final

from litestar.config.cors import CORSConfig

from catalog.entrypoints.http.requests.headers import header

Header = tuple[bytes, bytes]

_VARY: Final = (b"vary", b"Origin")
_ALLOW_ORIGIN: Final = b"access-control-allow-origin"


class CorsHeaders:
    """The headers of actual requests (not preflights), as Litestar's middleware makes them of the same configuration."""

    def __init__(self, config: CORSConfig) -> None:
        """Encode what does not depend on the request."""
        self._config = config
        methods, names = (", ".join(sorted(set(values))) for values in (config.allow_methods, config.allow_headers))
        self._common: tuple[Header, ...] = (
            *((name.lower().encode(), value.encode()) for name, value in config.simple_headers.items()),
            (b"access-control-allow-headers", names.encode()),
            (b"access-control-allow-methods", methods.encode()),
        )
        self._without_wildcard = tuple(each for each in self._common if each[0] != _ALLOW_ORIGIN)

    def of(self, scope: Any) -> tuple[Header, ...]:  # noqa: ANN401 - an ASGI scope
        """Return the headers of the response to a request. There are none if no page sent it."""
        origin = header(scope, b"origin")
        if not origin:
            return ()
        if self._config.is_allow_all_origins:
            names_origin = header(scope, b"cookie") is not None
        else:
            names_origin = self._config.is_origin_allowed(origin)
        if not names_origin:
            return self._common
        return (*self._without_wildcard, (_ALLOW_ORIGIN, origin.encode("latin-1")), _VARY)


def is_preflight(scope: Any) -> bool:  # noqa: ANN401 - an ASGI scope
    """Return whether a browser asks if a page may send a request. It never sends a credential along."""
    if scope["method"] != "OPTIONS" or header(scope, b"origin") is None:
        return False
    return header(scope, b"access-control-request-method") is not None
