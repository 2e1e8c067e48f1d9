"""Exports: items streamed from one state of the store. An export can be imported without mapping columns.

The file has nothing but items, unless the caller wants a proof: a last row, the trailer, with the number of rows and the SHA-256
of all bytes before its own line. It travels with the file and shows that nothing is missing and nothing was changed.
"""

import csv
import io
import json
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from catalog.application.files.formulas import escape_formula
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
"""Encodes an item as one line of JSON."""


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """An export format: how it encodes items, categories, the trailer, and the start and the end of the file.

    `separator` is what follows each row, except the last one of a file without a trailer.
    """

    rows: Callable[[Sequence[Item], Encode], bytes]
    categories: Callable[[Iterable[Category]], bytes]
    header: bytes
    trailer: Callable[[int, str], bytes]
    separator: bytes = b""
    end: bytes = b""


def parse_export(parameters: Parameters, errors: FieldErrors | None = None) -> ItemQuery:
    """Parse the parameters that select and order the items to export. The default is all items, oldest first.

    Raises: InvalidQuery.
    """
    errors = FieldErrors() if errors is None else errors
    for name in _PAGE_PARAMETERS:
        if name in parameters:
            errors.add((name,), "unknown_parameter", f"Exports have no pages; omit {name}.")
    return ItemQuery.parse(
        {"sort": "created_at", **{name: value for name, value in parameters.items() if name not in _PAGE_PARAMETERS}}, errors
    )


def parse_format(name: str) -> ExportFormat:
    """Return the format with this name.

    Raises: InvalidQuery.
    """
    if name not in FORMATS:
        errors = FieldErrors()
        errors.add(("format",), "invalid_choice", f"The parameter format must be {' or '.join(FORMATS)}.")
        errors.raise_if_any(InvalidQuery)
    return FORMATS[name]


async def export(
    storage: Storage,
    query: ItemQuery,
    export_format: ExportFormat,
    encode: Encode,
    *,
    with_categories: bool = False,
    proof: bool = False,
) -> AsyncGenerator[bytes, None]:
    """Yield the items that match `query` in chunks, in constant memory.

    With `with_categories`, the category tree comes first; with `proof`, a trailer comes last.

    Raises: Unavailable, before the first chunk or after it.
    """
    digest = sha256()
    count = 0
    chunk = export_format.header
    categories = {category.slug: category for category in await storage.categories()} if with_categories else {}
    started = False
    async with aclosing(storage.stream(query)) as batches:
        async for items in batches:
            if with_categories and not started:
                # The items are from a moment between these two reads, so each category they name is in one of them.
                categories |= {category.slug: category for category in await storage.categories()}
                chunk += export_format.categories(Tree(categories.values()))
            started = True
            chunk += export_format.rows(items, encode)
            count += len(items)
            # The separator waits for the next row.
            written = chunk.removesuffix(export_format.separator)
            digest.update(written)
            yield written
            chunk = chunk[len(written) :]
    if not started:
        chunk += export_format.categories(Tree(categories.values()))
    if proof:
        digest.update(chunk)
        chunk += export_format.trailer(count + len(categories), digest.hexdigest())
    else:
        chunk = chunk.removesuffix(export_format.separator)
    yield chunk + export_format.end


def parse_flag(name: str, text: str | None, errors: FieldErrors) -> bool:
    """Parse a parameter that is true or false."""
    if text not in (None, "true", "false"):
        errors.add((name,), "invalid_choice", f"The parameter {name} must be true or false.")
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
    """Encode categories in the columns of items: the slug as `sku`, the parent as `category`, the position as `version`."""
    cells = (
        (CATEGORY_KEY, category.slug, category.name, "", category.parent or "", "", "", "", str(category.position), "", "")
        for category in categories
    )
    return _to_csv([[escape_formula(cell) for cell in row] for row in cells])


def _cells(item: Item) -> list[str]:
    """Return the cells of an item, in the order of COLUMNS."""
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
        _csv_rows,
        _csv_categories,
        _to_csv([COLUMNS]),
        lambda rows, digest: _to_csv([(TRAILER_KEY, str(rows), digest, *[""] * (len(COLUMNS) - 3))]),
    ),
    "jsonl": ExportFormat(
        _json_lines,
        lambda categories: b"".join([_json_category(category) + b"\n" for category in categories]),
        b"",
        lambda rows, digest: _json_trailer(rows, digest) + b"\n",
    ),
    "json": ExportFormat(
        _json_elements,
        lambda categories: b"".join([_json_category(category) + b",\n" for category in categories]),
        b"[\n",
        _json_trailer,
        b",\n",
        b"]\n",
    ),
}
"""The formats by name."""
