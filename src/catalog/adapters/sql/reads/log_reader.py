"""Reads the change log: its head, its entries, and what waits for the next one."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from catalog.adapters.sql.connections.head_watcher import EMPTY_LOG_HEAD, HeadWatcher
from catalog.adapters.sql.database import SqlDatabase
from catalog.adapters.sql.reads.coalescing import Coalescer
from catalog.adapters.sql.reads.log_chain import CHAIN_ENDS, links_statement, to_chain_ends, to_link
from catalog.adapters.sql.reads.log_queries import deletion_statement, entry_statement, log_statement, to_log_page
from catalog.adapters.sql.row_mapping import to_entry
from catalog.domain.changes.log import LogEntry, LogFilter, LogHead, LogPage
from catalog.domain.errors import SchemaOutdated
from catalog.domain.hash_chain import ChainEnd, Link


class LogReader:
    """Reads the log. The head is read on a connection of its own, and concurrent reads of it become one query."""

    def __init__(self, database: SqlDatabase) -> None:
        """Watch the head on the database's watching connection."""
        self._database = database
        self._head_watcher = HeadWatcher(database.engines.watching, database.driver, timeout=database.engines.wait)
        self._head_reads = Coalescer(self._fetch_head)

    async def head(self) -> LogHead:
        """Read the head."""
        return (await self._head_reads.get((None,)))[None]

    async def wait(self, seq: int, seconds: float) -> None:
        """Wait for the database's notification of a commit; poll if it sends none."""
        with self._database.translated_errors():
            await self._head_watcher.wait(seq, seconds)

    async def page(self, after: int, limit: int, log_filter: LogFilter) -> LogPage:
        """Read a page of the log."""
        rows = await self._database.rows(log_statement(after, limit, log_filter))
        if not rows:
            raise SchemaOutdated(EMPTY_LOG_HEAD)
        return to_log_page(rows, after, limit, log_filter)

    async def entry(self, subject_id: UUID, version: int | None) -> LogEntry | None:
        """Use the unique index of subject and version."""
        return next(map(to_entry, await self._database.rows(entry_statement(subject_id, version))), None)

    async def last_deletion(self, sku: str) -> LogEntry | None:
        """Use the index of deletions."""
        return next(map(to_entry, await self._database.rows(deletion_statement(sku))), None)

    async def chain_ends(self) -> tuple[ChainEnd, ChainEnd]:
        """Read where the chain of digests starts and ends."""
        rows = await self._database.rows(CHAIN_ENDS)
        if not rows:
            raise SchemaOutdated(EMPTY_LOG_HEAD)
        return to_chain_ends(rows[0])

    async def chain_links(self, after: int, limit: int) -> Sequence[Link]:
        """Read entries with their digests."""
        return list(map(to_link, await self._database.rows(links_statement(after, limit))))

    async def close(self) -> None:
        """Wait until the running queries end, and close the connection."""
        await self._head_reads.close()
        await self._head_watcher.close()

    async def _fetch_head(self, keys: Collection[None]) -> Mapping[None, LogHead]:
        with self._database.translated_errors():
            return dict.fromkeys(keys, await self._head_watcher.head())
