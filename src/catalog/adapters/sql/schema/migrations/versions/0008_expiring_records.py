"""Name the table of expiring records for what it holds."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Rename the table, its time and its index."""
    op.drop_index("notes_at", "notes")
    op.rename_table("notes", "expiring_records")
    op.execute("ALTER TABLE expiring_records RENAME COLUMN at TO created_at")
    op.create_index("expiring_records_created_at", "expiring_records", ["created_at"])


def downgrade() -> None:
    """Restore the old names."""
    op.drop_index("expiring_records_created_at", "expiring_records")
    op.execute("ALTER TABLE expiring_records RENAME COLUMN created_at TO at")
    op.rename_table("expiring_records", "notes")
    op.create_index("notes_at", "notes", ["at"])
