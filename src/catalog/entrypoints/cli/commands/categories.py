"""`catalog categories`: list, tree, create, move, rename, delete."""

from collections.abc import Mapping
from typing import Any

import rich_click as click

from catalog.domain.categories.category import Category
from catalog.domain.categories.tree import Tree
from catalog.entrypoints.cli.options import as_json, if_version
from catalog.entrypoints.cli.session import origin, run

_HEADINGS = ("Slug", "Category")
_NONE = "No categories yet. Try `catalog seed` or `catalog categories create`."

Shown = tuple[Tree, Mapping[str, int] | None]


@click.group()
def categories() -> None:
    """Look at the tree of categories, and change it."""


@categories.command("list")
@click.option("--counts", is_flag=True, help="Count the items of each, those of its descendants included.")
@as_json
def list_(*, counts: bool, as_json: bool) -> None:
    """List all categories, from the roots down."""
    tree, totals = run(_reading(counts=counts))
    if as_json:
        _print_json(tree, totals)
        return
    rows = [(category.slug, " / ".join(each.name for each in tree.lineage(category.slug)), category) for category in tree]
    if not rows:
        click.echo(_NONE, err=True)
        return
    slugs, paths = (max(len(heading), *(len(row[index]) for row in rows)) for index, heading in enumerate(_HEADINGS))
    click.echo(f"{_HEADINGS[0]:{slugs}}  {_HEADINGS[1]:{paths}}{'' if totals is None else '  Items'}".rstrip())
    for slug, path, category in rows:
        click.echo(f"{slug:{slugs}}  {path:{paths}}{_counted(category, totals)}".rstrip())


@categories.command("tree")
@click.option("--counts", is_flag=True, help="Count the items of each, those of its descendants included.")
@as_json
def tree_(*, counts: bool, as_json: bool) -> None:
    """Show the tree."""
    tree, totals = run(_reading(counts=counts))
    if as_json:
        _print_json(tree, totals, nested=True)
        return
    if not tree.by_slug:
        click.echo(_NONE, err=True)
    for category in tree:
        indent = "  " * (len(tree.lineage(category.slug)) - 1)
        click.echo(f"{indent}{category.name} ({category.slug}){_counted(category, totals)}")


@categories.command()
@click.option("--name", required=True, help="1 to 200 characters.")
@click.option("--slug", help="a-z, 0-9 and single dashes; made from the name when it is left out.")
@click.option("--parent", help="The slug of the category to stand below.")
@click.option("--position", type=int, help="Its place among its siblings; the last when it is left out.")
@as_json
def create(*, as_json: bool, **fields: str | int | None) -> None:
    """Create a category."""

    async def work(container: Any) -> Category:  # noqa: ANN401 - a Container
        category: Category = await container.categories().create(fields, origin())
        return category

    _show(run(work), as_json=as_json)


@categories.command()
@click.argument("slug")
@click.option("--parent", help="The slug of the category to stand below.")
@click.option("--root", is_flag=True, help="Let it stand below none.")
@click.option("--position", type=int, help="Its place among its siblings; the last when it goes to another parent.")
@if_version
@as_json
def move(slug: str, parent: str | None, position: int | None, if_version: int | None, *, root: bool, as_json: bool) -> None:
    """Put a category below another, or at another place among its siblings."""
    if root and parent is not None:
        message = "--root and --parent are two places; say one."
        raise click.UsageError(message)
    if not root and parent is None and position is None:
        message = "Say where it goes: --parent, --root or --position."
        raise click.UsageError(message)
    patch: dict[str, object] = {"parent": parent} if root or parent is not None else {}
    if position is not None:
        patch["position"] = position
    _revise(slug, patch, if_version, as_json=as_json)


@categories.command()
@click.argument("slug")
@click.argument("name")
@if_version
@as_json
def rename(slug: str, name: str, if_version: int | None, *, as_json: bool) -> None:
    """Give a category another name. Its slug never changes."""
    _revise(slug, {"name": name}, if_version, as_json=as_json)


@categories.command()
@click.argument("slug")
@click.option("--move-to", metavar="SLUG", help="The category that takes the items and children.")
@if_version
def delete(slug: str, move_to: str | None, if_version: int | None) -> None:
    """Remove a category. While anything is in it, say where that goes."""

    async def work(container: Any) -> int:  # noqa: ANN401 - a Container
        service = container.categories()
        moved: int = await service.delete(slug, origin(), await _expected(service, slug, if_version), move_to)
        return moved

    moved = run(work)
    click.echo(f"Removed {slug}." + (f" {moved} items went to {move_to}." if moved else ""))


def _reading(*, counts: bool) -> Any:  # noqa: ANN401 - work for `run`
    async def work(container: Any) -> Shown:  # noqa: ANN401 - a Container
        service = container.categories()
        tree = await service.tree()
        return tree, await service.item_totals(tree) if counts else None

    return work


def _revise(slug: str, patch: Mapping[str, object], version: int | None, *, as_json: bool) -> None:
    async def work(container: Any) -> Category:  # noqa: ANN401 - a Container
        service = container.categories()
        category: Category = await service.update(slug, patch, origin(), await _expected(service, slug, version))
        return category

    _show(run(work), as_json=as_json)


async def _expected(service: Any, slug: str, version: int | None) -> set[tuple[Any, int]] | None:  # noqa: ANN401 - a Categories
    return None if version is None else {((await service.get(slug)).id, version)}


def _counted(category: Category, totals: Mapping[str, int] | None) -> str:
    return "" if totals is None else f"  {totals[category.slug]}"


def _print_json(tree: Tree, totals: Mapping[str, int] | None, *, nested: bool = False) -> None:
    from catalog.entrypoints.representations.items import encode_categories  # noqa: PLC0415 - heavy imports stay out of --help

    click.echo(encode_categories(tree, totals, nested=nested))


def _show(category: Category, *, as_json: bool) -> None:
    """Print a category, a line a field."""
    from catalog.entrypoints.representations.items import encode_category  # noqa: PLC0415 - heavy imports stay out of --help

    if as_json:
        click.echo(encode_category((category,)))
        return
    for name in ("slug", "name", "parent", "position", "version"):
        value = getattr(category, name)
        if value is not None:
            click.echo(f"{name:12} {value}")
