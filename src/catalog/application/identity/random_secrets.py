"""Random secrets: refresh tokens, cookies and the secret part of API keys. Only their hashes are stored."""

from hashlib import sha256
from secrets import token_urlsafe

_BYTES = 32


def new_secret() -> str:
    """Return 256 random bits as 43 characters of `A-Za-z0-9_-`."""
    return token_urlsafe(_BYTES)


def hash_secret(secret: str) -> bytes:
    """Return the SHA-256 of a secret. It needs no salt and no slow hash: nobody can guess 256 random bits."""
    return sha256(secret.encode(errors="surrogatepass")).digest()
