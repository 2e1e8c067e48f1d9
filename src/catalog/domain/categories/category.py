"""The category: a named place in a tree that items stand in. Its slug never changes, for items refer to it by that."""

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
from catalog.domain.values.read_only import refuse_read_only

CREATED = "category.created"
UPDATED = "category.revised"
DELETED = "category.removed"

KINDS = (CREATED, UPDATED, DELETED)
"""What happens to categories."""

MAX_POSITION = 1_000_000
"""The last place that a category can be given among its siblings."""

_READ_ONLY_FIELDS = ("id", "version")

_ROMANIZED = str.maketrans(ROMANIZED)
_NO_SLUG = (
    "The slug is missing, and cannot be made from the name, some of which cannot be spelled in a-z; give one: garden-chairs."
)
_UPSILON = re.compile(GREEK_U)
_DERIVED = ("path", "item_count", "children")
"""What answers tell of a category beside its fields; a change may send it back, and it is ignored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A category. Siblings (those with the same `parent`, a slug) are in the order of `position`, then of the slug."""

    id: UUID
    slug: str
    name: str
    parent: str | None = None
    position: int = 0
    version: int

    def __post_init__(self) -> None:
        """Hold the invariants; breaking them is a fault of the program, not of an input."""
        if not (self.slug and 0 < len(self.name) <= MAX_NAME and self.version > 0 and self.parent != self.slug):
            message = f"No such category: {self.slug!r}, {self.name!r}, version {self.version}"
            raise ValueError(message)

    @property
    def order(self) -> tuple[int, str]:
        """What siblings are sorted by."""
        return self.position, self.slug

    @classmethod
    def create(cls, fields: Mapping[str, object], *, category_id: UUID, default_position: int, now: datetime) -> Change[Self]:
        """Decide the birth of a category from `fields`, as a caller gave them.

        Without a slug it takes one made from its name, without a position `spare_position`. Raises InvalidInput with
        every fault.
        """
        faults = FieldErrors()
        _refuse_unknown(fields, faults)
        given = {"name": None} | {name: raw for name, raw in fields.items() if raw is not None}
        given.setdefault("slug", slug_from_name(given["name"]))
        values = _parse(given, faults)
        if values.get("slug") is not None and values["slug"] == values.get("parent"):
            faults.add(("parent",), "own_parent", "A category cannot be its own parent.")
        faults.raise_if_any()
        category = cls(**{"position": min(default_position, MAX_POSITION), **values}, id=category_id, version=1)
        return Change(CREATED, None, category, now)

    def update(self, patch: Mapping[str, object], *, default_position: int, now: datetime) -> Change[Self] | None:
        """Decide another name, place or position by a merge patch: `{"parent": null}` makes it a root.

        A category that goes to another parent without a position takes `spare_position`. Read-only fields may be given as they
        are. None when nothing would change. Raises InvalidInput.
        """
        faults = FieldErrors()
        _refuse_unknown(patch, faults, self)
        values = _parse(patch, faults)
        if values.get("slug", self.slug) != self.slug:
            faults.add(("slug",), "read_only", "A slug never changes, for items refer to it; change the name, or make another.")
        if values.get("parent") == self.slug:
            faults.add(("parent",), "own_parent", "A category cannot be its own parent.")
        faults.raise_if_any()
        if "position" not in values and values.get("parent", self.parent) != self.parent:
            values["position"] = min(default_position, MAX_POSITION)
        if all(getattr(self, name) == value for name, value in values.items()):
            return None
        return Change(UPDATED, self, replace(self, **values, version=self.version + 1), now)

    def delete(self, *, now: datetime) -> Change[Self]:
        """Decide the end of the category."""
        return Change(DELETED, self, None, now)


def slug_from_name(name: object) -> str | None:
    """Make a slug from a name; None when it has no letters, or some that cannot be spelled in a-z, so that they would be lost."""
    found = [_spelled(word) for word in words(name)] if isinstance(name, str) else []
    slug = "-".join(word for word in found if word)
    return slug[:MAX_SLUG].rstrip("-") or None if slug.isascii() else None


def _spelled(word: str) -> str:
    """Spell a folded word in a-z as far as that goes. In Greek, an upsilon makes one sound with the vowel before it."""
    return word if word.isascii() else _UPSILON.sub("u", word).translate(_ROMANIZED)


def name_from_slug(slug: str) -> str:
    """Make a name from a slug, where nothing else is known: garden-chairs becomes Garden chairs."""
    return slug.replace("-", " ").capitalize()


def _slug(raw: object, faults: FieldErrors, path: FieldPath) -> str | None:
    """Read the slug, which there must be."""
    if raw is None:
        faults.add(path, "required", _NO_SLUG)
    return parse_category(raw, faults, path)


def _position(raw: object, faults: FieldErrors, path: FieldPath) -> int | None:
    """Read a position."""
    position = whole_number(raw)
    if position is not None and 0 <= position <= MAX_POSITION:
        return position
    faults.add(path, "invalid_position", f"The position is a whole number from 0 to {MAX_POSITION}.")
    return None


_PARSERS: dict[str, Callable[[object, FieldErrors, FieldPath], object]] = {
    "slug": _slug,
    "name": parse_name,
    "parent": parse_category,
    "position": _position,
}

FIELDS = tuple(_PARSERS)
"""The fields that a caller may give."""


def _parse(fields: Mapping[str, object], faults: FieldErrors) -> dict[str, Any]:
    """Read each field by its own rule."""
    return {name: _PARSERS[name](raw, faults, (name,)) for name, raw in fields.items() if name in _PARSERS}


def _refuse_unknown(fields: Mapping[str, object], faults: FieldErrors, current: Category | None = None) -> None:
    """Name the fields that a category has not, and those that a caller may not set: what `current` has may be repeated."""
    for name, raw in fields.items():
        if name in _PARSERS or (current is not None and name in _DERIVED):
            continue
        if name not in _READ_ONLY_FIELDS:
            message = f"A category has no field {shorten(name)}."
            faults.add_unknown((name,), "unknown_field", message, FIELDS, f"A category has the fields {', '.join(FIELDS)}.")
        else:
            refuse_read_only(name, raw, None if current is None else getattr(current, name), faults)
