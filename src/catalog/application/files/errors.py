"""Errors of files."""

from catalog.domain.errors import FieldError, InvalidFile


class DamagedFile(Exception):
    """A file cannot be read any further. The rows before are good."""


def invalid_file(message: str, cure: str = "") -> InvalidFile:
    """Return the error for a file that is refused as a whole."""
    return InvalidFile([FieldError((), "invalid_file", message, cure)])
