"""Changes as values: what the domain decided, and what a store is asked to write all or nothing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar
from uuid import UUID


class Versioned(Protocol):
    """Something that lives, by an id, through versions 1, 2, 3 and so on."""

    @property
    def id(self) -> UUID:
        """Its identity, for ever."""

    @property
    def version(self) -> int:
        """How often it was written."""


S = TypeVar("S", bound=Versioned)


@dataclass(frozen=True, slots=True)
class Change(Generic[S]):
    """One step in a subject's life: `before` is None at its birth, `after` at its end.

    `before.version` is the version that the step was decided from; a store writes it on no other.
    """

    kind: str
    before: S | None
    after: S | None
    at: datetime

    @property
    def subject(self) -> S:
        """The subject as it is after the step, or as it was at its end."""
        subject = self.after or self.before
        if subject is None:
            message = "A change has a before or an after"
            raise ValueError(message)
        return subject

    @property
    def version(self) -> int:
        """The version that the step makes; a removal makes one more, so that a life's versions have no gap."""
        return self.subject.version if self.after else self.subject.version + 1


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asked for a change, and in which request."""

    actor: str
    request_id: str | None = None
