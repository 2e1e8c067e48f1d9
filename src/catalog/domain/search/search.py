"""Search: which items match a search query, and their rank. Every store must find exactly what `SearchQuery.rank` accepts."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from catalog.domain.items.item import Item
from catalog.domain.search.index_terms import index_terms, name_terms, query_terms, sku_terms
from catalog.domain.text.normalization import find_unstorable, is_blank, words
from catalog.domain.validation import FieldErrors
from catalog.domain.values.sku import parse_key

MAX_QUERY = 128
"""The maximum length of a query in characters."""

MAX_QUERY_WORDS = 8
"""The maximum number of distinct words in a query, unless it is a SKU without spaces."""

SEARCHED_FIELDS = ("sku", "name", "description", "category", "attributes")
"""The fields of an item that are searched."""

NO_TERMS = ("-",)
"""The terms a store looks up if a query has no words: they match nothing, because no term starts with a punctuation mark."""


class Rank(IntEnum):
    """How well an item matches a query. Lower ranks come first."""

    SKU = 0
    NAME = 1
    ELSEWHERE = 2


@dataclass(frozen=True, slots=True)
class ItemTerms:
    """The index terms of an item, each attribute a space-separated text.

    `name` has the terms of its name, and `text` those of all searched fields, including the name. `suggestable` has the words
    of the name that a misspelled search may have meant, all of them also in `name`.
    """

    name: str
    text: str
    suggestable: str

    @classmethod
    def from_item(cls, item: Item) -> Self:
        """Return the terms of an item."""
        others = [text for text in (item.description, item.category, *item.attributes.values()) if isinstance(text, str)]
        return cls.from_texts(item.sku, item.name, others)

    @classmethod
    def from_texts(cls, sku: str, name: str, others: Sequence[str]) -> Self:
        """Return the terms of a SKU, a name, and other texts: description, category, string attributes."""
        in_name, suggestable = name_terms(name)
        in_text = in_name + sku_terms(sku)
        if others:
            # The separator keeps codes from extending into the next text.
            in_text += index_terms(" . ".join(others))
        joined_name = " ".join(in_name)
        return cls(joined_name, " ".join(in_text), joined_name if suggestable == in_name else " ".join(suggestable))


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A search query. An item matches if each term of the query is a prefix of one of its terms.

    `sku` is the query read as a SKU, or None if it is not one. A query without words, such as punctuation, matches nothing.
    """

    terms: tuple[str, ...]
    sku: str | None

    @classmethod
    def parse(cls, raw: str, errors: FieldErrors) -> Self | None:
        """Parse the parameter `q`. Return None if it is blank, which means no search, or invalid (and add an error)."""
        unstorable = find_unstorable(raw)
        if unstorable is not None:
            errors.add(("q",), "invalid_text", f"The query contains {unstorable}; remove it.")
            return None
        if is_blank(raw):
            return None
        key = parse_key(raw)
        sku = key if isinstance(key, str) else None
        if len(raw) > MAX_QUERY:
            errors.add(("q",), "too_long", f"The query has {len(raw)} characters; the maximum is {MAX_QUERY}.")
            return None
        count = len(set(words(raw)))
        if count > MAX_QUERY_WORDS and (sku is None or " " in sku):
            errors.add(("q",), "too_many_words", f"The query has {count} words; the maximum is {MAX_QUERY_WORDS}.")
        return cls(query_terms(raw), sku)

    def rank(self, item: Item, terms: ItemTerms) -> Rank | None:
        """Return the rank of an item with these terms, or None if it does not match."""
        if not self._matches(terms.text):
            return None
        if item.sku == self.sku:
            return Rank.SKU
        return Rank.NAME if self._matches(terms.name) else Rank.ELSEWHERE

    def _matches(self, text: str) -> bool:
        """Return whether the query has terms, and each is a prefix of a term in `text`."""
        spaced = " " + text
        return bool(self.terms) and all(" " + term in spaced for term in self.terms)
