"""Limit the search index's pending list on Postgres, because every search reads the whole list."""

from alembic import op

revision = "0005"
down_revision = "0004"

# Kilobytes. The default is 4,096; reading that much took a search of a million items 10 ms. The commit that fills the list merges
# it into the index while all other commits wait, so a shorter list also shortens that wait.
_PENDING = 512


def upgrade() -> None:
    """Limit the list, and merge its present content into the index."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER INDEX item_words_text SET (gin_pending_list_limit = {_PENDING})")
        op.execute("SELECT gin_clean_pending_list('item_words_text')")


def downgrade() -> None:
    """Restore the server's default."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER INDEX item_words_text RESET (gin_pending_list_limit)")
