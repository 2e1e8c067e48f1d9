"""Exporting: items written out as they come from the store, in one state of it, with a trailer that proves they are all there.

What is written, an import reads without a map. The trailer tells how many rows there are, and the SHA-256 of all bytes before
its own line; a file that ends without it, or with another, is not whole. It stands in the file itself, in every format, and not
at an address beside it: so it goes wherever the file goes, and tells of the very state that was written.
"""

import csv
import io
import json
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from catalog.application.files.readers import escape_formula
from catalog.application.files.trailer import CATEGORY_KEY, TRAILER_KEY
from catalog.domain.categories.category import FIELDS as CATEGORY_FIELDS
from catalog.domain.categories.category import Category
from catalog.domain.categories.tree import Tree
from catalog.domain.errors import InvalidQuery
from catalog.domain.items.item import Item
from catalog.domain.queries.item_query import ItemQuery, Parameters
from catalog.domain.validation import FieldErrors
from catalog.ports.storage import Storage

COLUMNS = (
    "id",
    "sku",
    "name",
    "description",
    "category",
    "price",
    "currency",
    "attributes",
    "version",
    "created_at",
    "updated_at",
)
"""The columns of a CSV file."""

_PAGE_PARAMETERS = ("limit", "offset", "cursor")

Encode = Callable[[Item], bytes]
"""Writes an item as JSON, on one line."""


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """How items are written: what each looks like, what stands around them, and how the trailer is put."""

    media_type: str
    rows: Callable[[Sequence[Item], Encode], bytes]
    categories: Callable[[Iterable[Category]], bytes]
    header: bytes
    trailer: Callable[[int, str], bytes]


def parse_export(parameters: Parameters, errors: FieldErrors | None = None) -> ItemQuery:
    """Read which items are to be exported, and in which order: all of them, the oldest first, unless something else is said.

    Raises InvalidQuery.
    """
    errors = FieldErrors() if errors is None else errors
    for name in _PAGE_PARAMETERS:
        if name in parameters:
            errors.add((name,), "unknown_parameter", f"An export has no pages; leave {name} out.")
    return ItemQuery.parse(
        {"sort": "created_at", **{name: its for name, its in parameters.items() if name not in _PAGE_PARAMETERS}}, errors
    )


def parse_format(name: str) -> ExportFormat:
    """Return the format of this name. Raises InvalidQuery."""
    if name not in FORMATS:
        faults = FieldErrors()
        faults.add(("format",), "invalid_choice", f"The parameter format is {' or '.join(FORMATS)}.")
        faults.raise_if_any(InvalidQuery)
    return FORMATS[name]


async def export(
    storage: Storage, query: ItemQuery, export_format: ExportFormat, encode: Encode, *, with_categories: bool = False
) -> AsyncGenerator[bytes, None]:
    """Write the items that `query` finds, piece by piece, in constant memory; before them the tree of categories, if wanted.

    Raises Unavailable, before the first piece or after it.
    """
    digest = sha256()
    count = 0
    piece = export_format.header
    tree = {category.slug: category for category in await storage.categories()} if with_categories else {}
    begun = False
    async for items in storage.stream(query):
        if with_categories and not begun:
            # The items are those of a moment between these two: each category that they name is in one of them.
            tree |= {category.slug: category for category in await storage.categories()}
            piece += export_format.categories(Tree(tree.values()))
        begun = True
        piece += export_format.rows(items, encode)
        digest.update(piece)
        count += len(items)
        yield piece
        piece = b""
    if not begun:
        piece += export_format.categories(Tree(tree.values()))
    digest.update(piece)
    yield piece + export_format.trailer(count + len(tree), digest.hexdigest())


def parse_with_categories(text: str | None, errors: FieldErrors) -> bool:
    """Read whether an export has the tree of categories, too."""
    if text not in (None, "true", "false"):
        errors.add(("with_categories",), "invalid_choice", "The parameter with_categories is true or false.")
    return text == "true"


def _json_lines(items: Sequence[Item], encode: Encode) -> bytes:
    return b"".join([encode(item) + b"\n" for item in items])


def _json_elements(items: Sequence[Item], encode: Encode) -> bytes:
    return b"".join([encode(item) + b",\n" for item in items])


def _json_category(category: Category) -> bytes:
    fields = {name: getattr(category, name) for name in CATEGORY_FIELDS}
    return json.dumps({CATEGORY_KEY: fields}, ensure_ascii=False, separators=(",", ":")).encode()


def _json_trailer(rows: int, digest: str) -> bytes:
    return json.dumps({TRAILER_KEY: {"rows": rows, "sha256": digest}}).encode()


def _csv_rows(items: Sequence[Item], _encode: Encode) -> bytes:
    return _to_csv([_cells(item) for item in items])


def _csv_categories(categories: Iterable[Category]) -> bytes:
    """Write categories in the columns of items: the slug as `sku`, the parent as `category`, the position as `version`."""
    cells = (
        (CATEGORY_KEY, its.slug, its.name, "", its.parent or "", "", "", "", str(its.position), "", "") for its in categories
    )
    return _to_csv([[escape_formula(cell) for cell in row] for row in cells])


def _cells(item: Item) -> list[str]:
    """Write an item as the cells of COLUMNS."""
    attributes = dict(item.attributes.items())
    cells = (
        item.id,
        item.sku,
        item.name,
        item.description,
        item.category,
        item.price and item.price.amount,
        item.price and item.price.currency,
        json.dumps(attributes, ensure_ascii=False, separators=(",", ":")) if attributes else None,
        item.version,
        _format_time(item.created_at),
        _format_time(item.updated_at),
    )
    return ["" if cell is None else escape_formula(str(cell)) for cell in cells]


def _format_time(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _to_csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


FORMATS: Mapping[str, ExportFormat] = {
    "csv": ExportFormat(
        "text/csv; charset=utf-8",
        _csv_rows,
        _csv_categories,
        _to_csv([COLUMNS]),
        lambda rows, digest: _to_csv([(TRAILER_KEY, str(rows), digest, *[""] * (len(COLUMNS) - 3))]),
    ),
    "jsonl": ExportFormat(
        "application/jsonl",
        _json_lines,
        lambda categories: b"".join([_json_category(one) + b"\n" for one in categories]),
        b"",
        lambda rows, digest: _json_trailer(rows, digest) + b"\n",
    ),
    "json": ExportFormat(
        "application/json",
        _json_elements,
        lambda categories: b"".join([_json_category(one) + b",\n" for one in categories]),
        b"[\n",
        lambda rows, digest: _json_trailer(rows, digest) + b"]\n",
    ),
}
"""The formats, by their names."""
