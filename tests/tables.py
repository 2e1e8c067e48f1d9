"""Tables as imports read them, from bytes or text in the test."""

import io

from catalog.application.files.read_options import ReadOptions
from catalog.application.files.readers import open_table
from catalog.application.files.row_source import BinaryReader, MalformedRow, Row, RowSource
from catalog.application.files.trailer import TrailerPolicy


def table(  # noqa: PLR0913 - the options of reading
    data: bytes | str | BinaryReader,
    kind: str | None = None,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    sheet: str | None = None,
    records: str | None = None,
    policy: TrailerPolicy = "verify",
) -> RowSource:
    """Open a table. Text is encoded as UTF-8; its lone surrogates stand for bytes that are not UTF-8."""
    content = data.encode(errors="surrogateescape") if isinstance(data, str) else data
    file = io.BytesIO(content) if isinstance(content, bytes) else content
    return open_table(file, ReadOptions(kind, encoding, delimiter, sheet, records, partial=policy == "ignore"))


def csv_rows(data: bytes, delimiter: str | None = None) -> list[Row | MalformedRow]:
    """Read all rows of a CSV file."""
    return list(table(data, "csv", delimiter=delimiter).rows)
