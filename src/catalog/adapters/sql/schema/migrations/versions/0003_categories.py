"""Create categories, the attribute index, the words of names, and the indexes for all orders of a list.

Existing items keep their categories, which become roots of the tree, each with an entry in the change log.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from uuid_utils.compat import uuid7

revision = "0003"
down_revision = "0002"

_SLICE = 1_000
_WORD = re.compile(r"[^\W_]+")
_LONGEST = 256
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Sort keys of attributes, as of this migration.
_MAX_KEY = 200
_BIAS = 1100
_COMPLEMENT = str.maketrans("0123456789abcdef", "fedcba9876543210")


def upgrade() -> None:
    """Create the tables and fill them."""
    postgres = op.get_bind().dialect.name == "postgresql"
    number = sa.BigInteger() if postgres else sa.Integer()
    by_code_point = postgresql.TEXT(collation="C") if postgres else sa.Text()
    op.create_table(
        "categories",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("slug", by_code_point, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent", by_code_point),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("slug", name="categories_slug_key"),
        sa.ForeignKeyConstraint(
            ["parent"], ["categories.slug"], name="categories_parent_fkey", deferrable=True, initially="DEFERRED"
        ),
        sa.CheckConstraint("version > 0", name="categories_version_check"),
        sa.CheckConstraint("parent <> slug", name="categories_parent_check"),
    )
    op.create_index("categories_parent", "categories", ["parent"])
    # Both tables are only read by their primary keys, so SQLite needs no separate B-tree for the rows.
    op.create_table(
        "item_attributes",
        sa.Column("name", by_code_point, primary_key=True),
        sa.Column("key", by_code_point, primary_key=True),
        sa.Column("seq", number, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_index("item_attributes_seq", "item_attributes", ["seq", "name"])
    op.create_table(
        "name_words",
        sa.Column("word", by_code_point, primary_key=True),
        sa.Column("reversed", by_code_point, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("name_words_reversed", "name_words", ["reversed"])
    op.execute("ALTER TABLE change_log RENAME COLUMN item_id TO subject_id")
    op.execute("ALTER TABLE change_log RENAME COLUMN sku TO key")
    # Items without a price come last in both directions, so each direction needs its own index.
    op.drop_index("items_price", "items")
    price = "(CASE WHEN currency IS NULL THEN 1 ELSE 0 END), coalesce(currency, ''){0}, coalesce(price_minor, 0){0}, id{0}"
    op.execute(f"CREATE INDEX items_price ON items ({price.format('')})")
    op.execute(f"CREATE INDEX items_price_down ON items ({price.format(' DESC')})")
    op.drop_index("items_category", "items")
    op.create_index("items_category", "items", ["category", "created_at", "id"])
    _fill_categories(postgres=postgres)
    _fill_from_items()


def _fill_categories(*, postgres: bool) -> None:
    """Create a category for each slug that items refer to."""
    connection = op.get_bind()
    slugs = (
        connection.execute(sa.text("SELECT DISTINCT category FROM items WHERE category IS NOT NULL ORDER BY 1")).scalars().all()
    )
    head: int = connection.execute(sa.text("SELECT seq FROM log_head")).scalar_one()
    now = datetime.now(UTC)
    ids = [uuid7() for _ in slugs]
    made = [
        {
            "id": str(its) if postgres else its.hex,
            "slug": slug,
            "name": slug.replace("-", " ").capitalize(),
            "position": position,
            "version": 1,
        }
        for position, (slug, its) in enumerate(zip(slugs, ids, strict=True))
    ]
    entries = [
        {
            "seq": head + number,
            "id": category["id"],
            "slug": category["slug"],
            "at": now if postgres else (now - _EPOCH) // timedelta(microseconds=1),
            "after": json.dumps(category | {"id": str(its)}, ensure_ascii=False, separators=(",", ":")),
        }
        for number, (category, its) in enumerate(zip(made, ids, strict=True), 1)
    ]
    its_id = "CAST(:id AS uuid)" if postgres else ":id"
    _write(
        "INSERT INTO categories (id, slug, name, position, version) "  # noqa: S608
        f"VALUES ({its_id}, :slug, :name, :position, :version)",
        made,
    )
    _write(
        "INSERT INTO change_log (seq, kind, subject_id, key, version, at, actor, after) "  # noqa: S608
        f"VALUES (:seq, 'category.created', {its_id}, :slug, 1, :at, 'migration', :after)",
        entries,
    )
    connection.execute(sa.text("UPDATE log_head SET seq = :seq"), {"seq": head + len(made)})


def _fill_from_items() -> None:
    """Index the attributes and the words of the names of existing items."""
    known: set[str] = set()

    def attributes(seq: int, _key: str, raw: str) -> Iterator[dict[str, Any]]:
        for name, value in json.loads(raw).items():
            yield {"name": name, "key": _sort_key(value), "seq": seq}

    def fresh(_seq: int, name_key: str, _raw: str) -> Iterator[dict[str, Any]]:
        for word in {word[:_LONGEST] for word in _WORD.findall(name_key)} - known:
            known.add(word)
            yield {"word": word, "reversed": word[::-1]}

    connection = op.get_bind()
    last = -1
    while rows := connection.execute(
        sa.text("SELECT seq, name_key, attributes FROM items WHERE seq > :last ORDER BY seq LIMIT :slice"),
        {"last": last, "slice": _SLICE},
    ).all():
        last = rows[-1][0]
        _write("INSERT INTO item_attributes (name, key, seq) VALUES (:name, :key, :seq)", _each(attributes, rows))
        _write("INSERT INTO name_words (word, reversed) VALUES (:word, :reversed)", _each(fresh, rows))


def _sort_key(value: str | float) -> str:
    """Return the sort key of a value. It starts with b for booleans, n for numbers, t for strings."""
    if isinstance(value, bool):
        return f"b{value:d}"
    if isinstance(value, str):
        return f"t{value}" if len(value) <= _MAX_KEY else f"t{value[:_MAX_KEY]}{sha256(value.encode()).hexdigest()}"
    if not value:
        return "n1"
    numerator, denominator = abs(value).as_integer_ratio()
    length = numerator.bit_length()
    bits = numerator << 64 - length if length <= 64 else numerator >> length - 64  # noqa: PLR2004 - the bits of the key
    digits = f"{length - denominator.bit_length() + _BIAS:04x}{bits:016x}"
    return f"n2{digits}" if value > 0 else f"n0{digits.translate(_COMPLEMENT)}"


def _each(make: Callable[..., Iterable[dict[str, Any]]], rows: Sequence[Any]) -> list[dict[str, Any]]:
    return [made for row in rows for made in make(*row)]


def _write(sql: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        op.get_bind().execute(sa.text(sql), rows)


def downgrade() -> None:
    """Drop all of it, except the log entries of categories: the log must have no gaps."""
    op.drop_index("items_category", "items")
    op.create_index("items_category", "items", ["category", "id"])
    op.drop_index("items_price_down", "items")
    op.drop_index("items_price", "items")
    op.create_index("items_price", "items", ["currency", "price_minor", "id"])
    op.execute("ALTER TABLE change_log RENAME COLUMN key TO sku")
    op.execute("ALTER TABLE change_log RENAME COLUMN subject_id TO item_id")
    op.drop_table("name_words")
    op.drop_table("item_attributes")
    op.drop_table("categories")
