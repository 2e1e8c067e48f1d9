"""A set of millions of keys in eight bytes each: it remembers only their hashes."""

from array import array
from bisect import bisect_left
from collections.abc import Hashable, Iterable

_BUCKETS = 1024
"""A bucket is sorted when it is first searched. With this many, that takes a millisecond for a million keys."""


class KeyHashes:
    """The hashes of keys.

    Python's hashes of texts have 64 bits and depend on a secret of the process, so two keys have the same hash only by chance.
    Then a key that was never added counts as contained. One that was added always does.
    """

    def __init__(self) -> None:
        """Start without keys."""
        self._buckets = [array("q") for _ in range(_BUCKETS)]
        self._sorted = [True] * _BUCKETS

    def update(self, keys: Iterable[Hashable]) -> None:
        """Add keys."""
        for key in keys:
            value = hash(key)
            self._buckets[value % _BUCKETS].append(value)
            self._sorted[value % _BUCKETS] = False

    def __contains__(self, key: Hashable) -> bool:
        """Return whether a key was added, or one with the same hash."""
        value = hash(key)
        bucket = value % _BUCKETS
        if not self._sorted[bucket]:
            self._buckets[bucket] = array("q", sorted(self._buckets[bucket]))
            self._sorted[bucket] = True
        hashes = self._buckets[bucket]
        position = bisect_left(hashes, value)
        return position < len(hashes) and hashes[position] == value
