"""The rows of an import file, independent of its format. Some rows may be malformed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal, Protocol

from catalog.application.files.detection import FileDetection
from catalog.domain.errors import InvalidFile

MAX_ROW_SIZE = 1024 * 1024
"""Maximum characters of one row; longer rows are refused."""

SAMPLE_SIZE = 1024 * 1024
"""Maximum bytes or characters at the start of a file from which its form is detected."""

MAX_CUT = 256 * 1024
"""Maximum characters of a row that is not finished where a file is cut. If it has more, it is damaged, not cut."""

SAMPLE_ROWS = 1_000
"""Maximum rows from which the form of columns is detected."""

Cells = Sequence[Any] | Mapping[str, Any]
"""A row as the file has it: its cells in the order of the header, or the object of JSON."""

KNOWN_NAMES = frozenset(("sku", "name", "description", "category", "price", "currency", "attributes", "id"))
"""Column names that show where the header of a table is, and what separates its cells."""


class BinaryReader(Protocol):
    """A readable binary file or stream. `read` returns what is available and an empty result at the end."""

    def read(self, size: int, /) -> bytes | None:
        """Return up to `size` bytes."""

    def close(self) -> None:
        """Close the file."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row: the line on which it starts, its values by column name, and its approximate size in characters.

    `repair` says whether the row had too few cells, which are absent, or too many, which were empty and are cut. `cells` is the
    row as the file has it, in case that it is refused.
    """

    line: int
    values: dict[str, Any]
    size: int = field(default=0, compare=False)
    repair: Literal["", "filled", "cut"] = ""
    cells: Cells = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class MalformedRow:
    """A row that cannot be read, or several: those from `line` to `last_line`.

    `cells` are what could be read of it, and `text` is that of its lines, up to MAX_ROW_SIZE, if they could not be read. `cure`
    is what would help, apart from the message.
    """

    line: int
    message: str
    last_line: int | None = None
    cells: tuple[str, ...] = ()
    cure: str = ""
    text: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class RowSource:
    """The rows of a file. `columns` are the header's names, or None if each row names its own.

    `sample` are the first rows, which `rows` yields too. `doubts` are sentences about rows that may not be among them,
    complete when all rows are read. `close` closes the file. `stop` ends any wait for rows that have not arrived yet. `is_cut`:
    these are only the first rows of the file. `problem` is why the file would not be imported, although it can be read.
    """

    columns: tuple[str, ...] | None
    rows: Iterator[Row | MalformedRow]
    close: Callable[[], None] = lambda: None
    stop: Callable[[], None] = lambda: None
    sample: tuple[Row | MalformedRow, ...] = ()
    detected: FileDetection = FileDetection("rows")  # noqa: RUF009 - immutable
    doubts: Sequence[str] = ()
    is_cut: bool = False
    problem: InvalidFile | None = None


def sampled(rows: Iterator[Row | MalformedRow]) -> tuple[tuple[Row | MalformedRow, ...], Iterator[Row | MalformedRow]]:
    """Return the first rows, and an iterator over all rows."""
    sample: list[Row | MalformedRow] = []
    size = 0
    for row in rows:
        sample.append(row)
        size += row.size if isinstance(row, Row) else len(row.message)
        if len(sample) == SAMPLE_ROWS or size >= SAMPLE_SIZE:
            break
    return tuple(sample), chain(sample, rows)
