"""Checkpoints of the write-ahead log, taken only while this process holds SQLite's write lock.

SQLite 3.7.0 to 3.51.2 have the "WAL-reset bug" (https://sqlite.org/wal.html#walresetbug): if one connection starts a checkpoint
while another one commits a transaction that restarts the log, the checkpoint may record frames as copied that never were, and
the database file loses pages. Only a transaction that holds the write lock can restart the log. So automatic checkpoints are
off on every connection, and the writing connection checkpoints right after BEGIN IMMEDIATE, through a second connection in the
same thread: nobody, in any process, can restart the log meanwhile. See ADR 19.

The one checkpoint that SQLite still takes by itself, when the last connection to a file is closed, runs under an exclusive lock
on the file: there is no other connection then.
"""

import sqlite3
from contextlib import suppress
from typing import Any

PAGES = 1_000
"""Pages in the log after which it is checkpointed, about 4 MB; SQLite's own default for automatic checkpoints."""

_PAGES_PER_COMMIT = 16
_ROWS_PER_PAGE = 8
# Estimates: SQLite counts rows, but has no public counter of pages in the log. A lone create writes 18 pages, 500 creates
# in one commit write 153.


class WritingConnection(sqlite3.Connection):
    """A connection that writes. Start its transactions with `begin`; they checkpoint the log when that is due."""

    def __init__(self, database: str, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - sqlite3.connect's signature
        """Connect to a file."""
        super().__init__(database, *arguments, **options)
        self._database = database
        self._checkpointer: sqlite3.Connection | None = None
        self._commits = 0
        self._rows = 0

    def begin(self) -> None:
        """Start a transaction that holds the write lock, and checkpoint first if the log has grown enough."""
        self.execute("BEGIN IMMEDIATE")
        if self._commits * _PAGES_PER_COMMIT + (self.total_changes - self._rows) // _ROWS_PER_PAGE >= PAGES:
            # A checkpoint that fails (a full disk) loses nothing: the log still has everything, and the next one tries again.
            with suppress(sqlite3.Error):
                self._checkpoint()
            # A transaction that began before the checkpoint appends to the log. The log is restarted by the next one.
            self.execute("ROLLBACK")
            self.execute("BEGIN IMMEDIATE")
        self._commits += 1

    def close(self) -> None:
        """Checkpoint what this connection wrote, unless another process is writing just now, and close."""
        try:
            with suppress(sqlite3.Error):
                self.rollback()
                if self.total_changes != self._rows:
                    self.execute("PRAGMA busy_timeout = 0")
                    self.execute("BEGIN IMMEDIATE")
                    self._checkpoint()
                    self.execute("ROLLBACK")
        finally:
            if self._checkpointer is not None:
                self._checkpointer.close()
            super().close()

    def _checkpoint(self) -> None:
        """Copy the log into the file, as far as no reader needs the old pages. Call it with the write lock held."""
        self._commits, self._rows = 0, self.total_changes
        if self._checkpointer is None:
            self._checkpointer = sqlite3.connect(self._database, isolation_level=None)
            self._checkpointer.execute("PRAGMA wal_autocheckpoint = 0")
            self._checkpointer.execute("PRAGMA synchronous = FULL")
        self._checkpointer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
