"""A short list of words that are not in the index yet, on Postgres: each search reads the whole of it."""

from alembic import op

revision = "0005"
down_revision = "0004"

# Kilobytes (4,096 by default, and reading them took a search of a million items 10 ms). A full list is put into the index by the
# commit that fills it, all others waiting: a shorter one keeps them waiting for less, too.
_PENDING = 512


def upgrade() -> None:
    """Bound the list, and empty it."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER INDEX item_words_text SET (gin_pending_list_limit = {_PENDING})")
        op.execute("SELECT gin_clean_pending_list('item_words_text')")


def downgrade() -> None:
    """Let it be as long as the server has it."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER INDEX item_words_text RESET (gin_pending_list_limit)")
