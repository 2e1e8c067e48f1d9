"""The inverted index of the memory store: items by word, and words by prefix."""

from bisect import bisect_left, insort
from collections.abc import Iterable
from uuid import UUID

_MAX_CHARACTER = "\U0010ffff"
"""Sorts after every character that a word can contain."""


class WordIndex:
    """Maps words to the items that contain them."""

    def __init__(self) -> None:
        """Start empty."""
        self._ids: dict[str, set[UUID]] = {}
        self.words: list[str] = []
        """All distinct words, sorted."""

    def update(self, item_id: UUID, before: str, after: str) -> None:
        """Index an item under the words of `after` instead of those of `before`. Both are words separated by spaces."""
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
        """Return the sets of items for all words that start with `prefix`, one set per word."""
        words = self.words[bisect_left(self.words, prefix) : bisect_left(self.words, prefix + _MAX_CHARACTER)]
        return [self._ids[word] for word in words]

    def ids_with_any(self, words: Iterable[str]) -> set[UUID]:
        """Return the items that contain at least one of these words."""
        return set[UUID]().union(*(self._ids.get(word, ()) for word in words))
