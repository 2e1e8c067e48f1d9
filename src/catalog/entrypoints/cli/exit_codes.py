"""Exit codes, and error messages for the terminal. The only module that maps errors to exit codes."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from catalog.domain.errors import CatalogError, CategoryInUse, FieldError, InvalidCursor, InvalidInput, InvalidQuery, Unavailable
from catalog.domain.text.normalization import printable
from catalog.entrypoints.cli.option_names import as_options

SUCCESS, REFUSED, USAGE, UNAVAILABLE = 0, 1, 2, 3


@contextmanager
def reporting_errors(describe: Callable[[str], str] = str) -> Iterator[None]:
    """Print an error to stderr, each line rewritten by `describe`, and exit with its code."""
    # The settings module imports pydantic, which is slow to import and not needed for --help.
    from catalog.entrypoints.settings.problems import InvalidSettings  # noqa: PLC0415

    try:
        yield
    except InvalidSettings as error:
        fail(
            "Invalid settings:",
            *(f"{variable}: {message}" for variable, message in error.problems),
            code=USAGE,
        )
    except CatalogError as error:
        fail(*map(describe, _lines(error)), code=code_of(error))


def _lines(error: CatalogError) -> list[str]:
    """Return the error as lines: one per field error, then the notes."""
    if not isinstance(error, InvalidInput):
        return [_line(error)]
    omitted = error.total - len(error.errors)
    return [*map(_message, error.errors), *([f"and {omitted} more"] if omitted else []), *error.notes]


def _message(error: FieldError) -> str:
    """Return a field error's message. Says "filter" for an unknown parameter, because only --filter takes free names."""
    return error.message.replace("parameter", "filter", 1) if error.code == "unknown_parameter" else as_options(error.message)


def _line(error: CatalogError) -> str:
    """Return the error's message, naming command line options instead of API parameters."""
    return str(error).replace("(move_to)", "with --move-to") if isinstance(error, CategoryInUse) else str(error)


def code_of(error: CatalogError) -> int:
    """Return the exit code for an error."""
    if isinstance(error, Unavailable):
        return UNAVAILABLE
    return USAGE if isinstance(error, InvalidQuery | InvalidCursor) else REFUSED


def warn(line: str) -> None:
    """Print a warning to stderr. The command goes on."""
    sys.stderr.write(f"catalog: warning: {printable(line)}\n")


def fail(*lines: str, code: int) -> NoReturn:
    """Print the lines to stderr, the first prefixed with `catalog:`, and exit with the code."""
    for index, line in enumerate(lines):
        sys.stderr.write(f"{'catalog: ' if index == 0 else '  '}{printable(line)}\n")
    sys.exit(code)
