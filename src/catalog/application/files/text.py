"""Files as text: UTF-8, checked for other formats that are often sent by mistake.

Bytes that are not UTF-8 become lone surrogates, which the domain rejects in the field that contains them.
"""

import codecs
import io

from catalog.application.files.row_source import BinaryReader
from catalog.application.files.trailer import HashingReader, TrailerPolicy
from catalog.domain.errors import FieldError, InvalidFile

CHUNK_SIZE = 64 * 1024
"""Bytes or characters that are read at a time."""

NOT_UTF8 = "is not UTF-8; save the file as UTF-8 and send it again."

_SIGNATURES = {
    b"\x1f\x8b": "The file is compressed (gzip); decompress it first.",
    b"PK\x03\x04": "The file is a ZIP archive or a spreadsheet; save the table as UTF-8 CSV.",
    b"\xd0\xcf\x11\xe0": "The file is a spreadsheet; save the table as UTF-8 CSV.",
    b"%PDF": "The file is a PDF, not a table.",
    b"SQLite format 3": "The file is a SQLite database, not a table.",
    codecs.BOM_UTF16_LE: "The file is UTF-16; save it as UTF-8.",
    codecs.BOM_UTF16_BE: "The file is UTF-16; save it as UTF-8.",
}
"""First bytes of files that are often sent by mistake, and the error messages for them."""

_JSON_START = {b"[": "json", b"{": "jsonl"}


def open_text(file: BinaryReader, kind: str, newline: str, policy: TrailerPolicy) -> tuple[io.TextIOWrapper, HashingReader]:
    """Open a file as UTF-8 text.

    Raises: InvalidFile if its first bytes show that it has another format.
    """
    hashing_reader = HashingReader(file, policy)
    buffered = io.BufferedReader(hashing_reader, CHUNK_SIZE)
    try:
        _check_file_start(buffered.peek(CHUNK_SIZE), kind)
    except InvalidFile:
        buffered.close()
        raise
    return io.TextIOWrapper(buffered, encoding="utf-8-sig", errors="surrogateescape", newline=newline), hashing_reader


def _check_file_start(start: bytes, kind: str) -> None:
    """Refuse a file whose first bytes show that it is not a table in this format.

    Raises: InvalidFile.
    """
    for signature, message in _SIGNATURES.items():
        if start.startswith(signature):
            raise invalid_file(message)
    content = start.removeprefix(codecs.BOM_UTF8).lstrip()
    if not content and len(start) < CHUNK_SIZE:
        message = "The file is empty." if kind != "csv" else "The file is empty; it has no header with column names."
        raise invalid_file(message)
    if content[:9].lower().startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")):
        message = "The file is an HTML or XML page, not a table; URLs that require a sign-in often return one."
        raise invalid_file(message)
    first_byte = content[:1]
    if kind == "csv" and first_byte in _JSON_START:
        message = f"The file is JSON, not CSV; use format {_JSON_START[first_byte]}."
        raise invalid_file(message)
    if kind == "json" and first_byte != b"[":
        message = "The file is not a JSON array: it does not start with [. For one object per line, use format jsonl."
        raise invalid_file(message)
    if kind == "jsonl" and first_byte == b"[":
        message = "The file is a JSON array, not JSON Lines; use format json."
        raise invalid_file(message)


def is_not_utf8(text: str) -> bool:
    """Return whether a decoded text contains bytes that are not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def invalid_file(message: str) -> InvalidFile:
    """Return the error for a file that is refused as a whole."""
    return InvalidFile([FieldError((), "invalid_file", message)])
