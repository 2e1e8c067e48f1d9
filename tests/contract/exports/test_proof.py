"""The trailer of an export proves that it is complete and unchanged."""

import csv
import hashlib
import io
import json

import pytest

from catalog.adapters.memory.storage import MemoryStorage
from catalog.application.exports.formats import FORMATS
from catalog.domain.errors import InvalidFile
from catalog.ports.storage import Storage
from tests.contract.exports.round_trip import Pipe, export_bytes, import_bytes
from tests.making import (
    create_items,
)


async def test_the_trailer_proves_that_an_export_is_complete(storage: Storage) -> None:
    """The trailer has the number of rows and the SHA-256 of everything before it, even in an empty export."""
    for count in (0, 2):
        await create_items(storage, *range(1, count + 1))
        for format_name in FORMATS:
            data = await export_bytes(storage, format_name)
            start = data.rindex(b"\n", 0, -1) + 1 if data.count(b"\n") > 1 else 0
            digest = hashlib.sha256(data[:start]).hexdigest()
            if format_name == "csv":
                rows = list(csv.DictReader(io.StringIO(data.decode())))
                assert (rows[-1]["id"], rows[-1]["sku"], rows[-1]["name"]) == ("_end", str(count), digest)
            else:
                trailer = json.loads(data)[-1] if format_name == "json" else json.loads(data.splitlines()[-1])
                assert trailer == {"_end": {"rows": count, "sha256": digest}}
            target: MemoryStorage = MemoryStorage()
            refusals, report = await import_bytes(target, format_name, data)
            assert (refusals, report.created, list(report.ignored)) == ([], count, [])


async def test_incomplete_and_changed_files_are_detected(storage: Storage) -> None:
    """Missing rows, changed rows and a missing trailer are all detected."""
    await create_items(storage, 1, 2, 3)
    for format_name in FORMATS:
        data = await export_bytes(storage, format_name)
        lines = data.splitlines(keepends=True)
        shortened = b"".join(lines[:-2] + lines[-1:])
        changed = data.replace(b"Item 2", b"Item 5")
        for broken, reason in (
            (shortened, "the trailer says 3 rows, the file has 2"),
            (changed, "was changed since"),
        ):
            refusals, _ = await import_bytes(MemoryStorage(), format_name, broken, file_type=Pipe)
            assert [reason in refusal.reason for refusal in refusals if refusal.field == ""] == [True], (format_name, refusals)
        for broken in (shortened, changed):
            with pytest.raises(InvalidFile, match="was changed since"):
                await import_bytes(MemoryStorage(), format_name, broken)
            _, report = await import_bytes(MemoryStorage(), format_name, broken, trailer_policy="ignore")
            assert (report.created, report.refused) == (2 if broken is shortened else 3, 0)
        refusals, report = await import_bytes(MemoryStorage(), format_name, data, file_type=Pipe)
        assert (refusals, report.created) == ([], 3)


async def test_a_trailer_with_a_wrong_count_is_reported(storage: Storage) -> None:
    """A wrong number of rows is reported even if the digest is correct."""
    await create_items(storage, 1)
    data = (await export_bytes(storage, "jsonl")).replace(b'"rows": 1', b'"rows": 2')
    refusals, report = await import_bytes(MemoryStorage(), "jsonl", data)
    assert ([refusal.code for refusal in refusals], report.created) == (["malformed"], 1)
    for trailer in (b'{"_end": x}', b"_end"):
        refusals, report = await import_bytes(MemoryStorage(), "jsonl", data.splitlines(keepends=True)[0] + trailer)
        assert (len(refusals) > 0, report.created) == (True, 1)


async def test_content_after_the_trailer_is_reported() -> None:
    """Content after the trailer is reported, however long it is."""
    storage = MemoryStorage()
    await create_items(storage, 1)
    data = await export_bytes(storage, "json") + b"\n" * 200_000
    for file_type in (io.BytesIO, Pipe):
        refusals, report = await import_bytes(MemoryStorage(), "json", data, file_type=file_type)
        assert ([refusal.code for refusal in refusals], report.created) == (["malformed"], 1)
