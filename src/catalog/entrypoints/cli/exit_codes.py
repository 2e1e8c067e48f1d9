"""Exit codes, and how errors are told on a terminal. The one place where an error becomes an exit code."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from catalog.domain.errors import CatalogError, CategoryInUse, FieldError, InvalidCursor, InvalidInput, InvalidQuery, Unavailable
from catalog.domain.text.normalization import printable

DONE, REFUSED, USAGE, UNAVAILABLE = 0, 1, 2, 3


@contextmanager
def reporting_errors() -> Iterator[None]:
    """Tell an error in words on stderr, and end with its code."""
    # Settings are read with pydantic, which takes its time to import; --help does without.
    from catalog.entrypoints.settings import InvalidSettings  # noqa: PLC0415

    try:
        yield
    except InvalidSettings as error:
        fail(
            "Settings that cannot be worked with:",
            *(f"{variable}: {sentence}" for variable, sentence in error.problems),
            code=USAGE,
        )
    except CatalogError as error:
        fail(*_lines(error), code=code_of(error))


def _lines(error: CatalogError) -> list[str]:
    """Write an error, a line for each of its faults."""
    if not isinstance(error, InvalidInput):
        return [_line(error)]
    more = error.total - len(error.errors)
    return [*map(_message, error.errors), *([f"and {more} more"] if more else []), *error.notes]


def _message(fault: FieldError) -> str:
    """Return a fault's message. Parameters with free names come from --filter, so call them that."""
    return fault.message.replace("Unknown parameter", "Unknown filter", 1) if fault.code == "unknown_parameter" else fault.message


def _line(error: CatalogError) -> str:
    """Return an error's message with the options of the command line in it."""
    return str(error).replace("(move_to)", "with --move-to") if isinstance(error, CategoryInUse) else str(error)


def code_of(error: CatalogError) -> int:
    """Return the exit code of an error."""
    if isinstance(error, Unavailable):
        return UNAVAILABLE
    return USAGE if isinstance(error, InvalidQuery | InvalidCursor) else REFUSED


def fail(*lines: str, code: int) -> NoReturn:
    """Say why, and end."""
    for index, line in enumerate(lines):
        sys.stderr.write(f"{'catalog: ' if index == 0 else '  '}{printable(line)}\n")
    sys.exit(code)
