"""Run a command's work on users, sessions and keys."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from catalog.application.identity.caller import Caller
from catalog.domain.identity.principal import COMMAND_LINE
from catalog.entrypoints.cli.session import run

T = TypeVar("T")

CALLER = Caller(COMMAND_LINE)
"""Who asks for the changes of commands, as the security log records it."""


def run_identity(work: Callable[[Any], Awaitable[T]], *, describe: Callable[[str], str] = str) -> T:
    """Run `work` with a container whose identity storage is open, and return its result. Prints errors as `run` does."""

    async def run_work(container: Any) -> T:  # noqa: ANN401 - a Container
        storage = container.identity_storage()
        await storage.open()
        try:
            return await work(container)
        finally:
            await storage.close()

    return run(run_work, describe=describe)
