"""The start of a file: whatever is cut off at its end is left out, and the rows before are read as in the whole file."""

import bz2
import csv
import gzip
import io
import json
import lzma
from contextlib import suppress
from typing import Any, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from catalog.application.files.read_options import ReadOptions
from catalog.application.files.readers import open_start
from catalog.application.files.row_source import MAX_CUT, SAMPLE_SIZE, MalformedRow, Row, RowSource
from catalog.domain.errors import InvalidFile
from tests.tables import table

CELLS = st.text(st.sampled_from("ab ,;\"'\n\r\té漢🙂[]{}0"), max_size=8)
TABLES = st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=5)


def start(data: bytes, *, is_cut: bool = True, **options: Any) -> RowSource:  # noqa: ANN401 - options
    """Open the start of a file."""
    return open_start(io.BytesIO(data), ReadOptions(**options), is_cut=is_cut)


def to_csv(rows: list[list[str]], newline: str = "\n") -> str:
    """Write CSV with a header."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=newline, quoting=csv.QUOTE_ALL)
    writer.writerow(["sku", "name", "text"])
    writer.writerows(rows)
    return text.getvalue()


@given(
    rows=TABLES,
    codec=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    place=st.floats(0, 1),
)
@example(rows=[["a", "b", "one,two,three\nfour,five,six\n"]], codec="utf-8", newline="\n", place=0.9)
def test_any_start_of_a_csv_file_has_the_first_rows_of_the_whole(
    rows: list[list[str]], codec: str, newline: str, place: float
) -> None:
    """At least those that are complete: a cell, a quote or a character that is cut off belongs to none."""
    text = to_csv(rows, newline)
    data = text.encode(codec)
    header = to_csv([], newline).encode(codec)
    size = len(header) + round(place * (len(data) - len(header)))
    options: dict[str, Any] = {"encoding": codec, "delimiter": ","}
    whole = list(table(data, "csv", **options).rows)
    found = list(start(data[:size], **options).rows)
    assert found == whole[: len(found)]
    complete = [row for row in range(len(rows)) if len(to_csv(rows[: row + 1], newline).encode(codec)) <= size]
    assert len(found) >= len([row for row in rows[: len(complete)] if any(map(str.strip, row))]) - (newline == "\r")
    detected = start(data[:size])
    assert detected.is_cut
    assert list(detected.rows) is not None


@given(text=TABLES.map(to_csv), size=st.integers(0, 200))
@example(text='"sku","name"\n', size=5)
@example(text='"sku\nx","name"\n', size=6)
@example(text="é,sku\n", size=1)
def test_a_start_within_the_header_is_read_or_empty(text: str, size: int) -> None:
    """It is refused only if no name is left of it."""
    with suppress(InvalidFile):
        source = start(text.encode()[:size])
        assert source.columns
        assert list(source.rows) == list(source.sample)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.text(st.sampled_from('ab"\\{}[],:é🙂\n'), max_size=6),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
    max_leaves=4,
)
OBJECTS = st.lists(
    st.fixed_dictionaries({"sku": st.text(st.sampled_from("ab1"), min_size=1, max_size=5), "x": VALUES}), min_size=1, max_size=5
)


@given(
    rows=OBJECTS,
    kind=st.sampled_from(["json", "jsonl"]),
    ascii_only=st.booleans(),
    indent=st.none() | st.just(1),
    place=st.floats(0, 1),
)
@example(rows=[{"sku": "a", "x": {"a": {"b": 1}}}], kind="jsonl", ascii_only=True, indent=None, place=0.95)
@example(rows=[{"sku": "a", "x": 12}, {"sku": "b", "x": 12}], kind="json", ascii_only=True, indent=None, place=0.5)
def test_any_start_of_json_has_the_first_rows_of_the_whole(
    rows: list[dict[str, object]],
    kind: str,
    ascii_only: Literal[True, False],
    indent: int | None,
    place: float,
) -> None:
    """Without the format, too: the content shows it."""
    if kind == "json":
        text = json.dumps(rows, ensure_ascii=ascii_only, indent=indent)
    else:
        text = "".join(f"{json.dumps(row, ensure_ascii=ascii_only)}\n" for row in rows)
    data = text.encode()
    size = max(1, round(place * len(data)))
    whole = list(table(data, kind).rows)
    source = start(data[:size])
    found = list(source.rows)
    assert source.detected.format == kind
    assert found == whole[: len(found)]
    assert len(found) >= (data[:size].count(b'{"sku"') - 1 if indent is None else 0)


@pytest.mark.parametrize("module", [gzip, lzma, bz2], ids=["gzip", "xz", "bzip2"])
def test_compressed_data_may_be_cut_off(module: Any) -> None:  # noqa: ANN401 - a module of the standard library
    """What was decompressed before is read; of bzip2, that is whole blocks."""
    text = "sku,name\n" + "".join(f"S-{number},{number**5}\n" for number in range(200_000))
    data = module.compress(text.encode())
    source = start(data[:-100])
    assert source.is_cut
    assert source.columns == ("sku", "name")
    assert len(source.sample) == 1000
    assert not any(isinstance(row, MalformedRow) for row in source.rows)


def test_a_little_of_compressed_data_is_enough() -> None:
    """The bytes before the cut are not lost."""
    data = gzip.compress(b"sku,name\nA-1,Chair\nA-2,Table\n" * 3)
    assert [row.values["sku"] for row in start(data[:-9]).rows if isinstance(row, Row)][:2] == ["A-1", "A-2"]
    with pytest.raises(InvalidFile, match=r"compressed data \(gzip\) is damaged or incomplete"):
        start(data[:5])


def test_damaged_data_that_is_not_cut_is_said() -> None:
    """The rows before the damage are shown."""
    data = gzip.compress(b"sku,name\nA-1,Chair\nA-2,Table\n")
    source = start(data[:-9], is_cut=False)
    assert source.is_cut
    assert source.detected.warnings == ("The compressed data (gzip) is damaged or incomplete. Only the rows before are shown.",)


def test_only_the_first_megabyte_of_a_text_is_read() -> None:
    """Of a compressed one too, whatever it expands to."""
    text = b"sku,name\n" + b"A-1,Chair\n" * 200_000
    for data in (text, gzip.compress(text)):
        source = start(data, is_cut=False)
        assert source.is_cut
        assert sum(1 for _ in source.rows) == (SAMPLE_SIZE - len(b"sku,name\n")) // len(b"A-1,Chair\n")
    source = start(text[: 9 + 10 * 5], is_cut=False)
    assert not source.is_cut
    assert sum(1 for _ in source.rows) == 5


def test_a_row_that_is_far_too_long_to_be_cut_off_is_damaged() -> None:
    """A quote is missing, or JSON is malformed; the rows after a CSV row are read on."""
    lines = "".join(f"S-{number},Chair\n" for number in range(MAX_CUT // 10))
    rows = list(start(f'sku,name\nA-1,"Chair\n{lines}'.encode()).rows)
    assert isinstance(rows[0], MalformedRow)
    assert isinstance(rows[1], Row)
    rows = list(start(f'[{{"sku": "A-1"}}, {{"sku" "{lines}"}}]'.encode()).rows)
    assert rows[0] == Row(1, {"sku": "A-1"})
    assert isinstance(rows[1], MalformedRow)
    assert "malformed" in rows[1].message


def test_the_proof_of_a_whole_file_is_checked() -> None:
    """The rows are shown nevertheless. A file that is cut has none to check."""
    row = b"_end,1,0123456789abcdef,,,,,,,\n"
    text = b"id,sku,name,category\nx,A-1,Chair,\n" + row
    source = start(text, is_cut=False)
    assert source.problem is not None
    assert "does not match the SHA-256" in str(source.problem)
    assert [row.values["sku"] for row in source.rows if isinstance(row, Row)] == ["A-1"]
    assert start(text).problem is None
    assert start(text, is_cut=False, partial=True).problem is None


def test_records_in_a_member_are_found() -> None:
    """They are read as if the option named it, which the problem demands."""
    text = b'{"count": 1, "products": [{"sku": "A-1"}, {"sku": "A-'
    source = start(text)
    assert source.detected.records == "products"
    assert str(source.problem) == "The file is a JSON object whose member products has the records; set records=products."
    assert list(source.rows) == [Row(1, {"sku": "A-1"})]
    given = start(text, records="products")
    assert given.problem is None
    assert list(given.rows) == [Row(1, {"sku": "A-1"})]
