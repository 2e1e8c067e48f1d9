"""What commands do with the data as a whole stands in the security log."""

import json
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


def test_an_activity_that_cannot_be_recorded_is_a_warning(catalog: Command, store_url: str, tmp_path: Path) -> None:
    """The work is done. A store that goes away at the end is like one that has lost the table by then."""
    catalog("items", "create", "--sku", "a", "--name", "A")
    execute(store_url, "ALTER TABLE security_log RENAME TO away")
    result = catalog("export", str(tmp_path / "out.csv"))
    warning = "The security log could not be written, and lacks what happened last: items.exported."
    assert f"catalog: warning: {warning}\n" in result.stderr
    assert json.dumps(warning) in result.stderr  # the log line
    failed = catalog("export", str(tmp_path / "none.csv"), "--category", "none", code=2)
    assert f"catalog: warning: {warning}\n" in failed.stderr
    execute(store_url, "ALTER TABLE away RENAME TO security_log")
    assert catalog("export", str(tmp_path / "again.csv")).stderr.count("warning") == 0
    assert [event["action"] for event in recorded(catalog)] == ["items.exported"]


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
