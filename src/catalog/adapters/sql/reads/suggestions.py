"""Statements that find suggestions for a misspelled search: first similar words, then the names that contain them.

The words are in the table `name_words`. Commits only add to it; pruning the log also deletes words that are no longer in use
(writes/maintenance.py).
"""

from typing import Any

from sqlalchemy import Integer, Select, bindparam, func, select, union

from catalog.adapters.sql.dialect import SqlDialect
from catalog.adapters.sql.reads.where import comparison
from catalog.adapters.sql.row_mapping import ITEM_COLUMNS
from catalog.adapters.sql.schema.tables import items, name_words
from catalog.domain.search.spelling import MAX_CANDIDATES, WordPattern

_MAX_CHARACTER = "\U0010ffff"
"""Sorts after every character of a word."""


def candidates_statement() -> Select[Any]:
    """Select words that match a pattern (WordPattern). Takes `candidate_parameters`."""
    size = func.length(name_words.c.word)
    limit = bindparam("most", type_=Integer())
    ends = [
        select(name_words.c.word)
        .where(
            comparison(column, "gte", f"{end}_from"),
            comparison(column, "lt", f"{end}_to"),
            size.between(bindparam("shortest", type_=Integer()), bindparam("longest", type_=Integer())),
        )
        .limit(limit)
        .subquery()
        for end, column in (("head", name_words.c.word), ("tail", name_words.c.reversed))
    ]
    candidates = union(*(select(end.c.word) for end in ends)).subquery()
    return select(candidates.c.word)


def candidate_parameters(pattern: WordPattern) -> dict[str, Any]:
    """Make the parameters of `candidates_statement`."""
    tail = pattern.tail[::-1]
    ends = {
        "head_from": pattern.head,
        "head_to": pattern.head + _MAX_CHARACTER,
        "tail_from": tail,
        "tail_to": tail + _MAX_CHARACTER,
    }
    return ends | {"shortest": pattern.shortest, "longest": pattern.longest, "most": MAX_CANDIDATES}


def suggestions_statement(dialect: SqlDialect) -> Select[Any]:
    """Select `limit` items, skipping `skip`, whose names match the parameters of `correction_parameters`."""
    statement = select(*ITEM_COLUMNS).where(dialect.matches(), dialect.matches_name())
    ordered = statement.order_by(items.c.name_key, items.c.id)
    return ordered.limit(bindparam("limit", type_=Integer())).offset(bindparam("skip", type_=Integer()))
