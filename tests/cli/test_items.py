"""`catalog items`: what people type, and what programs read."""

import pytest

from tests.cli.conftest import Command

pytestmark = pytest.mark.usefixtures("store_url")


def test_an_item_is_created_shown_changed_and_deleted(catalog: Command) -> None:
    """From its birth to its end."""
    catalog("categories", "create", "--name", "Chairs")
    made = catalog.json(
        "items", "create", "--sku", "ch-1", "--name", "Chair", "--price", "12.5", "--currency", "EUR",
        "--category", "chairs", "--attr", "a=1", "--attr", 'b="1"', "--attr", "c=red", "--attr", "d=true", "--attr", "e=null",
    )  # fmt: skip
    assert (made["sku"], made["price"]["amount"], made["version"]) == ("CH-1", "12.50", 1)
    assert made["attributes"] == {"a": 1, "b": "1", "c": "red", "d": True, "e": "null"}
    assert catalog.json("items", "get", "ch-1") == made
    shown = catalog("items", "get", made["id"]).stdout
    assert "12.50 EUR" in shown
    assert 'attr.b       "1"' in shown
    changed = catalog.json(
        "items", "update", "ch-1", "--name", "Stool", "--unset", "price", "--unset", "attr.a", "--if-version", "1"
    )
    assert (changed["name"], changed["price"], "a" in changed["attributes"], changed["version"]) == ("Stool", None, False, 2)
    assert catalog.json("items", "price", "ch-1", "44.90", "EUR", "--if-version", "2")["price"]["amount"] == "44.90"
    assert "has changed since you read it" in catalog("items", "delete", "ch-1", "--if-version", "2", code=1).stderr
    removed = catalog("items", "delete", "ch-1").stdout
    assert removed == f"Removed CH-1. To bring it back: catalog items restore {made['id']}\n"
    assert "There is no item ch-1" in catalog("items", "get", "ch-1", code=1).stderr


def test_items_are_listed_searched_and_paged(catalog: Command) -> None:
    """As a table for people, as JSON for programs."""
    for number in range(3):
        catalog("items", "create", "--sku", f"S-{number}", "--name", f"Item {number}")
    table = catalog("items", "list", "--sort", "sku", "--limit", "2")
    assert [line.split()[0] for line in table.stdout.splitlines()] == ["SKU", "S-0", "S-1"]
    assert "--cursor" in table.stderr
    page = catalog.json("items", "list", "--sort", "sku", "--limit", "2")
    rest = catalog.json("items", "list", "--sort", "sku", "--cursor", page["next_cursor"])
    assert [one["sku"] for one in page["items"] + rest["items"]] == ["S-0", "S-1", "S-2"]
    assert [one["sku"] for one in catalog.json("items", "list", "--q", "item 1")["items"]] == ["S-1"]
    assert catalog.json("items", "list", "--q", "…😀")["items"] == []
    assert len(catalog.json("items", "list", "--q", " ")["items"]) == 3
    assert [one["sku"] for one in catalog.json("items", "list", "--q", "s1")["items"]] == ["S-1"]


def test_every_fault_is_told_in_words(catalog: Command) -> None:
    """Refused input is exit 1, wrong usage exit 2."""
    said = catalog("items", "create", "--name", " ", "--price", "1.234", "--currency", "EUR", "--attr", "A=1", code=1).stderr
    assert [word in said for word in ("name is empty", "EUR has 2 decimal places", "attribute name has")] == [True] * 3
    assert "has no visible characters" in catalog("items", "create", "--name", "\u200b", code=1).stderr
    assert "give one: garden-chairs" in catalog("categories", "create", "--name", "厨房", code=1).stderr
    assert "NAME=VALUE" in catalog("items", "create", "--name", "x", "--attr", "a", code=1).stderr
    catalog("items", "create", "--sku", "A", "--name", "x")
    assert "belongs to another item" in catalog("items", "create", "--sku", "a", "--name", "x", code=1).stderr
    assert "is not sorted by" in catalog("items", "list", "--sort", "x", code=2).stderr
    for wrong in (("--limit", "0"), ("--limit", "201"), ("--offset", "x"), ("--count", "all")):
        assert f"Invalid value for '{wrong[0]}'" in catalog("items", "list", *wrong, code=2).stderr
    assert "There is no filter name" in catalog("items", "list", "--filter", "name=x", code=2).stderr
    assert "cursor is damaged" in catalog("items", "list", "--cursor", "x", code=2).stderr
    assert "No such option" in catalog("items", "list", "--colour", code=2).stderr


def test_a_list_is_filtered(catalog: Command) -> None:
    """By options of their own, and by any field with an operator; what is wrong is told by its name."""
    catalog("categories", "create", "--name", "x")
    for sku, price in (("A", "1"), ("B", "2"), ("C", "3")):
        priced = ("--price", price, "--currency", "EUR", "--category", "x")
        catalog("items", "create", "--sku", sku, "--name", f"Item {sku}", *priced)
    catalog("items", "create", "--sku", "D", "--name", "Item D")

    def skus(*options: str) -> list[str]:
        listed = catalog.json("items", "list", "--sort", "sku", *options)
        return [item["sku"] for item in listed["items"]]

    assert skus("--sku", "a", "--sku", "c") == ["A", "C"]
    assert skus("--currency", "EUR", "--price-min", "2") == ["B", "C"]
    assert skus("--category", "x", "--filter", "version__lte=1", "--filter", "sku__ne=B") == ["A", "C"]
    assert skus("--filter", "category__exists=false") == ["D"]
    assert "version__like" in catalog("items", "list", "--filter", "version__like=1", code=2).stderr


def test_what_is_not_there_is_said(catalog: Command) -> None:
    """On stderr, so that a program reads nothing where there is nothing."""
    listed = catalog("items", "list")
    assert (listed.stdout, "catalog seed" in listed.stderr) == ("", True)
    catalog("items", "create", "--sku", "A", "--name", "x")
    found = catalog("items", "list", "--currency", "EUR")
    assert (found.stdout, found.stderr) == ("", "No items match.\n")
    priced = catalog("items", "prices", "a")
    assert (priced.stdout, priced.stderr) == ("", "No price has been recorded for a.\n")
    assert "No price was in force" in catalog("items", "prices", "a", "--as-of", "2020-01-01").stderr
    assert catalog("changes", "list", "--after", "999").stderr == "No changes.\n"


def test_long_names_of_attributes_keep_the_columns_in_line(catalog: Command) -> None:
    """As wide as the longest needs."""
    shown = catalog("items", "create", "--sku", "A", "--name", "x", "--attr", "weight_in_kilograms=4.5").stdout.splitlines()
    assert "attr.weight_in_kilograms 4.5" in shown
    assert f"{'sku':24} A" in shown


def test_what_was_deleted_is_brought_back_by_what_delete_printed(catalog: Command) -> None:
    """The last word of it."""
    catalog("items", "create", "--sku", "A", "--name", "x")
    key = catalog("items", "delete", "a", "--if-version", "1").stdout.split()[-1]
    assert catalog.json("items", "restore", key)["sku"] == "A"
