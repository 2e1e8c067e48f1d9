"""Exports: items streamed from one state of the store. An export can be imported without mapping columns.

The file has nothing but items, unless the caller wants a proof: a last row, the trailer, with the number of rows and the SHA-256
of all bytes before its own line. It travels with the file and shows that nothing is missing and nothing was changed.
"""

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeVar

from catalog.application.exports.encoder import Encode, Encoder
from catalog.application.exports.formats import ExportFormat
from catalog.application.threads import run_in_thread
from catalog.domain.categories.category import Category
from catalog.domain.categories.tree import Tree
from catalog.domain.queries.item_query import ItemQuery, Parameters
from catalog.domain.validation import FieldErrors
from catalog.ports.storage import Storage

_PAGE_PARAMETERS = ("limit", "offset", "cursor")

T = TypeVar("T")


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


def parse_flag(name: str, text: str | None, errors: FieldErrors) -> bool:
    """Parse a parameter that is true or false."""
    if text not in (None, "true", "false"):
        errors.add((name,), "invalid_choice", f"The parameter {name} must be true or false.")
    return text == "true"


@dataclass(slots=True)
class ExportCount:
    """How many rows an export has so far. It counts while the export is read."""

    rows: int = 0


async def export(  # noqa: PLR0913 - options of the file
    storage: Storage,
    query: ItemQuery,
    export_format: ExportFormat,
    encode: Encode,
    *,
    with_categories: bool = False,
    proof: bool = False,
    count: ExportCount | None = None,
) -> AsyncGenerator[bytes, None]:
    """Yield the items that match `query` in chunks, in constant memory.

    With `with_categories`, the category tree comes first; with `proof`, a trailer comes last. `count` follows the rows.

    Raises: Unavailable, before the first chunk or after it. InvalidQuery for an item that cannot be written in the format.
    """
    encoder = export_format.encoder(encode)
    rows = _rows(storage, query, encoder, with_categories=with_categories, with_tree=export_format.columns.needs_tree)
    digest = sha256() if proof else None
    count = ExportCount() if count is None else count
    try:
        async with aclosing(rows) as chunks:
            async for chunk, rows_in_chunk in chunks:
                count.rows += rows_in_chunk
                if digest is not None:
                    digest.update(chunk)
                if chunk:
                    yield chunk
        if digest is not None:
            separator = encoder.before_trailer()
            digest.update(separator)
            yield separator + encoder.trailer(count.rows, digest.hexdigest())
        pieces = encoder.end()
        while piece := await _run(encoder, next, pieces, b""):
            yield piece
    finally:
        encoder.close()


async def _rows(
    storage: Storage, query: ItemQuery, encoder: Encoder, *, with_categories: bool, with_tree: bool
) -> AsyncGenerator[tuple[bytes, int], None]:
    """Yield the start, the categories and the items in chunks, each with its number of rows."""
    reads_tree = with_categories or with_tree
    before = await storage.categories() if reads_tree else ()
    started = False
    async with aclosing(storage.stream(query)) as batches:
        async for items in batches:
            chunk, count = b"", 0
            if not started:
                # The items are from a moment between these two reads, so each category they name is in one of them.
                tree = _joined(before, await storage.categories() if reads_tree else ())
                chunk, count = await _run(encoder, _start, encoder, tree, with_categories)
                started = True
            yield chunk + await _run(encoder, encoder.items, items), count + len(items)
    if not started:
        yield await _run(encoder, _start, encoder, _joined(before, ()), with_categories)


def _start(encoder: Encoder, tree: Tree, with_categories: bool) -> tuple[bytes, int]:  # noqa: FBT001 - called by _run
    """Return what comes before the items, and its number of rows."""
    start = encoder.start(tree)
    return (start + encoder.categories(tree), len(tree.by_slug)) if with_categories else (start, 0)


def _joined(before: Iterable[Category], after: Iterable[Category]) -> Tree:
    return Tree(({category.slug: category for category in before} | {category.slug: category for category in after}).values())


async def _run(encoder: Encoder, function: Callable[..., T], *arguments: object) -> T:
    """Call a function of the encoder: in a thread, if it takes long."""
    return await run_in_thread(function, *arguments) if encoder.in_thread else function(*arguments)
