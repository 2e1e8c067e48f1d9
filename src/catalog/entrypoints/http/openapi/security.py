"""How the OpenAPI document shows who may do what: security schemes, the scopes of each operation, and the statuses 401, 403, 429.

Only with sign-in. Without it there are no credentials, and a document that asked for some would mislead clients.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from catalog.domain.identity.scopes import SCOPES
from catalog.entrypoints.http.requests.access import AccessRule

_BEARER, _PASSWORD, _API_KEY, _COOKIE = "bearer", "password", "api_key", "session"


@dataclass(frozen=True, slots=True)
class Security:
    """What the document says about credentials. With `public_read`, guests may read."""

    public_read: bool
    token_path: str
    cookie: str

    @property
    def schemes(self) -> dict[str, Any]:
        """The ways to send a credential."""
        return {
            _BEARER: {"type": "http", "scheme": "bearer", "description": "An access token or an API key."},
            _PASSWORD: {
                "type": "oauth2",
                "description": "Sign in with username and password.",
                "flows": {
                    "password": {
                        "tokenUrl": self.token_path,
                        "scopes": dict(zip(SCOPES, _DESCRIPTIONS, strict=True)),
                    }
                },
            },
            _API_KEY: {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
            _COOKIE: {"type": "apiKey", "in": "cookie", "name": self.cookie, "description": "The session of a browser."},
        }

    def requirements(self, rule: AccessRule) -> list[dict[str, list[str]]]:
        """Return the credentials that a route accepts, each with the scope that it needs. An empty one stands for none."""
        if rule.public:
            return []
        scopes = [rule.scope] if rule.scope else []
        schemes = [_BEARER, _PASSWORD, *([_API_KEY] if rule.api_keys else []), _COOKIE]
        found: list[dict[str, list[str]]] = [{name: scopes} for name in schemes]
        return [*found, {}] if rule.guests and self.public_read else found

    def errors(self, rule: AccessRule) -> Iterator[int]:
        """Return the statuses of a route that are due to its access rule and to rate limits."""
        if not rule.public:
            yield from (401, 403)
        if rule.limit:
            yield 429


_DESCRIPTIONS = (
    "Read items, categories, history and prices",
    "Create items",
    "Create, change and delete items and categories",
    "Import items from files",
    "Read the change log",
    "Read the audit",
    "Administer users",
    "Administer webhooks",
    "Read metrics",
)
