"""Looking for what a misspelt search may have meant: first for words that are near, then for names that have them."""

from typing import Any

from sqlalchemy import Integer, Select, bindparam, func, select, union

from catalog.adapters.sql.conditions import compared
from catalog.adapters.sql.flavour import Flavour
from catalog.adapters.sql.rows import ITEM_COLUMNS
from catalog.adapters.sql.tables import items, name_words
from catalog.domain.spelling import MOST_SUGGESTIONS, MOST_WORDS, Stem

_LAST = "\U0010ffff"
"""Comes after every sign that a word can have."""


def words_statement() -> Select[Any]:
    """Return words that share an end with a misspelt one (catalog.domain.spelling.may_be); for `stem_parameters`."""
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
