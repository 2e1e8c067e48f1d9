"""Tables as an import takes them: rows, some of which may be broken, out of whatever format."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol


class BinaryReader(Protocol):
    """A file as far as it is needed: bytes that are given as they come, some at a time; nothing at the end."""

    def read(self, size: int, /) -> bytes | None:
        """Return up to so many bytes."""

    def close(self) -> None:
        """Give it back."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the line it begins at, what stands in it by the names the file gives, and about how many characters it takes."""

    line: int
    values: dict[str, Any]
    size: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class MalformedRow:
    """A row that cannot be read; with `until`, nothing was read from its line to that one, the last of the file."""

    line: int
    message: str
    last_line: int | None = None


@dataclass(frozen=True, slots=True)
class RowSource:
    """A file's rows. `columns` are those of the header; None where each row names its own.

    `close` closes the file; `stop` lets nobody wait for rows that are still to come.
    """

    columns: tuple[str, ...] | None
    rows: Iterator[Row | MalformedRow]
    close: Callable[[], None] = lambda: None
    stop: Callable[[], None] = lambda: None
