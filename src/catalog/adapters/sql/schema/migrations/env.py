"""Alembic's environment: runs migrations on the caller's connection, in the caller's transaction."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, transaction_per_migration=False, render_as_batch=connection.dialect.name == "sqlite")
context.run_migrations()
