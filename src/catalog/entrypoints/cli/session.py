"""Run a command's work with loaded settings and a running container."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from catalog.domain.change import Origin
from catalog.domain.identity.principal import COMMAND_LINE
from catalog.entrypoints.cli.exit_codes import USAGE, fail, reporting_errors, warn

T = TypeVar("T")


def run(
    work: Callable[[Any], Awaitable[T]],
    *,
    lasting: bool = True,
    migrating: bool = True,
    describe: Callable[[str], str] = str,
) -> T:
    """Run `work` with an open container and return its result. Prints errors and exits with their code.

    `lasting`: reject a store that does not persist data. `migrating`: migrate the schema first if the settings say so.
    `describe` rewrites the lines of an error.
    """
    # Imported here to keep --help fast.
    from catalog.entrypoints import log_config  # noqa: PLC0415
    from catalog.entrypoints.activity_recording import recording_at_end  # noqa: PLC0415
    from catalog.entrypoints.container import Container, running  # noqa: PLC0415
    from catalog.entrypoints.settings.loading import load_settings  # noqa: PLC0415

    async def run_work(container: Container) -> T:
        async with running(container, migrating=migrating), recording_at_end(container, warn):
            return await work(container)

    with reporting_errors(describe):
        settings = load_settings()
        log_config.configure(settings.log)
        container = Container(settings=settings)
        if lasting and not container.storage().durable:
            fail(f"{settings.storage.display_url} does not persist data between commands; set CATALOG_STORAGE__URL.", code=USAGE)
        return asyncio.run(run_work(container))
    raise AssertionError  # reporting_errors() exits the process


def origin() -> Origin:
    """Return the origin of this command's changes: the operating system user."""
    try:
        user = f"cli:{getpass.getuser()}"
    except (OSError, KeyError):
        user = "cli"
    return Origin(user, credential=COMMAND_LINE.credential)
