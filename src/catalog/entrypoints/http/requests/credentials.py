"""The credential of a request: an access token or API key in a header, or the cookie of a browser's session."""

from datetime import timedelta
from typing import Any, Final

from catalog.application.identity.authenticator import Credential
from catalog.domain.identity.api_key import PREFIX
from catalog.domain.identity.errors import InvalidToken, SeveralCredentials

COOKIE: Final = "catalog_session"
SECURE_COOKIE: Final = f"__Host-{COOKIE}"
"""The name of the cookie with TLS. Browsers take one with this prefix only over HTTPS, and from no other host."""

_BEARER = b"bearer "
_KEY_PREFIX = f"{PREFIX}_"


def read_credential(scope: Any, cookie_name: bytes) -> Credential | None:  # noqa: ANN401 - an ASGI scope
    """Return the credential of a request, or None if it has none. A header wins over the cookie.

    Raises: SeveralCredentials, InvalidToken if it is of another kind.
    """
    header: bytes | None = None
    is_key = False
    cookies: list[bytes] = []
    for name, value in scope["headers"]:
        if name == b"authorization" or name == b"x-api-key":  # noqa: PLR1714 - faster than a tuple
            if header is not None:
                raise SeveralCredentials
            header, is_key = value, name == b"x-api-key"
        elif name == b"cookie":
            cookies.append(value)
    if header is not None:
        return Credential("token", _key(header) if is_key else _token(header))
    if not cookies:
        return None
    secret = _cookie(cookies, cookie_name)
    return None if secret is None else Credential("cookie", secret)


class SessionCookie:
    """The cookie of a browser's session. No script can read it, and other sites cannot make it be sent."""

    def __init__(self, life: timedelta, *, tls: bool) -> None:
        """Take how long a session lasts. With `tls`, the cookie is sent over HTTPS only."""
        self.name = SECURE_COOKIE if tls else COOKIE
        self._seconds = int(life.total_seconds())
        self._attributes = "HttpOnly; SameSite=Strict" + ("; Secure" if tls else "")

    def header(self, secret: str) -> tuple[bytes, bytes]:
        """Return the header that gives a browser its cookie."""
        return self._header(secret, self._seconds)

    @property
    def cleared(self) -> tuple[bytes, bytes]:
        """The header that makes a browser forget its cookie."""
        return self._header("", 0)

    def _header(self, secret: str, seconds: int) -> tuple[bytes, bytes]:
        return b"set-cookie", f"{self.name}={secret}; Path=/; Max-Age={seconds}; {self._attributes}".encode()


def _token(header: bytes) -> str:
    """Return the token in an Authorization header. Raises: InvalidToken."""
    if header[:7].lower() != _BEARER:
        raise InvalidToken
    return header[7:].strip().decode("latin-1")


def _key(header: bytes) -> str:
    """Return the key in an X-API-Key header. Raises: InvalidToken if it is a token of another kind."""
    text = header.decode("latin-1")
    if not text.startswith(_KEY_PREFIX):
        raise InvalidToken
    return text


def _cookie(headers: list[bytes], cookie_name: bytes) -> str | None:
    """Return the content of the session cookie, or None. Raises: InvalidToken if there are several."""
    prefix = cookie_name + b"="
    found = [pair.strip()[len(prefix) :] for header in headers for pair in header.split(b";") if pair.strip().startswith(prefix)]
    if len(found) > 1:
        raise InvalidToken
    return found[0].decode("latin-1") if found else None
