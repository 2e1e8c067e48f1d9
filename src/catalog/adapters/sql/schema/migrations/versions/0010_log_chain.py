"""Chain the log: each new entry has a digest of itself and of the entry before it. Existing entries stay as they are."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the columns, and note where the chain begins."""
    op.add_column("change_log", sa.Column("credential", sa.Text()))
    op.add_column("change_log", sa.Column("address", sa.Text()))
    op.add_column("change_log", sa.Column("digest", sa.LargeBinary()))
    op.add_column("log_head", sa.Column("chain_end", sa.Text(), nullable=False, server_default="0:"))
    op.add_column("log_head", sa.Column("floor_digest", sa.LargeBinary()))
    op.add_column("log_head", sa.Column("chained_from", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute("UPDATE log_head SET chained_from = seq, chain_end = CAST(seq AS TEXT) || ':'")


def downgrade() -> None:
    """Drop the digests. A later upgrade begins a new chain."""
    with op.batch_alter_table("log_head") as table:
        for name in ("chain_end", "floor_digest", "chained_from"):
            table.drop_column(name)
    with op.batch_alter_table("change_log") as table:
        for name in ("credential", "address", "digest"):
            table.drop_column(name)
