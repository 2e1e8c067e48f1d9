"""CSV: any delimiter, decimal mark and encoding."""

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from catalog.application.exports.columns import COLUMNS, Cell, Columns
from catalog.application.exports.encoder import Encoder
from catalog.application.files.encodings import Encoding
from catalog.application.files.formulas import escape_formula
from catalog.application.files.trailer import CATEGORY_KEY, TRAILER_KEY
from catalog.domain.categories.tree import Tree
from catalog.domain.errors import FieldError, InvalidQuery
from catalog.domain.items.item import Item


class CsvEncoder(Encoder):
    """CSV with a header. Cells that a spreadsheet would calculate start with an apostrophe, which an import removes."""

    def __init__(self, columns: Columns, encoding: Encoding, delimiter: str = ",", *, decimal_comma: bool = False) -> None:
        """Write these columns. With `decimal_comma`, amounts have a comma as decimal mark."""
        self._columns = columns
        self._encoding = encoding
        self._encoder = None if encoding.codec == "utf-8" else codecs.getincrementalencoder(encoding.codec)()
        self._encode: Callable[[str], bytes] = str.encode if self._encoder is None else self._encoder.encode
        self._write = partial(_write, delimiter)
        self._row = _row if columns.names is COLUMNS and not decimal_comma else self._typed_row
        self._amounts = frozenset(columns.amounts) if decimal_comma else frozenset()

    def start(self, tree: Tree) -> bytes:
        """Return the header."""
        self._columns.start(tree)
        return self._encoded([self._columns.names], "the header")

    def categories(self, tree: Tree) -> bytes:
        """Encode categories in the columns of items: the slug as `sku`, the parent as `category`, the position as `version`."""
        cells = (
            (CATEGORY_KEY, category.slug, category.name, "", category.parent or "", "", "", "", str(category.position), "", "")
            for category in tree
        )
        return self._encoded([_row(row) for row in cells], "the categories")

    def items(self, items: Sequence[Item]) -> bytes:
        """Encode a batch of items."""
        to_row, cells = self._row, self._columns.cells
        rows = [to_row(cells(item)) for item in items]
        text = self._write(rows)
        try:
            return self._encode(text)
        except UnicodeEncodeError:
            for item, row in zip(items, rows, strict=True):
                self._encoded([row], f"the item {item.sku}")
            raise

    def trailer(self, rows: int, digest: str) -> bytes:
        """Encode the trailer."""
        trailer = (TRAILER_KEY, str(rows), digest, *[""] * (len(self._columns.names) - 3))
        return self._encoded([trailer], "the proof")

    def end(self) -> Iterator[bytes]:
        """Yield what returns a stateful encoding to its initial state."""
        if self._encoder is not None:
            yield self._encoder.encode("", final=True)

    def _encoded(self, rows: Sequence[Sequence[str]], subject: str) -> bytes:
        """Encode rows. Raises: InvalidQuery for a character that the encoding does not have."""
        text = self._write(rows)
        try:
            return self._encode(text)
        except UnicodeEncodeError as error:
            character = text[error.start]
            message = (
                f"The encoding {self._encoding.name} has no {character!r} (U+{ord(character):04X}), which {subject} has; "
                "set encoding=utf-8-sig, which spreadsheets read too."
            )
            raise InvalidQuery([FieldError(("encoding",), "not_encodable", message)]) from error

    def _typed_row(self, cells: Sequence[Cell]) -> list[str]:
        """Return cells as texts, booleans and numbers as in JSON."""
        amounts = self._amounts
        return [
            "" if cell is None else escape_formula(_text(cell).replace(".", ",") if position in amounts else _text(cell))
            for position, cell in enumerate(cells)
        ]


def _row(cells: Sequence[Cell]) -> list[str]:
    return ["" if cell is None else escape_formula(str(cell)) for cell in cells]


def _text(cell: str | float) -> str:
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def _write(delimiter: str, rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue()
