"""The category: a named place in a tree that items stand in. Its slug never changes, for items refer to it by that."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from catalog.domain.change import Change
from catalog.domain.errors import Path, shorten
from catalog.domain.text.folding_table import GREEK_U, ROMANIZED
from catalog.domain.text.normalization import words
from catalog.domain.validation import Faults
from catalog.domain.values.decimal_literal import whole_number
from catalog.domain.values.fields import MAX_NAME, MAX_SLUG, parse_category, parse_name
from catalog.domain.values.read_only import refuse_read_only

CREATED = "category.created"
REVISED = "category.revised"
REMOVED = "category.removed"

KINDS = (CREATED, REVISED, REMOVED)
"""What happens to categories."""

MAX_POSITION = 1_000_000
"""The last place that a category can be given among its siblings."""

_KEPT_BY_US = ("id", "version")

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
    def create(cls, fields: Mapping[str, object], *, category_id: UUID, spare_position: int, now: datetime) -> Change[Self]:
        """Decide the birth of a category from `fields`, as a caller gave them.

        Without a slug it takes one made from its name, without a position `spare_position`. Raises InvalidInput with
        every fault.
        """
        faults = Faults()
        _refuse_unknown(fields, faults)
        given = {"name": None} | {name: raw for name, raw in fields.items() if raw is not None}
        given.setdefault("slug", slug_of(given["name"]))
        values = _read(given, faults)
        if values.get("slug") is not None and values["slug"] == values.get("parent"):
            faults.add(("parent",), "own_parent", "A category cannot be its own parent.")
        faults.refuse()
        category = cls(**{"position": min(spare_position, MAX_POSITION), **values}, id=category_id, version=1)
        return Change(CREATED, None, category, now)

    def revise(self, patch: Mapping[str, object], *, spare_position: int, now: datetime) -> Change[Self] | None:
        """Decide another name, place or position by a merge patch: `{"parent": null}` makes it a root.

        A category that goes to another parent without a position takes `spare_position`. Read-only fields may be given as they
        are. None when nothing would change. Raises InvalidInput.
        """
        faults = Faults()
        _refuse_unknown(patch, faults, self)
        values = _read(patch, faults)
        if values.get("slug", self.slug) != self.slug:
            faults.add(("slug",), "read_only", "A slug never changes, for items refer to it; change the name, or make another.")
        if values.get("parent") == self.slug:
            faults.add(("parent",), "own_parent", "A category cannot be its own parent.")
        faults.refuse()
        if "position" not in values and values.get("parent", self.parent) != self.parent:
            values["position"] = min(spare_position, MAX_POSITION)
        if all(getattr(self, name) == value for name, value in values.items()):
            return None
        return Change(REVISED, self, replace(self, **values, version=self.version + 1), now)

    def remove(self, *, now: datetime) -> Change[Self]:
        """Decide the end of the category."""
        return Change(REMOVED, self, None, now)


def slug_of(name: object) -> str | None:
    """Make a slug from a name; None when it has no letters, or some that cannot be spelled in a-z, so that they would be lost."""
    found = [_spelled(word) for word in words(name)] if isinstance(name, str) else []
    slug = "-".join(word for word in found if word)
    return slug[:MAX_SLUG].rstrip("-") or None if slug.isascii() else None


def _spelled(word: str) -> str:
    """Spell a folded word in a-z as far as that goes. In Greek, an upsilon makes one sound with the vowel before it."""
    return word if word.isascii() else _UPSILON.sub("u", word).translate(_ROMANIZED)


def name_of(slug: str) -> str:
    """Make a name from a slug, where nothing else is known: garden-chairs becomes Garden chairs."""
    return slug.replace("-", " ").capitalize()


def _slug(raw: object, faults: Faults, path: Path) -> str | None:
    """Read the slug, which there must be."""
    if raw is None:
        faults.add(path, "required", _NO_SLUG)
    return parse_category(raw, faults, path)


def _position(raw: object, faults: Faults, path: Path) -> int | None:
    """Read a position."""
    position = whole_number(raw)
    if position is not None and 0 <= position <= MAX_POSITION:
        return position
    faults.add(path, "invalid_position", f"The position is a whole number from 0 to {MAX_POSITION}.")
    return None


_READERS: dict[str, Callable[[object, Faults, Path], object]] = {
    "slug": _slug,
    "name": parse_name,
    "parent": parse_category,
    "position": _position,
}

FIELDS = tuple(_READERS)
"""The fields that a caller may give."""


def _read(fields: Mapping[str, object], faults: Faults) -> dict[str, Any]:
    """Read each field by its own rule."""
    return {name: _READERS[name](raw, faults, (name,)) for name, raw in fields.items() if name in _READERS}


def _refuse_unknown(fields: Mapping[str, object], faults: Faults, current: Category | None = None) -> None:
    """Name the fields that a category has not, and those that a caller may not set: what `current` has may be repeated."""
    for name, raw in fields.items():
        if name in _READERS or (current is not None and name in _DERIVED):
            continue
        if name not in _KEPT_BY_US:
            message = f"A category has no field {shorten(name)}."
            faults.add_unknown((name,), "unknown_field", message, FIELDS, f"A category has the fields {', '.join(FIELDS)}.")
        else:
            refuse_read_only(name, raw, None if current is None else getattr(current, name), faults)
