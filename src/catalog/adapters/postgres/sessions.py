"""Session settings for Postgres connections, applied in a way that connection poolers accept.

Settings are never sent as start-up parameters, because PgBouncer and others reject parameters they do not know. They are set by
the first statement of a connection instead, in the same round trip that detects a pooler.

A pooler that assigns a server connection per transaction loses or leaks session settings, and supports neither prepared
statements nor LISTEN. Connections through one get no session settings and prepare nothing; each commit sets its own settings.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import Dialect, event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

Pooler = Literal["auto", "session", "transaction"]

STREAM_SECONDS = 60.0
"""Seconds that one step of a streamed read may take. The first step may sort a million rows."""

MIGRATION_SETTINGS: Mapping[str, str] = {
    # JIT compilation takes longer than it saves: with it, a small statement took 100 ms instead of 1 ms.
    "jit": "off",
}
"""Session settings for migrations."""

_DIRECT = "SELECT 1"
"""The command tag of the set-up statement if it applied the settings. Behind a pooler it is "SELECT 0"."""

_UNPREPARED: Mapping[str, Any] = {
    "statement_cache_size": 0,
    "prepared_statement_cache_size": 0,
    "prepared_statement_name_func": lambda: "",
}
"""Arguments for asyncpg and SQLAlchemy's dialect. Only unnamed statements are used, parsed in the round trip that runs them."""


class Sessions:
    """Sets up connections and remembers whether they go through a pooler in transaction mode."""

    def __init__(self, pooler: Pooler = "auto", *, application_name: str | None = None) -> None:
        """Detect a pooler (`auto`), or assume one in `session` or `transaction` mode.

        Connections outside transaction mode set `application_name`; None keeps the name from the URL or the server.
        """
        self._pooler = pooler
        self._name_setting = {} if application_name is None else {"application_name": application_name}
        self.transaction_mode = pooler == "transaction"

    @property
    def description(self) -> str:
        """A human-readable description of the pooler mode."""
        if self._pooler != "auto":
            return f"{self._pooler} mode (set by CATALOG_STORAGE__POOLER)"
        return "found one, assumed to be in transaction mode" if self.transaction_mode else "none"

    def engine(self, url: URL, settings: Mapping[str, str], arguments: Mapping[str, Any], **options: Any) -> AsyncEngine:  # noqa: ANN401 - SQLAlchemy's options
        """Create an engine whose connections have these settings, except behind a pooler in transaction mode."""
        engine = create_async_engine(url, connect_args=dict(arguments), **options)

        @event.listens_for(engine.sync_engine, "do_connect")
        def connect(dialect: Dialect, _record: object, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a DBAPI connection
            return self._connect(dialect, settings, args, kwargs)

        return engine

    def _connect(self, dialect: Dialect, settings: Mapping[str, str], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a DBAPI connection
        """Connect and set up the session. If a pooler is detected, connect again without session settings."""
        if not self.transaction_mode:
            connection: Any = dialect.connect(*args, **kwargs)
            try:
                condition = self._direct_condition(connection.driver_connection.get_server_pid())
                if (
                    connection.run_async(
                        lambda driver: driver.execute(
                            f"{_set_config({**self._name_setting, **settings}, local=False)}{condition}"
                        )
                    )
                    == _DIRECT
                ):
                    return connection
                connection.close()
            except BaseException:
                connection.driver_connection.terminate()
                raise
            self.transaction_mode = True
        return dialect.connect(*args, **{**kwargs, **_UNPREPARED})

    def _direct_condition(self, pid: int) -> str:
        """Return the SQL condition that is true on a direct connection: the backend has the pid from the handshake.

        A pooler sends a pid of its own there, by which it recognizes cancel requests.
        """
        return "" if self._pooler == "session" else f" WHERE pg_backend_pid() = {pid}"


def serving_settings(deadline: float) -> Mapping[str, str]:
    """Return the session settings for reads and writes. Statements may take `deadline` seconds."""
    return {
        **MIGRATION_SETTINGS,
        "statement_timeout": str(int(deadline * 1000)),
        # Ends transactions of stalled readers, which would hold the server's snapshot.
        "idle_in_transaction_session_timeout": str(int(STREAM_SECONDS * 1000)),
        # Every statement can use an index. A plan made while a table was small is cached with the prepared statement and must
        # not scan the whole table after it has grown.
        "enable_seqscan": "off",
    }


def set_local(settings: Mapping[str, str]) -> str:
    """Return a statement that applies settings until the end of the transaction."""
    return _set_config(settings, local=True)


def _set_config(settings: Mapping[str, str], *, local: bool) -> str:
    """Return a statement that applies settings. Names and values are constants of this module and contain no quotes."""
    return "SELECT " + ", ".join(f"set_config('{name}', '{value}', {local})" for name, value in settings.items())
