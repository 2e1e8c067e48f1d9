"""Count the sweeps that delete unused words. A changed count tells each process that words it has written may be gone."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the counter, starting at 0."""
    op.add_column("log_head", sa.Column("word_sweeps", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Drop the counter."""
    with op.batch_alter_table("log_head") as table:
        table.drop_column("word_sweeps")
