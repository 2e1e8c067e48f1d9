"""Parameters of requests: each is declared once, for the code that reads it and for the OpenAPI document."""

from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin

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
    def component(self) -> str:
        """The name of the parameter among the components of the OpenAPI document."""
        return self.key or self.name
