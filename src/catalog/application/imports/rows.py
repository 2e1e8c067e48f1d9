"""The first stage of an import: reads and parses the rows of a file, and decides them as far as that needs no store.

Rows are read from the file in a thread while the previous slice is committed.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from catalog.application.files.row_source import MalformedRow, Row, RowSource
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.refusals import FileRow, RefusedRow
from catalog.application.imports.report import ImportDetection, ImportReport
from catalog.application.imports.row_parser import ImportRow, RowParser
from catalog.domain.categories.category import Category
from catalog.domain.change import Change
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids

SLICE_ROWS = 500
"""Rows that are read, decided and committed together. Saves round trips, and lets other writers commit between slices."""

_SLICE_CHARACTERS = 4 * 1024 * 1024
"""A slice ends when its rows exceed this many characters, because it is in memory as a whole."""

TURN_ROWS = 5
"""Rows that are processed before the event loop runs other tasks."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A parsed slice: the rows to import, the categories with their rows, and the rows that were refused.

    `report` counts the rows and the refused ones, and has the columns that are ignored so far. `refused_keys` are the SKUs of
    refused rows, and their ids if those are preserved; `unread_lines` are the lines of rows whose SKU could not be read.
    """

    rows_to_import: Sequence[ImportRow] = ()
    categories: Sequence[tuple[FileRow, Change[Category]]] = ()
    refusals: Sequence[RefusedRow] = ()
    report: ImportReport = ImportReport()  # noqa: RUF009 - immutable
    refused_keys: Sequence[str | UUID] = ()
    unread_lines: Sequence[int] = ()

    @property
    def size(self) -> int:
        """The number of rows that are in memory, those of categories included."""
        return len(self.rows_to_import) + len(self.categories) + len(self.refusals)

    @classmethod
    def joined(cls, slices: Sequence["Slice"]) -> "Slice":
        """Return all slices as one."""
        return cls(
            [row for part in slices for row in part.rows_to_import],
            [category for part in slices for category in part.categories],
            [refusal for part in slices for refusal in part.refusals],
            sum((part.report for part in slices), ImportReport()),
            [key for part in slices for key in part.refused_keys],
            [line for part in slices for line in part.unread_lines],
        )


class SliceReader:
    """Reads a row source slice by slice. `detection` is what was decided about the columns."""

    def __init__(self, source: RowSource, plan: ImportPlan, clock: Clock, ids: Ids) -> None:
        """Apply the plan to the header of the file, if it has one. The detection says whether it fits."""
        self._source = source
        self._plan = plan
        self.detection = plan.detect(source.columns, source.sample)
        self.parser = RowParser(source, plan, self.detection, clock, ids)
        self.rows = plan.arrange(source.rows, self.detection, source.columns)
        """The rows of the file that are not read yet, changed as the profile says."""

    @property
    def noticed(self) -> ImportReport:
        """What was noticed in the file before its rows are read."""
        file, columns = self._source.detected, self.detection
        return ImportReport(
            ignored=self.parser.ignored_columns,
            detected="; ".join(filter(None, (file.describe(), columns.describe()))),
            detection=ImportDetection.of(file, columns),
            warnings=(*file.warnings, *columns.warnings),
        )

    async def slices(self, before_slice: Callable[[], Awaitable[None]]) -> AsyncGenerator[Slice, None]:
        """Yield the slices of the file. The rows of the next one are read in a thread meanwhile.

        `before_slice` is called before each and may raise an exception to stop. Then, or if the generator is closed, the thread
        finishes its slice, and nothing reads the file after that.
        """
        reading = asyncio.create_task(asyncio.to_thread(self.read_rows))
        try:
            while rows := await reading:
                await before_slice()
                reading = asyncio.create_task(asyncio.to_thread(self.read_rows))
                yield await self.parse(rows)
        except BaseException:
            self._source.stop()
            raise
        finally:
            await asyncio.wait((reading,))
            _ = reading.cancelled() or reading.exception()  # asyncio warns about exceptions that were never retrieved

    def read_rows(self) -> list[Row | MalformedRow]:
        """Read the rows of the next slice. Blocks while the file arrives; returns an empty list at the end."""
        rows: list[Row | MalformedRow] = []
        size = 0
        for row in self.rows:
            rows.append(row)
            size += row.size if isinstance(row, Row) else 0
            if len(rows) == SLICE_ROWS or size > _SLICE_CHARACTERS:
                break
        return rows

    async def parse(self, rows: Sequence[Row | MalformedRow]) -> Slice:
        """Parse rows by the plan. Gives way to other tasks every TURN_ROWS rows."""
        to_import: list[ImportRow] = []
        categories: list[tuple[FileRow, Change[Category]]] = []
        refusals: list[RefusedRow] = []
        refused_keys: list[str | UUID] = []
        unread_lines: list[int] = []
        category_count = refused = 0
        for start in range(0, len(rows), TURN_ROWS):
            for row in rows[start : start + TURN_ROWS]:
                parsed = self.parser.parse(row)
                if isinstance(parsed, ImportRow):
                    to_import.append(parsed)
                elif isinstance(parsed, Change):
                    category_count += 1
                    categories.append((self.parser.file_row(row), parsed))
                else:
                    refused += 1
                    refusals += parsed.rows
                    refused_keys += parsed.keys
                    unread_lines += [row.line] if parsed.has_unknown_sku else []
            await asyncio.sleep(0)
        repairs = Counter(row.repair for row in rows if isinstance(row, Row) and row.repair)
        report = ImportReport(
            rows=len(rows) - category_count,
            refused=refused,
            filled=repairs["filled"],
            cut=repairs["cut"],
            ignored=self.parser.ignored_columns,
        )
        return Slice(to_import, categories if self._plan.create_categories else (), refusals, report, refused_keys, unread_lines)
