"""The schema's version, and the way to it. Alembic is imported only when there is something to do: it takes its time."""

from pathlib import Path

from sqlalchemy import Connection

HEAD_REVISION = "0007"
"""The newest migration in migrations/versions; a test compares them."""

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(connection: Connection, revision: str = HEAD_REVISION) -> None:
    """Apply migrations up to `revision`, in the transaction that the connection is in."""
    from alembic import command  # noqa: PLC0415 - see above

    config = alembic_config(connection)
    command.upgrade(config, revision)
    if config.attributes.get("reindex"):
        from catalog.adapters.sql.schema.search_index import rebuild  # noqa: PLC0415 - see above

        rebuild(connection)


def downgrade(connection: Connection, revision: str) -> None:
    """Take migrations back down to `revision` ("base": all of them)."""
    from alembic import command  # noqa: PLC0415 - see above

    command.downgrade(alembic_config(connection), revision)


def alembic_config(connection: Connection | None = None):  # type: ignore[no-untyped-def]  # noqa: ANN201
    """Make Alembic's configuration; there is no alembic.ini."""
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
