"""The routes that anybody may call, found before routing: they ignore credentials, even invalid ones."""

from collections.abc import Iterable
from typing import Any

from litestar.routes import BaseRoute, HTTPRoute

from catalog.entrypoints.http.requests.access import ACCESS, AccessRule


class PublicRoutes:
    """The public routes of an application."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        """Collect the rules of these routes."""
        self._fixed: dict[str, dict[str, AccessRule]] = {}
        prefixes: dict[str, AccessRule] = {}
        others: dict[str, None] = {}
        for route in routes:
            if not isinstance(route, HTTPRoute):
                continue
            others[route.path_format.partition("{")[0]] = None
            for method, (handler, _) in route.route_handler_map.items():
                rule: AccessRule | None = handler.opt.get(ACCESS)
                if rule is None or not rule.public:
                    continue
                if route.path_parameters:
                    prefixes[route.path_format.partition("{")[0]] = rule
                else:
                    self._fixed.setdefault(route.path_format, {})[method] = rule
        self._prefixes = tuple(prefixes)
        self._rules = prefixes
        public = (*self._fixed, *prefixes)
        self.others = tuple(
            other
            for other in others
            if not other.startswith(self._prefixes) and not any(path.startswith(other) for path in public)
        )
        """What paths begin with that are not public. Faster to find out than the rule of a path."""

    def rule(self, scope: Any) -> AccessRule | None:  # noqa: ANN401 - an ASGI scope
        """Return the rule of a request to a public route, or None."""
        path: str = scope["path"]
        if path[-1:] == "/":
            path = path.rstrip("/") or "/"
        rules = self._fixed.get(path)
        if rules is not None:
            return rules.get(scope["method"])
        if not path.startswith(self._prefixes):
            return None
        return next(rule for prefix, rule in self._rules.items() if path.startswith(prefix))
