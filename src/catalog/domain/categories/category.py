"""The category: a node in the category tree. Its slug never changes, because items refer to it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from catalog.domain.change import Change
from catalog.domain.errors import FieldPath, shorten
from catalog.domain.text.folding_table import GREEK_U, ROMANIZED
from catalog.domain.text.normalization import words
from catalog.domain.validation import FieldErrors
from catalog.domain.values.decimal_literal import whole_number
from catalog.domain.values.fields import MAX_NAME, MAX_SLUG, parse_category, parse_name
from catalog.domain.values.read_only import reject_read_only

CREATED = "category.created"
UPDATED = "category.revised"
DELETED = "category.removed"

KINDS = (CREATED, UPDATED, DELETED)
"""The kinds of change of a category."""

MAX_POSITION = 1_000_000
"""The highest position that a category can have among its siblings."""

_READ_ONLY_FIELDS = ("id", "version")

_ROMANIZED = str.maketrans(ROMANIZED)
_NO_SLUG = (
    "The slug is missing and cannot be made from the name, parts of which cannot be spelled in a-z; give one: garden-chairs."
)
_UPSILON = re.compile(GREEK_U)
_DERIVED_MEMBERS = ("path", "item_count", "children")
"""Members of a response that are derived from other data. Updates may send them back; they are ignored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A category. `parent` is a slug; siblings are ordered by `position`, then by slug."""

    id: UUID
    slug: str
    name: str
    parent: str | None = None
    position: int = 0
    version: int

    def __post_init__(self) -> None:
        """Check the invariants. A violation is a bug, not invalid input. Raises: ValueError."""
        if not (self.slug and 0 < len(self.name) <= MAX_NAME and self.version > 0 and self.parent != self.slug):
            message = f"Invalid category: {self.slug!r}, {self.name!r}, version {self.version}"
            raise ValueError(message)

    @property
    def order(self) -> tuple[int, str]:
        """The sort key among siblings."""
        return self.position, self.slug

    @classmethod
    def create(cls, fields: Mapping[str, object], *, category_id: UUID, default_position: int, now: datetime) -> Change[Self]:
        """Return the change that creates a category from a caller's `fields`.

        The slug defaults to one made from the name, the position to `default_position`. Raises: InvalidInput, with every error.
        """
        errors = FieldErrors()
        _reject_unknown(fields, errors)
        complete = {"name": None} | {name: raw for name, raw in fields.items() if raw is not None}
        complete.setdefault("slug", slug_from_name(complete["name"]))
        values = _parse(complete, errors)
        if values.get("slug") is not None and values["slug"] == values.get("parent"):
            errors.add(("parent",), "own_parent", "A category cannot be its own parent.")
        errors.raise_if_any()
        category = cls(**{"position": min(default_position, MAX_POSITION), **values}, id=category_id, version=1)
        return Change(CREATED, None, category, now)

    def update(self, patch: Mapping[str, object], *, default_position: int, now: datetime) -> Change[Self] | None:
        """Return the change by a merge patch of name, parent and position: `{"parent": null}` makes the category a root.

        A move to another parent without a position uses `default_position`. Read-only fields may be sent with their current
        values. None if nothing changes. Raises: InvalidInput.
        """
        errors = FieldErrors()
        _reject_unknown(patch, errors, self)
        values = _parse(patch, errors)
        if values.get("slug", self.slug) != self.slug:
            errors.add(
                ("slug",),
                "read_only",
                "A slug cannot be changed, because items refer to it; change the name or create another category.",
            )
        if values.get("parent") == self.slug:
            errors.add(("parent",), "own_parent", "A category cannot be its own parent.")
        errors.raise_if_any()
        if "position" not in values and values.get("parent", self.parent) != self.parent:
            values["position"] = min(default_position, MAX_POSITION)
        if all(getattr(self, name) == value for name, value in values.items()):
            return None
        return Change(UPDATED, self, replace(self, **values, version=self.version + 1), now)

    def delete(self, *, now: datetime) -> Change[Self]:
        """Return the change that deletes the category."""
        return Change(DELETED, self, None, now)


def slug_from_name(name: object) -> str | None:
    """Make a slug from a name. None if it has no letters, or letters that would be lost because they have no spelling in a-z."""
    romanized = [_romanize(word) for word in words(name)] if isinstance(name, str) else []
    slug = "-".join(word for word in romanized if word)
    return slug[:MAX_SLUG].rstrip("-") or None if slug.isascii() else None


def _romanize(word: str) -> str:
    """Spell a folded word in a-z as far as possible. A Greek upsilon forms a digraph with the vowel before it."""
    return word if word.isascii() else _UPSILON.sub("u", word).translate(_ROMANIZED)


def name_from_slug(slug: str) -> str:
    """Make a name from a slug, for a category whose name is unknown: garden-chairs becomes Garden chairs."""
    return slug.replace("-", " ").capitalize()


def _parse_slug(raw: object, errors: FieldErrors, path: FieldPath) -> str | None:
    """Parse the slug, which is required."""
    if raw is None:
        errors.add(path, "required", _NO_SLUG)
    return parse_category(raw, errors, path)


def _parse_position(raw: object, errors: FieldErrors, path: FieldPath) -> int | None:
    """Parse a position."""
    position = whole_number(raw)
    if position is not None and 0 <= position <= MAX_POSITION:
        return position
    errors.add(path, "invalid_position", f"The position must be a whole number from 0 to {MAX_POSITION}.")
    return None


_PARSERS: dict[str, Callable[[object, FieldErrors, FieldPath], object]] = {
    "slug": _parse_slug,
    "name": parse_name,
    "parent": parse_category,
    "position": _parse_position,
}

FIELDS = tuple(_PARSERS)
"""The fields that callers can set."""


def _parse(fields: Mapping[str, object], errors: FieldErrors) -> dict[str, Any]:
    """Parse each known field with its parser."""
    return {name: _PARSERS[name](raw, errors, (name,)) for name, raw in fields.items() if name in _PARSERS}


def _reject_unknown(fields: Mapping[str, object], errors: FieldErrors, current: Category | None = None) -> None:
    """Add an error for each unknown field, and for each read-only field that does not repeat the value of `current`."""
    for name, raw in fields.items():
        if name in _PARSERS or (current is not None and name in _DERIVED_MEMBERS):
            continue
        if name not in _READ_ONLY_FIELDS:
            message = f"Unknown category field {shorten(name)}."
            errors.add_unknown((name,), "unknown_field", message, FIELDS, f"Allowed category fields: {', '.join(FIELDS)}.")
        else:
            reject_read_only(name, raw, None if current is None else getattr(current, name), errors)
