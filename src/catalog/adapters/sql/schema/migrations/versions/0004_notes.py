"""Create expiring records, an index to find deletions by SKU, and the floor of a pruned log."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the table `notes` (expiring records), the index and the column `floor`."""
    postgres = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "notes",
        sa.Column("key", postgresql.TEXT(collation="C") if postgres else sa.Text(), primary_key=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("at", postgresql.TIMESTAMP(timezone=True) if postgres else sa.BigInteger(), nullable=False),
    )
    op.create_index("notes_at", "notes", ["at"])
    # A partial index: writes other than deletions don't pay for it.
    ended = sa.text("after IS NULL")
    op.create_index("change_log_removals", "change_log", ["key", "seq"], sqlite_where=ended, postgresql_where=ended)
    op.add_column("log_head", sa.Column("floor", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Drop the table, the index and the column."""
    with op.batch_alter_table("log_head") as table:
        table.drop_column("floor")
    op.drop_index("change_log_removals", "change_log")
    op.drop_table("notes")
