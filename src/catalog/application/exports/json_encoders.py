"""JSON Lines and JSON arrays."""

import json
from collections.abc import Iterator, Sequence

from catalog.application.exports.columns import Columns
from catalog.application.exports.encoder import Encode, Encoder
from catalog.application.files.trailer import CATEGORY_KEY, TRAILER_KEY
from catalog.domain.categories.category import FIELDS as CATEGORY_FIELDS
from catalog.domain.categories.category import Category
from catalog.domain.categories.tree import Tree
from catalog.domain.items.item import Item


class JsonLinesEncoder(Encoder):
    """One object per line."""

    def __init__(self, encode: Encode, columns: Columns | None = None) -> None:
        """Encode items with `encode`, which may write certain columns."""
        self._encode = encode
        self._columns = columns

    def start(self, tree: Tree) -> bytes:
        """Return nothing: there is no header."""
        if self._columns is not None:
            self._columns.start(tree)
        return b""

    def categories(self, tree: Tree) -> bytes:
        """Encode the category tree."""
        return b"".join([_category(category) + b"\n" for category in tree])

    def items(self, items: Sequence[Item]) -> bytes:
        """Encode a batch of items."""
        encode = self._encode
        return b"".join([encode(item) + b"\n" for item in items])

    def trailer(self, rows: int, digest: str) -> bytes:
        """Encode the trailer."""
        return _trailer(rows, digest) + b"\n"


class JsonArrayEncoder(JsonLinesEncoder):
    """An array with one element per line."""

    _separator = b""

    def start(self, tree: Tree) -> bytes:
        """Return the start of the array."""
        return super().start(tree) + b"[\n"

    def categories(self, tree: Tree) -> bytes:
        """Encode the category tree."""
        return self._elements([_category(category) for category in tree])

    def items(self, items: Sequence[Item]) -> bytes:
        """Encode a batch of items."""
        return self._elements(list(map(self._encode, items)))

    def before_trailer(self) -> bytes:
        """Return the separator of elements, if there are some."""
        return self._separator

    def trailer(self, rows: int, digest: str) -> bytes:
        """Encode the trailer."""
        return _trailer(rows, digest)

    def end(self) -> Iterator[bytes]:
        """Yield the end of the array."""
        yield b"]\n"

    def _elements(self, elements: Sequence[bytes]) -> bytes:
        if not elements:
            return b""
        encoded = self._separator + b",\n".join(elements)
        self._separator = b",\n"
        return encoded


def encode_cells(columns: Columns) -> Encode:
    """Return the function that encodes an item as an object with these columns."""

    def encode(item: Item) -> bytes:
        cells = {name: _value(cell) for name, cell in zip(columns.names, columns.cells(item), strict=True) if cell is not None}
        return json.dumps(cells, ensure_ascii=False, separators=(",", ":")).encode()

    return encode


def _value(cell: object) -> object:
    return cell if isinstance(cell, str | int | float) else str(cell)


def _category(category: Category) -> bytes:
    fields = {name: getattr(category, name) for name in CATEGORY_FIELDS}
    return json.dumps({CATEGORY_KEY: fields}, ensure_ascii=False, separators=(",", ":")).encode()


def _trailer(rows: int, digest: str) -> bytes:
    return json.dumps({TRAILER_KEY: {"rows": rows, "sha256": digest}}).encode()
