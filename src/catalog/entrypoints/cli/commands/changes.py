"""`catalog changes`: list, follow, prune."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import rich_click as click

from catalog.application.changes.history import MAX_ENTRIES, LogRequest
from catalog.domain.changes.log import LogEntry, LogPage
from catalog.domain.errors import InvalidQuery
from catalog.domain.items.item import Item, changed_fields
from catalog.domain.queries.operands import parse_moment
from catalog.domain.validation import FieldErrors
from catalog.entrypoints.cli.exit_codes import USAGE, fail
from catalog.entrypoints.cli.options import as_json
from catalog.entrypoints.cli.output_files import atomic_output
from catalog.entrypoints.cli.session import run

_WAIT = 1.0


@click.group()
def changes() -> None:
    """Read the log of all changes, follow it, and prune its beginning."""


@changes.command("list")
@click.option("--after", type=click.IntRange(0), help="The number of an entry; what follows it.")
@click.option("--limit", type=click.IntRange(1, MAX_ENTRIES), help="How many (100).")
@click.option("--kind", help="Of these kinds, with commas: item.created, item.repriced and so on.")
@click.option("--item", help="Of this item: its id, also of a deleted one, or its SKU.")
@as_json
def list_(*, as_json: bool, **parameters: str | int | None) -> None:
    """List changes, oldest first."""

    async def work(container: Any) -> LogPage:  # noqa: ANN401 - a Container
        question = LogRequest.parse({name: str(value) for name, value in parameters.items() if value is not None})
        page: LogPage = await container.history().changes(question)
        return page

    page = run(work)
    if as_json:
        from catalog.entrypoints.representations.changes import encode_changes  # noqa: PLC0415 - heavy imports stay out of --help

        click.echo(encode_changes(page))
        return
    if page.entries:
        show_entries(page.entries)
    else:
        click.echo("No changes.", err=True)
    if page.next_after is not None:
        click.echo(f"There are more: --after {page.next_after}", err=True)


@changes.command()
@click.option(
    "--after", type=click.IntRange(0), help="The number of an entry; what follows it (default: what happens from now on)."
)
@as_json
def follow(after: int | None, *, as_json: bool) -> None:
    """Print each change as it is committed, by whomever, until it is stopped (Ctrl-C)."""

    async def work(container: Any) -> None:  # noqa: ANN401 - a Container
        storage = container.storage()
        position = (await storage.head()).seq if after is None else after
        while True:
            page = await container.history().changes(LogRequest(position))
            if page.entries:
                _print(page.entries, as_json=as_json)
                position = page.scanned_to
            else:
                await storage.wait(position, _WAIT)

    try:
        run(work)
    except KeyboardInterrupt:
        return


@changes.command()
@click.option(
    "--before",
    metavar="TIME",
    help="Prune what is older than this time or day (default: than CATALOG_CHANGES__KEEP_DAYS, where that is set).",
)
@click.option(
    "--archive",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the entries are written, as JSON Lines, before they are forgotten; it must not be there yet.",
)
def prune(before: str | None, archive: Path) -> None:
    """Write old changes to a file, and forget them.

    The items stay as they are. Their histories say from when on they are known, and what was deleted before cannot be restored.
    """
    if archive.exists():
        fail(f"{archive} is there already; name another file, so that no archive is lost.", code=USAGE)

    async def work(container: Any) -> tuple[int, int]:  # noqa: ANN401 - a Container
        from catalog.entrypoints.representations.changes import encode_lines  # noqa: PLC0415 - heavy imports stay out of --help

        pruning = container.pruning()
        upto = await pruning.last_before(_limit(before, container.settings().changes.keep_days))
        floor = (await container.storage().changes(after=0, limit=1)).floor
        if not upto:
            return 0, 0
        with atomic_output(archive) as file:
            async for piece in pruning.archive(upto, encode_lines):
                file.write(piece)
        await pruning.prune(upto)
        return upto - floor, upto

    try:
        count, upto = run(work)
    except OSError as error:
        fail(f"{error.filename or archive}: {(error.strerror or str(error)).lower()}.", code=USAGE)
    if not count:
        click.echo("Nothing is so old; there is no archive.")
    else:
        click.echo(f"{count} changes, up to number {upto}, are in {archive} now, and in the log no more.")


def _limit(before: str | None, keep_days: float | None) -> datetime:
    """Return the time before which the log is pruned. Raises InvalidQuery."""
    faults = FieldErrors()
    moment = None
    if before is not None:
        moment = parse_moment(before, "before", faults)
    elif keep_days is not None:
        moment = datetime.now(UTC) - timedelta(days=keep_days)
    else:
        faults.add(("before",), "missing", "Say what is old: --before 2026-01-01, or set CATALOG_CHANGES__KEEP_DAYS.")
    if moment is None:
        raise faults.to_error(InvalidQuery)
    return moment


def _print(entries: Iterable[LogEntry], *, as_json: bool) -> None:
    if as_json:
        from catalog.entrypoints.representations.changes import encode_lines  # noqa: PLC0415 - heavy imports stay out of --help

        click.echo(encode_lines(entries), nl=False)
        return
    for entry in entries:
        click.echo(f"{entry.seq}  {_moment(entry.at)}  {entry.change.kind}  {_key(entry)}  {entry.origin.actor}  {_what(entry)}")


def show_entries(entries: Iterable[LogEntry]) -> None:
    """Print entries of the log, a line each."""
    from rich.console import Console  # noqa: PLC0415 - heavy imports stay out of --help
    from rich.table import Table  # noqa: PLC0415 - likewise
    from rich.text import Text  # noqa: PLC0415 - likewise

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("No.", "Version"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("Time (UTC)", "What", "Of", "By"):
        table.add_column(heading, no_wrap=True)
    table.add_column("Fields", overflow="ellipsis", no_wrap=True)
    for entry in entries:
        cells = (entry.change.version, _moment(entry.at), entry.change.kind, _key(entry), entry.origin.actor, _what(entry))
        table.add_row(str(entry.seq), *(Text(str(cell)) for cell in cells))
    console = Console()
    if not console.is_terminal:
        console.width = 200
    console.print(table)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _key(entry: LogEntry) -> str:
    subject = entry.change.subject
    return subject.sku if isinstance(subject, Item) else subject.slug


def _what(entry: LogEntry) -> str:
    """Name the fields that a change has changed."""
    before, after = entry.change.before, entry.change.after
    if not isinstance(before, Item) or not isinstance(after, Item):
        return ""
    return ", ".join(sorted(changed_fields(before, after) - {"version", "updated_at"}))
