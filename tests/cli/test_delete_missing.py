"""`catalog import --delete-missing`."""

from pathlib import Path

import pytest

from tests.cli.conftest import Command

pytestmark = pytest.mark.usefixtures("store_url")


@pytest.fixture(autouse=True)
def _items(catalog: Command) -> None:
    """The items A to L."""
    Path("all.csv").write_text("sku,name\n" + "".join(f"{sku},Item\n" for sku in "ABCDEFGHIJKL"))
    catalog("import", "all.csv")


def _skus(catalog: Command) -> list[str]:
    return [item["sku"] for item in catalog.json("items", "list", "--sort", "sku")["items"]]


def test_missing_items_are_deleted_after_a_dry_run(catalog: Command) -> None:
    """The dry run names the first of them."""
    Path("feed.csv").write_text("sku,name\na,New\n")
    options = ("feed.csv", "--on-conflict", "update", "--delete-missing")
    dry = catalog("import", *options, "--dry-run")
    assert "11 items not in the file: would be 11 deleted." in dry.stdout
    assert "Missing: " in dry.stderr
    assert "… and 1 more." in dry.stderr
    assert len(_skus(catalog)) == 12
    result = catalog("import", *options)
    assert "11 items not in the file: 11 deleted." in result.stdout
    assert "Missing: " not in result.stderr
    assert _skus(catalog) == ["A"]


def test_more_than_max_deletes_deletes_nothing(catalog: Command) -> None:
    """The exit code is 1, in a dry run too, and the message has the option as the command line spells it."""
    Path("feed.csv").write_text("sku,name\nB,New\nM,New\n")
    options = ("feed.csv", "--on-conflict", "update", "--delete-missing", "--max-deletes", "10")
    for dry_run in (["--dry-run"], []):
        result = catalog("import", *options, *dry_run, code=1)
        assert "11 items are not in the file, more than --max-deletes 10, so nothing is deleted." in result.stderr
        assert "If all of them should be, set --max-deletes 11." in result.stderr
        assert "deleted." in result.stdout
        assert "… and 1 more." in result.stderr
    result = catalog("import", *options, "--all-or-nothing", "--set", "description=x", code=1)
    assert "Nothing was written." in result.stderr
    assert len(_skus(catalog)) == 13
    assert catalog.json("items", "get", "B")["description"] is None


def test_a_file_that_cannot_be_read_whole_deletes_nothing(catalog: Command) -> None:
    """Rows without a SKU, or no rows at all."""
    Path("feed.csv").write_text("sku,name\nA,New\n,New\n")
    result = catalog("import", "feed.csv", "--on-conflict", "update", "--delete-missing", code=1)
    assert "the first in line 3" in result.stderr
    assert "not in the file" not in result.stdout
    Path("empty.csv").write_text("sku,name\n")
    result = catalog("import", "empty.csv", "--delete-missing", code=1)
    assert "The file has no rows. With --delete-missing, all items would be missing from it" in result.stderr
    catalog("import", "all.csv", "--delete-missing", "--max-deletes", "-1", code=2)
    assert len(_skus(catalog)) == 12
