"""`catalog serve`, `migrate` and `doctor`: for those who run it."""

import asyncio
import json
import sys
from typing import Any

import rich_click as click

from catalog.entrypoints.cli.exit_codes import REFUSED, UNAVAILABLE, fail, reporting_errors
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
    from catalog.entrypoints.settings import Settings, export_to_environment  # noqa: PLC0415

    if reload and workers > 1:
        message = "--reload watches one process; leave --workers out."
        raise click.UsageError(message)
    said = {"CATALOG_HTTP__HOST": host, "CATALOG_HTTP__PORT": port}
    with reporting_errors():
        export_to_environment({name: value for name, value in said.items() if value is not None})
        settings = Settings.load()
        log_config.configure(settings.log)
        _warn(settings)
        try:
            server.serve(settings, workers=workers, reload=reload)
        except server.CannotBind as error:
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
        log_config.log_store_not_ready(str(error), settings.storage.shown)


@click.command()
def migrate() -> None:
    """Bring the store's schema up to date. Safe to run from many places at once."""

    async def work(container: Any) -> tuple[SchemaState, SchemaState]:  # noqa: ANN401 - importing Container takes its time
        storage: Storage = container.storage()
        return await storage.schema(), await storage.migrate()

    before, after = run(work, migrating=False)
    if before == after:
        click.echo(f"The schema is up to date ({after.current_version}).")
    else:
        click.echo(f"The schema went from {before.current_version or 'none'} to {after.current_version}.")


@click.command()
@as_json
def doctor(*, as_json: bool) -> None:
    """Look at the settings, the store and its schema, and say what is wrong and what to do."""
    from catalog.entrypoints.cli.doctor import run_checks  # noqa: PLC0415 - heavy imports stay out of --help

    checks = run(run_checks, lasting=False, migrating=False)
    if as_json:
        click.echo(json.dumps([_to_json(check) for check in checks], indent=2))
    else:
        width = max(len(check.subject) for check in checks)
        for check in checks:
            click.echo(f"{'ok   ' if check.ok else 'WRONG'}  {check.subject:{width}}  {check.message}")
            if check.remedy:
                click.echo(f"{'':{width + 7}}  -> {check.remedy}")
    if any(not check.ok for check in checks):
        sys.exit(UNAVAILABLE if any(check.unavailable for check in checks) else REFUSED)


def _to_json(check: Any) -> dict[str, object]:  # noqa: ANN401 - importing Check takes its time
    return {
        "what": check.subject,
        "well": check.ok,
        "says": check.message,
        "remedy": check.remedy,
        "unavailable": check.unavailable,
    }
