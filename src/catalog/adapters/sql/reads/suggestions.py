"""Looking for what a misspelt search may have meant: first for words that are near, then for names that have them.

The words stand in `name_words`. Commits only add to them, and a sweep takes those out that no name has any more.
"""

from typing import Any

from sqlalchemy import Delete, Integer, Select, Update, bindparam, delete, func, select, union, update

from catalog.adapters.sql.dialect import Flavour
from catalog.adapters.sql.reads.where import compared
from catalog.adapters.sql.row_mapping import ITEM_COLUMNS
from catalog.adapters.sql.schema.tables import THE_HEAD, items, log_head, name_words
from catalog.domain.search.spelling import MOST_SUGGESTIONS, MOST_WORDS, Stem

_LAST = "\U0010ffff"
"""Comes after every sign that a word can have."""

SWEPT = 200
"""Words that are looked at in one go for those that no name has."""

COUNT_SWEEP: Update = update(log_head).where(THE_HEAD).values(word_sweeps=log_head.c.word_sweeps + 1)


def words_statement() -> Select[Any]:
    """Return words that share an end with a misspelt one (catalog.domain.search.spelling.may_be); for `stem_parameters`."""
    size = func.length(name_words.c.word)
    most = bindparam("most", type_=Integer())
    ends = [
        select(name_words.c.word)
        .where(
            compared(column, "gte", f"{end}_from"),
            compared(column, "lt", f"{end}_to"),
            size.between(bindparam("shortest", type_=Integer()), bindparam("longest", type_=Integer())),
        )
        .limit(most)
        .subquery()
        for end, column in (("head", name_words.c.word), ("tail", name_words.c.reversed))
    ]
    found = union(*(select(end.c.word) for end in ends)).subquery()
    return select(found.c.word)


def stem_parameters(its: Stem) -> dict[str, Any]:
    """Make the parameters of `words_statement`."""
    tail = its.tail[::-1]
    ends = {"head_from": its.head, "head_to": its.head + _LAST, "tail_from": tail, "tail_to": tail + _LAST}
    return ends | {"shortest": its.shortest, "longest": its.longest, "most": MOST_WORDS}


def suggested_statement(flavour: Flavour) -> Select[Any]:
    """Return the items whose names match a query that `Flavour.meant` made, as ITEM_COLUMNS."""
    statement = select(*ITEM_COLUMNS).where(flavour.matches(), flavour.matches_name())
    return statement.order_by(items.c.name_key, items.c.id).limit(MOST_SUGGESTIONS)


def used_statement(flavour: Flavour) -> Select[Any]:
    """Return the next SWEPT words behind the parameter `after`, each with whether a name has it."""
    some = select(name_words.c.word).where(compared(name_words.c.word, "gt", "after")).order_by(name_words.c.word).limit(SWEPT)
    word = some.subquery().c.word
    return select(word, flavour.in_a_name(word)).order_by(word)


def sweep_statement(flavour: Flavour) -> Delete:
    """Take out those of the words `unused` that are in no name."""
    unused = flavour.among(name_words.c.word, "unused")
    return delete(name_words).where(unused, ~flavour.in_a_name(name_words.c.word))
