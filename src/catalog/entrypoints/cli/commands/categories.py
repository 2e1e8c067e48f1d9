"""`catalog categories`: list, show as a tree, create, move, rename and delete categories."""

from collections.abc import Mapping
from typing import Any

import rich_click as click

from catalog.domain.categories.category import Category
from catalog.domain.categories.tree import Tree
from catalog.entrypoints.cli.options import as_json, if_version
from catalog.entrypoints.cli.session import origin, run
from catalog.entrypoints.cli.tables import print_fields, printed

_HEADINGS = ("Slug", "Category")
_EMPTY = "No categories yet. Try `catalog seed` or `catalog categories create`."

TreeWithCounts = tuple[Tree, Mapping[str, int] | None]


@click.group()
def categories() -> None:
    """List and change the category tree."""


@categories.command("list")
@click.option("--counts", is_flag=True, help="Show item counts, including the items of descendants.")
@as_json
def list_(*, counts: bool, as_json: bool) -> None:
    """List all categories, each before its children."""
    tree, totals = run(_read_tree(counts=counts))
    if as_json:
        _print_json(tree, totals)
        return
    rows = [
        (category.slug, printed(" / ".join(ancestor.name for ancestor in tree.lineage(category.slug))), category)
        for category in tree
    ]
    if not rows:
        click.echo(_EMPTY, err=True)
        return
    slug_width, path_width = (max(len(heading), *(len(row[index]) for row in rows)) for index, heading in enumerate(_HEADINGS))
    click.echo(f"{_HEADINGS[0]:{slug_width}}  {_HEADINGS[1]:{path_width}}{'' if totals is None else '  Items'}".rstrip())
    for slug, path, category in rows:
        click.echo(f"{slug:{slug_width}}  {path:{path_width}}{_count_cell(category, totals)}".rstrip())


@categories.command("tree")
@click.option("--counts", is_flag=True, help="Show item counts, including the items of descendants.")
@as_json
def tree_(*, counts: bool, as_json: bool) -> None:
    """Show categories as an indented tree."""
    tree, totals = run(_read_tree(counts=counts))
    if as_json:
        _print_json(tree, totals, nested=True)
        return
    if not tree.by_slug:
        click.echo(_EMPTY, err=True)
    for category in tree:
        indent = "  " * (len(tree.lineage(category.slug)) - 1)
        click.echo(f"{indent}{printed(category.name)} ({category.slug}){_count_cell(category, totals)}")


@categories.command()
@click.option("--name", required=True, help="1 to 200 characters.")
@click.option("--slug", help="a-z, 0-9 and single dashes; derived from the name if omitted.")
@click.option("--parent", help="Slug of the parent category.")
@click.option("--position", type=int, help="Position among its siblings; last if omitted.")
@as_json
def create(*, as_json: bool, **fields: str | int | None) -> None:
    """Create a category."""

    async def work(container: Any) -> Category:  # noqa: ANN401 - a Container
        category: Category = await container.categories().create(fields, origin())
        return category

    _print_category(run(work), as_json=as_json)


@categories.command()
@click.argument("slug")
@click.option("--parent", help="Slug of the parent category.")
@click.option("--root", is_flag=True, help="Make it a root category.")
@click.option("--position", type=int, help="Position among its siblings; last if omitted and the parent changes.")
@if_version
@as_json
def move(slug: str, parent: str | None, position: int | None, if_version: int | None, *, root: bool, as_json: bool) -> None:
    """Move a category to another parent, or to another position among its siblings."""
    if root and parent is not None:
        message = "Use either --root or --parent, not both."
        raise click.UsageError(message)
    if not root and parent is None and position is None:
        message = "Missing destination: use --parent, --root or --position."
        raise click.UsageError(message)
    patch: dict[str, object] = {"parent": parent} if root or parent is not None else {}
    if position is not None:
        patch["position"] = position
    _update(slug, patch, if_version, as_json=as_json)


@categories.command()
@click.argument("slug")
@click.argument("name")
@if_version
@as_json
def rename(slug: str, name: str, if_version: int | None, *, as_json: bool) -> None:
    """Rename a category. Its slug never changes."""
    _update(slug, {"name": name}, if_version, as_json=as_json)


@categories.command()
@click.argument("slug")
@click.option("--move-to", metavar="SLUG", help="Category to move the items and child categories to.")
@if_version
def delete(slug: str, move_to: str | None, if_version: int | None) -> None:
    """Delete a category. If it has items or child categories, --move-to is required."""

    async def work(container: Any) -> int:  # noqa: ANN401 - a Container
        service = container.categories()
        moved: int = await service.delete(slug, origin(), await _expected_version(service, slug, if_version), move_to)
        return moved

    moved = run(work)
    click.echo(f"Deleted {slug}." + (f" Items moved to {move_to}: {moved}." if moved else ""))


def _read_tree(*, counts: bool) -> Any:  # noqa: ANN401 - work for `run`
    async def work(container: Any) -> TreeWithCounts:  # noqa: ANN401 - a Container
        service = container.categories()
        tree = await service.tree()
        return tree, await service.item_totals(tree) if counts else None

    return work


def _update(slug: str, patch: Mapping[str, object], version: int | None, *, as_json: bool) -> None:
    async def work(container: Any) -> Category:  # noqa: ANN401 - a Container
        service = container.categories()
        category: Category = await service.update(slug, patch, origin(), await _expected_version(service, slug, version))
        return category

    _print_category(run(work), as_json=as_json)


async def _expected_version(service: Any, slug: str, version: int | None) -> set[tuple[Any, int]] | None:  # noqa: ANN401 - a Categories
    return None if version is None else {((await service.get(slug)).id, version)}


def _count_cell(category: Category, totals: Mapping[str, int] | None) -> str:
    return "" if totals is None else f"  {totals[category.slug]}"


def _print_json(tree: Tree, totals: Mapping[str, int] | None, *, nested: bool = False) -> None:
    from catalog.entrypoints.representations.categories import encode_categories  # noqa: PLC0415 - keeps --help fast

    click.echo(encode_categories(tree, totals, nested=nested))


def _print_category(category: Category, *, as_json: bool) -> None:
    """Print a category, one field per line."""
    from catalog.entrypoints.representations.categories import encode_category  # noqa: PLC0415 - keeps --help fast

    if as_json:
        click.echo(encode_category((category,)))
        return
    print_fields({name: getattr(category, name) for name in ("slug", "name", "parent", "position", "version")})
