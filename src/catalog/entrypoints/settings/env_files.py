"""The names set in `.env` files and in the secrets directory."""

import io
from pathlib import Path

from dotenv.parser import parse_stream

from catalog.entrypoints.settings.problems import InvalidSettings

ENCODING = "utf-8-sig"
"""UTF-8 with or without a byte order mark, which some Windows editors write."""


def names_in(file: Path) -> set[str]:
    """Return the names set in a `.env` file. Raises: InvalidSettings, with the line, if the file cannot be parsed."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise InvalidSettings([(str(file), f"Cannot read the file: {(error.strerror or str(error)).lower()}.")]) from None
    if b"\0" in data:
        message = "The file is UTF-16 (the encoding of PowerShell's >) or not text. Save it as UTF-8."
        raise InvalidSettings([(str(file), message)])
    try:
        text = data.decode(ENCODING)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidSettings([(f"{file}, line {line}", "The line is not valid UTF-8. Save the file as UTF-8.")]) from None
    names = set()
    problems = []
    for binding in parse_stream(io.StringIO(text)):
        if binding.error or (binding.key is not None and binding.value is None):
            problems.append((f"{file}, line {binding.original.line}", "The line is not NAME=VALUE. Comments start with #."))
        elif binding.key is not None:
            names.add(binding.key)
    if problems:
        raise InvalidSettings(problems)
    return names


def files_in(folder: str) -> list[str]:
    """Return the file names in the secrets directory; empty if it does not exist."""
    try:
        return [file.name for file in Path(folder).iterdir()]
    except OSError:
        return []
