"""The start of a file, to look at it before it is imported. It may end within a row, a character, or compressed data."""

from dataclasses import dataclass

from catalog.application.files.errors import DamagedFile
from catalog.application.files.row_source import SAMPLE_SIZE, BinaryReader


@dataclass(frozen=True, slots=True)
class FileStart:
    """The first bytes of a file, decompressed. `is_cut`: the file goes on after them, or cannot be read after them.

    `warning` says that the file is damaged.
    """

    content: bytes
    is_cut: bool
    warning: str = ""


def read_start(file: BinaryReader, *, is_cut: bool) -> FileStart:
    """Read up to SAMPLE_SIZE bytes of a file, and close it. With `is_cut`, it is only the start of one itself."""
    content = bytearray()
    warning = ""
    try:
        while len(content) <= SAMPLE_SIZE and (part := file.read(SAMPLE_SIZE + 1 - len(content))):
            content += part
    except DamagedFile as error:
        warning = "" if is_cut else f"{error} Only the rows before are shown."
        is_cut = True
    finally:
        file.close()
    return FileStart(bytes(content[:SAMPLE_SIZE]), is_cut or len(content) > SAMPLE_SIZE, warning)
