"""JSON representations of categories."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.domain.categories.category import Category
from catalog.domain.categories.tree import Tree
from catalog.entrypoints.representations.fields import Count, Name, Position, Slug, Version

_encoder = msgspec.json.Encoder()


class CategoryStepBody(msgspec.Struct):
    """A category in the path from the root to another category."""

    slug: Slug
    name: Name


class CategoryBody(msgspec.Struct):
    """A category."""

    slug: Slug
    name: Name
    parent: Annotated[Slug | None, Meta(description="The slug of the parent; null for a root category.")]
    position: Position
    version: Version
    path: Annotated[
        list[CategoryStepBody] | UnsetType, Meta(description="The path from the root to this category, inclusive.")
    ] = UNSET
    item_count: Annotated[
        Count | UnsetType, Meta(description="Number of items in the category and its descendants; with `counts=true`.")
    ] = UNSET
    children: Annotated[list["CategoryBody"] | UnsetType, Meta(description="With `as=tree`.")] = UNSET


class CategoriesBody(msgspec.Struct):
    """All categories: either flat, each followed by its children, or the roots with nested children."""

    categories: list[CategoryBody]


def encode_category(lineage: Sequence[Category], item_count: int | None = None) -> bytes:
    """Encode the last category of a lineage, with its path."""
    return _encoder.encode(to_category_with_path(lineage, {} if item_count is None else {lineage[-1].slug: item_count}))


def encode_categories(tree: Tree, totals: Mapping[str, int] | None = None, *, nested: bool = False) -> bytes:
    """Encode all categories, with item counts if `totals` is given."""
    bodies = {category.slug: to_category_body(category, totals or {}) for category in tree}
    if not nested:
        return _encoder.encode(CategoriesBody(list(bodies.values())))
    for slug, body in bodies.items():
        body.children = [bodies[child.slug] for child in tree.children(slug)]
    return _encoder.encode(CategoriesBody([bodies[root.slug] for root in tree.children(None)]))


def to_category_with_path(lineage: Sequence[Category], totals: Mapping[str, int] | None = None) -> CategoryBody:
    """Return the body of the last category of a lineage, with its path."""
    body = to_category_body(lineage[-1], totals or {})
    body.path = [CategoryStepBody(step.slug, step.name) for step in lineage]
    return body


def to_category_body(category: Category, totals: Mapping[str, int] = MappingProxyType({})) -> CategoryBody:
    """Return the body of a category, with its item count if `totals` has one."""
    return CategoryBody(
        slug=category.slug,
        name=category.name,
        parent=category.parent,
        position=category.position,
        version=category.version,
        item_count=totals.get(category.slug, UNSET),
    )
