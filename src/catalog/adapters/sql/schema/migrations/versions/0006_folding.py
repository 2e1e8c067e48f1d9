"""Fold what is there anew: the keys that names are sorted by, the search index, and the words of names.

This calls the running code's folding, on purpose, and not a copy of it: an index that is folded otherwise than the queries is
wrong, whatever version of the schema it belongs to. Whoever changes the folding adds a migration like this one; going
through both then does the work twice, and ends with what the running code wants.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from catalog.domain.search.search import ItemTerms
from catalog.domain.text.normalization import fold

revision = "0006"
down_revision = "0005"

_SLICE = 500
"""Items that are in memory at once; each has 20 KiB of text at most."""

_READ = (
    "SELECT seq, sku, name, name_key, description, category, attributes FROM items WHERE seq > :last ORDER BY seq LIMIT :slice"
)
_RENAME = "UPDATE items SET name_key = :name_key WHERE seq = :seq"


def upgrade() -> None:
    """Empty the index and the words, and fill them."""
    if op.get_bind().dialect.name == "postgresql":
        # What every writer locks first, so that none is met halfway.
        op.execute("SELECT seq FROM log_head FOR UPDATE")
        # An index that is made of all rows at the end takes a fraction of one that grows with each.
        op.drop_index("item_words_text", "item_words")
        op.execute("TRUNCATE item_words, name_words")
        _fill(
            "INSERT INTO item_words (seq, name, text) VALUES (CAST(:seq AS bigint),"
            " array_to_tsvector(string_to_array(:name, ' ')), array_to_tsvector(string_to_array(:text, ' ')))",
            "INSERT INTO name_words (word, reversed) VALUES (:word, :reversed) ON CONFLICT DO NOTHING",
        )
        op.execute("CREATE INDEX item_words_text ON item_words USING gin (text) WITH (gin_pending_list_limit = 512)")
        return
    op.execute("DROP TABLE item_words")
    op.execute("CREATE VIRTUAL TABLE item_words USING fts5(name, text, tokenize = 'ascii', detail = 'column', prefix = '2 3')")
    op.execute("DELETE FROM name_words")
    _fill(
        "INSERT INTO item_words (rowid, name, text) VALUES (:seq, :name, :text)",
        "INSERT OR IGNORE INTO name_words (word, reversed) VALUES (:word, :reversed)",
    )


def downgrade() -> None:
    """Leave it: older code finds what it folds alike, and the index is whole again when it comes back here."""


def _fill(add_words: str, add_name_words: str) -> None:
    """Go through the items, slice by slice."""
    for rows in _slices():
        renamed = []
        indexed = []
        spelled: set[str] = set()
        for seq, sku, name, name_key, description, category, attributes in rows:
            texts = [value for value in json.loads(attributes).values() if isinstance(value, str)]
            its = ItemTerms.from_texts(sku, name, (description or "", category or "", *texts))
            indexed.append({"seq": seq, "name": its.name, "text": its.text})
            spelled.update(its.suggestable.split())
            folded = fold(name)
            if folded != name_key:
                renamed.append({"seq": seq, "name_key": folded})
        _write(_RENAME, renamed)
        _write(add_words, indexed)
        _write(add_name_words, [{"word": word, "reversed": word[::-1]} for word in sorted(spelled)])


def _slices() -> Iterator[Sequence[Any]]:
    """Read the items by their numbers."""
    connection = op.get_bind()
    last = -1
    while rows := connection.execute(sa.text(_READ), {"last": last, "slice": _SLICE}).all():
        yield rows
        last = rows[-1][0]


def _write(sql: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        op.get_bind().execute(sa.text(sql), rows)
