"""Tests of `catalog items`."""

import pytest

from tests.cli.conftest import Command

pytestmark = pytest.mark.usefixtures("store_url")


def test_an_item_is_created_shown_changed_and_deleted(catalog: Command) -> None:
    """The commands create, get, update, price and delete work together."""
    catalog("categories", "create", "--name", "Chairs")
    created = catalog.json(
        "items", "create", "--sku", "ch-1", "--name", "Chair", "--price", "12.5", "--currency", "EUR",
        "--category", "chairs", "--attr", "a=1", "--attr", 'b="1"', "--attr", "c=red", "--attr", "d=true", "--attr", "e=null",
    )  # fmt: skip
    assert (created["sku"], created["price"]["amount"], created["version"]) == ("CH-1", "12.50", 1)
    assert created["attributes"] == {"a": 1, "b": "1", "c": "red", "d": True, "e": "null"}
    assert catalog.json("items", "get", "ch-1") == created
    shown = catalog("items", "get", created["id"]).stdout
    assert "12.50 EUR" in shown
    assert 'attr.b       "1"' in shown
    updated = catalog.json(
        "items", "update", "ch-1", "--name", "Stool", "--unset", "price", "--unset", "attr.a", "--if-version", "1"
    )
    assert (updated["name"], updated["price"], "a" in updated["attributes"], updated["version"]) == ("Stool", None, False, 2)
    assert catalog.json("items", "price", "ch-1", "44.90", "EUR", "--if-version", "2")["price"]["amount"] == "44.90"
    assert "has changed since you read it" in catalog("items", "delete", "ch-1", "--if-version", "2", code=1).stderr
    deleted = catalog("items", "delete", "ch-1").stdout
    assert deleted == f"Deleted CH-1. To restore it: catalog items restore {created['id']}\n"
    assert "There is no item ch-1" in catalog("items", "get", "ch-1", code=1).stderr


def test_items_are_listed_searched_and_paged(catalog: Command) -> None:
    """The output is a table, or JSON with --json."""
    for number in range(3):
        catalog("items", "create", "--sku", f"S-{number}", "--name", f"Item {number}")
    table = catalog("items", "list", "--sort", "sku", "--limit", "2")
    assert [line.split()[0] for line in table.stdout.splitlines()] == ["SKU", "S-0", "S-1"]
    assert "--cursor" in table.stderr
    page = catalog.json("items", "list", "--sort", "sku", "--limit", "2")
    rest = catalog.json("items", "list", "--sort", "sku", "--cursor", page["next_cursor"])
    assert [item["sku"] for item in page["items"] + rest["items"]] == ["S-0", "S-1", "S-2"]
    assert [item["sku"] for item in catalog.json("items", "list", "--q", "item 1")["items"]] == ["S-1"]
    assert catalog.json("items", "list", "--q", "…😀")["items"] == []
    assert len(catalog.json("items", "list", "--q", " ")["items"]) == 3
    assert [item["sku"] for item in catalog.json("items", "list", "--q", "s1")["items"]] == ["S-1"]


def test_every_error_has_a_message(catalog: Command) -> None:
    """Invalid input exits with 1, invalid usage with 2."""
    stderr = catalog("items", "create", "--name", " ", "--price", "1.234", "--currency", "EUR", "--attr", "A=1", code=1).stderr
    assert [word in stderr for word in ("name is empty", "EUR has 2 decimal places", "attribute name has")] == [True] * 3
    assert "has no visible characters" in catalog("items", "create", "--name", "\u200b", code=1).stderr
    assert "give one: garden-chairs" in catalog("categories", "create", "--name", "厨房", code=1).stderr
    assert "NAME=VALUE" in catalog("items", "create", "--name", "x", "--attr", "a", code=1).stderr
    catalog("items", "create", "--sku", "A", "--name", "x")
    assert "belongs to another item" in catalog("items", "create", "--sku", "a", "--name", "x", code=1).stderr
    assert "Unknown sort key" in catalog("items", "list", "--sort", "x", code=2).stderr
    for wrong in (("--limit", "0"), ("--limit", "201"), ("--offset", "x"), ("--count", "all")):
        assert f"Invalid value for '{wrong[0]}'" in catalog("items", "list", *wrong, code=2).stderr
    assert "Unknown filter name" in catalog("items", "list", "--filter", "name=x", code=2).stderr
    assert "cursor is damaged" in catalog("items", "list", "--cursor", "x", code=2).stderr
    assert "No such option" in catalog("items", "list", "--colour", code=2).stderr


def test_a_list_is_filtered(catalog: Command) -> None:
    """Use dedicated options, or --filter with any field and operator. Errors name the wrong filter."""
    catalog("categories", "create", "--name", "x")
    for sku, price in (("A", "1"), ("B", "2"), ("C", "3")):
        options = ("--price", price, "--currency", "EUR", "--category", "x")
        catalog("items", "create", "--sku", sku, "--name", f"Item {sku}", *options)
    catalog("items", "create", "--sku", "D", "--name", "Item D")

    def skus(*options: str) -> list[str]:
        page = catalog.json("items", "list", "--sort", "sku", *options)
        return [item["sku"] for item in page["items"]]

    assert skus("--sku", "a", "--sku", "c") == ["A", "C"]
    assert skus("--currency", "EUR", "--price-min", "2") == ["B", "C"]
    assert skus("--category", "x", "--filter", "version__lte=1", "--filter", "sku__ne=B") == ["A", "C"]
    assert skus("--filter", "category__exists=false") == ["D"]
    assert "version__like" in catalog("items", "list", "--filter", "version__like=1", code=2).stderr


def test_empty_results_are_reported(catalog: Command) -> None:
    """The message goes to stderr, so that stdout stays empty for programs."""
    listed = catalog("items", "list")
    assert (listed.stdout, "catalog seed" in listed.stderr) == ("", True)
    catalog("items", "create", "--sku", "A", "--name", "x")
    filtered = catalog("items", "list", "--currency", "EUR")
    assert (filtered.stdout, filtered.stderr) == ("", "No items match.\n")
    prices = catalog("items", "prices", "a")
    assert (prices.stdout, prices.stderr) == ("", "No price recorded for a.\n")
    assert "No price was in force" in catalog("items", "prices", "a", "--as-of", "2020-01-01").stderr
    assert catalog("changes", "list", "--after", "999").stderr == "No changes.\n"


def test_long_attribute_names_keep_the_columns_aligned(catalog: Command) -> None:
    """The name column is as wide as the longest name."""
    lines = catalog("items", "create", "--sku", "A", "--name", "x", "--attr", "weight_in_kilograms=4.5").stdout.splitlines()
    assert "attr.weight_in_kilograms 4.5" in lines
    assert f"{'sku':24} A" in lines


def test_delete_prints_the_command_that_restores_the_item(catalog: Command) -> None:
    """The last word of its output is the key to restore."""
    catalog("items", "create", "--sku", "A", "--name", "x")
    key = catalog("items", "delete", "a", "--if-version", "1").stdout.split()[-1]
    assert catalog.json("items", "restore", key)["sku"] == "A"
