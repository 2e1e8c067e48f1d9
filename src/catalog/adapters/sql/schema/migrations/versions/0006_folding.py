"""Change how text is folded: rebuild the search index, the words for suggestions, and the sort keys of names."""

from alembic import context

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Request the rebuild. It runs once, after the last migration."""
    context.config.attributes["reindex"] = True


def downgrade() -> None:
    """Change nothing. Older code finds the text that it folds in the same way, and the next upgrade rebuilds the index."""
