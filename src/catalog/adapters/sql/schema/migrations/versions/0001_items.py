"""Create items, the search index, and the change log."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables."""
    postgres = op.get_bind().dialect.name == "postgresql"
    number = sa.BigInteger() if postgres else sa.Integer()
    by_code_point = postgresql.TEXT(collation="C") if postgres else sa.Text()
    moment = postgresql.TIMESTAMP(timezone=True) if postgres else sa.BigInteger()
    op.create_table(
        "items",
        sa.Column("seq", number, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sku", by_code_point, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", by_code_point, nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("category", by_code_point),
        sa.Column("currency", by_code_point),
        sa.Column("price_minor", sa.BigInteger()),
        sa.Column("attributes", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
        sa.UniqueConstraint("id", name="items_id_key"),
        sa.UniqueConstraint("sku", name="items_sku_key"),
        sa.CheckConstraint("version > 0", name="items_version_check"),
        sa.CheckConstraint("(currency IS NULL) = (price_minor IS NULL)", name="items_price_check"),
        sa.CheckConstraint("price_minor >= 0", name="items_price_minor_check"),
    )
    # One index for each order of a list. Like the orders, each ends with id.
    op.create_index("items_name", "items", ["name_key", "id"])
    op.create_index("items_price", "items", ["currency", "price_minor", "id"])
    op.create_index("items_created", "items", ["created_at", "id"])
    op.create_index("items_updated", "items", ["updated_at", "id"])
    op.create_index("items_category", "items", ["category", "id"])
    op.create_table(
        "change_log",
        sa.Column("seq", number, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("sku", by_code_point, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text()),
        sa.Column("before", sa.Text()),
        sa.Column("after", sa.Text()),
        sa.CheckConstraint("before IS NOT NULL OR after IS NOT NULL", name="change_log_state_check"),
        # A safety net: no version of an item can be written twice.
        sa.UniqueConstraint("item_id", "version", name="change_log_item_version_key"),
    )
    op.create_table(
        "log_head",
        sa.Column("one", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("one = 1", name="log_head_one_check"),
    )
    op.execute("INSERT INTO log_head (one, seq) VALUES (1, 0)")
    if postgres:
        op.create_table(
            "item_words",
            sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
            sa.Column("name", postgresql.TSVECTOR(), nullable=False),
            sa.Column("text", postgresql.TSVECTOR(), nullable=False),
        )
        op.create_index("item_words_text", "item_words", ["text"], postgresql_using="gin")
    else:
        # The domain has folded and split the words already. The `ascii` tokenizer treats every character beyond ASCII as
        # part of a word, so it splits only at spaces.
        op.execute(
            "CREATE VIRTUAL TABLE item_words USING fts5(name, text, tokenize = 'ascii', detail = 'column', prefix = '2 3')"
        )


def downgrade() -> None:
    """Drop the tables with their rows."""
    op.drop_table("item_words")
    op.drop_table("log_head")
    op.drop_table("change_log")
    op.drop_table("items")
