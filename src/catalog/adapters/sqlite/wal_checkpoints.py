"""Checkpoints of the write-ahead log, taken only while this process holds SQLite's write lock.

SQLite 3.7.0 to 3.51.2 have the "WAL-reset bug" (https://sqlite.org/wal.html#walresetbug): if one connection starts a checkpoint
while another one commits a transaction that restarts the log, the checkpoint may record frames as copied that never were, and
the database file loses pages. Only a transaction that holds the write lock can restart the log. So automatic checkpoints are
off on every connection, and the writing connection checkpoints right after BEGIN IMMEDIATE, through a second connection in the
same thread. No process can restart the log during that time. See ADR 19.

SQLite still takes one checkpoint automatically, when the last connection to a file is closed. It holds an exclusive lock on the
file, so there is no other connection.
"""

import sqlite3
from contextlib import suppress
from typing import Any

PAGES = 1_000
"""Pages in the log after which it is checkpointed, about 4 MB; SQLite's own default for automatic checkpoints."""

_PAGES_PER_COMMIT = 16
_ROWS_PER_PAGE = 8
# Estimates: SQLite counts rows, but has no public counter of pages in the log. A single create writes 18 pages; 500 creates
# in one commit write 153.


class WritingConnection(sqlite3.Connection):
    """A connection for writing. Start its transactions with `begin`, which checkpoints the log when necessary."""

    def __init__(self, database: str, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - sqlite3.connect's signature
        """Open the database file."""
        super().__init__(database, *arguments, **options)
        self._database = database
        self._checkpointer: sqlite3.Connection | None = None
        self._commits = 0
        self._checkpointed_changes = 0

    def begin(self) -> None:
        """Start a transaction with the write lock held. Checkpoint first if the log has grown beyond PAGES."""
        self.execute("BEGIN IMMEDIATE")
        if self._commits * _PAGES_PER_COMMIT + (self.total_changes - self._checkpointed_changes) // _ROWS_PER_PAGE >= PAGES:
            # A failed checkpoint (disk full) loses nothing: everything is still in the log, and the next checkpoint tries again.
            with suppress(sqlite3.Error):
                self._checkpoint()
            # A transaction begun before the checkpoint would append to the log; one begun after it restarts the log.
            self.execute("ROLLBACK")
            self.execute("BEGIN IMMEDIATE")
        self._commits += 1

    def close(self) -> None:
        """Close the connection. Checkpoint its writes first, unless another process is writing."""
        try:
            with suppress(sqlite3.Error):
                self.rollback()
                if self.total_changes != self._checkpointed_changes:
                    self.execute("PRAGMA busy_timeout = 0")
                    self.execute("BEGIN IMMEDIATE")
                    self._checkpoint()
                    self.execute("ROLLBACK")
        finally:
            if self._checkpointer is not None:
                self._checkpointer.close()
            super().close()

    def _checkpoint(self) -> None:
        """Copy the log into the database file, as far as no reader needs the old pages. The write lock must be held."""
        self._commits, self._checkpointed_changes = 0, self.total_changes
        if self._checkpointer is None:
            self._checkpointer = sqlite3.connect(self._database, isolation_level=None)
            self._checkpointer.execute("PRAGMA wal_autocheckpoint = 0")
            self._checkpointer.execute("PRAGMA synchronous = FULL")
        self._checkpointer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
