"""Compressed files: gzip, bzip2, xz, zstd, and ZIP archives of one file, recognized by their first bytes.

They are decompressed while they are read. A few bytes can expand to any amount, so the amount is limited (`_Expanding`).
"""

import bz2
import gzip
import io
import lzma
import sys
import tempfile
import zipfile
from collections.abc import Callable
from typing import IO, Any

from catalog.application.files.errors import DamagedFile, invalid_file
from catalog.application.files.row_source import BinaryReader

MAX_EXPANDED = 16 * 1024**3
"""Maximum bytes after decompression."""

MAX_RATIO = 250
"""Maximum bytes per compressed byte, once FREE_SIZE is exceeded. Tables reach 100; bombs of DEFLATE 1,000, of the others more."""

FREE_SIZE = 64 * 1024 * 1024
"""Bytes after decompression up to which the ratio does not matter."""

MAX_ARCHIVE = 1024**3
"""Maximum bytes of an archive or workbook that arrives through a pipe. It is saved first, because its directory is at its end."""

_SPOOLED = 1024 * 1024
_CHUNK_SIZE = 64 * 1024

ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
MAGIC_SIZE = 8

_WORKBOOK_PARTS = {"xl/workbook.xml": "xlsx", "xl/workbook.bin": "xlsb", "content.xml": "ods"}
"""Members of a ZIP archive by which it is a workbook."""


def _open_zstd(file: Any) -> IO[bytes]:  # noqa: ANN401 - a binary file
    if sys.version_info >= (3, 14):  # pragma: no cover - the tests run on older versions too
        from compression import zstd  # noqa: PLC0415 - does not exist in older versions
    else:
        from backports import zstd  # noqa: PLC0415 - as above
    opened: Any = zstd.open(file)
    return opened  # type: ignore[no-any-return]


_FORMATS: dict[bytes, tuple[str, Callable[[Any], Any]]] = {
    b"\x1f\x8b": ("gzip", lambda file: gzip.GzipFile(fileobj=file)),
    b"BZh": ("bzip2", bz2.open),
    b"\xfd7zXZ\x00": ("xz", lzma.open),
    b"\x28\xb5\x2f\xfd": ("zstd", _open_zstd),
}
"""The first bytes of each format, its name, and the function that opens it."""


_BZIP2_BLOCKS = (b"1AY&", b"\x17rE8")
"""What the first block of bzip2 begins with. A header may begin with BZh too."""

_DOCUMENTS = {"word/": "a Word document", "ppt/": "a presentation", "Index/": "an Apple Numbers document"}
"""Folders in ZIP archives by which they are documents."""


def decompress(file: BinaryReader) -> tuple[BinaryReader, str | None]:
    """Return a reader of the decompressed file, and the name of the compression; the same file and None if there is none.

    Workbooks, which are ZIP archives too, are returned as they are, and seekable.

    Raises: InvalidFile for an archive that has not exactly one file.
    """
    start, file = peek(file, MAGIC_SIZE)
    for magic, (name, open_format) in _FORMATS.items():
        if start.startswith(magic) and (name != "bzip2" or start[4:] in _BZIP2_BLOCKS):
            opener = _Opener(file, open_format)
            return _Expanding(opener, name), name
    if start.startswith((ZIP, _EMPTY_ZIP)):
        return _open_zip(_seekable(file))
    return file, None


def peek(file: BinaryReader, size: int) -> tuple[bytes, BinaryReader]:
    """Return the first bytes of a file, and a reader that still returns them."""
    seek = getattr(file, "seek", None)
    start = read_fully(file, size)
    if is_seekable(file) and seek is not None:
        seek(0)
        return start, file
    return start, Prefixed(start, file)


def read_fully(file: BinaryReader, size: int) -> bytes:
    """Read `size` bytes, or fewer at the end of the file. A pipe returns them in pieces."""
    parts = []
    while size > 0 and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def is_seekable(file: Any) -> bool:  # noqa: ANN401 - any file
    """Return whether a file can be read again from its start."""
    seekable = getattr(file, "seekable", None)
    return seekable is not None and seekable()


def workbook_format(file: Any) -> str | None:  # noqa: ANN401 - a seekable binary file
    """Return the format of a workbook: xlsx or ods. None if the file is none."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return None
    finally:
        file.seek(0)
    return next((name for member, name in _WORKBOOK_PARTS.items() if member in names), None)


def _open_zip(file: Any) -> tuple[BinaryReader, str | None]:  # noqa: ANN401 - a seekable binary file
    """Open the only file of a ZIP archive.

    Raises: InvalidFile.
    """
    if workbook_format(file) is not None:
        return file, None
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError) as error:
        message = "The file is a damaged or incomplete ZIP archive. Send it again, or send the file in it."
        raise invalid_file(message) from error
    members = [member for member in archive.infolist() if not member.is_dir() and not member.filename.startswith("__MACOSX/")]
    document = next(
        (name for folder, name in _DOCUMENTS.items() for member in members if member.filename.startswith(folder)), None
    )
    if document is not None:
        message = f"The file is {document}, not a table; save the table as .xlsx or CSV."
        raise invalid_file(message)
    if len(members) != 1:
        names = ", ".join(member.filename[:100] for member in members[:10]) or "none"
        message = f"The ZIP archive has {len(members)} files ({names}); send one of them, or an archive with a single file."
        raise invalid_file(message)
    (member,) = members
    if member.flag_bits & 1:
        message = f"The file {member.filename[:100]} in the ZIP archive is encrypted; send it without a password."
        raise invalid_file(message)
    try:
        archive.open(member).close()
    except NotImplementedError as error:
        message = f"The compression of the ZIP archive is not supported ({error}); send the file in it."
        raise invalid_file(message) from error
    return _Expanding(_MemberOpener(file, archive, member), "ZIP"), "zip"


def _seekable(file: BinaryReader) -> Any:  # noqa: ANN401 - a seekable binary file
    """Return the file if it is seekable, or else a temporary copy of it.

    Raises: InvalidFile if it is too large.
    """
    if is_seekable(file):
        return file
    copy = tempfile.SpooledTemporaryFile(_SPOOLED)  # noqa: SIM115 - closed by the reader
    while chunk := file.read(_CHUNK_SIZE):
        copy.write(chunk)
        if copy.tell() > MAX_ARCHIVE:
            copy.close()
            message = (
                f"The archive is larger than {MAX_ARCHIVE} bytes; save it to a file and import that, or send the file in it."
            )
            raise invalid_file(message)
    file.close()
    copy.seek(0)
    return copy


class Prefixed(io.RawIOBase):
    """A reader of bytes that were read already, and of the file after them."""

    def __init__(self, prefix: bytes, file: BinaryReader) -> None:
        """Return `prefix` first."""
        super().__init__()
        self._prefix = prefix
        self._file = file

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - a writable buffer
        """Read the next bytes into `buffer`. Return their number."""
        size = len(buffer)
        if self._prefix:
            data, self._prefix = self._prefix[:size], self._prefix[size:]
        else:
            data = self._file.read(size) or b""
        buffer[: len(data)] = data
        return len(data)

    def rewind(self) -> bool:
        """Start again, if the file can; see `_Expanding.rewind`."""
        rewind = getattr(self._file, "rewind", None)
        if rewind is None or not rewind():
            return False
        self._prefix = b""
        return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


class _Counted:
    """A file whose bytes are counted while they are read."""

    def __init__(self, file: BinaryReader) -> None:
        self._file = file
        self.count = 0

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes."""
        data = self._file.read(_CHUNK_SIZE if size < 0 else size) or b""
        self.count += len(data)
        return data


class _Opener:
    """Opens a compressed file at its start. `count` is the number of compressed bytes that were read."""

    def __init__(self, file: BinaryReader, open_format: Callable[[Any], Any]) -> None:
        self.file = file
        self._open_format = open_format
        self._counted = _Counted(file)

    @property
    def count(self) -> int:
        return self._counted.count

    def open(self) -> Any:  # noqa: ANN401 - a binary file
        self._counted = _Counted(self.file)
        return self._open_format(self._counted)


class _MemberOpener:
    """Opens the file in a ZIP archive at its start."""

    def __init__(self, file: BinaryReader, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
        self.file = file
        self.count = member.compress_size
        self._archive = archive
        self._member = member

    def open(self) -> Any:  # noqa: ANN401 - a binary file
        return self._archive.open(self._member)


class _Expanding:
    """A reader of a decompressed file, which fails if the file expands too much."""

    def __init__(self, opener: _Opener | _MemberOpener, name: str) -> None:
        self._opener = opener
        self._opened = opener.open()
        self._name = name
        self._size = 0

    def rewind(self) -> bool:
        """Start again at the beginning of the file, and return True. Return False if it is a pipe, which cannot do that."""
        file: Any = self._opener.file
        if not is_seekable(file):
            return False
        file.seek(0)
        self._opened = self._opener.open()
        self._size = 0
        return True

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes.

        Raises: DamagedFile if the data is damaged, incomplete, or expands too much.
        """
        try:
            data: bytes = self._opened.read1(size)  # `read` would lose what it decompressed before the damage
        except Exception as error:  # each format has errors of its own
            message = f"The compressed data ({self._name}) is damaged or incomplete."
            raise DamagedFile(message) from error
        self._size += len(data)
        is_bomb = self._size > FREE_SIZE and self._size > MAX_RATIO * self._opener.count
        if is_bomb or self._size > MAX_EXPANDED:
            message = f"The compressed data ({self._name}) expands to too much: more than {self._size // 1024**2} MiB."
            raise DamagedFile(message)
        return data

    def close(self) -> None:
        """Close the files."""
        self._opened.close()
        self._opener.file.close()
