"""The lines of a CSV file, for csv.reader. They can be read ahead and returned, and a record has a maximum size."""

import io
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from catalog.application.files.row_source import MAX_CUT, MAX_ROW_SIZE
from catalog.application.files.text import CHUNK_SIZE, TextFile

NEWLINES = ("\n", "\r")

_LOOK_AHEAD = 10
"""Lines that are read ahead to judge whether one is a start."""


class RowTooLong(Exception):
    """A CSV record exceeds MAX_ROW_SIZE."""


class Lines:
    """The lines of a text, for csv.reader. Counts them, limits each record to MAX_ROW_SIZE, and can return lines again."""

    def __init__(self, text: TextFile) -> None:
        """Read the lines of a text from its start."""
        self._text = text
        self.is_cut = text.is_cut
        self._stream: io.TextIOWrapper = text.stream
        self._returned: deque[str] = deque()
        self.record: list[str] = []
        """The lines of the current record."""
        self.count = 0
        """The number of lines that were read, without those that were returned."""
        self.size = 0
        """The number of characters of the current record."""
        self.decodable = True

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else self._stream.readline(MAX_ROW_SIZE + 1)
        if not line:
            raise StopIteration
        self.count += 1
        self.size += len(line)
        if self.size > MAX_ROW_SIZE:
            self._returned.appendleft(line)
            self.count -= 1
            message = f"it has more than {MAX_ROW_SIZE} characters"
            raise RowTooLong(message)
        self.record.append(line)
        if not line.isascii() and self._text.is_undecodable(line):
            self.decodable = False
        return line

    def start_record(self) -> int:
        """Start a record and return the number of its first line."""
        self.size = 0
        self.record = []
        self.decodable = True
        return self.count + 1

    @property
    def is_cut_off(self) -> bool:
        """Whether the current record, which cannot be read, only lacks its end because the file is cut."""
        return self.is_cut and self.size <= MAX_CUT and not self.peek(1)

    def skip_line(self) -> None:
        """Skip a line, however long it is."""
        self.count += 1
        while chunk := (self._returned.popleft() if self._returned else self._stream.readline(CHUNK_SIZE)):
            if chunk.endswith(NEWLINES):
                return

    def peek(self, count: int) -> list[str]:
        """Return up to `count` of the next lines, as long as they are no longer than a row together. They are read again."""
        size = sum(map(len, self._returned))
        while len(self._returned) < count and size <= MAX_ROW_SIZE and (line := self._stream.readline(MAX_ROW_SIZE + 1)):
            self._returned.append(line)
            size += len(line)
        return list(islice(self._returned, count))

    def skip_lines(self, count: int) -> None:
        """Skip lines that `peek` returned, and make them the current record."""
        self.record = [self._returned.popleft() for _ in range(count)]
        self.size = sum(map(len, self.record))
        self.count += count

    def skip_until(self, is_start: Callable[[Iterable[str]], bool], skipped: list[str]) -> bool:
        """Skip lines until one is a start, judged with some of the lines after it. Return False at the end of the file.

        The lines are added to `skipped`, as far as they are no longer than a row together.
        """
        returned = self._returned
        size = 0
        line = "\n"
        while True:
            while len(returned) < _LOOK_AHEAD and (line := self._stream.readline(MAX_ROW_SIZE + 1)):
                returned.append(line)
            if not returned:
                return False
            if is_start(returned):
                return True
            first = returned.popleft()
            size += len(first)
            if size <= MAX_ROW_SIZE:
                skipped.append(first)
            self.count += first.endswith(NEWLINES) or not returned

    def give_back(self, lines: Sequence[str]) -> None:
        """Return the last lines that were read, so that they are read again."""
        self._returned.extendleft(reversed(lines))
        self.count -= len(lines)
