"""Exit codes, and how errors are told on a terminal. The one place where an error becomes an exit code."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from catalog.domain.errors import CatalogError, InvalidCursor, InvalidInput, InvalidQuery, Unavailable
from catalog.domain.text import printable

DONE, REFUSED, USAGE, UNAVAILABLE = 0, 1, 2, 3


@contextmanager
def told() -> Iterator[None]:
    """Tell an error in words on stderr, and end with its code."""
    # Settings are read with pydantic, which takes its time to import; --help does without.
    from catalog.entrypoints.settings import InvalidSettings  # noqa: PLC0415

    try:
        yield
    except InvalidSettings as error:
        fail(
            "Settings that cannot be worked with:",
            *(f"{variable}: {sentence}" for variable, sentence in error.faults),
            code=USAGE,
        )
    except CatalogError as error:
        lines = [fault.message for fault in error.faults] if isinstance(error, InvalidInput) else [str(error)]
        fail(*lines, code=code_of(error))


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
