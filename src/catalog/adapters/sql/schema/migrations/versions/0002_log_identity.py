"""Add an id for the log, so that catalogs that share a cache don't get each other's responses."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column and set it to a random id."""
    with op.batch_alter_table("log_head") as table:
        table.add_column(sa.Column("log", sa.Text()))
    op.execute(sa.text("UPDATE log_head SET log = :log").bindparams(log=uuid4().hex))
    with op.batch_alter_table("log_head") as table:
        table.alter_column("log", existing_type=sa.Text(), nullable=False)


def downgrade() -> None:
    """Drop the id."""
    with op.batch_alter_table("log_head") as table:
        table.drop_column("log")
