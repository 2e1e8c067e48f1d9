"""Parameters of requests: each is declared once, for the code that reads it and for the OpenAPI document.

A route declares its parameters in its `Operation`, which `declared_parameters` binds to its handler. Query strings are read by
`query_string`, and headers by `HeaderParameter.read`. Litestar reads the parameters of paths.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, get_args, get_origin

Location = Literal["path", "query", "header"]

_BOOLEAN = ("true", "false")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a request.

    `type` is a type that msgspec can describe, including its limits and examples. `key` distinguishes parameters that have the
    same name in different operations. With a `prefix`, the members of an object are sent as parameters of their own, whose
    names start with it.
    """

    name: str
    description: str
    type: Any
    location: Location = "query"
    default: object = None
    key: str = ""
    prefix: str = ""
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


def names(parameters: Iterable[Parameter]) -> tuple[str, ...]:
    """Return the names of parameters."""
    return tuple(parameter.name for parameter in parameters)


def repeatable_names(parameters: Iterable[Parameter]) -> tuple[str, ...]:
    """Return the names of the parameters that may be sent several times."""
    return names(parameter for parameter in parameters if parameter.is_repeatable)
