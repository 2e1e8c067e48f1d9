"""`catalog serve`, `migrate` and `doctor`: for those who run it."""

import asyncio
import json
import sys
from dataclasses import asdict
from typing import Any

import rich_click as click

from catalog.entrypoints.cli.exit_codes import REFUSED, UNAVAILABLE, fail, told
from catalog.entrypoints.cli.options import as_json
from catalog.entrypoints.cli.session import run
from catalog.ports.storage import SchemaState, Storage


@click.command()
@click.option("--host", help="The address to listen on (CATALOG_HTTP__HOST; 127.0.0.1).")
@click.option("--port", type=click.IntRange(0, 65535), help="The port to listen on (CATALOG_HTTP__PORT; 8000); 0: a free one.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="How many processes serve.")
@click.option("--reload", is_flag=True, help="Start anew when the code changes (for those who work on it).")
def serve(host: str | None, port: int | None, workers: int, *, reload: bool) -> None:
    """Serve the catalog over HTTP until it is told to stop."""
    from catalog.entrypoints import log_config  # noqa: PLC0415 - heavy imports stay out of --help
    from catalog.entrypoints.server import server  # noqa: PLC0415
    from catalog.entrypoints.settings import Settings, hand_down  # noqa: PLC0415

    if reload and workers > 1:
        message = "--reload watches one process; leave --workers out."
        raise click.UsageError(message)
    said = {"CATALOG_HTTP__HOST": host, "CATALOG_HTTP__PORT": port}
    with told():
        hand_down({name: value for name, value in said.items() if value is not None})
        settings = Settings.load()
        log_config.configure(settings.log)
        _warn(settings)
        try:
            server.serve(settings, workers=workers, reload=reload)
        except server.CannotListen as error:
            fail(str(error), code=REFUSED)


def _warn(settings: Any) -> None:  # noqa: ANN401 - importing Settings takes its time
    """Log a warning if every request will be answered with 503: the store does not answer, or has no schema."""
    from catalog.domain.errors import Unavailable  # noqa: PLC0415 - heavy imports stay out of --help
    from catalog.entrypoints import log_config  # noqa: PLC0415 - likewise
    from catalog.entrypoints.container import Container, running  # noqa: PLC0415 - likewise

    async def ping() -> None:
        async with running(Container(settings=settings), migrating=False) as storage:
            await storage.ping()

    if settings.storage.migrates:
        return  # serving migrates first, and ends if it cannot
    try:
        asyncio.run(ping())
    except Unavailable as error:
        log_config.store_not_ready(str(error), settings.storage.shown)


@click.command()
def migrate() -> None:
    """Bring the store's schema up to date. Safe to run from many places at once."""

    async def work(container: Any) -> tuple[SchemaState, SchemaState]:  # noqa: ANN401 - importing Container takes its time
        storage: Storage = container.storage()
        return await storage.schema(), await storage.migrate()

    before, after = run(work, migrating=False)
    if before == after:
        click.echo(f"The schema is up to date ({after.found}).")
    else:
        click.echo(f"The schema went from {before.found or 'none'} to {after.found}.")


@click.command()
@as_json
def doctor(*, as_json: bool) -> None:
    """Look at the settings, the store and its schema, and say what is wrong and what to do."""
    from catalog.entrypoints.cli.doctor import examine  # noqa: PLC0415 - heavy imports stay out of --help

    findings = run(examine, lasting=False, migrating=False)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        width = max(len(finding.what) for finding in findings)
        for finding in findings:
            click.echo(f"{'ok   ' if finding.well else 'WRONG'}  {finding.what:{width}}  {finding.says}")
            if finding.remedy:
                click.echo(f"{'':{width + 7}}  -> {finding.remedy}")
    if any(not finding.well for finding in findings):
        sys.exit(UNAVAILABLE if any(finding.unavailable for finding in findings) else REFUSED)
