"""Tests of `catalog categories`."""

import pytest

from tests.cli.conftest import Command

pytestmark = pytest.mark.usefixtures("store_url")


def test_categories_are_created_shown_moved_renamed_and_deleted(catalog: Command) -> None:
    """Every command addresses a category by its slug."""
    catalog("categories", "create", "--name", "Garden")
    created = catalog.json("categories", "create", "--name", "Garden chairs", "--parent", "garden")
    assert (created["slug"], created["parent"], created["version"]) == ("garden-chairs", "garden", 1)
    assert "slug         lamps" in catalog("categories", "create", "--name", "Lamps", "--position", "0").stdout
    catalog("items", "create", "--sku", "A", "--name", "x", "--category", "garden-chairs")
    assert catalog("categories", "tree", "--counts").stdout.splitlines() == [
        "Garden (garden)  1",
        "  Garden chairs (garden-chairs)  1",
        "Lamps (lamps)  0",
    ]
    assert catalog("categories", "list", "--counts").stdout.split()[:3] == ["Slug", "Category", "Items"]
    assert "garden-chairs  Garden / Garden chairs" in catalog("categories", "list").stdout
    assert catalog.json("categories", "tree")["categories"][0]["children"][0]["slug"] == "garden-chairs"
    assert catalog.json("categories", "list", "--counts")["categories"][0]["item_count"] == 1
    catalog("categories", "rename", "lamps", "Lights", "--if-version", "1")
    catalog("categories", "move", "garden-chairs", "--parent", "lamps")
    catalog("categories", "move", "garden", "--position", "9")
    assert catalog("categories", "tree").stdout.splitlines() == [
        "Lights (lamps)",
        "  Garden chairs (garden-chairs)",
        "Garden (garden)",
    ]
    assert catalog.json("categories", "move", "garden-chairs", "--root")["parent"] is None
    assert "items: 1" in catalog("categories", "delete", "garden-chairs", code=1).stderr
    assert "with --move-to" in catalog("categories", "delete", "garden-chairs", code=1).stderr
    assert catalog("categories", "delete", "garden-chairs", "--move-to", "garden").stdout == (
        "Deleted garden-chairs. Items moved to garden: 1.\n"
    )
    assert "did you mean garden" in catalog("items", "create", "--name", "x", "--category", "gardens", code=1).stderr
    assert "not both" in catalog("categories", "move", "lamps", "--root", "--parent", "garden", code=2).stderr
    assert "Missing destination" in catalog("categories", "move", "lamps", code=2).stderr
    assert "There is no category nope" in catalog("categories", "rename", "nope", "x", code=1).stderr


def test_an_empty_tree_is_reported(catalog: Command) -> None:
    """The message goes to stderr; stdout stays empty."""
    for command in ("list", "tree"):
        result = catalog("categories", command)
        assert (result.stdout, "No categories yet" in result.stderr) == ("", True)
