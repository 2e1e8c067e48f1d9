"""Tests of `catalog audit`."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from catalog.domain.identity.security_log import SecurityEvent
from catalog.entrypoints import identity_plugins
from catalog.entrypoints.identity_plugins import open_identity
from catalog.ports.storage import StorageOptions
from tests.cli.conftest import Command
from tests.run_sql import run_sql

NOW = datetime.now(UTC)


def now() -> str:
    """Return the time, as an option takes it."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def execute(store_url: str, sql: str) -> None:
    """Run SQL on the database, past the service."""
    asyncio.run(run_sql(store_url, sql))


@pytest.fixture
def lived(catalog: Command, store_url: str) -> None:
    """Two changes of an item, and three events an hour later."""
    catalog("items", "create", "--sku", "a", "--name", "A", "--price", "10", "--currency", "EUR")
    catalog("items", "price", "a", "8", "EUR")

    async def record() -> None:
        identity = open_identity(StorageOptions(store_url))
        at = NOW + timedelta(hours=1)
        failure = SecurityEvent(
            action="sign_in.failed", at=at, result="failure", subject="sha256:1", address="192.0.2.1", count=7
        )
        await identity.record([SecurityEvent(action="user.created", at=at, actor="anna"), failure, failure])
        await identity.close()

    asyncio.run(record())


@pytest.mark.usefixtures("lived")
def test_events_are_listed(catalog: Command) -> None:
    """Both streams, newest first, as a table or as JSON."""
    lines = catalog("audit", "list").stdout.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [
        ["security", "3"],
        ["security", "2"],
        ["security", "1"],
        ["catalog", "2"],
        ["catalog", "1"],
    ]
    assert "failure (7 times)" in lines[1]
    page = catalog.json("audit", "list", "--result", "failure", "--limit", "1")
    (event,) = page["events"]
    assert (event["stream"], event["seq"], event["detail"]) == ("security", 3, {"count": 7})
    assert list(event) == [
        "stream",
        "seq",
        "at",
        "actor",
        "credential",
        "address",
        "request_id",
        "action",
        "subject",
        "result",
        "detail",
    ]
    following = catalog.json("audit", "list", "--result", "failure", "--cursor", page["next_cursor"])
    assert [event["seq"] for event in following["events"]] == [2]
    assert "--cursor" in catalog("audit", "list", "--limit", "2").stderr
    assert "No events" in catalog("audit", "list", "--actor", "nobody").stderr
    assert "did you mean user.created" in catalog("audit", "list", "--action", "user.create", code=2).stderr
    assert "must be a time" in catalog("audit", "list", "--since", "x", code=2).stderr
    assert "damaged" in catalog("audit", "list", "--cursor", "x", code=2).stderr


@pytest.mark.usefixtures("lived")
def test_intact_streams_are_verified(catalog: Command) -> None:
    """The ends are printed, and are what --expect takes."""
    lines = catalog("audit", "verify").stdout.splitlines()
    (catalog_end, security_end) = (line.split()[1] for line in lines)
    assert (catalog_end[:2], security_end[:2], len(catalog_end), len(security_end)) == ("2:", "3:", 66, 66)
    catalog("audit", "verify", "--expect", catalog_end, "--expect", f"security:{security_end}")
    only = catalog("audit", "verify", "--stream", "security", "--expect", security_end)
    assert [line.split()[0] for line in only.stdout.splitlines()] == ["security"]
    mistaken = catalog("audit", "verify", "--expect", security_end, code=1)
    assert "catalog 3: this entry is missing, because the log ends at 2 and 3 was expected." in mistaken.stderr
    assert f"use --expect security:{security_end}" in mistaken.stderr
    assert [line.split()[0] for line in mistaken.stdout.splitlines()] == ["catalog", "security"]  # what there is, is intact
    assert "SEQ:DIGEST" in catalog("audit", "verify", "--expect", "x", code=2).stderr
    other = catalog("audit", "verify", "--stream", "catalog", "--expect", f"security:{security_end}", code=2)
    assert "is not verified" in other.stderr


@pytest.mark.usefixtures("lived")
def test_an_entry_without_a_digest_is_explained(catalog: Command, store_url: str) -> None:
    """The message says how to accept it, and that works."""
    execute(store_url, "UPDATE change_log SET digest = NULL WHERE seq = 2")
    execute(store_url, "UPDATE log_head SET chain_end = '1:00'")
    error = catalog("audit", "verify", code=1).stderr
    assert "catalog 2: this entry has no digest" in error
    catalog("audit", "verify", "--expect", error.split()[-1])


@pytest.mark.usefixtures("lived")
@pytest.mark.parametrize(("table", "stream"), [("change_log", "catalog"), ("security_log", "security")])
def test_a_tampered_row_is_named(catalog: Command, store_url: str, table: str, stream: str) -> None:
    """Stream and number of the first faulty entry are printed, and the exit code is 1. The other stream is intact."""
    execute(store_url, f"UPDATE {table} SET actor = 'nobody' WHERE seq = 2")
    result = catalog("audit", "verify", code=1)
    assert f"{stream} 2: this entry was altered" in result.stderr
    (intact,) = {"catalog", "security"} - {stream}
    assert [line.split()[0] for line in result.stdout.splitlines()] == [intact]


@pytest.mark.usefixtures("lived")
def test_events_are_exported(catalog: Command, tmp_path: Path) -> None:
    """All selected events as JSON Lines, to a file or to the terminal."""
    output = tmp_path / "audit.jsonl"
    catalog("audit", "export", str(output))
    exported = [json.loads(line) for line in output.read_text().splitlines()]
    assert [(event["stream"], event["seq"]) for event in exported][-2:] == [("catalog", 2), ("catalog", 1)]
    assert len(exported) == 5
    printed = catalog("audit", "export", "--stream", "catalog").stdout.splitlines()
    assert [json.loads(line) for line in printed] == exported[-2:]
    assert "no such file" in catalog("audit", "export", str(tmp_path / "no" / "a"), code=2).stderr


@pytest.fixture
def recorded(catalog: Command, store_url: str) -> None:
    """Three events of an hour ago."""
    catalog("migrate")

    async def record() -> None:
        identity = open_identity(StorageOptions(store_url))
        await identity.record([SecurityEvent(action="user.created", at=NOW - timedelta(hours=1), actor="anna")] * 3)
        await identity.close()

    asyncio.run(record())


@pytest.mark.usefixtures("recorded")
def test_the_security_log_is_archived_and_pruned(catalog: Command, tmp_path: Path) -> None:
    """The rest is still verified, but not against an end that was pruned. A time in the future would empty the log."""
    before = catalog("audit", "verify", "--stream", "security").stdout.split()[1]
    archive = tmp_path / "archive.jsonl"
    prune = ("audit", "prune", "--archive", str(archive))
    assert "No entries are old enough" in catalog(*prune, "--before", "2020-01-01").stdout
    assert "must be a time" in catalog(*prune, "--before", "x", code=2).stderr
    assert "must not be in the future" in catalog(*prune, "--before", "2999-01-01", code=2).stderr
    assert not archive.exists()
    bad = catalog("audit", "prune", "--before", now(), "--archive", str(tmp_path / "no" / "a"), code=2)
    assert "no such file" in bad.stderr
    assert "Moved 3 entries, up to number 3," in catalog(*prune, "--before", now()).stdout
    *lines, trailer = [json.loads(line) for line in archive.read_text().splitlines()]
    assert ([line["seq"] for line in lines], trailer["_end"]["rows"]) == ([1, 2, 3], 3)
    assert f"3:{lines[-1]['digest']}" == before
    assert "already exists" in catalog(*prune, "--before", now(), code=2).stderr
    catalog("audit", "verify", "--expect", f"security:{before}")
    assert catalog.json("audit", "list", "--stream", "security")["events"][0]["action"] == "changes.pruned"
    second = ("audit", "prune", "--archive", str(tmp_path / "second.jsonl"), "--before", now())
    assert "Moved 1 entries, up to number 4" in catalog(*second).stdout
    assert (
        "security 3: the expected entry was pruned" in catalog("audit", "verify", "--expect", f"security:{before}", code=1).stderr
    )


@pytest.mark.usefixtures("recorded")
def test_the_setting_says_what_is_kept_of_the_security_log(
    catalog: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it, --before is required; with it, --before still counts. What is pruned is archived and recorded as ever."""
    archive = tmp_path / "archive.jsonl"
    prune = ("audit", "prune", "--archive", str(archive))
    assert "CATALOG_AUDIT__RETENTION_DAYS" in catalog(*prune, code=2).stderr
    monkeypatch.setenv("CATALOG_AUDIT__RETENTION_DAYS", "1")
    assert "No entries are old enough" in catalog(*prune).stdout
    monkeypatch.setenv("CATALOG_AUDIT__RETENTION_DAYS", "0.02")  # half an hour
    assert "No entries are old enough" in catalog(*prune, "--before", "2020-01-01").stdout
    assert not archive.exists()
    assert "Moved 3 entries, up to number 3," in catalog(*prune).stdout
    assert [json.loads(line).get("seq") for line in archive.read_text().splitlines()] == [1, 2, 3, None]
    catalog("audit", "verify")
    (event,) = catalog.json("audit", "list", "--stream", "security")["events"]
    assert (event["action"], event["subject"], event["detail"]) == ("changes.pruned", "security", {"last_seq": 3})


@pytest.mark.usefixtures("lived")
def test_a_storage_without_identity_has_changes_only(catalog: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no security log then."""
    monkeypatch.setattr(identity_plugins, "_plugins", dict)
    assert {event["stream"] for event in catalog.json("audit", "list")["events"]} == {"catalog"}
    assert [line.split()[0] for line in catalog("audit", "verify").stdout.splitlines()] == ["catalog"]
    assert "security: the storage keeps no chain" in catalog("audit", "verify", "--expect", "security:1:00", code=1).stderr
    result = catalog("audit", "prune", "--before", "2020-01-01", "--archive", str(tmp_path / "a"))
    assert "No entries" in result.stdout
