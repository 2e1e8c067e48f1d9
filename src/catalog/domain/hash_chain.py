"""Hash chains: each entry of a log has the SHA-256 of the digest before it and of its own content.

Whoever changes, removes or inserts an entry has to change all digests after it. The last digest is noted elsewhere too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Self


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """An end of a chain: the number of an entry, and its digest. Number 0 with an empty digest is before the first entry."""

    seq: int = 0
    digest: bytes = b""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an end that was written as a text. Raises: ValueError."""
        seq, _, digest = text.partition(":")
        if not (seq.isascii() and seq.isdigit()):
            message = f"{seq!r} is not the number of an entry"
            raise ValueError(message)
        return cls(int(seq), bytes.fromhex(digest))

    def __str__(self) -> str:
        """Return the end as SEQ:DIGEST."""
        return f"{self.seq}:{self.digest.hex()}"


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as it is stored: its number, the content that its digest covers, and the digest; None if it has none."""

    seq: int
    content: bytes
    digest: bytes | None


def next_digest(previous: bytes, content: bytes) -> bytes:
    """Return the digest of an entry from the digest before it and its content."""
    return sha256(previous + content).digest()


def follow(start: ChainEnd, links: Iterable[Link], *, accepted: int = 0) -> tuple[ChainEnd, int | None]:
    """Follow a chain. Return how far it is intact, and the number of the first entry that was altered, removed or inserted.

    Entries without a digest are intact up to the number `accepted`. After one, the chain begins anew.
    """
    end = start
    for link in links:
        expected = end.seq + 1
        if link.seq == expected and link.digest is None and link.seq <= accepted:
            end = ChainEnd(link.seq)
        elif link.seq != expected or link.digest != next_digest(end.digest, link.content):
            return end, min(expected, link.seq)
        else:
            end = ChainEnd(link.seq, link.digest)
    return end, None
