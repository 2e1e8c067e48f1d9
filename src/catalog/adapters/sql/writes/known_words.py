"""Words of names that this process knows to be stored."""

_MAX_KNOWN_WORDS = 50_000
"""Words that are remembered as already stored."""


class KnownWords:
    """Words of names that are known to be in the database, so that they are not written again.

    Valid only for one connection, and only until unused words are deleted or the log's head moves back: a database that was
    restored from a backup may have fewer words.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.known: set[str] = set()
        self._driver: object = None
        self._head = 0
        self._sweeps = 0

    def validate(self, driver: object, head: int, sweeps: int) -> None:
        """Forget all words if the connection has changed, unused words were deleted, or the head has moved back."""
        if driver is not self._driver or head < self._head or sweeps != self._sweeps:
            self.known.clear()
        self._driver, self._head, self._sweeps = driver, head, sweeps

    def add(self, words: set[str], head: int) -> None:
        """Remember words that were committed; `head` is the log's head after that commit."""
        if len(self.known) + len(words) > _MAX_KNOWN_WORDS:
            self.known.clear()
        self.known |= words
        self._head = head
