"""The rows of an import file, independent of its format. Some rows may be malformed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

MAX_ROW_SIZE = 1024 * 1024
"""Maximum characters of one row; longer rows are refused."""


class BinaryReader(Protocol):
    """A readable binary file or stream. `read` returns what is available and an empty result at the end."""

    def read(self, size: int, /) -> bytes | None:
        """Return up to `size` bytes."""

    def close(self) -> None:
        """Close the file."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row: the line on which it starts, its values by column name, and its approximate size in characters."""

    line: int
    values: dict[str, Any]
    size: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class MalformedRow:
    """A row that cannot be read. If `last_line` is set, everything from `line` to it, the end of the file, was skipped."""

    line: int
    message: str
    last_line: int | None = None


@dataclass(frozen=True, slots=True)
class RowSource:
    """The rows of a file. `columns` are the header's names, or None if each row names its own.

    `close` closes the file. `stop` ends any wait for rows that have not arrived yet.
    """

    columns: tuple[str, ...] | None
    rows: Iterator[Row | MalformedRow]
    close: Callable[[], None] = lambda: None
    stop: Callable[[], None] = lambda: None
