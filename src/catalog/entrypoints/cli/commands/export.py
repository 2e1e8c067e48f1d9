"""`catalog export`."""

import sys
from pathlib import Path
from typing import Any, NamedTuple

import rich_click as click

from catalog.domain.text.normalization import printable
from catalog.entrypoints.cli.exit_codes import USAGE, fail
from catalog.entrypoints.cli.options import filter_options, list_parameters
from catalog.entrypoints.cli.output_files import atomic_output
from catalog.entrypoints.cli.profile_option import load_profile_option
from catalog.entrypoints.cli.session import origin, run

_FORMATS = {".csv": "csv", ".tsv": "tsv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".xlsx": "xlsx"}
_MAX_NAMES = 20
_STANDARD_OUTPUT = Path("-")


@click.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["csv", "tsv", "json", "jsonl", "xlsx"]),
    help="Output format (default: from FILE's ending).",
)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="The same as FILE.")
@click.option("--delimiter", metavar="CHARACTER", help="CSV delimiter; `tab` for a tab character (default: comma).")
@click.option("--decimal", type=click.Choice(["point", "comma"]), help="Decimal mark of prices in CSV (default: point).")
@click.option(
    "--encoding", metavar="NAME", help="Encoding of CSV (default: utf-8). Excel recognizes utf-8-sig by its byte order mark."
)
@click.option(
    "--profile",
    metavar="NAME|FILE",
    help="Write the columns of another system: amazon, bestbuy, google, magento, shopify, woocommerce, or a TOML file.",
)
@click.option("--proof", is_flag=True, help="Add a last row that proves that the file is complete; `import` verifies it.")
@click.option(
    "--with-categories",
    is_flag=True,
    help="Export the category tree too; `import --create-categories` restores it.",
)
@click.option(
    "--sort", help="Sort keys, comma-separated, with a minus for descending, for example name,-price (default: oldest first)."
)
@filter_options
def export(  # noqa: PLR0913 - each is an option
    file: Path | None,
    file_format: str | None,
    output: Path | None,
    filters: tuple[str, ...],
    *,
    delimiter: str | None,
    decimal: str | None,
    encoding: str | None,
    profile: str | None,
    proof: bool,
    with_categories: bool,
    **parameters: str | tuple[str, ...] | None,
) -> None:
    """Export all items, or those the options select, from one consistent snapshot of the store.

    The ending of FILE decides the format: .csv, .tsv, .json, .jsonl or .xlsx; with .gz behind it, the file is compressed.
    Without FILE, or with -, the export goes to standard output. FILE appears only when it is complete. With --proof, its last
    row has the number of rows and the SHA-256 of those before it.
    """
    target = _target(file, output, file_format)

    async def work(container: Any) -> Any:  # noqa: ANN401 - a Container, and the names of fields
        from catalog.application.exports.export import parse_export  # noqa: PLC0415 - keeps --help fast
        from catalog.application.exports.formats import ExportOptions, parse_format  # noqa: PLC0415 - as above
        from catalog.entrypoints.representations.items import encode_item  # noqa: PLC0415 - as above

        query = parse_export(list_parameters(parameters, filters))
        options = ExportOptions(delimiter, decimal, encoding, load_profile_option(profile), with_categories, proof)
        export_format = parse_format(target.format, options)
        if target.compressed and export_format.is_compressed:
            fail(f"{target.path}: a workbook is compressed already; omit .gz.", code=USAGE)
        with atomic_output(target.path, compressed=target.compressed) as opened:
            chunks = container.items().export(
                query, export_format, encode_item, origin(), with_categories=with_categories, proof=proof
            )
            async for chunk in chunks:
                opened.write(chunk)
        return export_format.columns.omitted

    try:
        omitted = sorted(run(work))
    except BrokenPipeError:
        sys.stderr.close()
        return
    except OSError as error:
        fail(f"{error.filename or target.path}: {(error.strerror or str(error)).lower()}.", code=USAGE)
    if omitted:
        more = f" and {len(omitted) - _MAX_NAMES} more" if len(omitted) > _MAX_NAMES else ""
        names = printable(", ".join(omitted[:_MAX_NAMES]))
        click.echo(f"Warning: The profile {printable(str(profile))} has no columns for {names}{more}.", err=True)


class _Target(NamedTuple):
    """Where an export goes, None for standard output, and what the name of the file says about it."""

    path: Path | None
    format: str
    compressed: bool


def _target(file: Path | None, output: Path | None, file_format: str | None) -> _Target:
    """Return where to write, in which format. Exits if that is not clear."""
    if file is not None and output is not None:
        fail("FILE and --output are the same; give one of them.", code=USAGE)
    path = file or output
    if path is None or path == _STANDARD_OUTPUT:
        path, endings = None, []
    else:
        endings = [ending.lower() for ending in path.suffixes]
    compressed = endings[-1:] == [".gz"]
    if compressed:
        del endings[-1:]
    file_format = file_format or _FORMATS.get(endings[-1] if endings else "")
    if file_format is None:
        fail(
            "Missing format: use --format csv, json or jsonl, tsv or xlsx, or a FILE with one of these endings.",
            code=USAGE,
        )
    return _Target(path, file_format, compressed)
