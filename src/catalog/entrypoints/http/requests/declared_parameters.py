"""The parameters that a route declares in its `Operation`, bound to its handler at startup.

Whatever reads a parameter of a request looks it up here, so a handler cannot read what its route does not declare: an undeclared
query parameter is refused before the handler sees it, and reading an undeclared header or choice is a LookupError.
"""

from collections.abc import Iterable
from typing import Any

from catalog.domain.errors import shorten
from catalog.domain.validation import FieldErrors
from catalog.entrypoints.http.requests.parameters import Parameter, names, repeatable_names

PARAMETERS = "parameters"
"""The key of `DeclaredParameters` in the `opt` of a handler."""

_OPERATOR = "__"
"""What separates the name of a parameter from an operator: `price__lt`."""


class DeclaredParameters:
    """The parameters of a route, prepared for reading."""

    def __init__(self, parameters: Iterable[Parameter]) -> None:
        """Prepare the parameters of a route. Raises: TypeError, if a name is declared twice in one location."""
        by_location: dict[str, list[Parameter]] = {"path": [], "query": [], "header": []}
        for parameter in parameters:
            if parameter.name in names(by_location[parameter.location]):
                message = f"The {parameter.location} parameter {parameter.name} is declared twice."
                raise TypeError(message)
            by_location[parameter.location].append(parameter)
        query = [parameter for parameter in by_location["query"] if not parameter.prefix]
        self.headers = frozenset(names(by_location["header"]))
        self.repeatable = frozenset(repeatable_names(query))
        self._choices = {parameter.name: parameter.choices for parameter in query if parameter.choices}
        self._prefixes = tuple(parameter.prefix for parameter in by_location["query"] if parameter.prefix)
        self._names = names(query)
        self._name_set = frozenset(self._names)
        self._fields = frozenset(name.partition(_OPERATOR)[0] for name in self._names if _OPERATOR in name)
        self._note = self._allowed_note()

    def declares(self, name: str) -> bool:
        """Return whether this is the name of a query parameter.

        It is, too, if only its operator is unknown (`price__like`): whoever parses the value names the operators of the field.
        """
        return name in self._name_set or name.startswith(self._prefixes) or self._has_field(name)

    def refuse_undeclared(self, sent: dict[str, list[str]], errors: FieldErrors) -> None:
        """Remove the parameters that are not declared, and add an error for each."""
        if self._name_set.issuperset(sent):
            return
        for name in [name for name in sent if not self.declares(name)]:
            del sent[name]
            self._add_unknown(name, errors)

    def refuse_invalid(self, sent: dict[str, list[str]], errors: FieldErrors) -> None:
        """Do the same, and add an error for each value that is none of its parameter's choices. Empty values count as absent."""
        for name, values in tuple(sent.items()):
            if not self.declares(name):
                del sent[name]
                self._add_unknown(name, errors)
                continue
            choices = self._choices.get(name, ())
            if choices and values[0] and values[0] not in choices:
                errors.add((name,), "invalid_choice", f"Parameter {name} must be {' or '.join(choices)}.")

    def require(self, parameter: Parameter) -> None:
        """Raise LookupError unless the query parameter is declared."""
        if parameter.name not in self._name_set:
            raise undeclared_parameter(parameter)

    def _add_unknown(self, name: str, errors: FieldErrors) -> None:
        errors.add_unknown((name,), "unknown_parameter", f"Unknown parameter {shorten(name)}.", self._names, self._note)

    def _has_field(self, name: str) -> bool:
        field, separator, _ = name.partition(_OPERATOR)
        return bool(separator) and field in self._fields

    def _allowed_note(self) -> str:
        """Return a sentence that lists the query parameters, those with operators only by an example."""
        if not self._names:
            return "This path takes no parameters."
        allowed = [name for name in self._names if _OPERATOR not in name]
        allowed += [f"{prefix}NAME" for prefix in self._prefixes]
        conditions = [name for name in self._names if _OPERATOR in name]
        operators = dict.fromkeys(name.partition(_OPERATOR)[2] for name in conditions)
        example = f", and fields with an operator like {conditions[0]} ({', '.join(operators)})" if conditions else ""
        return f"Allowed parameters: {', '.join(allowed)}{example}."


def bind_parameters(handler: Any, parameters: Iterable[Parameter]) -> None:  # noqa: ANN401 - a Litestar handler
    """Let a handler read these parameters, and no others. Raises: TypeError, if they contradict each other."""
    handler.opt[PARAMETERS] = DeclaredParameters(parameters)


def declared_parameters(scope: Any) -> DeclaredParameters:  # noqa: ANN401 - an ASGI scope
    """Return the parameters of the route of a request. Raises: LookupError, if the route has no `Operation`."""
    parameters: DeclaredParameters = scope["route_handler"].opt[PARAMETERS]
    return parameters


def undeclared_parameter(parameter: Parameter) -> LookupError:
    """Return the error of a handler that reads a parameter which its route does not declare."""
    message = f"The route does not declare the {parameter.location} parameter {parameter.name}; add it to its Operation."
    return LookupError(message)
