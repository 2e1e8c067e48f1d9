"""`catalog import`, `catalog export` and `catalog seed`: many items at once."""

import csv
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import rich_click as click

from catalog.domain.text.normalization import printable
from catalog.entrypoints.cli.exit_codes import REFUSED, USAGE, fail
from catalog.entrypoints.cli.options import filter_options, list_parameters
from catalog.entrypoints.cli.output_files import atomic_output
from catalog.entrypoints.cli.session import origin, run
from catalog.entrypoints.gc_tuning import reduce_collections

_FORMATS = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_SHOWN = 10

_TURN = 0.0005
"""Seconds that a thread of an import keeps the interpreter when another wants it (Python's own: 0.005)."""


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "kind", type=click.Choice(["csv", "json", "jsonl"]), help="What FILE is, when its ending does not say.")
@click.option(
    "--map", "maps", metavar="FIELD=COLUMN", multiple=True, help="Take a field from a column of another name: name=title."
)
@click.option("--set", "sets", metavar="FIELD=VALUE", multiple=True, help="Give every row this value: currency=EUR.")
@click.option("--type", "types", metavar="attr.NAME=TYPE", multiple=True, help="Read a column as integer, number or boolean.")
@click.option(
    "--on-conflict",
    type=click.Choice(["fail", "skip", "update"]),
    default="fail",
    show_default=True,
    help="What becomes of a row whose SKU is there already: it is refused, left, or the item is updated.",
)
@click.option(
    "--delimiter", default=",", show_default=True, help="What stands between the cells of a CSV file; tab for a tabulator."
)
@click.option("--create-categories", is_flag=True, help="Create the categories that are not there, as roots of the tree.")
@click.option(
    "--preserve", is_flag=True, help="Let new items keep the id, version and times that their rows have (of an export)."
)
@click.option(
    "--partial",
    is_flag=True,
    help="Take FILE also when it is a part of an export, or was edited: its last row need not be there, nor be right.",
)
@click.option("--all-or-nothing", "atomic", is_flag=True, help="Let all rows go in with one commit, or none (up to 10,000).")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option(
    "--errors", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Write every refused row to this CSV file."
)
def import_(
    file: Path,
    kind: str | None,
    delimiter: str,
    errors: Path | None,
    *,
    partial: bool,
    **plan: Any,  # noqa: ANN401 - options
) -> None:
    """Import items from FILE: CSV with a header, a JSON array, or JSON Lines.

    Fields have flat names: sku, name, description, category, price, currency, attributes (JSON), attr.NAME. Columns
    of these names are taken; others are taken when --map says so, and else named and ignored. A row that is refused
    is told with its line and the reason; the others go in. A file that is no such table, or only a part of an export, is
    refused as a whole.
    """
    kind = kind or _FORMATS.get(file.suffix.lower())
    if kind is None:
        fail(f"The ending of {file.name} does not say what it is; say --format csv, json or jsonl.", code=USAGE)

    size = file.stat().st_size

    async def work(container: Any) -> Any:  # noqa: ANN401 - a Container, and an ImportReport
        from catalog.application.files.readers import parse_delimiter, read_table  # noqa: PLC0415 - likewise
        from catalog.application.files.trailer import trailer_policy  # noqa: PLC0415 - likewise
        from catalog.application.imports.plan import ImportPlan  # noqa: PLC0415 - heavy imports stay out of --help

        parsed = ImportPlan.parse(
            plan["maps"],
            plan["sets"],
            plan["types"],
            on_conflict=plan["on_conflict"],
            dry_run=plan["dry_run"],
            create_categories=plan["create_categories"],
            preserve=plan["preserve"],
            atomic=plan["atomic"],
            max_atomic_rows=container.settings().imports.max_atomic_rows,
        )
        parse_delimiter(delimiter)
        reduce_collections()
        # A thread reads while another commits: whoever has been waiting goes on soon.
        sys.setswitchinterval(_TURN)
        with ExitStack() as stack:
            source = stack.enter_context(_opened(file))
            proof = trailer_policy(preserve=parsed.preserve, partial=partial)
            table = read_table(source, str(kind), delimiter, proof)
            stack.callback(table.close)
            refuse = stack.enter_context(_refusals(errors))
            move = stack.enter_context(_progress(source, size))
            return await container.importing().run(table, parsed, origin(), on_refusal=refuse, on_progress=move)

    try:
        report = run(work)
    except OSError as error:
        fail(f"{error.filename or file}: {(error.strerror or str(error)).lower()}.", code=USAGE)
    if report.ignored:
        click.echo(f"Ignored columns: {', '.join(map(printable, report.ignored))}", err=True)
    done = "would be " if plan["dry_run"] else ""
    click.echo(
        f"{report.rows} rows: {done}{report.created} created, {report.updated} updated, {report.unchanged} unchanged, "
        f"{report.skipped} skipped, {report.refused} refused."
    )
    if report.categories:
        click.echo(f"{report.categories} categories {done}created.")
    if report.refused:
        if plan["atomic"]:
            click.echo("Nothing was written.", err=True)
        if errors is not None:
            click.echo(f"All refused rows, with their reasons, are in {errors}.", err=True)
        sys.exit(REFUSED)


@click.command()
@click.option(
    "--format", "kind", type=click.Choice(["csv", "json", "jsonl"]), help="What to write, when FILE's ending does not say."
)
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Where to; else to the terminal's output."
)
@click.option(
    "--with-categories",
    is_flag=True,
    help="Write the tree of categories before the items; import --create-categories restores it.",
)
@click.option("--sort", help="Keys with commas, a minus for descending; the oldest first, unless this says otherwise.")
@filter_options
def export(
    kind: str | None,
    output: Path | None,
    filters: tuple[str, ...],
    *,
    with_categories: bool,
    **parameters: str | tuple[str, ...] | None,
) -> None:
    """Write items to a file, all or those that the options choose, in one state of the store.

    Its last row tells how many rows there are, and their SHA-256; `catalog import` checks it. FILE appears when all is written.
    """
    kind = kind or _FORMATS.get(output.suffix.lower() if output else "")
    if kind is None:
        fail("Say what to write: --format csv, json or jsonl, or an --output that ends so.", code=USAGE)

    async def work(container: Any) -> None:  # noqa: ANN401 - a Container
        from catalog.application.exports.export import parse_export, parse_format  # noqa: PLC0415 - heavy imports stay out of --help
        from catalog.entrypoints.representations.items import encode_item  # noqa: PLC0415 - likewise

        query = parse_export(list_parameters(parameters, filters))
        with atomic_output(output) as file:
            pieces = container.items().export(query, parse_format(kind), encode_item, with_categories=with_categories)
            async for piece in pieces:
                file.write(piece)

    try:
        run(work)
    except BrokenPipeError:
        sys.stderr.close()
    except OSError as error:
        fail(f"{error.filename or output}: {(error.strerror or str(error)).lower()}.", code=USAGE)


@click.command()
def seed() -> None:
    """Put 1,000 items in a tree of categories, to try things on; what is there already stays as it is."""

    async def work(container: Any) -> Any:  # noqa: ANN401 - a Container, and an ImportReport
        return await container.seeding().run(origin())

    report = run(work)
    click.echo(f"{report.created} items created; {report.skipped} were there already.")


def _opened(file: Path) -> IO[bytes]:
    """Open the file; the loop has nothing else to do meanwhile."""
    return file.open("rb")


@contextmanager
def _refusals(errors: Path | None) -> Iterator[Callable[[Any], None]]:
    """Tell the first refused rows on stderr, and write all of them to a file where one is named."""
    told = 0
    with ExitStack() as stack:
        writer = None
        if errors is not None:
            from catalog.application.files.readers import escape_formula  # noqa: PLC0415 - heavy imports stay out of --help

            target = stack.enter_context(errors.open("w", encoding="utf-8", errors="backslashreplace", newline=""))
            writer = csv.writer(target)
            writer.writerow(["line", "sku", "field", "code", "reason"])

        def refuse(refusal: Any) -> None:  # noqa: ANN401 - a Refusal
            nonlocal told
            told += 1
            if writer is not None:
                cells = (refusal.line, refusal.sku, refusal.field, refusal.code, refusal.reason)
                writer.writerow([escape_formula(str(cell)) for cell in cells])
            if told <= _SHOWN:
                where = f"line {refusal.line}" + (f", {refusal.field}" if refusal.field else "")
                click.echo(printable(f"{where}: {refusal.reason}"), err=True)

        yield refuse
    if told > _SHOWN:
        click.echo(f"… and {told - _SHOWN} more" + ("." if errors else "; --errors FILE writes all of them."), err=True)


@contextmanager
def _progress(source: IO[bytes], size: int) -> Iterator[Callable[[Any], None]]:
    """Show how far the file is read, on a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console  # noqa: PLC0415 - heavy imports stay out of --help
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - likewise

    columns = (BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TextColumn("{task.fields[rows]} rows"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("import", total=max(size, 1), rows=0)
        yield lambda report: progress.update(task, completed=source.tell(), rows=report.rows)
