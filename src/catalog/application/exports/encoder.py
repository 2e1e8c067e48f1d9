"""What an export needs from a format: an encoder, which turns categories and items into bytes piece by piece."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence

from catalog.domain.categories.tree import Tree
from catalog.domain.items.item import Item

Encode = Callable[[Item], bytes]
"""Encodes an item as one line of JSON."""


class Encoder(ABC):
    """Encodes one export: the start, the categories if they are wanted, the items batch by batch, perhaps a trailer, and the end.

    Raises InvalidQuery if something cannot be written in the format, with the SKU of the item and what to do about it.
    """

    in_thread = False
    """Whether a batch takes so long that it must not be encoded on the event loop."""

    def start(self, tree: Tree) -> bytes:  # noqa: ARG002 - most formats do not need the tree
        """Return what comes first. `tree` has the categories of all items, if the format asked for it."""
        return b""

    @abstractmethod
    def categories(self, tree: Tree) -> bytes:
        """Encode the category tree."""

    @abstractmethod
    def items(self, items: Sequence[Item]) -> bytes:
        """Encode a batch of items."""

    def before_trailer(self) -> bytes:
        """Return what separates the last row from the trailer. It is part of what the trailer's digest covers."""
        return b""

    @abstractmethod
    def trailer(self, rows: int, digest: str) -> bytes:
        """Encode the trailer."""

    def end(self) -> Iterator[bytes]:
        """Yield what comes last, in pieces."""
        yield b""

    def close(self) -> None:  # noqa: B027 - most formats hold nothing
        """Release what the encoder holds, also if the export was not finished."""
