"""An id for the log, by which a shared cache tells the answers of one catalog from those of another."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Give the log an id."""
    with op.batch_alter_table("log_head") as table:
        table.add_column(sa.Column("log", sa.Text()))
    op.execute(sa.text("UPDATE log_head SET log = :log").bindparams(log=uuid4().hex))
    with op.batch_alter_table("log_head") as table:
        table.alter_column("log", existing_type=sa.Text(), nullable=False)


def downgrade() -> None:
    """Take it away."""
    with op.batch_alter_table("log_head") as table:
        table.drop_column("log")
