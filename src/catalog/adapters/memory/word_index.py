"""The inverted index of the memory store: which items have a word, and which words begin alike."""

from bisect import bisect_left, insort
from collections.abc import Iterable
from uuid import UUID

_LAST = "\U0010ffff"
"""Sorts behind every character of a word."""


class WordIndex:
    """Maps words to the items that have them."""

    def __init__(self) -> None:
        """Start empty."""
        self._ids: dict[str, set[UUID]] = {}
        self.words: list[str] = []
        """Every word once, sorted."""

    def update(self, item_id: UUID, before: str, after: str) -> None:
        """Index an item by the words of `after`, and no longer by those of `before`; words are separated by spaces."""
        if before == after:
            return
        old, new = set(before.split()), set(after.split())
        for word in new - old:
            ids = self._ids.get(word)
            if ids is None:
                ids = self._ids[word] = set()
                insort(self.words, word)
            ids.add(item_id)

        for word in old - new:
            ids = self._ids[word]
            ids.discard(item_id)
            if not ids:
                del self._ids[word], self.words[bisect_left(self.words, word)]

    def ids_by_prefix(self, prefix: str) -> list[set[UUID]]:
        """Return, for each word that begins with `prefix`, the items that have it."""
        words = self.words[bisect_left(self.words, prefix) : bisect_left(self.words, prefix + _LAST)]
        return [self._ids[word] for word in words]

    def ids_with_any(self, words: Iterable[str]) -> set[UUID]:
        """Return the items that have one of these words."""
        return set[UUID]().union(*(self._ids.get(word, ()) for word in words))
