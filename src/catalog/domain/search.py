"""Search: which items a query finds, and how near. Every store finds what `Search.rank` finds here, in its own index."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from catalog.domain.faults import Faults
from catalog.domain.item import Item
from catalog.domain.text import unstorable, words
from catalog.domain.values import parse_key

MAX_QUERY = 128
MAX_QUERY_WORDS = 8


SEARCHED = ("sku", "name", "description", "category", "attributes")
"""The fields of an item that a search looks at."""


class Rank(IntEnum):
    """How near an item is to a query; nearer ones come first."""

    SKU = 0
    NAME = 1
    ELSEWHERE = 2


@dataclass(frozen=True, slots=True)
class SearchWords:
    """The words an item is found by: those of its name, and those of everything that is searched (the name's included)."""

    name: str
    text: str

    @classmethod
    def of(cls, item: Item) -> Self:
        """Gather the words of the SKU, name, description, category and string attributes, each set joined by spaces."""
        name = words(item.name)
        other = [item.sku, item.description or "", item.category or ""]
        other += [value for value in item.attributes.values() if isinstance(value, str)]
        return cls(" ".join(name), " ".join(name + words(" ".join(other))))


@dataclass(frozen=True, slots=True)
class Search:
    """A query: an item matches when each word is the beginning of one of its words. `sku` is the query read as a SKU."""

    words: tuple[str, ...]
    sku: str | None

    @classmethod
    def parse(cls, raw: str, faults: Faults) -> Self | None:
        """Read the parameter `q`; None when it has no word, for then it asks for everything."""
        bad = unstorable(raw)
        if bad is not None:
            faults.add(("q",), "invalid_text", f"The query contains {bad}; take it out.")
            return None
        key = parse_key(raw)
        sku = key if isinstance(key, str) else None
        found = tuple(dict.fromkeys(words(raw)))
        if len(raw) > MAX_QUERY:
            faults.add(("q",), "too_long", f"The query has {len(raw)} characters; at most {MAX_QUERY} are searched for.")
        elif len(found) > MAX_QUERY_WORDS and sku is None:
            faults.add(("q",), "too_many_words", f"The query has {len(found)} words; at most {MAX_QUERY_WORDS} are searched for.")
        return cls(found, sku) if found else None

    def rank(self, item: Item, has: SearchWords) -> Rank | None:
        """Say how near an item with these words is; None when it does not match."""
        if not self._begin(has.text):
            return None
        if item.sku == self.sku:
            return Rank.SKU
        return Rank.NAME if self._begin(has.name) else Rank.ELSEWHERE

    def _begin(self, text: str) -> bool:
        """Whether each word of the query begins a word of `text`."""
        spaced = " " + text
        return all(" " + word in spaced for word in self.words)
