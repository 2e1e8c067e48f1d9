"""Text files: decoded, with a sample of their start.

Bytes that cannot be decoded become lone surrogates, or U+FFFD in encodings that have none; rows with them are refused.
"""

import codecs
import io
from dataclasses import dataclass

from catalog.application.files.compression import Prefixed, read_fully
from catalog.application.files.encodings import Encoding, detect_encoding, given_encoding, parse_encoding
from catalog.application.files.errors import invalid_file
from catalog.application.files.row_source import SAMPLE_SIZE, BinaryReader
from catalog.application.files.trailer import HashingReader, TrailerPolicy

CHUNK_SIZE = 64 * 1024
"""Bytes or characters that are read at a time."""

RIGHT_ENCODING = "save the file as UTF-8, or set encoding=NAME"
"""The cure for bytes that cannot be decoded."""

_SIGNATURES = {
    b"\xd0\xcf\x11\xe0": "The file is a spreadsheet in the format of before 2007 (.xls); save it as .xlsx or as CSV.",
    b"%PDF": "The file is a PDF, not a table.",
    b"SQLite format 3": "The file is a SQLite database, not a table.",
}
"""First bytes of files that are often sent by mistake, and the error messages for them."""

_PAGES = ("<!doctype", "<html", "<?xml", "<head", "<body")


@dataclass(frozen=True, slots=True)
class TextFile:
    """A text file: its decoded stream, the start of it as a sample (not consumed), and how it is decoded.

    `is_whole`: the sample is the whole file. `is_cut`: the stream is only the start of it, and may end within a row.
    """

    stream: io.TextIOWrapper
    sample: str
    is_whole: bool
    encoding: Encoding
    hashing_reader: HashingReader
    is_cut: bool = False

    @property
    def undecodable(self) -> str:
        """What to say of a row with bytes that cannot be decoded; RIGHT_ENCODING is the cure."""
        return f"is not valid {self.encoding.name.upper()}."

    def is_undecodable(self, text: str) -> bool:
        """Return whether a decoded text contains bytes that could not be decoded."""
        try:
            text.encode()
        except UnicodeEncodeError:
            return True
        return self.encoding.codec not in ("utf-8", "utf-8-sig") and "\ufffd" in text


def open_text(file: BinaryReader, encoding: str | None, policy: TrailerPolicy, *, is_cut: bool = False) -> TextFile:
    """Open a file as text, in the encoding that its first bytes show unless the caller gives one.

    With `is_cut`, the file has at most SAMPLE_SIZE bytes of a longer one. A character that is cut off at its end is left out.

    Raises: InvalidQuery for an unknown encoding, InvalidFile if the first bytes show that the file is no text.
    """
    if encoding is not None:
        parse_encoding(encoding)  # before anything is read
    hashing_reader = HashingReader(file, policy)
    try:
        start = read_fully(hashing_reader, SAMPLE_SIZE)
        is_whole = len(start) < SAMPLE_SIZE and not is_cut
        _refuse_other_formats(start)
        found = detect_encoding(start, is_whole=is_whole) if encoding is None else given_encoding(encoding, start)
        decoder = codecs.getincrementaldecoder(found.codec)("replace")
        sample = decoder.decode(start, final=is_whole)
        if is_cut:
            start = start[: len(start) - len(decoder.getstate()[0])]
        _refuse_pages(sample)
    except BaseException:
        hashing_reader.close()
        raise
    errors = "surrogateescape" if _can_escape(found.codec) else "replace"
    raw = io.BufferedReader(Prefixed(start, hashing_reader), CHUNK_SIZE)
    stream = io.TextIOWrapper(raw, encoding=found.codec, errors=errors, newline="")
    return TextFile(stream, sample, is_whole, found, hashing_reader, is_cut)


def _refuse_other_formats(start: bytes) -> None:
    """Refuse a file that is empty or has another format.

    Raises: InvalidFile.
    """
    if start.startswith(b"\xd0\xcf\x11\xe0") and "EncryptedPackage".encode("utf-16-le") in start:
        message = "The file is a workbook with a password; save it without one."
        raise invalid_file(message)
    for signature, message in _SIGNATURES.items():
        if start.startswith(signature):
            raise invalid_file(message)
    if not start.removeprefix(codecs.BOM_UTF8).strip():
        message = "The file is empty; it has no header with column names."
        raise invalid_file(message)


def _refuse_pages(sample: str) -> None:
    """Refuse HTML and XML.

    Raises: InvalidFile.
    """
    if sample[:2000].lstrip("\ufeff \t\r\n")[:9].lower().startswith(_PAGES):
        message = "The file is an HTML or XML page, not a table; URLs that require a sign-in often return one."
        raise invalid_file(message)


def _can_escape(codec: str) -> bool:
    """Return whether undecodable bytes of an encoding can become lone surrogates."""
    try:
        b"\xff".decode(codec, "surrogateescape").encode(codec, "surrogateescape")
    except (UnicodeError, TypeError):
        return False
    return not codec.startswith(("utf-16", "utf-32"))
