"""Parameters of requests: each is declared once, for the code that reads it and for the OpenAPI document.

A route declares its parameters in its `Operation`. Query strings are read by `query_string`, which accepts the declared names,
and headers by `HeaderParameter.read`. Litestar reads the parameters of paths. A test sends every route what it declares, and
compares that with what it reads.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, get_args, get_origin

from catalog.entrypoints.http.requests.headers import header

Location = Literal["path", "query", "header"]

_BOOLEAN = ("true", "false")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a request.

    `type` is a type that msgspec can describe, including its limits and examples. `key` distinguishes parameters that have the
    same name in different operations. With `exploded`, the members of an object are sent as parameters of their own.
    """

    name: str
    description: str
    type: Any
    location: Location = "query"
    default: object = None
    key: str = ""
    exploded: bool = False
    choices: tuple[str, ...] = field(init=False)
    """The values that the parameter may have; () if it takes any text."""

    def __post_init__(self) -> None:
        """Derive the choices from the type, once."""
        choices = get_args(self.type) if get_origin(self.type) is Literal else ()
        object.__setattr__(self, "choices", _BOOLEAN if self.type is bool else choices)

    @property
    def is_repeatable(self) -> bool:
        """Whether the parameter may be sent several times."""
        plain_type = self.type.__origin__ if get_origin(self.type) is Annotated else self.type
        return get_origin(plain_type) is list

    @property
    def component(self) -> str:
        """The name of the parameter among the components of the OpenAPI document."""
        return self.key or self.name


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
        """Return the header's value, or None if the request does not have it."""
        return header(scope, self.lookup_name)


def names(parameters: Iterable[Parameter]) -> tuple[str, ...]:
    """Return the names of parameters."""
    return tuple(parameter.name for parameter in parameters)


def repeatable_names(parameters: Iterable[Parameter]) -> tuple[str, ...]:
    """Return the names of the parameters that may be sent several times."""
    return names(parameter for parameter in parameters if parameter.is_repeatable)
