"""Category cells, which are slugs, names or paths: finds their categories, and makes the missing ones."""

from collections.abc import Sequence
from typing import NamedTuple

from catalog.application.imports.category_index import CategoryIndex
from catalog.domain.categories.category import Category, name_from_slug, slug_from_name
from catalog.domain.change import Change
from catalog.domain.errors import FieldError, InvalidInput, InvalidQuery
from catalog.domain.text.normalization import is_blank, trim
from catalog.domain.values.fields import is_slug
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids

OTHER_CATEGORIES = "other_categories"
"""The attribute for all categories of a cell but the first."""

MAX_SEPARATOR = 10
"""Maximum length of a separator, in characters."""


def parse_separator(value: object) -> str:
    """Parse what separates the names of a path, such as `>`. Spaces around it are removed, as they are around the names.

    Raises: InvalidQuery.
    """
    if isinstance(value, str) and len(value) <= MAX_SEPARATOR and not is_blank(value):
        return trim(value)
    message = (
        f"The category_separator must have 1 to {MAX_SEPARATOR} characters, at least one of them visible, "
        f"such as > or /, not {value!r:.40}."
    )
    raise InvalidQuery([FieldError(("category_separator",), "invalid_separator", message)])


class CellCategory(NamedTuple):
    """What a cell says: the slug of its category, which is the first of several, and the text of the others."""

    slug: str
    others: str = ""


class CategoryPaths:
    """Resolves category cells on an index. `made` are the changes that make missing categories by slug, parents first."""

    def __init__(self, index: CategoryIndex, separator: str, clock: Clock, ids: Ids, *, create: bool) -> None:
        """Make missing categories if `create` is set, and add them to the index."""
        self.made: dict[str, Change[Category]] = {}
        self._index = index
        self._separator = separator
        self._create = create
        self._clock = clock
        self._ids = ids

    def resolve(self, cell: str) -> CellCategory:
        """Return the category of a cell. A slug without a category is returned unchanged, for the decision to refuse.

        Raises: InvalidInput if the category is ambiguous, or unknown and cannot be made.
        """
        if is_slug(cell):
            return CellCategory(self._find(cell) or self._make_root(cell))
        slug = self._find(cell)
        others = ""
        if slug is None and "," in cell and "," not in self._separator:
            cell, _, others = (part.strip() for part in cell.partition(","))
            slug = self._find(cell)
        return CellCategory(slug or self._make_path(cell), others)

    def _names(self, path: str) -> list[str]:
        return [name.strip() for name in path.split(self._separator)]

    def _find(self, path: str) -> str | None:
        """Return the slug of a category by its slug, its name, or the path of names from its root; None if there is none."""
        if path in self._index.by_slug:
            return path
        names = self._names(path)
        if len(names) == 1:
            return _only(path, self._index.named(path))
        slug = None
        for name in names:
            slug = _only(name, self._index.children_named(slug, name))
            if slug is None:
                return None
        return slug

    def _make_root(self, slug: str) -> str:
        if self._create:
            self._add([self._new(slug, name_from_slug(slug), None)])
        return slug

    def _make_path(self, path: str) -> str:
        if not self._create:
            message = f"There is no category {path[:40]}; create it first, or set create_categories=true."
            raise InvalidInput([FieldError(("category",), "unknown_category", message)])
        parent: str | None = None
        changes: list[Change[Category]] = []
        for name in self._names(path):
            slug = _only(name, self._index.children_named(parent, name))
            if slug is None:
                slug = slug_from_name(name)
                if slug is None or slug in self._index.by_slug or any(slug == change.subject.slug for change in changes):
                    message = f"No free slug can be made from the name {name[:40]}; create the category first and use its slug."
                    raise InvalidInput([FieldError(("category",), "invalid_slug", message)])
                changes.append(self._new(slug, name, parent))
            parent = slug
        self._add(changes)
        return str(parent)

    def _new(self, slug: str, name: str, parent: str | None) -> Change[Category]:
        fields = {"slug": slug, "name": name, "parent": parent}
        position = self._index.next_position(parent)
        return Category.create(fields, category_id=self._ids.item_id(), default_position=position, now=self._clock.now())

    def _add(self, changes: Sequence[Change[Category]]) -> None:
        for change in changes:
            self.made[change.subject.slug] = change
            self._index.add(change.subject)


def _only(name: str, slugs: Sequence[str]) -> str | None:
    """Return the only one of the slugs that a name has, None if there is none. Raises: InvalidInput."""
    if len(slugs) > 1:
        message = f"Several categories have the name {name[:40]}; use one of the slugs {', '.join(slugs[:20])}."
        raise InvalidInput([FieldError(("category",), "ambiguous_category", message)])
    return slugs[0] if slugs else None
