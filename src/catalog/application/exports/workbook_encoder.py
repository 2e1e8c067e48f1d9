"""Workbooks (.xlsx). The rows are written to a temporary file, so that the bytes come only when all items are written."""

from collections.abc import Iterator, Sequence

from catalog.application.exports.columns import Columns
from catalog.application.exports.encoder import Encoder
from catalog.application.files.trailer import CATEGORY_KEY, TRAILER_KEY
from catalog.application.files.workbooks.writer import CannotWrite, WorkbookWriter
from catalog.domain.categories.tree import Tree
from catalog.domain.errors import FieldError, InvalidQuery
from catalog.domain.items.item import Item

_SHEET = "Items"
_CHUNK_SIZE = 64 * 1024


class WorkbookEncoder(Encoder):
    """A workbook with one sheet. Amounts, versions and booleans are typed; SKUs and times are texts.

    Times stay texts because a spreadsheet's have no time zone, and not all digits.
    """

    in_thread = True

    def __init__(self, columns: Columns) -> None:
        """Write these columns."""
        self._columns = columns
        self._writer: WorkbookWriter | None = None

    def start(self, tree: Tree) -> bytes:
        """Start the file."""
        self._columns.start(tree)
        self._writer = WorkbookWriter(_SHEET, self._columns.names, self._columns.texts)
        return b""

    def categories(self, tree: Tree) -> bytes:
        """Write categories in the columns of items: the slug as `sku`, the parent as `category`, the position as `version`."""
        for category in tree:
            cells = (CATEGORY_KEY, category.slug, category.name, None, category.parent, None, None, None, category.position)
            self._add(cells, f"category {category.slug}")
        return b""

    def items(self, items: Sequence[Item]) -> bytes:
        """Write a batch of items."""
        for item in items:
            self._add(self._columns.cells(item), f"item {item.sku}")
        return b""

    def trailer(self, rows: int, digest: str) -> bytes:  # noqa: ARG002 - there are no bytes yet
        """Write the number of rows. The archive that a workbook is has checksums of its own."""
        self._add((TRAILER_KEY, rows), "proof")
        return b""

    def end(self) -> Iterator[bytes]:
        """Yield the whole file."""
        file = self._opened().finish()
        while chunk := file.read(_CHUNK_SIZE):
            yield chunk

    def close(self) -> None:
        """Delete the file."""
        if self._writer is not None:
            self._writer.close()

    def _opened(self) -> WorkbookWriter:
        if self._writer is None:
            message = "The encoder was not started."
            raise ValueError(message)
        return self._writer

    def _add(self, cells: Sequence[object], subject: str) -> None:
        try:
            self._opened().add(cells, self._columns.amounts)
        except CannotWrite as error:
            message = f"The {subject} {error}; export it as CSV or JSON Lines (format=csv, format=jsonl), or select other items."
            raise InvalidQuery([FieldError(("format",), "not_encodable", message)]) from error
