"""Session settings for Postgres connections, applied in a way that connection poolers accept.

Settings are never sent as start-up parameters: PgBouncer and others refuse those they do not know. They are set by the first
statement of a connection instead, in the same round trip that finds out whether a pooler is in between.

A pooler that assigns a server connection for each transaction loses or leaks session settings, and knows nothing of prepared
statements or LISTEN. Connections through one get no session settings and prepare nothing; each commit brings its own settings.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import Dialect, event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

Pooler = Literal["auto", "session", "transaction"]

STREAMING = 60.0
"""Seconds that a step of a long answer may take: the first may put a million rows in order."""

MIGRATING: Mapping[str, str] = {
    # Compiling a statement takes longer than running it: with JIT a small one took 100 ms instead of 1.
    "jit": "off",
}
"""The settings of a session that migrates."""

_FOUND = "SELECT 1"
"""The command tag of the set-up statement when it applied the settings, and "SELECT 0" when a pooler is in between."""

_UNPREPARED: Mapping[str, Any] = {
    "statement_cache_size": 0,
    "prepared_statement_cache_size": 0,
    "prepared_statement_name_func": lambda: "",
}
"""Arguments of asyncpg and of SQLAlchemy's dialect: only unnamed statements, parsed in the round trip that runs them."""


class Sessions:
    """Sets up connections, and remembers whether they go through a pooler in transaction mode."""

    def __init__(self, pooler: Pooler = "auto", *, application_name: str | None = None) -> None:
        """Find out whether there is a pooler (`auto`), or trust that there is one in `session` or in `transaction` mode.

        Sessions that last are given `application_name`; None leaves the one that the URL or the server sets.
        """
        self._pooler = pooler
        self._naming = {} if application_name is None else {"application_name": application_name}
        self.transactional = pooler == "transaction"

    @property
    def shown(self) -> str:
        """How the connections are used, for people."""
        if self._pooler != "auto":
            return f"{self._pooler} mode, as CATALOG_STORAGE__POOLER says"
        return "found one, used as in transaction mode" if self.transactional else "none"

    def engine(self, url: URL, settings: Mapping[str, str], arguments: Mapping[str, Any], **options: Any) -> AsyncEngine:  # noqa: ANN401 - SQLAlchemy's options
        """Make an engine whose connections have these settings, where a session lasts."""
        made = create_async_engine(url, connect_args=dict(arguments), **options)

        @event.listens_for(made.sync_engine, "do_connect")
        def connect(dialect: Dialect, _record: object, positional: Sequence[Any], named: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a DBAPI connection
            return self._connect(dialect, settings, positional, named)

        return made

    def _connect(self, dialect: Dialect, settings: Mapping[str, str], positional: Sequence[Any], named: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a DBAPI connection
        """Connect, and set the session up; connect anew where the session turns out not to last."""
        if not self.transactional:
            connection: Any = dialect.connect(*positional, **named)
            try:
                condition = self._lasts(connection.driver_connection.get_server_pid())
                if (
                    connection.run_async(
                        lambda driver: driver.execute(f"{_set({**self._naming, **settings}, local=False)}{condition}")
                    )
                    == _FOUND
                ):
                    return connection
                connection.close()
            except BaseException:
                connection.driver_connection.terminate()
                raise
            self.transactional = True
        return dialect.connect(*positional, **{**named, **_UNPREPARED})

    def _lasts(self, pid: int) -> str:
        """Write the condition that the session lasts: the backend is the one that the handshake named.

        A pooler names itself there, for it has to tell by that which query is to be cancelled.
        """
        return "" if self._pooler == "session" else f" WHERE pg_backend_pid() = {pid}"


def serving(deadline: float) -> Mapping[str, str]:
    """Return the settings of a session that reads and writes, whose statements may take so many seconds."""
    return {
        **MIGRATING,
        "statement_timeout": str(int(deadline * 1000)),
        # Whoever takes no rows any more gives the server's snapshot back.
        "idle_in_transaction_session_timeout": str(int(STREAMING * 1000)),
        # Every statement has an index. A plan that was made while a table was small, and is kept with the prepared
        # statement, must not go on to read the whole of it.
        "enable_seqscan": "off",
    }


def local(settings: Mapping[str, str]) -> str:
    """Write the statement that applies settings until the transaction ends."""
    return _set(settings, local=True)


def _set(settings: Mapping[str, str], *, local: bool) -> str:
    """Write a statement that applies settings; their names and values are ours, without quotes."""
    return "SELECT " + ", ".join(f"set_config('{name}', '{value}', {local})" for name, value in settings.items())
