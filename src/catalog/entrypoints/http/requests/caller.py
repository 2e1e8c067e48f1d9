"""Who sends a request, and what they may see. There is no authentication yet, so all callers are the same."""

from typing import Any, Final

from litestar import Request
from litestar.params import SkipValidation

from catalog.domain.change import Origin

# Litestar creates the request; having it validate its own object took 5 % of the time of a read.
AnyRequest = SkipValidation[Request[Any, Any, Any]]

VISIBILITY: Final = "visibility"
"""Key in the state of an ASGI scope under which an authentication middleware puts the caller's visibility class."""

PUBLIC: Final = "public"
"""The visibility class of callers that no middleware has authenticated."""


def request_origin(request: AnyRequest) -> Origin:
    """Return the origin of a request. There is no authentication yet, so the actor is always `local`."""
    return Origin("local", request.scope["state"]["request_id"])


def visibility_class(scope: Any) -> str:  # noqa: ANN401 - an ASGI scope
    """Return the caller's visibility class. Callers of the same class see the same responses; those of two classes may not."""
    visibility: str = scope["state"].get(VISIBILITY, PUBLIC)
    return visibility
