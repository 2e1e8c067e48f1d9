"""Run a command's work on users, sessions and keys."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from catalog.application.identity.caller import Caller
from catalog.domain.identity.principal import COMMAND_LINE
from catalog.entrypoints.cli.session import run
from catalog.ports.identity.storage import IdentityStorage

T = TypeVar("T")

CALLER = Caller(COMMAND_LINE)
"""Who asks for the changes of commands, as the security log records it."""


def run_identity(work: Callable[[Any], Awaitable[T]], *, describe: Callable[[str], str] = str) -> T:
    """Run `work` with a container whose identity storage is open, and return its result. Prints errors as `run` does."""

    async def run_work(container: Any) -> T:  # noqa: ANN401 - a Container
        async with _open(container.identity_storage()):
            return await work(container)

    return run(run_work, describe=describe)


@asynccontextmanager
async def identity_of(container: Any) -> AsyncIterator[IdentityStorage | None]:  # noqa: ANN401 - a Container
    """Open the identity storage of a container. None if its storage has none."""
    storage: IdentityStorage | None = container.security_log()
    if storage is None:
        yield None
        return
    async with _open(storage):
        yield storage


@asynccontextmanager
async def _open(storage: IdentityStorage) -> AsyncIterator[None]:
    await storage.open()
    try:
        yield
    finally:
        await storage.close()
