"""Search: which items a query finds, and how near. Every store finds what `Search.rank` finds here, in its own index."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from catalog.domain.items.item import Item
from catalog.domain.search.index_terms import index_terms, name_terms, query_terms, sku_terms
from catalog.domain.text.normalization import find_unstorable, is_blank, words
from catalog.domain.validation import FieldErrors
from catalog.domain.values.fields import parse_key

MAX_QUERY = 128
MAX_QUERY_WORDS = 8


SEARCHED_FIELDS = ("sku", "name", "description", "category", "attributes")
"""The fields of an item that a search looks at."""


NO_TERMS = ("-",)
"""What a store looks for where a query has no words: no term begins with a sign."""


class Rank(IntEnum):
    """How near an item is to a query; nearer ones come first."""

    SKU = 0
    NAME = 1
    ELSEWHERE = 2


@dataclass(frozen=True, slots=True)
class ItemTerms:
    """The terms an item is found by: those of its name, and those of everything that is searched (the name's included).

    `spelled` are the words of the name that a misspelt search may have meant; each is one of the name's terms.
    """

    name: str
    text: str
    suggestable: str

    @classmethod
    def from_item(cls, item: Item) -> Self:
        """Gather the terms of an item."""
        others = [text for text in (item.description, item.category, *item.attributes.values()) if isinstance(text, str)]
        return cls.from_texts(item.sku, item.name, others)

    @classmethod
    def from_texts(cls, sku: str, name: str, others: Sequence[str]) -> Self:
        """Gather the terms of the SKU, the name, and `others`: description, category, string attributes."""
        terms, spelled = name_terms(name)
        # A sign by itself keeps codes from going on in the next text.
        text = terms + sku_terms(sku)
        if others:
            text += index_terms(" . ".join(others))
        named = " ".join(terms)
        return cls(named, " ".join(text), named if spelled == terms else " ".join(spelled))


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A query: an item matches when each word is the beginning of one of its terms. `sku` is the query read as a SKU.

    Without words (a query of signs) nothing matches.
    """

    terms: tuple[str, ...]
    sku: str | None

    @classmethod
    def parse(cls, raw: str, faults: FieldErrors) -> Self | None:
        """Read the parameter `q`; None when it is blank, for then it asks for everything."""
        bad = find_unstorable(raw)
        if bad is not None:
            faults.add(("q",), "invalid_text", f"The query contains {bad}; take it out.")
            return None
        if is_blank(raw):
            return None
        key = parse_key(raw)
        sku = key if isinstance(key, str) else None
        if len(raw) > MAX_QUERY:
            faults.add(("q",), "too_long", f"The query has {len(raw)} characters; at most {MAX_QUERY} are searched for.")
            return None
        count = len(set(words(raw)))
        if count > MAX_QUERY_WORDS and sku is None:
            faults.add(("q",), "too_many_words", f"The query has {count} words; at most {MAX_QUERY_WORDS} are searched for.")
        return cls(query_terms(raw), sku)

    def rank(self, item: Item, has: ItemTerms) -> Rank | None:
        """Say how near an item with these words is; None when it does not match."""
        if not self._begin(has.text):
            return None
        if item.sku == self.sku:
            return Rank.SKU
        return Rank.NAME if self._begin(has.name) else Rank.ELSEWHERE

    def _begin(self, text: str) -> bool:
        """Whether there are words, and each begins a term of `text`."""
        spaced = " " + text
        return bool(self.terms) and all(" " + word in spaced for word in self.terms)
