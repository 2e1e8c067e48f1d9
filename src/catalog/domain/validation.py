"""Collecting the faults of an input, so that all of them are told at once: the first hundred in full, the rest as a number."""

from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import TypeVar

from catalog.domain.errors import FieldError, FieldPath, InvalidInput, shorten

MAX_ERRORS = 100
"""Faults that are reported one by one; those beyond are only counted."""

MAX_MESSAGE = 400
"""Characters of a fault's message."""

_MAX_SUGGESTIONS = 10
"""Unknown names that get a "did you mean"; comparing names takes time."""

_MAX_SUGGESTION_LENGTH = 64
"""Characters of a name that is worth comparing with others."""


E = TypeVar("E", bound=InvalidInput)


class FieldErrors:
    """What was found wrong so far; falsy while nothing is.

    `found` holds the first MAX_FAULTS, `total` counts all of them, `notes` are sentences that hold for several faults, each
    reported once.
    """

    __slots__ = ("_suggestion_count", "found", "notes", "total")

    def __init__(self) -> None:
        """Begin with nothing wrong."""
        self.found: list[FieldError] = []
        self.notes: list[str] = []
        self.total = 0
        self._suggestion_count = 0

    def __bool__(self) -> bool:
        """Whether something is wrong."""
        return bool(self.total)

    def add(self, path: FieldPath, code: str, message: str) -> None:
        """Note one fault."""
        self.total += 1
        if len(self.found) < MAX_ERRORS:
            self.found.append(FieldError(tuple(map(_shortened, path)), code, shorten(message, MAX_MESSAGE)))

    def add_unknown(
        self, path: FieldPath, code: str, message: str, allowed: Sequence[str], note: str, unknown_name: str | None = None
    ) -> None:
        """Note a name that does not exist (the last part of `path`, where it is not said); suggest the nearest of the allowed.

        `note` lists what is allowed. It is reported once, however many names are unknown.
        """
        if len(self.found) < MAX_ERRORS:
            near = self._closest_match(str(path[-1]) if unknown_name is None else unknown_name, allowed)
            if near is not None:
                message = f"{message.rstrip('.')}; did you mean {near}?"
            if note not in self.notes:
                self.notes.append(note)
        self.add(path, code, message)

    def extend(self, error: InvalidInput) -> None:
        """Note the faults of an error."""
        self.total += error.total
        self.found += error.errors[: MAX_ERRORS - len(self.found)]
        self.notes += [note for note in error.notes if note not in self.notes]

    def to_error(self, error_type: type[E]) -> E:
        """Make an error of everything found."""
        return error_type(self.found, total=self.total, notes=self.notes)

    def raise_if_any(self, error_type: type[InvalidInput] = InvalidInput) -> None:
        """Raise `error` with everything found; return when nothing was."""
        if self.total:
            raise self.to_error(error_type)

    def _closest_match(self, name: str, allowed: Collection[str]) -> str | None:
        if self._suggestion_count >= _MAX_SUGGESTIONS or len(name) > _MAX_SUGGESTION_LENGTH:
            return None
        self._suggestion_count += 1
        return next(iter(get_close_matches(name.lower(), allowed, n=1)), None)


def _shortened(part: str | int) -> str | int:
    return shorten(part) if isinstance(part, str) else part
