"""Opens a table in any of the formats: the content decides what it is, unless the caller says so."""

import io
import re
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from catalog.application.files.compression import ZIP, decompress, peek, workbook_format
from catalog.application.files.delimited.reader import read_csv
from catalog.application.files.encodings import parse_encoding
from catalog.application.files.errors import DamagedFile, invalid_file
from catalog.application.files.json_reader import read_json_array, read_json_lines, wrapped_arrays
from catalog.application.files.read_options import ReadOptions
from catalog.application.files.refused_rows import options_for
from catalog.application.files.row_source import SAMPLE_SIZE, BinaryReader, RowSource
from catalog.application.files.start import FileStart, read_start
from catalog.application.files.text import TextFile, open_text
from catalog.application.files.trailer import HashingReader
from catalog.application.files.workbooks.reader import read_workbook
from catalog.domain.errors import FieldError, InvalidFile, InvalidQuery

FORMATS = ("csv", "tsv", "json", "jsonl", "xlsx", "ods")
"""The formats that can be read."""

_TEXT_EXTENSIONS = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "csv"}


def open_table(file: BinaryReader, options: ReadOptions, *, filename: str | None = None) -> RowSource:
    """Open a table. The file name decides only between formats that the content does not distinguish.

    Raises: InvalidQuery for a bad option, InvalidFile if the file is no table in a known format, or fails the trailer policy. The
    file is closed then.
    """
    return _open_safely(file, options, filename)


def open_start(file: BinaryReader, options: ReadOptions, *, filename: str | None = None, is_cut: bool = False) -> RowSource:
    """Open the start of a table, to look at it: up to SAMPLE_SIZE bytes of its text, or all of a workbook.

    With `is_cut`, the file itself is only the start of one. What is cut off at its end is left out: a row, a character, or
    compressed data.

    The `problem` of the source is why `open_table` would refuse the file although it can be read: a proof that does not
    match, or records in a member of an object that the caller does not name.

    Raises what `open_table` raises.
    """
    return _open_safely(file, options, filename, only_start=True, is_cut=is_cut)


def _open_safely(
    file: BinaryReader, options: ReadOptions, filename: str | None, *, only_start: bool = False, is_cut: bool = False
) -> RowSource:
    """Open a table, or close the file if that fails."""
    try:
        return _open(file, options, filename, only_start=only_start, is_cut=is_cut)
    except DamagedFile as error:
        file.close()
        message = f"The file cannot be read: {error}"
        raise invalid_file(message) from error
    except BaseException:
        file.close()
        raise


def _open(file: BinaryReader, options: ReadOptions, filename: str | None, *, only_start: bool, is_cut: bool) -> RowSource:
    if options.format is not None and options.format not in FORMATS:
        message = f"The format must be {', '.join(FORMATS)}."
        raise InvalidQuery([FieldError(("format",), "invalid_choice", message)])
    plain, compression = decompress(file)
    start, plain = peek(plain, len(ZIP))
    seekable: Any = plain
    workbook = workbook_format(seekable) if start == ZIP and compression is None else None
    if workbook is not None:
        if options.format in ("csv", "tsv", "json", "jsonl"):
            message = f"The file is a workbook ({workbook}), not {options.format}; omit the format."
            raise invalid_file(message)
        return read_workbook(seekable, workbook, options.sheet, options.policy)
    if start == ZIP and options.format not in ("xlsx", "ods"):
        message = f"The file is a workbook or an archive in another one ({compression}); decompress it first."
        raise invalid_file(message)
    if options.encoding is not None:
        parse_encoding(options.encoding)  # before more is read
    if only_start:
        beginning = read_start(plain, is_cut=is_cut)
        return _open_start(beginning, _text_options(beginning.content, options), filename, compression)
    sample, plain = peek(plain, SAMPLE_SIZE)
    options = _text_options(sample, options)
    return _open_rows(open_text(plain, options.encoding, options.policy), options, filename, compression)


def _text_options(sample: bytes, options: ReadOptions) -> ReadOptions:
    """Return the options of reading a text that begins with these bytes. Raises: InvalidFile if it should be a workbook."""
    options = options_for(sample, options)
    if options.format in ("xlsx", "ods"):
        message = f"The file is no workbook ({options.format}); omit the format, and it is detected."
        raise invalid_file(message)
    return options


def _open_start(start: FileStart, options: ReadOptions, filename: str | None, compression: str | None) -> RowSource:
    """Open the start of a text, and verify its proof if it is the whole. The member that has the records needs not be given."""
    problem = None
    if options.policy == "verify" and not start.is_cut:
        try:
            HashingReader(io.BytesIO(start.content))
        except InvalidFile as error:
            problem = error
    text = open_text(io.BytesIO(start.content), options.encoding, "ignore", is_cut=start.is_cut)
    member = _member_with_records(text, options)
    if member is not None:
        problem = problem or _wrapped(member)
        options = replace(options, records=member)
    source = _open_rows(text, options, filename, compression)
    warnings = tuple(filter(None, (*source.detected.warnings, start.warning)))
    return replace(source, detected=replace(source.detected, warnings=warnings), problem=problem)


def _open_rows(text: TextFile, options: ReadOptions, filename: str | None, compression: str | None) -> RowSource:
    try:
        text_format = _text_format(text, options, filename)
    except BaseException:
        text.stream.close()
        raise
    if text_format == "jsonl":
        return read_json_lines(text, compression)
    if text_format == "json":
        return read_json_array(text, options.records, compression)
    return read_csv(text, "tab" if options.format == "tsv" else options.delimiter, compression)


def _text_format(text: TextFile, options: ReadOptions, filename: str | None) -> str:
    """Return the format of a text: csv, json or jsonl.

    Raises: InvalidFile if the content contradicts the format that the caller gives.
    """
    content = text.sample.lstrip("\ufeff \t\r\n")
    start = content[:1] if _JSON.match(content) else ""
    given = "csv" if options.format == "tsv" else options.format
    if start == "[":
        found = "json"
    elif start == "{":
        found = "json" if options.records else "jsonl"
        member = _member_with_records(text, options)
        if member is not None:
            raise _wrapped(member)
    else:
        extension = PurePath(filename or "").suffix.lower()
        if given in ("json", "jsonl") or (given is None and _TEXT_EXTENSIONS.get(extension) in ("json", "jsonl")):
            expected = given or _TEXT_EXTENSIONS[extension]
            message = f"The file is not JSON ({expected}): it starts with neither [ nor {{."
            raise invalid_file(message)
        return "csv"
    if given is not None and given != found:
        message = f"The file is {_DESCRIPTIONS[found]}, not {given}; use format {found}."
        raise invalid_file(message)
    return found


def _member_with_records(text: TextFile, options: ReadOptions) -> str | None:
    """Return the member of a JSON object that seems to have the records, if the caller names none."""
    if options.records or _has_lines_of_objects(text.sample.lstrip("\ufeff \t\r\n")):
        return None
    arrays = wrapped_arrays(text.sample)
    return arrays[0] if arrays and '"sku"' not in text.sample[:200].partition("[")[0] else None


def _wrapped(member: str) -> InvalidFile:
    return invalid_file(f"The file is a JSON object whose member {member} has the records; set records={member}.")


def _has_lines_of_objects(content: str) -> bool:
    """Return whether a text starts with two lines that each begin as an object does and end as one does."""
    first, _, rest = content.partition("\n")
    return first.rstrip().endswith("}") and rest.lstrip().startswith("{")


_JSON = re.compile(r'\[\s*([\[{"\]\d-]|true|false|null|$)|\{')
"""How JSON starts. A header in brackets, [sku],[name], does not."""

_DESCRIPTIONS = {"json": "a JSON array", "jsonl": "JSON Lines"}
