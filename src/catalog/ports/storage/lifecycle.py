"""Opening and closing a store."""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class StorageOptions:
    """Settings for opening a store. A store ignores the ones it has no use for.

    `url`: the database URL. Its scheme selects the adapter.
    `pool_size`, `pool_overflow`: read connections that stay open, and how many more may be opened under load.
    `deadline`: timeout in seconds for each statement, and for waiting for a connection.
    `max_pending_writes`: how many change sets may wait for the writer; beyond that, `commit` raises StoreBusy.
    `pooler`: pooling mode of a connection pooler in front of the database (`auto` if not known).
    """

    url: str = field(repr=False)  # it may have a password
    pool_size: int = 5
    pool_overflow: int = 5
    deadline: float = 2.0
    max_pending_writes: int = 1_000
    pooler: Literal["auto", "session", "transaction"] = "auto"


class Lifecycle(Protocol):
    """A resource that is opened before use and closed after it."""

    durable: bool
    """Whether committed data survives the end of this process."""

    @abstractmethod
    async def open(self) -> None:
        """Prepare for use. Does not connect: the first query raises StoreUnavailable if the store cannot be reached."""

    @abstractmethod
    async def close(self) -> None:
        """Finish pending commits, then release all resources. Later commits raise StoreUnavailable."""
