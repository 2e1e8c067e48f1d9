"""What commands do with the data as a whole stands in the security log."""

from pathlib import Path
from typing import Any

import pytest

from catalog.entrypoints import identity_plugins
from tests.cli.conftest import Command
from tests.cli.test_audit import execute, now


def recorded(catalog: Command) -> list[dict[str, Any]]:
    """Return the security log, the oldest event first."""
    return list(reversed(catalog.json("audit", "list", "--stream", "security")["events"]))


@pytest.mark.usefixtures("store_url")
def test_imports_exports_and_prunes_are_recorded(catalog: Command, tmp_path: Path) -> None:
    """With counts; also those that fail, but no dry runs. Other commands record nothing."""
    file = tmp_path / "items.csv"
    file.write_text("sku,name\nA,A\nB,B\n")
    empty = tmp_path / "empty.bin"
    empty.write_bytes(b"\x00\x01\x02")
    catalog("items", "list")
    catalog("import", str(file), "--dry-run")
    assert recorded(catalog) == []
    catalog("import", str(file))
    catalog("import", str(file), "--all-or-nothing", code=1)
    catalog("import", str(empty), code=1)
    catalog("export", str(tmp_path / "out.csv"))
    catalog("export", str(tmp_path / "none.csv"), "--category", "none", code=2)
    catalog("changes", "prune", "--before", now(), "--archive", str(tmp_path / "archive.jsonl"))
    events = recorded(catalog)
    assert [(event["action"], event["result"], event["subject"]) for event in events] == [
        ("items.imported", "success", None),
        ("items.imported", "failure", None),
        ("items.imported", "failure", None),
        ("items.exported", "success", None),
        ("items.exported", "failure", None),
        ("changes.pruned", "success", "catalog"),
    ]
    assert events[0]["detail"] == {"format": "csv", "rows": 2, "created": 2, "updated": 0, "deleted": 0, "refused": 0}
    assert [event["detail"].get("error") for event in events[1:3]] == ["refused", "invalid_file"]
    assert (events[3]["detail"], events[5]["detail"]) == ({"format": "csv", "rows": 2}, {"last_seq": 2})
    assert {(event["actor"], event["credential"]) for event in events} == {("cli", "cli")}
    catalog("audit", "verify")


@pytest.mark.parametrize("store", ["sqlite"])
@pytest.mark.usefixtures("store_url")
def test_a_storage_without_identity_records_nothing(catalog: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And that is no error."""
    monkeypatch.setattr(identity_plugins, "_plugins", dict)
    catalog("export", str(tmp_path / "out.csv"))
    assert recorded(catalog) == []


def test_a_head_that_is_not_hexadecimal_is_reported(catalog: Command, store_url: str) -> None:
    """With stream and number, and exit code 1. The other stream is verified too."""
    catalog("items", "create", "--sku", "a", "--name", "A")
    execute(store_url, "UPDATE log_head SET chain_end = 'not hexadecimal'")
    result = catalog("audit", "verify", code=1)
    assert "catalog 1: this entry was altered" in result.stderr
    assert result.stdout.startswith("security 0:")
