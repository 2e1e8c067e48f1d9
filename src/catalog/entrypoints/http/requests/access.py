"""Access rules: who may call a route. Each route declares one, and it is checked before the handler is called."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from catalog.domain.identity.errors import Unauthenticated
from catalog.domain.identity.principal import Principal
from catalog.domain.identity.scopes import ITEMS_CREATE
from catalog.entrypoints.http.requests.caller import AnyRequest, principal_of

ACCESS: Final = "access"
"""The key of a route's `AccessRule` in the `opt` of its handler."""


Limit = Literal["requests", "sign_ins"]
"""A rate limit: that of all requests, or that of signing in."""

REQUESTS: Final[Limit] = "requests"
SIGN_INS: Final[Limit] = "sign_ins"


@dataclass(frozen=True, slots=True)
class AccessRule:
    """Who may call a route. `check` raises the error of a caller who may not.

    `scope` is what it asks for, if anything. A `public` route ignores all credentials. `guests` may be among the callers if the
    public may read. `api_keys` may not be used for what needs a sign-in. `limit` is the rate limit, or None.
    """

    summary: str
    check: Callable[[Principal], object]
    scope: str | None = None
    public: bool = False
    guests: bool = False
    api_keys: bool = True
    limit: Limit | None = REQUESTS

    def __deepcopy__(self, _memo: dict[int, Any]) -> "AccessRule":
        """Return the rule itself: it is immutable, and Litestar copies handlers with everything they declare."""
        return self


def requires(scope: str, *, guests: bool = True) -> AccessRule:
    """Return the rule that callers need a scope. Without `guests`, they must have signed in."""

    def check(principal: Principal) -> None:
        if not guests:
            _require_credential(principal)
        principal.require(scope)

    return AccessRule(f"the scope {scope}", check, scope, guests=guests)


def _require_credential(principal: Principal) -> None:
    """Raise Unauthenticated for guests."""
    if principal.kind == "guest":
        raise Unauthenticated


def _require_any_right(principal: Principal) -> None:
    """Raise Unauthenticated for guests, unless the public may read."""
    if not principal.scopes:
        _require_credential(principal)


PUBLIC: Final = AccessRule("nothing", lambda _principal: None, public=True, guests=True)
"""Anybody may call it, whatever credentials are sent along."""

PROBE: Final = replace(PUBLIC, limit=None)
"""Anybody may call it, as often as it takes: probes of the health."""

SIGNING_IN: Final = replace(PUBLIC, limit=SIGN_INS)
"""Anybody may try, but not often."""

ANY_CALLER: Final = AccessRule("a credential, of any scope", _require_any_right, guests=True)
"""Everybody who may do anything at all."""

SIGN_IN: Final = AccessRule("a user who signed in with a password", Principal.require_sign_in, api_keys=False)
"""Users who signed in with a password. API keys and users of other issuers may not."""

FULL_SIGN_IN: Final = AccessRule(
    "a user who signed in with a password and all scopes of the role", Principal.require_full_sign_in, api_keys=False
)
"""Users who signed in with a password, and whose credential has all scopes of their role."""

EACH_OPERATION: Final = AccessRule(
    "the scope items:create to create items, items:write to change them", requires(ITEMS_CREATE).check, ITEMS_CREATE
)
"""What is created needs another scope than what is replaced. `items:write` implies `items:create`, so all need the latter."""


async def check_access(request: AnyRequest) -> None:
    """Raise the error of a caller who may not call this route. It runs before anything of the body is read.

    Litestar's guards run there too, but it copies the handler for each call of one.
    """
    scope: Any = request.scope
    rule: AccessRule = scope["route_handler"].opt[ACCESS]
    rule.check(principal_of(scope))


def public_page() -> dict[str, Any]:
    """Return the `opt` argument of a public page, which is not in the OpenAPI document."""
    return {ACCESS: PUBLIC}
