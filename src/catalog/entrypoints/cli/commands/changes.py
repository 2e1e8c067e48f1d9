"""`catalog changes`: list, follow and prune the change log."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import rich_click as click

from catalog.application.changes.history import MAX_ENTRIES, LogRequest
from catalog.domain.changes.log import LogEntry, LogPage
from catalog.domain.items.item import Item, changed_fields
from catalog.entrypoints.cli.exit_codes import USAGE, fail
from catalog.entrypoints.cli.options import as_json
from catalog.entrypoints.cli.output_files import atomic_output
from catalog.entrypoints.cli.pruning import cutoff, prune_options
from catalog.entrypoints.cli.session import origin, run
from catalog.entrypoints.cli.tables import print_table, printed

_WAIT_SECONDS = 1.0
_RETENTION = "CATALOG_CHANGES__RETENTION_DAYS"


@click.group()
def changes() -> None:
    """List, follow and prune the change log."""


@changes.command("list")
@click.option("--after", type=click.IntRange(0), help="List entries after this number.")
@click.option("--limit", type=click.IntRange(1, MAX_ENTRIES), help="Maximum number of entries (default 100).")
@click.option("--kind", help="Only these kinds, comma-separated, for example item.created,item.repriced.")
@click.option("--item", help="Only changes of this item, by id (works for deleted items) or SKU.")
@as_json
def list_(*, as_json: bool, **parameters: str | int | None) -> None:
    """List changes, oldest first."""

    async def work(container: Any) -> LogPage:  # noqa: ANN401 - a Container
        request = LogRequest.parse({name: str(value) for name, value in parameters.items() if value is not None})
        page: LogPage = await container.history().changes(request)
        return page

    page = run(work)
    if as_json:
        from catalog.entrypoints.representations.changes import encode_changes  # noqa: PLC0415 - keeps --help fast

        click.echo(encode_changes(page))
        return
    if page.entries:
        print_entries(page.entries)
    else:
        click.echo("No changes.", err=True)
    if page.next_after is not None:
        click.echo(f"More results: --after {page.next_after}", err=True)


@changes.command()
@click.option("--after", type=click.IntRange(0), help="Start after the entry with this number (default: only new changes).")
@as_json
def follow(after: int | None, *, as_json: bool) -> None:
    """Print changes from every process as they are committed, until stopped (Ctrl-C)."""

    async def work(container: Any) -> None:  # noqa: ANN401 - a Container
        storage = container.storage()
        position = (await storage.head()).seq if after is None else after
        while True:
            page = await container.history().changes(LogRequest(position))
            if page.entries:
                _print_lines(page.entries, as_json=as_json)
                position = page.scanned_to
            else:
                await storage.wait(position, _WAIT_SECONDS)

    try:
        run(work)
    except KeyboardInterrupt:
        return


@changes.command()
@prune_options(_RETENTION)
def prune(before: str | None, archive: Path) -> None:
    """Archive old changes to a file, then delete them from the log.

    Items are not affected. Their histories then start at the oldest remaining entry, and items deleted before it cannot be
    restored.
    """
    if archive.exists():
        fail(f"{archive} already exists. Choose another file, so that no archive is overwritten.", code=USAGE)

    async def work(container: Any) -> tuple[int, int]:  # noqa: ANN401 - a Container
        from catalog.entrypoints.representations.changes import encode_lines  # noqa: PLC0415 - keeps --help fast

        pruning = container.pruning()
        moment = cutoff(before, container.settings().changes.retention_days, _RETENTION, container.clock().now())
        last_seq = await pruning.last_before(moment)
        floor = (await container.storage().changes(after=0, limit=1)).floor
        if not last_seq:
            return 0, 0
        with atomic_output(archive) as file:
            async for chunk in pruning.archive(last_seq, encode_lines):
                file.write(chunk)
        await pruning.prune(last_seq, origin())
        return last_seq - floor, last_seq

    try:
        count, last_seq = run(work)
    except OSError as error:
        fail(f"{error.filename or archive}: {(error.strerror or str(error)).lower()}.", code=USAGE)
    if not count:
        click.echo("No changes are old enough to prune; no archive was written.")
    else:
        click.echo(f"Moved {count} changes, up to number {last_seq}, from the log to {archive}.")


def _print_lines(entries: Iterable[LogEntry], *, as_json: bool) -> None:
    if as_json:
        from catalog.entrypoints.representations.changes import encode_lines  # noqa: PLC0415 - keeps --help fast

        click.echo(encode_lines(entries), nl=False)
        return
    for entry in entries:
        cells = (entry.seq, entry.at, entry.change.kind, _key(entry), entry.origin.actor, _changed_fields(entry))
        click.echo("  ".join(map(printed, cells)))


def print_entries(entries: Iterable[LogEntry]) -> None:
    """Print log entries as a table."""
    headings = ("No.", "Version", "Time (UTC)", "What", "Of", "By", "Fields")
    print_table(headings, map(_row, entries), numbers=("No.", "Version"))


def _row(entry: LogEntry) -> tuple[object, ...]:
    change = entry.change
    return entry.seq, change.version, entry.at, change.kind, _key(entry), entry.origin.actor, _changed_fields(entry)


def _key(entry: LogEntry) -> str:
    subject = entry.change.subject
    return subject.sku if isinstance(subject, Item) else subject.slug


def _changed_fields(entry: LogEntry) -> str:
    """Return the names of the changed fields, comma-separated. Empty unless the change updates an item."""
    before, after = entry.change.before, entry.change.after
    if not isinstance(before, Item) or not isinstance(after, Item):
        return ""
    return ", ".join(sorted(changed_fields(before, after) - {"version", "updated_at"}))
