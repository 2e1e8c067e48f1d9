"""Collects all validation errors of an input. The first hundred are reported in full, the rest as a count."""

from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import TypeVar

from catalog.domain.errors import FieldError, FieldPath, InvalidInput, shorten

MAX_ERRORS = 100
"""Errors that are reported one by one; further ones are only counted."""

MAX_MESSAGE = 400
"""Maximum length of an error's message, in characters."""

_MAX_SUGGESTIONS = 10
"""Unknown names that get a "did you mean"; comparing names takes time."""

_MAX_SUGGESTION_LENGTH = 64
"""Names longer than this, in characters, get no suggestion."""


E = TypeVar("E", bound=InvalidInput)


class FieldErrors:
    """Collects field errors; falsy while there are none.

    `found` holds the first MAX_ERRORS errors and `total` counts all of them. `notes` are sentences that apply to several
    errors; each is reported once.
    """

    __slots__ = ("_suggestion_count", "found", "notes", "total")

    def __init__(self) -> None:
        """Start without errors."""
        self.found: list[FieldError] = []
        self.notes: list[str] = []
        self.total = 0
        self._suggestion_count = 0

    def __bool__(self) -> bool:
        """Return whether there are errors."""
        return bool(self.total)

    def add(self, path: FieldPath, code: str, message: str, cure: str = "") -> None:
        """Add an error; long messages and names are shortened."""
        self.total += 1
        if len(self.found) < MAX_ERRORS:
            self.found.append(FieldError(tuple(map(_shorten_part, path)), code, shorten(message, MAX_MESSAGE), cure))

    def add_unknown(
        self, path: FieldPath, code: str, message: str, allowed: Sequence[str], note: str, unknown_name: str | None = None
    ) -> None:
        """Add an error for a name that does not exist, and suggest the closest allowed name.

        The name is `unknown_name`, by default the last part of `path`. `note` lists what is allowed; it is reported once,
        however many names are unknown.
        """
        if len(self.found) < MAX_ERRORS:
            match = self._closest_match(str(path[-1]) if unknown_name is None else unknown_name, allowed)
            if match is not None:
                message = f"{message.rstrip('.')}; did you mean {match}?"
            if note not in self.notes:
                self.notes.append(note)
        self.add(path, code, message)

    def extend(self, error: InvalidInput) -> None:
        """Add all field errors of an exception."""
        self.total += error.total
        self.found += error.errors[: MAX_ERRORS - len(self.found)]
        self.notes += [note for note in error.notes if note not in self.notes]

    def to_error(self, error_type: type[E]) -> E:
        """Return an exception with all collected errors."""
        return error_type(self.found, total=self.total, notes=self.notes)

    def raise_if_any(self, error_type: type[InvalidInput] = InvalidInput) -> None:
        """Raise `error_type` with all collected errors; return if there are none."""
        if self.total:
            raise self.to_error(error_type)

    def _closest_match(self, name: str, allowed: Collection[str]) -> str | None:
        if self._suggestion_count >= _MAX_SUGGESTIONS or len(name) > _MAX_SUGGESTION_LENGTH:
            return None
        self._suggestion_count += 1
        return next(iter(get_close_matches(name.lower(), allowed, n=1)), None)


def merged(first: InvalidInput, second: InvalidInput) -> InvalidInput:
    """Return one error with the field errors of both."""
    errors = FieldErrors()
    errors.extend(first)
    errors.extend(second)
    return errors.to_error(InvalidInput)


def _shorten_part(part: str | int) -> str | int:
    return shorten(part) if isinstance(part, str) else part
