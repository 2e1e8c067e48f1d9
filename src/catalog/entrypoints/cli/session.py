"""What a command works with: settings, a running container, and the use cases out of it."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from catalog.domain.change import Origin
from catalog.entrypoints.cli.exit_codes import USAGE, fail, reporting_errors

T = TypeVar("T")


def run(work: Callable[[Any], Awaitable[T]], *, lasting: bool = True, migrating: bool = True) -> T:
    """Run work on a container, and tell what goes wrong.

    `lasting`: refuse a store that forgets everything at the end. `migrating`: bring the schema up to date first, where
    the settings say so.
    """
    # Heavy imports stay out of --help.
    from catalog.entrypoints import log_config  # noqa: PLC0415
    from catalog.entrypoints.container import Container, running  # noqa: PLC0415
    from catalog.entrypoints.settings import Settings  # noqa: PLC0415

    async def inside(container: Container) -> T:
        async with running(container, migrating=migrating):
            return await work(container)

    with reporting_errors():
        settings = Settings.load()
        log_config.configure(settings.log)
        container = Container(settings=settings)
        if lasting and not container.storage().durable:
            fail(f"Nothing that this command does would last on {settings.storage.shown}; set CATALOG_STORAGE__URL.", code=USAGE)
        return asyncio.run(inside(container))
    raise AssertionError  # told() ends the process


def origin() -> Origin:
    """Say who asks: whoever runs the command."""
    try:
        return Origin(f"cli:{getpass.getuser()}")
    except (OSError, KeyError):
        return Origin("cli")
