"""The schema version, and migrations to and from it. Alembic is imported only when needed: importing it is slow."""

from pathlib import Path

from sqlalchemy import Connection

HEAD_REVISION = "0010"
"""The newest migration in migrations/versions. A test checks this."""

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(connection: Connection, revision: str = HEAD_REVISION) -> None:
    """Apply migrations up to `revision`, in the connection's current transaction."""
    from alembic import command  # noqa: PLC0415 - see above

    config = alembic_config(connection)
    command.upgrade(config, revision)
    if config.attributes.get("reindex"):
        from catalog.adapters.sql.schema.search_index import rebuild  # noqa: PLC0415 - see above

        rebuild(connection)


def downgrade(connection: Connection, revision: str) -> None:
    """Revert migrations down to `revision` ("base" reverts all)."""
    from alembic import command  # noqa: PLC0415 - see above

    command.downgrade(alembic_config(connection), revision)


def alembic_config(connection: Connection | None = None):  # type: ignore[no-untyped-def]  # noqa: ANN201
    """Build Alembic's configuration in code; there is no alembic.ini."""
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
