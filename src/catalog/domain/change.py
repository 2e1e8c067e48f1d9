"""Changes as values: what the domain has decided, before a store commits it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar
from uuid import UUID


class Versioned(Protocol):
    """An entity with a permanent id and a version that counts 1, 2, 3 and so on."""

    @property
    def id(self) -> UUID:
        """The id, which never changes."""

    @property
    def version(self) -> int:
        """The version, incremented by each change."""


S = TypeVar("S", bound=Versioned)


@dataclass(frozen=True, slots=True)
class Change(Generic[S]):
    """One state transition of an item or category.

    `before` is None if the subject is created or restored, `after` is None if it is deleted. `before.version` is the version
    that the change was decided from; a store applies the change to no other version.
    """

    kind: str
    before: S | None
    after: S | None
    at: datetime

    @property
    def subject(self) -> S:
        """The item or category after the change, or its last state if it is deleted."""
        subject = self.after or self.before
        if subject is None:
            message = "A change needs a before or an after"
            raise ValueError(message)
        return subject

    @property
    def version(self) -> int:
        """The version that the change creates. A deletion creates one too, so that versions have no gaps."""
        return self.subject.version if self.after else self.subject.version + 1


@dataclass(frozen=True, slots=True)
class Origin:
    """Who requested a change, in which request, with which credential (`session:ID`, `key:ID`), and from which address."""

    actor: str
    request_id: str | None = None
    credential: str | None = None
    address: str | None = None
