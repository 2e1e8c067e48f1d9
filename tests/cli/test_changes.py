"""Tests of `catalog changes`, and of the history commands of `catalog items`."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.test_audit import now

pytestmark = pytest.mark.usefixtures("store_url")


@pytest.fixture
def lived(catalog: Command) -> str:
    """The id of an item that was created, repriced and deleted."""
    created = catalog.json("items", "create", "--sku", "a", "--name", "A", "--price", "10", "--currency", "EUR")
    catalog("items", "price", "a", "8", "EUR")
    catalog("items", "delete", "a")
    return str(created["id"])


def test_changes_are_listed(catalog: Command, lived: str) -> None:
    """The output is a table, or JSON with --json."""
    table = catalog("changes", "list").stdout.splitlines()
    assert [line.split()[0] for line in table[1:]] == ["1", "2", "3"]
    assert "item.repriced" in table[2]
    assert "price" in table[2]
    page = catalog.json("changes", "list", "--after", "1", "--limit", "1", "--item", lived)
    assert ([entry["seq"] for entry in page["changes"]], page["next_after"]) == ([2], 2)
    assert "--after 1" in catalog("changes", "list", "--limit", "1").stderr
    assert "Unknown kind" in catalog("changes", "list", "--kind", "x", code=2).stderr
    catalog("categories", "create", "--name", "Lamps")
    assert "lamps" in catalog("changes", "list", "--kind", "category.created").stdout


def test_a_deleted_item_has_a_history_and_is_restored_and_reverted(catalog: Command, lived: str) -> None:
    """Its price history covers the deletion, the restore and the revert."""
    assert "item.removed" in catalog("items", "history", "a").stdout
    assert len(catalog.json("items", "history", lived)["changes"]) == 3
    assert "--after 2" in catalog("items", "history", "a", "--limit", "2").stderr
    assert catalog.json("items", "restore", lived)["version"] == 4
    assert "not deleted" in catalog("items", "restore", lived, code=1).stderr
    prices = catalog("items", "prices", "a").stdout.splitlines()
    assert [line.split()[0] for line in prices[:3]] == ["10.00", "8.00", "8.00"]
    assert prices[2].endswith("to now")
    assert prices[3] == "Lowest of the last 30 days: 8.00 EUR"
    reverted = catalog.json("items", "revert", "a", "1", "--if-version", "4")
    assert (reverted["price"]["amount"], reverted["version"]) == ("10.00", 5)
    assert "has changed since you read it" in catalog("items", "revert", "a", "1", "--if-version", "4", code=1).stderr
    assert catalog.json("items", "prices", "a", "--as-of", "2020-01-01")["prices"] == []
    assert "must be a time" in catalog("items", "prices", "a", "--as-of", "x", code=2).stderr


def test_old_changes_are_archived_and_pruned(
    catalog: Command, lived: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The archive is complete and ends with a trailer. The log then starts after the pruned entries.

    A time in the future would empty the log.
    """
    archive = tmp_path / "archive.jsonl"
    prune = ("changes", "prune", "--archive", str(archive))
    assert "--before" in catalog(*prune, code=2).stderr
    assert "must be a time" in catalog(*prune, "--before", "x", code=2).stderr
    assert "No changes are old enough" in catalog(*prune, "--before", "2020-01-01").stdout
    monkeypatch.setenv("CATALOG_CHANGES__RETENTION_DAYS", "30")
    assert "No changes are old enough" in catalog(*prune).stdout
    assert "must not be in the future" in catalog(*prune, "--before", "2999-01-01", code=2).stderr
    assert not archive.exists()
    result = catalog("changes", "prune", "--before", now(), "--archive", str(tmp_path / "no" / "a"), code=2)
    assert "no such file" in result.stderr
    assert "Moved 3 changes, up to number 3," in catalog(*prune, "--before", now()).stdout
    *lines, trailer = [json.loads(line) for line in archive.read_text().splitlines()]
    assert ([line["seq"] for line in lines], trailer["_end"]["rows"]) == ([1, 2, 3], 3)
    assert "already exists" in catalog(*prune, "--before", now(), code=2).stderr
    assert "There is no item" in catalog("items", "history", lived, code=1).stderr
    assert "begins after entry 3" in catalog("changes", "list", "--after", "1", code=1).stderr
    catalog("items", "create", "--sku", "b", "--name", "B")
    catalog("changes", "prune", "--before", now(), "--archive", str(tmp_path / "second.jsonl"))
    assert "were pruned" in catalog("items", "history", "b").stderr
