"""Looks at a file before it is imported: what it is, which columns it has, and its first rows as an import would read them.

Nothing is read from the store: whether SKUs and categories exist is not known here.
"""

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from catalog.application.files.compression import ZIP
from catalog.application.files.detection import FileDetection
from catalog.application.files.read_options import ReadOptions
from catalog.application.files.readers import open_start
from catalog.application.files.row_source import SAMPLE_SIZE, MalformedRow, Row, RowSource
from catalog.application.imports.column_detection import ColumnDetection
from catalog.application.imports.inspected_columns import InspectedColumn, inspect_columns, missing_fields
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.profiles import Profile, detect_profiles
from catalog.application.imports.refusals import Refusal, flat, refusals_of
from catalog.application.imports.row_parser import ImportRow
from catalog.application.imports.rows import SliceReader
from catalog.application.imports.slots import Slots
from catalog.application.threads import run_in_thread
from catalog.domain.change import Change
from catalog.domain.errors import FieldError, InvalidFile, InvalidInput
from catalog.domain.items.item import Item
from catalog.domain.validation import FieldErrors
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids

START_SIZE = SAMPLE_SIZE
"""Bytes of a file that are inspected. Of a file with as many, more may follow."""

MAX_ARCHIVE_SIZE = 16 * 1024 * 1024
"""Maximum bytes of a workbook or ZIP archive that is inspected. It is needed as a whole, because its directory is at its end."""

MAX_CONCURRENT = 2
"""Files that a process inspects at the same time. Others wait."""

ROWS_SHOWN = 10
"""Rows of items that are shown."""


@dataclass(frozen=True, slots=True)
class InspectedRow:
    """A row as an import would read it: the fields that it sets, and why it would be refused. None clears a field."""

    line: int
    fields: Mapping[str, Any]
    refusals: Sequence[Refusal] = ()


@dataclass(frozen=True, slots=True)
class Inspection:
    """What an import would make of a file.

    `description` and `warnings` are those of the import's report. `mapping` has the columns of fields, as far as the file has
    them, and `missing` the fields without one that every new item needs. `profiles` are those that the header fits. With
    `truncated`, the file goes on after what was inspected. `problem` is why the import would refuse the file.
    """

    file: FileDetection
    decided: ColumnDetection
    description: str
    warnings: Sequence[str]
    columns: Sequence[InspectedColumn]
    mapping: Mapping[str, str]
    missing: Sequence[str]
    profiles: Sequence[Profile]
    rows: Sequence[InspectedRow]
    truncated: bool
    problem: InvalidInput | None


class Inspections:
    """Inspects files in threads, a few at a time."""

    def __init__(self, clock: Clock, ids: Ids) -> None:
        """Read rows with this clock and these ids, as an import does."""
        self._clock = clock
        self._ids = ids
        self._slots = Slots(MAX_CONCURRENT, f"{MAX_CONCURRENT} files are already being inspected; try again.")

    async def run(
        self,
        file: Any,  # noqa: ANN401 - a seekable binary file
        reading: ReadOptions,
        plan: ImportPlan,
        filename: str | None = None,
    ) -> Inspection:
        """Inspect a file, of which there may be only the first START_SIZE bytes. The file is closed.

        Raises: InvalidQuery or InvalidFile if nothing can be read, ImportsBusy.
        """
        try:
            async with self._slots.hold():
                return await run_in_thread(inspect_file, file, reading, plan, self._clock, self._ids, filename)
        finally:
            file.close()


def inspect_file(
    file: Any,  # noqa: ANN401 - a seekable binary file
    reading: ReadOptions,
    plan: ImportPlan,
    clock: Clock,
    ids: Ids,
    filename: str | None = None,
) -> Inspection:
    """Inspect a file, of which there may be only the first START_SIZE bytes. A row that is cut off is left out.

    Raises: InvalidQuery or InvalidFile if nothing can be read.
    """
    source = open_start(file, reading, filename=filename, is_cut=_is_cut(file))
    try:
        return _inspect(source, plan, clock, ids)
    finally:
        source.close()


def _is_cut(file: Any) -> bool:  # noqa: ANN401 - a seekable binary file
    """Return whether a file may be only the start of one, by its size.

    Raises: InvalidFile for the start of an archive.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    is_archive = file.read(len(ZIP)) == ZIP
    if is_archive and size == START_SIZE and not zipfile.is_zipfile(file):
        message = (
            "The file is a workbook or a ZIP archive, whose directory is at its end. Send all of it, up to "
            f"{MAX_ARCHIVE_SIZE // 1024**2} MiB, instead of its start."
        )
        raise InvalidFile([FieldError((), "incomplete_archive", message)])
    file.seek(0)
    return size >= START_SIZE and not is_archive


def _inspect(source: RowSource, plan: ImportPlan, clock: Clock, ids: Ids) -> Inspection:
    reader = SliceReader(source, plan, clock, ids)
    noticed, decided = reader.noticed, reader.detection
    rows = tuple(islice(_rows(reader, plan), ROWS_SHOWN))
    sample = [row.values for row in source.sample if isinstance(row, Row)]
    names = tuple(dict.fromkeys(source.columns or (name for values in sample for name in values)))
    known = set(names)
    mapping = {field: column for field, column in decided.mapping.items() if column in known}
    return Inspection(
        file=source.detected,
        decided=decided,
        description=noticed.detected,
        warnings=noticed.warnings,
        columns=inspect_columns(names, sample, mapping, plan.all_constants),
        mapping=mapping,
        missing=missing_fields(sample, mapping, plan),
        profiles=detect_profiles(names),
        rows=rows,
        truncated=source.is_cut,
        problem=source.problem or decided.problem,
    )


def _rows(reader: SliceReader, plan: ImportPlan) -> Iterator[InspectedRow]:
    """Yield the rows of items. Those of categories, in an export, are left out."""
    for row in reader.rows:
        parsed = reader.parser.parse(row)
        if isinstance(parsed, ImportRow):
            yield _inspect_parsed(parsed, plan)
        elif not isinstance(parsed, Change):
            yield _inspect_refused(reader, row, flat(parsed.rows), plan)


def _inspect_parsed(row: ImportRow, plan: ImportPlan) -> InspectedRow:
    """Return the fields of the item that a row would create, or those that it has."""
    fields: dict[str, Any]
    refusals: Sequence[Refusal] = ()
    if isinstance(row.change, InvalidInput):
        fields = dict(row.fields)
        refusals = _without_missing(flat(refusals_of(row, row.sku, row.change.errors)), plan)
    else:
        fields = _merged(row.fields, row.change.subject)
    if row.category_cell is not None:
        fields["category"] = row.category_cell
    return InspectedRow(row.line, fields, refusals)


def _inspect_refused(reader: SliceReader, row: Row | MalformedRow, refusals: Sequence[Refusal], plan: ImportPlan) -> InspectedRow:
    fields = reader.parser.read_fields(row, FieldErrors()) if isinstance(row, Row) else {}
    return InspectedRow(row.line, fields, _without_missing(refusals, plan))


def _without_missing(refusals: Iterable[Refusal], plan: ImportPlan) -> Sequence[Refusal]:
    """Leave out that fields are missing, except the SKU, if the row may update an item that has them."""
    if plan.on_conflict != "update":
        return tuple(refusals)
    return tuple(refusal for refusal in refusals if refusal.code != "required" or refusal.field == "sku")


def _merged(fields: Mapping[str, Any], item: Item) -> dict[str, Any]:
    """Return the fields of an item, and those that a row clears as None."""
    values: dict[str, Any] = {name: None for name, value in fields.items() if value is None}
    values |= {"sku": item.sku, "name": item.name}
    if item.description is not None:
        values["description"] = item.description
    if item.category is not None:
        values["category"] = item.category
    if item.price is not None:
        values["price"] = {"amount": item.price.amount, "currency": item.price.currency}
    given = fields.get("attributes")
    cleared = {name: None for name, value in given.items() if value is None} if isinstance(given, Mapping) else {}
    attributes = cleared | dict(item.attributes.items())
    return values | ({"attributes": attributes} if attributes else {})
