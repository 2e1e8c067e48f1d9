"""Text is folded in a new way: rebuild the search index, the words for suggestions, and the keys names are sorted by."""

from alembic import context

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Request the rebuild, which follows the last migration."""
    context.config.attributes["reindex"] = True


def downgrade() -> None:
    """Change nothing: older code finds what it folds in the same way, and the next upgrade rebuilds the index."""
