"""Category cells that are names or paths: finds their categories in the tree, and makes the missing ones."""

from catalog.domain.categories.category import Category, slug_from_name
from catalog.domain.categories.tree import Tree
from catalog.domain.change import Change
from catalog.domain.errors import FieldError, InvalidInput
from catalog.domain.text.normalization import fold
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids

OTHER_CATEGORIES = "other_categories"
"""The attribute for all categories of a cell but the first."""


class CategoryPaths:
    """Resolves category cells on a tree. `created` are the changes that make missing categories, parents first."""

    def __init__(self, tree: Tree, separator: str, clock: Clock, ids: Ids, *, create: bool) -> None:
        """Make missing categories if `create` is set."""
        self.created: dict[str, Change[Category]] = {}
        self._tree = tree
        self._separator = separator
        self._create = create
        self._clock = clock
        self._ids = ids

    def resolve(self, cell: str) -> tuple[str, str]:
        """Return the slug of the cell's category, the first of several, and the text of the others.

        Raises: InvalidInput if it is ambiguous, or unknown and not to be made.
        """
        slug = self._find(cell)
        others = ""
        if slug is None and "," in cell:
            cell, _, others = (part.strip() for part in cell.partition(","))
            slug = self._find(cell)
        return slug or self._make(cell), others

    def _names(self, path: str) -> list[str]:
        return [name.strip() for name in path.split(self._separator)]

    def _find(self, path: str) -> str | None:
        names = self._names(path)
        candidates = list(self._tree) if len(names) == 1 else self._tree.children(None)
        slug = None
        for name in names:
            slug = self._match(name, candidates)
            if slug is None:
                return None
            candidates = self._tree.children(slug)
        return slug

    def _match(self, name: str, candidates: list[Category]) -> str | None:
        if any(category.slug == name for category in candidates):
            return name
        key = fold(name)
        found = [category.slug for category in candidates if fold(category.name) == key]
        if len(found) > 1:
            message = f"Several categories have the name {name[:40]}; use one of the slugs {', '.join(found[:20])}."
            raise InvalidInput([FieldError(("category",), "ambiguous_category", message)])
        return found[0] if found else None

    def _make(self, path: str) -> str:
        if not self._create:
            message = f"There is no category {path[:40]}."
            raise InvalidInput([FieldError(("category",), "unknown_category", message, "create_categories=true")])
        parent: str | None = None
        made: list[Change[Category]] = []
        for name in self._names(path):
            siblings = self._tree.children(parent)
            slug = self._match(name, siblings)
            if slug is None:
                slug = slug_from_name(name)
                if slug is None or slug in self._tree.by_slug or any(slug == change.subject.slug for change in made):
                    message = f"No free slug can be made from the name {name[:40]}; create the category first and use its slug."
                    raise InvalidInput([FieldError(("category",), "invalid_slug", message)])
                position = max((sibling.position + 1 for sibling in siblings), default=0)
                fields = {"slug": slug, "name": name, "parent": parent}
                made.append(
                    Category.create(fields, category_id=self._ids.item_id(), default_position=position, now=self._clock.now())
                )
            parent = slug
        self.created |= {change.subject.slug: change for change in made}
        self._tree = Tree((*self._tree, *(change.subject for change in made)))
        return str(parent)
