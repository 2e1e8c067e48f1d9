"""What an adapter writes only to be faster or to tell more: StorageDefaults implements it by the required methods."""

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from catalog.domain.categories.category import Category
from catalog.domain.changes.log import AnyChange
from catalog.domain.hash_chain import ChainEnd, Link
from catalog.domain.items.item import Item
from catalog.domain.queries.facets import Facet
from catalog.domain.queries.item_query import ItemQuery
from catalog.domain.search.search import SearchQuery
from catalog.ports.commit_listeners import Listener
from catalog.ports.storage.change_log import ChangeLog


@dataclass(frozen=True, slots=True)
class Count:
    """A number of items: exact, or an estimate."""

    value: int
    exact: bool


@dataclass(frozen=True, slots=True)
class SchemaState:
    """The schema version of a store (None: no schema yet), and the version this release requires."""

    current_version: str | None
    required_version: str

    @property
    def current(self) -> bool:
        """Whether the store has the required schema."""
        return self.current_version == self.required_version


class ItemCounts(Protocol):
    """Counts the items that match a query."""

    @abstractmethod
    async def count(self, query: ItemQuery, *, exact: bool, seconds: float) -> Count | None:
        """Count all items that match `query`, ignoring limit, offset and cursor.

        With `exact`, count exactly; if that takes longer than `seconds`, return an estimate. Without `exact`, return an
        estimate unless an exact count is cheap. Return None if even an estimate takes longer than `seconds`.
        """

    @abstractmethod
    async def facet(self, query: ItemQuery, name: str, *, seconds: float) -> Facet | None:
        """Count the values of one field (catalog.domain.queries.facets) among all items that match `query`.

        Limit, offset and cursor are ignored. Return None if counting takes longer than `seconds`.
        """


class Suggestions(Protocol):
    """Finds what a misspelled search may have meant."""

    @abstractmethod
    async def suggest(self, search: SearchQuery) -> Sequence[Item]:
        """Return up to MAX_SUGGESTIONS items that a misspelled `search` may have meant, by name, then by id.

        catalog.domain.search.spelling defines which items qualify. Bounded in time: a slow lookup returns fewer items.
        """


class CategoryLookup(Protocol):
    """Finds categories in the tree, and counts their items."""

    @abstractmethod
    async def lineages(self, slugs: Collection[str]) -> Mapping[str, tuple[Category, ...]]:
        """Return the lineage of each existing category: from the root of the tree to the category itself, by slug."""

    @abstractmethod
    async def category_counts(self) -> Mapping[str, int]:
        """Return the number of items directly in each category, by slug. Categories without items may be omitted.

        Cost: one scan of the category index.
        """


class CommitPreparation(Protocol):
    """Does part of the work of a commit in advance."""

    @abstractmethod
    def prepare(self, changes: Sequence[AnyChange]) -> object:
        """Do the part of committing `changes` that does not depend on the stored state, such as encoding rows.

        Use it to do work while another commit is running. Pass the result to `commit` together with these changes. Nothing
        is written, and nothing blocks on I/O. The result is opaque; a store with nothing to prepare may return anything.
        """


class CommitNotifications(Protocol):
    """Reports that something was committed."""

    @abstractmethod
    def listen(self, listener: Listener) -> None:
        """Call `listener` with the log entries of each commit made by this process, before `commit` returns.

        Commits of other processes are not reported. If a listener raises, the exception is logged; it affects neither the
        commit nor the other listeners. Listeners cannot be removed.
        """

    @abstractmethod
    async def wait(self, seq: int, seconds: float) -> None:
        """Wait until the log extends beyond entry `seq`, for at most `seconds`.

        Commits of all processes count, but those of other processes may be noticed late. The call may return early; read
        `head` to see whether anything was committed.
        """


class WatchedChangeLog(ChangeLog, CommitNotifications, Protocol):
    """A change log that reports new entries: what a reader needs to follow it."""


class ChangeChain(Protocol):
    """Shows the digests by which a change of the log itself is noticed (catalog.domain.hash_chain)."""

    @abstractmethod
    async def chain_ends(self) -> tuple[ChainEnd, ChainEnd] | None:
        """Return where the chain starts and where it ends, as noted apart from the entries. None if the store keeps no chain."""

    @abstractmethod
    async def chain_links(self, *, after: int, limit: int) -> Sequence[Link]:
        """Return up to `limit` entries after number `after` as they are stored, oldest first."""


class Administration(Protocol):
    """What operators use: health, schema and versions."""

    @abstractmethod
    async def ping(self) -> None:
        """Return if the store answers and has the required schema; otherwise raise."""

    @abstractmethod
    async def schema(self) -> SchemaState:
        """Return the schema's current and required versions. A missing schema is no error."""

    @abstractmethod
    async def migrate(self) -> SchemaState:
        """Upgrade the schema to the required version and return its state. Several processes may call it at the same time.

        Raises SchemaOutdated if the schema belongs to a newer release.
        """

    @abstractmethod
    async def versions(self) -> Mapping[str, str]:
        """Return the versions of the underlying software, for display: {"PostgreSQL": "18.6", "JIT": "off"}."""
