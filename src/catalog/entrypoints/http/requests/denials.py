"""Records refusals in the security log: requests whose caller is known and may not do what it asks for (403)."""

from dataclasses import replace
from typing import Any

from catalog.application.identity.security_events import SecurityEvents
from catalog.domain.errors import CatalogError
from catalog.domain.identity.errors import Forbidden, InsufficientScope, NoRole, WrongPassword
from catalog.domain.identity.security_log import ACCESS_DENIED
from catalog.entrypoints.http.requests.caller import caller_of
from catalog.ports.clock import Clock


class Denials:
    """Takes errors, and records those that are refusals."""

    def __init__(self, events: SecurityEvents, clock: Clock) -> None:
        """Record in `events`."""
        self._events = events
        self._clock = clock

    def record(self, scope: Any, error: CatalogError) -> None:  # noqa: ANN401 - an ASGI scope
        """Record an error if it is a refusal. A wrong password is recorded by the use case.

        The route stands for the path, so that a flood of requests for many items is one entry.
        """
        if not isinstance(error, Forbidden) or isinstance(error, WrongPassword):
            return
        detail: dict[str, str | int] = {"code": error.code, "method": scope["method"]}
        route = scope.get("path_template")
        if route is not None:  # absent if the request is refused before routing
            detail["route"] = route.replace(":str}", "}")
        if isinstance(error, InsufficientScope):
            detail["required"] = error.required
        event = caller_of(scope).event(ACCESS_DENIED, self._clock.now(), None, detail, "denied")
        if isinstance(error, NoRole):  # the token is valid, but nobody becomes a principal with it
            event = replace(event, actor=error.actor, credential=error.credential)
        self._events.add(event)
