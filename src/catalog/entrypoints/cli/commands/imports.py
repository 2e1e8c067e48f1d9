"""`catalog import` and `catalog seed`."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, aclosing, contextmanager
from pathlib import Path
from typing import IO, Any

import rich_click as click

from catalog.entrypoints.cli.exit_codes import REFUSED, USAGE, fail
from catalog.entrypoints.cli.import_output import ImportOutput, print_deletions, refused_rows_file, report_file
from catalog.entrypoints.cli.option_names import as_options
from catalog.entrypoints.cli.profile_option import load_profile_option
from catalog.entrypoints.cli.session import origin, run
from catalog.entrypoints.gc_tuning import reduce_collections

_STANDARD_INPUT = Path("-")

_SWITCH_INTERVAL = 0.0005
"""Thread switch interval during an import, in seconds (Python's default: 0.005)."""


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["csv", "tsv", "json", "jsonl", "xlsx", "ods"]),
    help="Format of FILE (default: the content decides). csv is any delimited text.",
)
@click.option("--encoding", metavar="NAME", help="Encoding of a text file: utf-8, utf-16, windows-1252, … (default: detected).")
@click.option("--sheet", metavar="NAME|NUMBER", help="Sheet of a workbook (default: the first one with rows).")
@click.option("--records", metavar="MEMBER", help="Member of a JSON object that has the array of rows: products, data.items.")
@click.option(
    "--map", "maps", metavar="FIELD=COLUMN", multiple=True, help="Read a field from a column with another name: name=title."
)
@click.option(
    "--set", "sets", metavar="FIELD=VALUE", multiple=True, help="Set a field to the same value in every row: currency=EUR."
)
@click.option(
    "--type", "types", metavar="attr.NAME=TYPE", multiple=True, help="Parse an attribute as integer, number or boolean."
)
@click.option(
    "--decimal",
    type=click.Choice(["auto", "comma", "point"]),
    default="auto",
    show_default=True,
    help="Decimal mark of prices. With auto, the first rows decide.",
)
@click.option(
    "--attributes", default="none", show_default=True, metavar="all|none|COLUMN,…", help="Import other columns as attributes."
)
@click.option(
    "--types",
    "cell_types",
    type=click.Choice(["text", "auto"]),
    default="text",
    show_default=True,
    help="With auto, attributes get the type that the first rows show: integer, number, boolean or text.",
)
@click.option(
    "--profile",
    metavar="NAME|FILE",
    help="Map the columns of another system: amazon, bestbuy, google, magento, shopify, woocommerce, or a TOML file.",
)
@click.option(
    "--on-conflict",
    type=click.Choice(["fail", "skip", "update"]),
    default="fail",
    show_default=True,
    help="If the SKU already exists: refuse the row, skip it, or update the item.",
)
@click.option("--delimiter", metavar="CHARACTER", help="CSV delimiter; `tab` for a tab character (default: detected).")
@click.option("--create-categories", is_flag=True, help="Create missing categories, with the path in their cell.")
@click.option("--no-create", is_flag=True, help="Refuse rows whose SKU does not exist, instead of creating items.")
@click.option(
    "--empty",
    type=click.Choice(["keep", "clear"]),
    default="keep",
    show_default=True,
    help="What an empty cell does to an existing item: keep the value, or clear it.",
)
@click.option(
    "--category-separator", metavar="TEXT", help="Separates the names of a category's path (default: as in the profile, or >)."
)
@click.option("--preserve", is_flag=True, help="Keep the ids, versions and times of exported items when creating them.")
@click.option(
    "--partial",
    is_flag=True,
    help="Import an edited or shortened export: do not check the proof in its last row.",
)
@click.option(
    "--delete-missing",
    is_flag=True,
    help="Delete the items that are not in FILE, if all of its rows can be read. Try it with --dry-run first.",
)
@click.option(
    "--max-deletes",
    type=click.IntRange(0, 10**9 - 1),
    metavar="N",
    help="With --delete-missing: if more items are not in FILE, delete none (default: 100).",
)
@click.option("--all-or-nothing", "atomic", is_flag=True, help="Import all rows in one commit, or none (up to 10,000 rows).")
@click.option("--dry-run", is_flag=True, help="Report what would change without writing anything.")
@click.option(
    "--errors",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write the refused rows to this file, to be mended and imported again: CSV, or JSON Lines if FILE is JSON.",
)
@click.option(
    "--report", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Write the report to this file, as JSON."
)
def import_(  # noqa: PLR0913, PLR0917 - each is an option
    file: Path,
    file_format: str | None,
    encoding: str | None,
    delimiter: str | None,
    sheet: str | None,
    records: str | None,
    errors: Path | None,
    report: Path | None,
    *,
    partial: bool,
    **plan: Any,  # noqa: ANN401 - options
) -> None:
    """Import items from FILE: CSV with a header, a workbook (.xlsx, .ods), a JSON array, or JSON Lines; - reads standard input.

    The content decides what the file is, also if it is compressed (gzip, bzip2, xz, zstd, or a ZIP archive of one file).

    Columns named sku, name, description, category, price, currency, attributes (JSON) or attr.NAME are imported. Use --map
    for other columns; the rest are listed and ignored. Invalid rows are reported with line and reason, and valid rows are
    imported. A file in another format, or an incomplete export, is refused as a whole.
    """
    size = 0 if file == _STANDARD_INPUT else file.stat().st_size
    output = ImportOutput()

    async def work(container: Any) -> None:  # noqa: ANN401 - a Container
        with report_file(output, report, dry_run=plan["dry_run"], atomic=plan["atomic"]):
            await import_file(container)

    async def import_file(container: Any) -> None:  # noqa: ANN401 - a Container
        from catalog.application.files.delimited.delimiters import parse_delimiter  # noqa: PLC0415 - keeps --help fast
        from catalog.application.files.encodings import parse_encoding  # noqa: PLC0415 - as above
        from catalog.application.files.read_options import ReadOptions  # noqa: PLC0415 - as above
        from catalog.application.files.readers import open_table  # noqa: PLC0415 - as above
        from catalog.application.imports.plan import ImportPlan  # noqa: PLC0415 - as above
        from catalog.application.imports.report import ImportProgress  # noqa: PLC0415 - as above

        parsed_plan = ImportPlan.parse(
            plan["maps"],
            plan["sets"],
            plan["types"],
            on_conflict=plan["on_conflict"],
            dry_run=plan["dry_run"],
            create_categories=plan["create_categories"],
            preserve=plan["preserve"],
            atomic=plan["atomic"],
            max_atomic_rows=container.settings().imports.max_atomic_rows,
            decimal=plan["decimal"],
            create=not plan["no_create"],
            empty=plan["empty"],
            category_separator=plan["category_separator"],
            attributes=plan["attributes"],
            cell_types=plan["cell_types"],
            profile=load_profile_option(plan["profile"]),
            delete_missing=plan["delete_missing"],
            max_deletes=plan["max_deletes"],
        )
        parse_delimiter(delimiter or ",")
        parse_encoding(encoding or "utf-8")
        reduce_collections()
        # One thread reads while another commits; a short interval keeps both from waiting long.
        sys.setswitchinterval(_SWITCH_INTERVAL)
        with ExitStack() as stack:
            binary_file = stack.enter_context(_open(file))
            reading = ReadOptions(file_format, encoding, delimiter, sheet, records, partial=partial)
            with container.importing().opening(parsed_plan, origin()):
                source = open_table(binary_file, reading, filename=file.name)
            stack.callback(source.close)
            stack.enter_context(refused_rows_file(output, errors, source.columns))
            on_progress = stack.enter_context(_progress_bar(binary_file, size))
            async with aclosing(container.importing().run(source, parsed_plan, origin(), ImportProgress())) as slices:
                async for committed in slices:
                    output.add(committed)
                    on_progress(committed.report)

    try:
        run(work, describe=as_options)
    except OSError as error:
        fail(f"{str(error.filename or file).removesuffix('.part')}: {(error.strerror or str(error)).lower()}.", code=USAGE)
    output.print_end(errors, dry_run=plan["dry_run"])
    if plan["delete_missing"]:
        print_deletions(output.report, dry_run=plan["dry_run"])
    if output.report.is_refused:
        if plan["atomic"]:
            click.echo("Nothing was written.", err=True)
        if errors is not None and output.report.refused:
            click.echo(f"The refused rows are in {errors}. Mend them and import that file with the same options.", err=True)
        sys.exit(REFUSED)


@click.command()
def seed() -> None:
    """Load 1,000 sample items and their categories. Existing ones are left unchanged."""

    async def work(container: Any) -> Any:  # noqa: ANN401 - a Container, and an ImportReport
        return await container.seeding().run(origin())

    report = run(work)
    click.echo(f"{report.created} items created, {report.skipped} already existed.")


def _open(file: Path) -> IO[bytes]:
    """Open the file, or standard input. Blocking is fine: nothing else runs on the event loop yet."""
    return sys.stdin.buffer if file == _STANDARD_INPUT else file.open("rb")


@contextmanager
def _progress_bar(binary_file: IO[bytes], size: int) -> Iterator[Callable[[Any], None]]:
    """Yield a callback that updates a progress bar. Does nothing unless stderr is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - keeps --help fast
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - as above

    columns = (BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TextColumn("{task.fields[rows]} rows"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("import", total=max(size, 1), rows=0)
        yield lambda report: progress.update(task, completed=binary_file.tell(), rows=report.rows)
