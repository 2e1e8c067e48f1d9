"""Statements that find suggestions for a misspelled search: first similar words, then the names that contain them.

The words are in the table `name_words`. Commits only add to it; pruning the log also deletes words that are no longer in use.
"""

from typing import Any

from sqlalchemy import Delete, Integer, Select, Update, bindparam, delete, func, select, union, update

from catalog.adapters.sql.dialect import SqlDialect
from catalog.adapters.sql.reads.where import comparison
from catalog.adapters.sql.row_mapping import ITEM_COLUMNS
from catalog.adapters.sql.schema.tables import THE_HEAD, items, log_head, name_words
from catalog.domain.search.spelling import MAX_CANDIDATES, MAX_SUGGESTIONS, WordPattern

_MAX_CHARACTER = "\U0010ffff"
"""Sorts after every character of a word."""

SWEEP_BATCH = 200
"""Words that one statement checks for use."""

SUGGESTION_BATCH = 5 * MAX_SUGGESTIONS
"""Items read at a time. The index also finds names that have a corrected word only as part of a code; those are skipped."""

COUNT_SWEEP: Update = update(log_head).where(THE_HEAD).values(word_sweeps=log_head.c.word_sweeps + 1)


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


def words_in_use_statement(dialect: SqlDialect) -> Select[Any]:
    """Select the next SWEEP_BATCH words after the parameter `after`, each with whether any name contains it."""
    batch = (
        select(name_words.c.word)
        .where(comparison(name_words.c.word, "gt", "after"))
        .order_by(name_words.c.word)
        .limit(SWEEP_BATCH)
    )
    word = batch.subquery().c.word
    return select(word, dialect.word_in_use(word)).order_by(word)


def delete_unused_statement(dialect: SqlDialect) -> Delete:
    """Delete the words of the parameter `unused` that no name contains."""
    unused = dialect.any_of(name_words.c.word, "unused")
    return delete(name_words).where(unused, ~dialect.word_in_use(name_words.c.word))
