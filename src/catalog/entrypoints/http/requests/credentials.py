"""The credential of a request: an access token or API key in a header, or the cookie of a browser's session."""

from datetime import timedelta
from typing import Any, Final

from catalog.application.identity.authenticator import Credential
from catalog.domain.identity.api_key import PREFIX
from catalog.domain.identity.errors import InvalidToken, SeveralCredentials

COOKIE: Final = "catalog_session"
SECURE_COOKIE: Final = f"__Host-{COOKIE}"
"""The name of the cookie with TLS. Browsers take one with this prefix only over HTTPS, and from no other host."""

RawCredential = tuple[bytes, bytes]
"""The name and the value of a header."""

_HEADERS = frozenset((b"authorization", b"x-api-key", b"cookie"))
_BEARER = b"bearer "
_KEY_PREFIX = f"{PREFIX}_"


def raw_credential(scope: Any) -> RawCredential | None:  # noqa: ANN401 - an ASGI scope
    """Return the header that may have a credential, or None. A credential in a header wins over a cookie.

    Raises: SeveralCredentials.
    """
    found: RawCredential | None = None
    cookie: RawCredential | None = None
    for header in scope["headers"]:
        name = header[0]
        if name not in _HEADERS:
            continue
        if name == b"cookie":
            cookie = header if cookie is None else (name, cookie[1] + b"; " + header[1])
        elif found is None:
            found = header
        else:
            raise SeveralCredentials
    return cookie if found is None else found


def has_header_credential(scope: Any) -> bool:  # noqa: ANN401 - an ASGI scope
    """Return whether a credential was sent in a header, so that a cookie does not count."""
    return any(name in (b"authorization", b"x-api-key") for name, _ in scope["headers"])


def parse_credential(raw: RawCredential, cookie_name: bytes) -> Credential | None:
    """Return the credential in a header, or None if it is a cookie of others. Raises: InvalidToken if it is of another kind."""
    name, value = raw
    if name == b"cookie":
        secret = _cookie(value, cookie_name)
        return None if secret is None else Credential("cookie", secret)
    return Credential("token", _key(value) if name == b"x-api-key" else _token(value))


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


def _cookie(header: bytes, cookie_name: bytes) -> str | None:
    """Return the content of the session cookie, or None. Raises: InvalidToken if there are several."""
    prefix = cookie_name + b"="
    found = [pair.strip()[len(prefix) :] for pair in header.split(b";") if pair.strip().startswith(prefix)]
    if len(found) > 1:
        raise InvalidToken
    return found[0].decode("latin-1") if found else None
