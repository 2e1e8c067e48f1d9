"""The archive of a workbook, a ZIP of XML parts: what may go wrong with it, and its parts in chunks of limited size."""

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

from catalog.application.files.errors import invalid_file
from catalog.domain.errors import InvalidFile

DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    ET.ParseError,
    EOFError,
    OSError,
    KeyError,
    ValueError,
    RuntimeError,  # a part with a password, and as NotImplementedError, an unknown compression
)
"""What reading a damaged archive or its XML raises."""

MAX_CELLS = 12_000_000
"""Maximum cells of a sheet, empty ones included: a million rows of ten columns take about 1 GB while they are imported."""

MAX_PART_SIZE = 1024**3
"""Maximum bytes of a sheet, or of all texts, in the XML of a workbook. A million rows of ten columns have about 600 MB."""

_MAX_INDEX_SIZE = 16 * 1024**2
"""Maximum bytes of the parts that list the sheets."""

_CHUNK_SIZE = 1024**2


@dataclass(slots=True)
class SheetSummary:
    """What the archive shows of a sheet: its name and part, whether it has rows, and cells with errors (row, column, from 1).

    `has_unplaced_errors`: there are others, whose place is not known.
    """

    name: str
    part: str
    filled: bool = False
    errors: set[tuple[int, int]] = field(default_factory=set)
    has_unplaced_errors: bool = False


def read_index(archive: zipfile.ZipFile, part: str) -> bytes:
    """Read a part that lists others. Raises: InvalidFile if it is too large."""
    if archive.getinfo(part).file_size > _MAX_INDEX_SIZE:
        raise too_large(f"Its part {part} is too large")
    return archive.read(part)


def chunks(archive: zipfile.ZipFile, part: str, separator: bytes = b"<") -> Iterator[bytes]:
    """Yield the content of a part in chunks that do not end within a tag, or before a given separator.

    Raises: InvalidFile if it is too large.
    """
    if archive.getinfo(part).file_size > MAX_PART_SIZE:
        raise too_large(f"Its part {part} has more than {MAX_PART_SIZE:,} bytes")
    rest = b""
    with archive.open(part) as file:
        while data := file.read(_CHUNK_SIZE):
            data = rest + data
            end = data.rfind(separator)
            if end > 0:
                yield data[:end]
                data = data[end:]
            if len(data) > 2 * _CHUNK_SIZE:
                raise invalid_file(f"The workbook is damaged: its part {part} is not XML.")
            rest = data
    yield rest


def too_large(problem: str) -> InvalidFile:
    """Return the error for a workbook that is too large."""
    return invalid_file(f"The workbook is too large to be read in memory: {problem}. Save the table as CSV, which has no limit.")
