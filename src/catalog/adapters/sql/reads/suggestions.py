"""Looking for what a misspelt search may have meant: first for words that are near, then for names that have them.

The words stand in `name_words`. Commits only add to them, and a sweep takes those out that no name has any more.
"""

from typing import Any

from sqlalchemy import Delete, Integer, Select, Update, bindparam, delete, func, select, union, update

from catalog.adapters.sql.dialect import SqlDialect
from catalog.adapters.sql.reads.where import comparison
from catalog.adapters.sql.row_mapping import ITEM_COLUMNS
from catalog.adapters.sql.schema.tables import THE_HEAD, items, log_head, name_words
from catalog.domain.search.spelling import MAX_CANDIDATES, MAX_SUGGESTIONS, WordPattern

_LAST = "\U0010ffff"
"""Comes after every sign that a word can have."""

SWEEP_BATCH = 200
"""Words that are looked at in one go for those that no name has."""

SUGGESTION_BATCH = 5 * MAX_SUGGESTIONS
"""Items read at a time. The index also finds names that have a corrected word only as part of a code; those are skipped."""

COUNT_SWEEP: Update = update(log_head).where(THE_HEAD).values(word_sweeps=log_head.c.word_sweeps + 1)


def candidates_statement() -> Select[Any]:
    """Return words that share an end with a misspelt one (catalog.domain.search.spelling.may_be); for `stem_parameters`."""
    size = func.length(name_words.c.word)
    most = bindparam("most", type_=Integer())
    ends = [
        select(name_words.c.word)
        .where(
            comparison(column, "gte", f"{end}_from"),
            comparison(column, "lt", f"{end}_to"),
            size.between(bindparam("shortest", type_=Integer()), bindparam("longest", type_=Integer())),
        )
        .limit(most)
        .subquery()
        for end, column in (("head", name_words.c.word), ("tail", name_words.c.reversed))
    ]
    found = union(*(select(end.c.word) for end in ends)).subquery()
    return select(found.c.word)


def candidate_parameters(pattern: WordPattern) -> dict[str, Any]:
    """Make the parameters of `words_statement`."""
    tail = pattern.tail[::-1]
    ends = {"head_from": pattern.head, "head_to": pattern.head + _LAST, "tail_from": tail, "tail_to": tail + _LAST}
    return ends | {"shortest": pattern.shortest, "longest": pattern.longest, "most": MAX_CANDIDATES}


def suggestions_statement(flavour: SqlDialect) -> Select[Any]:
    """Return `limit` items, after `skip`, whose names match the parameters of `correction_parameters`."""
    statement = select(*ITEM_COLUMNS).where(flavour.matches(), flavour.matches_name())
    in_order = statement.order_by(items.c.name_key, items.c.id)
    return in_order.limit(bindparam("limit", type_=Integer())).offset(bindparam("skip", type_=Integer()))


def words_in_use_statement(flavour: SqlDialect) -> Select[Any]:
    """Return the next SWEPT words behind the parameter `after`, each with whether a name has it."""
    some = (
        select(name_words.c.word)
        .where(comparison(name_words.c.word, "gt", "after"))
        .order_by(name_words.c.word)
        .limit(SWEEP_BATCH)
    )
    word = some.subquery().c.word
    return select(word, flavour.word_in_use(word)).order_by(word)


def delete_unused_statement(flavour: SqlDialect) -> Delete:
    """Take out those of the words `unused` that are in no name."""
    unused = flavour.any_of(name_words.c.word, "unused")
    return delete(name_words).where(unused, ~flavour.word_in_use(name_words.c.word))
