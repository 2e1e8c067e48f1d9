"""How often words of names were forgotten, so that every process knows when to write those again that it wrote before."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Begin at none."""
    op.add_column("log_head", sa.Column("word_sweeps", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Count no more."""
    with op.batch_alter_table("log_head") as table:
        table.drop_column("word_sweeps")
