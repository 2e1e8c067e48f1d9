"""Rebuilds what is derived from items' texts: the search index, the words for suggestions, and the keys names are sorted by.

Queries fold text with the running code, so the index must be folded with it too. A migration that changes the folding therefore
doesn't contain the folding; it sets `reindex` in Alembic's configuration, and `migrate.upgrade` runs `rebuild` once after the
last migration.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, text

from catalog.domain.search.search import ItemTerms
from catalog.domain.text.normalization import fold

_BATCH_SIZE = 500
"""Items in memory at once; each has at most 20 KiB of text."""

_READ = (
    "SELECT seq, sku, name, name_key, description, category, attributes FROM items WHERE seq > :last ORDER BY seq LIMIT :limit"
)
_UPDATE_NAME_KEY = "UPDATE items SET name_key = :name_key WHERE seq = :seq"


def rebuild(connection: Connection) -> None:
    """Empty the index and fill it again, in the connection's transaction."""
    if connection.dialect.name == "postgresql":
        # Writers lock this row first. Taking it here keeps them out until the transaction ends.
        connection.execute(text("SELECT seq FROM log_head FOR UPDATE"))
        # Building the index after all rows are there takes a fraction of the time.
        connection.execute(text("DROP INDEX item_words_text"))
        connection.execute(text("TRUNCATE item_words, name_words"))
        _fill(
            connection,
            "INSERT INTO item_words (seq, name, text) VALUES (CAST(:seq AS bigint),"
            " array_to_tsvector(string_to_array(:name, ' ')), array_to_tsvector(string_to_array(:text, ' ')))",
            "INSERT INTO name_words (word, reversed) VALUES (:word, :reversed) ON CONFLICT DO NOTHING",
        )
        connection.execute(
            text("CREATE INDEX item_words_text ON item_words USING gin (text) WITH (gin_pending_list_limit = 512)")
        )
        return
    connection.execute(text("DROP TABLE item_words"))
    connection.execute(
        text("CREATE VIRTUAL TABLE item_words USING fts5(name, text, tokenize = 'ascii', detail = 'column', prefix = '2 3')")
    )
    connection.execute(text("DELETE FROM name_words"))
    _fill(
        connection,
        "INSERT INTO item_words (rowid, name, text) VALUES (:seq, :name, :text)",
        "INSERT OR IGNORE INTO name_words (word, reversed) VALUES (:word, :reversed)",
    )


def _fill(connection: Connection, insert_terms: str, insert_words: str) -> None:
    for rows in _batches(connection):
        name_keys: list[dict[str, Any]] = []
        terms: list[dict[str, Any]] = []
        words: set[str] = set()
        for seq, sku, name, name_key, description, category, attributes in rows:
            texts = [value for value in json.loads(attributes).values() if isinstance(value, str)]
            item_terms = ItemTerms.from_texts(sku, name, (description or "", category or "", *texts))
            terms.append({"seq": seq, "name": item_terms.name, "text": item_terms.text})
            words.update(item_terms.suggestable.split())
            folded = fold(name)
            if folded != name_key:
                name_keys.append({"seq": seq, "name_key": folded})
        _execute(connection, _UPDATE_NAME_KEY, name_keys)
        _execute(connection, insert_terms, terms)
        _execute(connection, insert_words, [{"word": word, "reversed": word[::-1]} for word in sorted(words)])


def _batches(connection: Connection) -> Iterator[Sequence[Any]]:
    last = -1
    while rows := connection.execute(text(_READ), {"last": last, "limit": _BATCH_SIZE}).all():
        yield rows
        last = rows[-1][0]


def _execute(connection: Connection, sql: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(text(sql), rows)
