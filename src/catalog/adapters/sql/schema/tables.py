"""The tables, as the migrations create them.

Text is compared and sorted by code point. SQLite does so by default; Postgres needs COLLATE "C".
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Column, Dialect, ForeignKey, Integer, LargeBinary, MetaData, Table, Text, Uuid, literal_column
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeDecorator, TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

ByCodePoint = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def in_microseconds(moment: datetime) -> int:
    """Convert a time to microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


class UtcTime(TypeDecorator[datetime]):
    """A UTC time with microseconds: timestamptz on Postgres, microseconds since 1970 on SQLite, which has no type for times."""

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the column type of the dialect."""
        native = dialect.name == "postgresql"
        return dialect.type_descriptor(postgresql.TIMESTAMP(timezone=True) if native else BigInteger())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:  # noqa: ANN401 - SQLAlchemy's signature
        """Convert a time to the driver's type."""
        return value if value is None or dialect.name == "postgresql" else in_microseconds(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ANN401 - SQLAlchemy's signature
        """Convert the driver's value to a time."""
        return value if value is None or dialect.name == "postgresql" else _EPOCH + timedelta(microseconds=value)


metadata = MetaData()

items = Table(
    "items",
    metadata,
    # The number of the log entry that created the item. The search index refers to the item by it.
    Column("seq", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False),
    Column("id", Uuid(), nullable=False, unique=True),
    Column("sku", ByCodePoint, nullable=False, unique=True),
    Column("name", Text(), nullable=False),
    Column("name_key", ByCodePoint, nullable=False),
    Column("description", Text()),
    Column("category", ByCodePoint),
    Column("currency", ByCodePoint),
    Column("price_minor", BigInteger()),
    Column("attributes", Text(), nullable=False),
    Column("version", BigInteger(), nullable=False),
    Column("created_at", UtcTime(), nullable=False),
    Column("updated_at", UtcTime(), nullable=False),
)

categories = Table(
    "categories",
    metadata,
    Column("id", Uuid(), primary_key=True),
    Column("slug", ByCodePoint, nullable=False, unique=True),
    Column("name", Text(), nullable=False),
    Column("parent", ByCodePoint, ForeignKey("categories.slug", deferrable=True, initially="DEFERRED")),
    Column("position", Integer(), nullable=False),
    Column("version", BigInteger(), nullable=False),
)

EVERY_CATEGORY = categories.c.slug > literal_column("''", ByCodePoint)
"""A condition that every category meets. With it, the database reads all of them through an index."""

# One row for each attribute of each item: the item's `seq` and the attribute's sort key (catalog.domain.items.attributes).
item_attributes = Table(
    "item_attributes",
    metadata,
    Column("name", ByCodePoint, primary_key=True),
    Column("key", ByCodePoint, primary_key=True),
    Column("seq", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False),
)

# Every word of every name, forwards and reversed, for suggestions. Also contains words that are no longer in use,
# until pruning the log deletes them.
name_words = Table(
    "name_words",
    metadata,
    Column("word", ByCodePoint, primary_key=True),
    Column("reversed", ByCodePoint, nullable=False),
)

change_log = Table(
    "change_log",
    metadata,
    Column("seq", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=False),
    Column("kind", Text(), nullable=False),
    Column("subject_id", Uuid(), nullable=False),
    Column("key", ByCodePoint, nullable=False),
    Column("version", BigInteger(), nullable=False),
    Column("at", UtcTime(), nullable=False),
    Column("actor", Text(), nullable=False),
    Column("request_id", Text()),
    Column("before", Text()),
    Column("after", Text()),
    Column("credential", Text()),
    Column("address", Text()),
    # The SHA-256 of the digest before it and of this row (adapters/sql/log_chain.py). Null in rows that are older than the chain.
    Column("digest", LargeBinary()),
)

# One row: the number of the newest entry, and a unique id of this log. Only the transaction that has locked it may commit.
log_head = Table(
    "log_head",
    metadata,
    Column("one", Integer(), primary_key=True),
    Column("seq", BigInteger(), nullable=False),
    Column("log", Text(), nullable=False),
    # The number of the last entry that was pruned.
    Column("floor", BigInteger(), nullable=False, server_default="0"),
    # How many times unused words were deleted from name_words.
    Column("word_sweeps", BigInteger(), nullable=False, server_default="0"),
    # The number and the digest of the last entry of the chain (a ChainEnd); the digest of the last entry that was pruned; and the
    # number of the last entry before the chain began. The first has a number of its own, because a process of an older version
    # may append entries and move `seq` only.
    Column("chain_end", Text(), nullable=False, server_default="0:"),
    Column("floor_digest", LargeBinary()),
    Column("chained_from", BigInteger(), nullable=False, server_default="0"),
)

THE_HEAD = log_head.c.one == literal_column("1")
"""A condition that finds the single row through its index.

Without it Postgres reads the whole table, which it assumes to have a thousand rows until it is analyzed.
"""

# Records that are stored for a day (catalog.domain.changes.expiring_record).
expiring_records = Table(
    "expiring_records",
    metadata,
    Column("key", ByCodePoint, primary_key=True),
    Column("content", LargeBinary(), nullable=False),
    Column("created_at", UtcTime(), nullable=False),
)
