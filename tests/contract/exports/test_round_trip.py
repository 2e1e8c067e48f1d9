"""Importing an export gives the same catalog, with its ids, versions and times."""

import csv
import io
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from catalog.adapters.memory.storage import MemoryStorage
from catalog.application.exports.columns import COLUMNS
from catalog.application.exports.formats import FORMATS
from catalog.domain.text.normalization import is_blank, trim
from catalog.ports.storage import Storage
from tests.contract.exports.round_trip import all_items, export_bytes, import_bytes
from tests.making import (
    commit,
    create_categories,
    creation,
    removal,
    revision,
)

_TEXT = st.text(
    st.one_of(st.sampled_from("=+-@\t\r\n'\",;ab"), st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    max_size=9,
)


_ITEMS = st.lists(
    st.tuples(
        _TEXT.map(lambda text: "x" if is_blank(text) else trim(text)),
        _TEXT,
        st.sampled_from([None, ("1.50", "EUR"), ("7", "JPY")]),
        st.dictionaries(
            st.sampled_from(["a", "b"]),
            st.one_of(_TEXT, st.integers(-(2**63), 2**63 - 1), st.floats(-1e300, 1e300), st.booleans()),
        ),
        st.sampled_from([None, "c", "d-e"]),
        st.booleans(),
    ),
    max_size=5,
)


_FORMULAS = [(f"{prefix}1", f"{prefix}x", None, {"a": f"{prefix}y"}, None, False) for prefix in "=+-@'"]


@settings(max_examples=30)
@example(values=[*_FORMULAS, ("x", "\t1", None, {}, None, False), ("x", "\r1", None, {}, None, True)])
@given(values=_ITEMS)
async def test_importing_an_export_gives_the_same_catalog(storage: Storage, values: list[Any]) -> None:
    """Importing into an empty store restores ids, versions and times.

    Cells that look like formulas are escaped in CSV, and restored.
    """
    await commit(storage, *map(removal, await all_items(storage)))
    start = 10 * (await storage.changes(after=0, limit=1)).head
    await create_categories(storage, "c", "d-e")
    for number, (name, description, price, attributes, category, is_updated) in enumerate(values, 1):
        price_field = price and {"amount": price[0], "currency": price[1]}
        created = creation(
            start + number, name=name, description=description, price=price_field, attributes=attributes, category=category
        )
        await commit(storage, created, *([revision(created.subject, name=f"{name}!"[:200])] if is_updated else []))
    for format_name in FORMATS:
        data = await export_bytes(storage, format_name)
        if format_name == "csv":
            for row in csv.reader(io.StringIO(data.decode(), newline="")):
                assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)
        target = MemoryStorage()
        refusals, report = await import_bytes(target, format_name, data)
        assert (refusals, report.created) == ([], len(values))
        assert await all_items(target) == await all_items(storage)
        assert await export_bytes(target, format_name) == data


async def test_preserved_fields_are_required(storage: Storage) -> None:
    """Every row must have an id, a version and times. An id that exists already is refused."""
    text = (
        f"{','.join(COLUMNS)}\r\n"
        "x,A,n,,,,,,0,2026-11-20,2026-11-20T00:00:00Z\r\n"
        "01a1fdc5611573f39e031ce593d5b823,B,n,,,,,,7,2026-11-20T01:00:00Z,2026-11-20T00:00:00Z\r\n"
        "01a1fdc5611573f39e031ce593d5b823,C,n,,,,,,7,2026-11-20T01:00:00+01:00,2026-11-20T02:00:00Z\r\n"
        "01a1fdc5611573f39e031ce593d5b823,D,n,,,,,,7,2026-11-20T01:00:00Z,2026-11-20T02:00:00Z\r\n"
        "01a1fdc5611573f39e031ce593d5b824,E,n,,,,,,,,\r\n"
    )
    refusals, report = await import_bytes(storage, "csv", text.encode(), trailer_policy="ignore")
    assert report.created == 1
    assert [(refusal.sku, refusal.field, refusal.code) for refusal in refusals] == [
        ("A", "id", "invalid_id"),
        ("A", "version", "invalid_version"),
        ("A", "created_at", "invalid_time"),
        ("B", "updated_at", "before_creation"),
        ("D", "id", "item_exists"),
        ("E", "version", "invalid_version"),
        ("E", "created_at", "invalid_time"),
        ("E", "updated_at", "invalid_time"),
    ]
    (item,) = await all_items(storage)
    assert (item.sku, item.version, item.created_at.hour, item.updated_at.hour) == ("C", 7, 0, 2)
    refusals, report = await import_bytes(storage, "csv", text.encode(), preserve=False, trailer_policy="ignore")
    assert report.created == 4
