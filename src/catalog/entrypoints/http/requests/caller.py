"""Who sends a request, from where, and what they may see.

A middleware puts it into the state of the scope: that of authentication, or `RequestMiddleware` where nobody signs in. A request
that passed neither is a bug and has no principal, rather than that of the local admin.
"""

from typing import Any, Final

from litestar import Request
from litestar.params import SkipValidation

from catalog.application.identity.caller import Caller
from catalog.application.identity.client import Client
from catalog.domain.change import Origin
from catalog.domain.identity.principal import Principal
from catalog.entrypoints.http.requests.headers import header

# Litestar creates the request; having it validate its own object took 5 % of the time of a read.
AnyRequest = SkipValidation[Request[Any, Any, Any]]

PRINCIPAL: Final = "principal"
"""Key in the state of an ASGI scope under which a middleware puts the principal."""

ADDRESS: Final = "address"
"""Key in the state of an ASGI scope of the client's address, if proxies may have hidden it."""

VISIBILITY: Final = "visibility"
"""Key in the state of an ASGI scope under which an authentication middleware puts the caller's visibility class."""

PUBLIC: Final = "public"
"""The visibility class of callers that no middleware has authenticated."""


def principal_of(scope: Any) -> Principal:  # noqa: ANN401 - an ASGI scope
    """Return who sends a request."""
    principal: Principal = scope["state"][PRINCIPAL]
    return principal


def address_of(scope: Any) -> str | None:  # noqa: ANN401 - an ASGI scope
    """Return the address of the client; None if it is unknown, as for a Unix socket."""
    address: str | None = scope["state"].get(ADDRESS)
    if address is not None:
        return address
    client = scope.get("client")
    return client[0] if client else None


def caller_id(scope: Any) -> str:  # noqa: ANN401 - an ASGI scope
    """Return what identifies the user who sends a request, whatever the session or the API key. A name may get another owner."""
    principal = principal_of(scope)
    return principal.actor or "guest" if principal.user_id is None else str(principal.user_id)


def client_of(scope: Any) -> Client:  # noqa: ANN401 - an ASGI scope
    """Return the client, as the security log records it."""
    return Client(address_of(scope), header(scope, b"user-agent"), scope["state"]["request_id"])


def caller_of(scope: Any) -> Caller:  # noqa: ANN401 - an ASGI scope
    """Return the principal and the client."""
    return Caller(principal_of(scope), client_of(scope))


def request_origin(request: AnyRequest) -> Origin:
    """Return the origin of a request."""
    scope = request.scope
    principal = principal_of(scope)
    return Origin(principal.actor or "guest", scope["state"]["request_id"], principal.credential, address_of(scope))


def visibility_class(scope: Any) -> str:  # noqa: ANN401 - an ASGI scope
    """Return the caller's visibility class. Callers of the same class see the same responses; those of two classes may not."""
    visibility: str = scope["state"].get(VISIBILITY, PUBLIC)
    return visibility
