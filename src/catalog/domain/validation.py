"""Collecting the faults of an input, so that all of them are told at once: the first hundred in full, the rest as a number."""

from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import TypeVar

from catalog.domain.errors import Fault, InvalidInput, Path, shorten

MAX_FAULTS = 100
"""Faults that are reported one by one; those beyond are only counted."""

MAX_MESSAGE = 400
"""Characters of a fault's message."""

_SUGGESTIONS = 10
"""Unknown names that get a "did you mean"; comparing names takes time."""

_LONGEST_GUESS = 64
"""Characters of a name that is worth comparing with others."""


E = TypeVar("E", bound=InvalidInput)


class Faults:
    """What was found wrong so far; falsy while nothing is.

    `found` holds the first MAX_FAULTS, `total` counts all of them, `notes` are sentences that hold for several faults, each
    reported once.
    """

    __slots__ = ("_suggested", "found", "notes", "total")

    def __init__(self) -> None:
        """Begin with nothing wrong."""
        self.found: list[Fault] = []
        self.notes: list[str] = []
        self.total = 0
        self._suggested = 0

    def __bool__(self) -> bool:
        """Whether something is wrong."""
        return bool(self.total)

    def add(self, path: Path, code: str, message: str) -> None:
        """Note one fault."""
        self.total += 1
        if len(self.found) < MAX_FAULTS:
            self.found.append(Fault(tuple(map(_shortened, path)), code, shorten(message, MAX_MESSAGE)))

    def add_unknown(
        self, path: Path, code: str, message: str, allowed: Sequence[str], note: str, name: str | None = None
    ) -> None:
        """Note a name that does not exist (the last part of `path`, where it is not said); suggest the nearest of the allowed.

        `note` lists what is allowed. It is reported once, however many names are unknown.
        """
        if len(self.found) < MAX_FAULTS:
            near = self._nearest(str(path[-1]) if name is None else name, allowed)
            if near is not None:
                message = f"{message.rstrip('.')}; did you mean {near}?"
            if note not in self.notes:
                self.notes.append(note)
        self.add(path, code, message)

    def extend(self, error: InvalidInput) -> None:
        """Note the faults of an error."""
        self.total += error.total
        self.found += error.faults[: MAX_FAULTS - len(self.found)]
        self.notes += [note for note in error.notes if note not in self.notes]

    def error(self, kind: type[E]) -> E:
        """Make an error of everything found."""
        return kind(self.found, total=self.total, notes=self.notes)

    def refuse(self, error: type[InvalidInput] = InvalidInput) -> None:
        """Raise `error` with everything found; return when nothing was."""
        if self.total:
            raise self.error(error)

    def _nearest(self, name: str, allowed: Collection[str]) -> str | None:
        if self._suggested >= _SUGGESTIONS or len(name) > _LONGEST_GUESS:
            return None
        self._suggested += 1
        return next(iter(get_close_matches(name.lower(), allowed, n=1)), None)


def _shortened(part: str | int) -> str | int:
    return shorten(part) if isinstance(part, str) else part
