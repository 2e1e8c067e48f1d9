"""Reading categories."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from catalog.domain.categories.category import Category


class StoredCategories(Protocol):
    """The categories of the tree."""

    @abstractmethod
    async def categories(self) -> Sequence[Category]:
        """Return all categories, in any order."""
