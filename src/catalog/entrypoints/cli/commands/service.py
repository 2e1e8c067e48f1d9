"""`catalog serve`, `catalog migrate` and `catalog doctor`: commands for operators."""

import asyncio
import json
import sys
from typing import Any

import rich_click as click

from catalog.entrypoints.cli.exit_codes import REFUSED, UNAVAILABLE, fail, reporting_errors
from catalog.entrypoints.cli.interrupts import deferred_interrupts
from catalog.entrypoints.cli.options import as_json
from catalog.entrypoints.cli.session import run
from catalog.ports.storage import SchemaState, Storage


@click.command()
@click.option("--host", help="Address to listen on (CATALOG_HTTP__HOST; default 127.0.0.1).")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port to listen on (CATALOG_HTTP__PORT; default 8000); 0 for any free port."
)
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Number of worker processes.")
@click.option("--reload", is_flag=True, help="Restart when the code changes (for development).")
def serve(host: str | None, port: int | None, workers: int, *, reload: bool) -> None:
    """Serve the REST API until stopped (Ctrl-C or SIGTERM)."""
    with deferred_interrupts():
        from catalog.entrypoints import log_config  # noqa: PLC0415 - keeps --help fast
        from catalog.entrypoints.server import server  # noqa: PLC0415
        from catalog.entrypoints.settings.loading import export_to_environment, load_settings  # noqa: PLC0415

    if reload and workers > 1:
        message = "--reload works with one process only; omit --workers."
        raise click.UsageError(message)
    overrides = {"CATALOG_HTTP__HOST": host, "CATALOG_HTTP__PORT": port}
    with reporting_errors():
        export_to_environment({name: value for name, value in overrides.items() if value is not None})
        settings = load_settings()
        log_config.configure(settings.log)
        _warn_if_not_ready(settings)
        try:
            server.serve(settings, workers=workers, reload=reload)
        except server.CannotBind as error:
            fail(str(error), code=REFUSED)


def _warn_if_not_ready(settings: Any) -> None:  # noqa: ANN401 - Settings is slow to import
    """Log a warning if every request will get 503 because the store is unreachable or has no schema."""
    from catalog.domain.errors import Unavailable  # noqa: PLC0415 - keeps --help fast
    from catalog.entrypoints import log_config  # noqa: PLC0415 - as above
    from catalog.entrypoints.container import Container, running  # noqa: PLC0415 - as above

    async def ping() -> None:
        async with running(Container(settings=settings), migrating=False) as storage:
            await storage.ping()

    if settings.storage.migrates:
        return  # the server migrates first, and exits if it cannot
    try:
        asyncio.run(ping())
    except Unavailable as error:
        log_config.log_store_not_ready(str(error), settings.storage.display_url)


@click.command()
def migrate() -> None:
    """Migrate the store's schema to the latest version. Safe to run concurrently."""

    async def work(container: Any) -> tuple[SchemaState, SchemaState]:  # noqa: ANN401 - Container is slow to import
        storage: Storage = container.storage()
        return await storage.schema(), await storage.migrate()

    before, after = run(work, migrating=False)
    if before == after:
        click.echo(f"The schema is up to date ({after.current_version}).")
    else:
        click.echo(f"Migrated the schema from {before.current_version or 'none'} to {after.current_version}.")


@click.command()
@as_json
def doctor(*, as_json: bool) -> None:
    """Check the settings, the store and its schema, and suggest how to fix each problem."""
    from catalog.entrypoints.cli.doctor import run_checks  # noqa: PLC0415 - keeps --help fast

    checks = run(run_checks, lasting=False, migrating=False)
    if as_json:
        click.echo(json.dumps([_to_json(check) for check in checks], indent=2))
    else:
        width = max(len(check.subject) for check in checks)
        for check in checks:
            click.echo(f"{'ok  ' if check.ok else 'FAIL'}  {check.subject:{width}}  {check.message}")
            if check.remedy:
                click.echo(f"{'':{width + 6}}  -> {check.remedy}")
    if any(not check.ok for check in checks):
        sys.exit(UNAVAILABLE if any(check.unavailable for check in checks) else REFUSED)


def _to_json(check: Any) -> dict[str, object]:  # noqa: ANN401 - Check is slow to import
    return {
        "what": check.subject,
        "well": check.ok,
        "says": check.message,
        "remedy": check.remedy,
        "unavailable": check.unavailable,
    }
