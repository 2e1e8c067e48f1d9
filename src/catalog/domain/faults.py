"""Collecting the faults of an input, so that all of them are told at once."""

from catalog.domain.errors import Fault, InvalidInput, Path


class Faults:
    """What was found wrong so far; falsy while nothing is."""

    __slots__ = ("found",)

    def __init__(self) -> None:
        """Begin with nothing wrong."""
        self.found: list[Fault] = []

    def __bool__(self) -> bool:
        """Whether something is wrong."""
        return bool(self.found)

    def add(self, path: Path, code: str, message: str) -> None:
        """Note one fault."""
        self.found.append(Fault(path, code, message))

    def refuse(self, error: type[InvalidInput] = InvalidInput) -> None:
        """Raise `error` with everything found; return when nothing was."""
        if self.found:
            raise error(self.found)
