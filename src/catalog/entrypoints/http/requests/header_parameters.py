"""The request headers that routes declare and read."""

from dataclasses import dataclass, field
from typing import Annotated, Any

from msgspec import Meta

from catalog.entrypoints.http.requests.declared_parameters import PARAMETERS, undeclared_parameter
from catalog.entrypoints.http.requests.headers import header
from catalog.entrypoints.http.requests.parameters import Location, Parameter


@dataclass(frozen=True, slots=True)
class HeaderParameter(Parameter):
    """A header of a request."""

    location: Location = "header"
    lookup_name: bytes = field(init=False)
    """The name in lower case, as ASGI has it."""

    def __post_init__(self) -> None:
        """Derive the name to look for, once."""
        Parameter.__post_init__(self)
        object.__setattr__(self, "lookup_name", self.name.lower().encode())

    def read(self, scope: Any) -> str | None:  # noqa: ANN401 - an ASGI scope
        """Return the header's value, or None if the request does not have it.

        Raises: LookupError, if the request has a route, and the route does not declare the header.
        """
        handler = scope.get("route_handler")
        if handler is not None and self.name not in handler.opt[PARAMETERS].headers:
            raise undeclared_parameter(self)
        return header(scope, self.lookup_name)


_ETag = r'(W/)?"[!#-~]*"'
_ETags = Annotated[str, Meta(pattern=rf"^(\*|{_ETag}(, *{_ETag})*)$", examples=["*"])]

REQUEST_ID = HeaderParameter(
    "X-Request-ID",
    "An id for this request. It is returned in the response and recorded in the logs and the change log.",
    str,
)
IF_MATCH = HeaderParameter("If-Match", "The ETag of the version to change. Returns 412 if it is not the current version.", _ETags)
IF_NONE_MATCH = HeaderParameter("If-None-Match", "An ETag from an earlier response. Returns 304 if nothing has changed.", _ETags)
IF_ABSENT = HeaderParameter(
    "If-None-Match",
    "`*`: only create the item. Returns 412 if it already exists.",
    Annotated[str, Meta(pattern=r"^\*$", examples=["*"])],
    key="If-None-Match-Any",
)
IDEMPOTENCY_KEY = HeaderParameter(
    "Idempotency-Key",
    "A unique key for this request. Repeating the request within 24 hours returns the stored response.",
    Annotated[str, Meta(pattern="^[!-~]{1,255}$")],
)
PREFER = HeaderParameter(
    "Prefer",
    "`return=minimal`: leave items and categories out of the response. `respond-async`: run an import in the background. "
    "See RFC 7240.",
    str,
)
LAST_EVENT_ID = HeaderParameter("Last-Event-ID", "With `Accept: text/event-stream`: the id of the last event received.", str)
