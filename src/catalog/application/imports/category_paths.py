"""Category cells, which are slugs, names or paths: finds their categories, and makes the missing ones."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, NoReturn

from catalog.application.imports.category_index import CategoryIndex
from catalog.domain.categories.category import Category, name_from_slug, slug_from_name
from catalog.domain.categories.tree import MAX_DEPTH
from catalog.domain.change import Change
from catalog.domain.errors import FieldError, InvalidInput, InvalidQuery, shorten
from catalog.domain.text.normalization import is_blank, trim
from catalog.domain.values.fields import is_slug
from catalog.ports.clock import Clock
from catalog.ports.ids import Ids

OTHER_CATEGORIES = "other_categories"
"""The attribute for all categories of a cell but the first."""

DEFAULT_SEPARATOR = ">"

MAX_SEPARATOR = 10
"""Maximum length of a separator, in characters."""

_PATH = ("category",)
"""The field that errors refer to."""


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
        """Return the category of a cell. A slug that has no category and cannot get one is returned as it is.

        Raises: InvalidInput if the category is ambiguous, or unknown and cannot be made.
        """
        slug = self._find(cell)
        if slug is not None:
            return CellCategory(slug)
        if is_slug(cell):
            return CellCategory(self._make(cell, name_from_slug(cell), None) if self._create else cell)
        if "," in self._separator:
            return CellCategory(self._make_path(cell))
        first, _, others = (part.strip() for part in cell.strip(", ").partition(","))
        return CellCategory(self._find(first) or self._make_path(first), others)

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

    def _make_path(self, path: str) -> str:
        """Return the slug of the last category of a path. Makes those that are missing."""
        names = self._names(path)
        if not self._create:
            _refuse("unknown_category", f"There is no category {shorten(path, 40)}.", "create_categories=true")
        if len(names) > MAX_DEPTH:
            _refuse("category_too_deep", f"The path has {len(names)} categories; the maximum is {MAX_DEPTH}.")
        parent = None
        for name in names:
            slug = _only(name, self._index.children_named(parent, name))
            parent = self._make_named(name, parent) if slug is None else slug
        return str(parent)

    def _make_named(self, name: str, parent: str | None) -> str:
        slug = slug_from_name(name)
        if slug is None or slug in self._index.by_slug:
            message = f"No free slug can be made from the name '{shorten(name, 40)}'; create the category first and use its slug."
            _refuse("invalid_slug", message)
        return self._make(slug, name, parent)

    def _make(self, slug: str, name: str, parent: str | None) -> str:
        fields = {"slug": slug, "name": name, "parent": parent}
        position = self._index.next_position(parent)
        try:
            change = Category.create(fields, category_id=self._ids.new_id(), default_position=position, now=self._clock.now())
        except InvalidInput as error:
            raise InvalidInput([replace(found, path=_PATH) for found in error.errors]) from error
        self.made[slug] = change
        self._index.add([change.subject])
        return slug


def _only(name: str, slugs: Sequence[str]) -> str | None:
    """Return the only one of the slugs that a name has, None if there is none. Raises: InvalidInput."""
    if len(slugs) > 1:
        message = f"Several categories have the name {shorten(name, 40)}; use one of the slugs {', '.join(slugs[:20])}."
        _refuse("ambiguous_category", message)
    return slugs[0] if slugs else None


def _refuse(code: str, message: str, cure: str = "") -> NoReturn:
    raise InvalidInput([FieldError(_PATH, code, message, cure)])
