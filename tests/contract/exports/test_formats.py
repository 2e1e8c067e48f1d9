"""The formats of exports with their options: what was written is read as it was."""

import bz2
import codecs
import gzip
import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import python_calamine
from hypothesis import example, given, settings
from hypothesis import strategies as st
from xlsxwriter import packager

from catalog.adapters.memory.storage import MemoryStorage
from catalog.application.exports.formats import FORMAT_NAMES, ExportOptions, parse_format
from catalog.application.files.workbooks import writer
from catalog.application.imports.plan import DECIMALS
from catalog.domain.errors import InvalidFile, InvalidQuery
from catalog.domain.text.normalization import is_blank, trim
from catalog.ports.storage import Storage
from tests.contract.exports.exporting import RESTORING, all_items, exported, imported, written
from tests.making import commit, create_categories, create_items, creation

CASES: list[tuple[str, dict[str, Any]]] = [
    ("csv", {"delimiter": ";", "decimal": "comma", "encoding": "utf-8-sig", "proof": True}),
    ("csv", {"delimiter": "tab", "encoding": "utf-16"}),
    ("csv", {"delimiter": "|", "encoding": "windows-1252", "with_categories": True}),
    ("tsv", {"with_categories": True, "proof": True}),
    ("xlsx", {"with_categories": True, "proof": True}),
    ("xlsx", {}),
    ("json", {"with_categories": True}),
    ("jsonl", {"proof": True}),
]


@pytest.mark.parametrize(("name", "options"), CASES)
async def test_every_store_exports_what_imports_restore(storage: Storage, name: str, options: dict[str, Any]) -> None:
    """Without any option, unless the encoding is not Unicode. A file without items can be imported too."""
    encoding = options.get("encoding") if options.get("encoding") == "windows-1252" else None
    for count in (0, 3):
        if count:
            await create_categories(storage, "a/b")
            price = {"amount": "1299.50", "currency": "EUR"}
            fields: dict[str, Any] = {"name": '=Käse; "x",\t|', "description": "a\r\nb\n\nc ", "category": "b", "price": price}
            await commit(storage, creation(1, sku="0012", attributes={"n": 1, "f": 0.1, "b": True, "t": "007"}, **fields))
            await create_items(storage, 2, 3)
        data = await exported(storage, name, **options)
        if count == 0 and name == "jsonl" and not options.get("proof"):
            continue
        target = MemoryStorage()
        refusals, report = await imported(target, data, RESTORING, encoding=encoding)
        assert (refusals, report.created, report.ignored) == ([], count, ())
        assert await all_items(target) == await all_items(storage)


_TEXT = st.text(
    st.one_of(
        st.sampled_from("=+-@\t\r\n'\",;|ab_x0041"),
        st.characters(exclude_categories=["Cs"], exclude_characters="\x00\ufffe\uffff"),
    ),
    max_size=9,
)
_ITEM = st.tuples(
    _TEXT.map(lambda text: "x" if is_blank(text) else trim(text)),
    _TEXT,
    st.sampled_from([None, ("1.50", "EUR"), ("1299", "JPY"), ("0.125", "KWD"), ("92233720368547758.07", "EUR")]),
    st.dictionaries(
        st.sampled_from(["a", "b"]),
        st.one_of(_TEXT, st.integers(-(2**63), 2**63 - 1), st.floats(-1e300, 1e300), st.booleans()),
    ),
)
_PACKINGS: dict[str, Callable[[bytes], bytes]] = {"": bytes, "gzip": gzip.compress, "bzip2": bz2.compress}


@settings(max_examples=150)
@example(items=[("x", "_x005F_", None, {})], name="xlsx", delimiter=None, decimal=None, encoding=None, packing="", proof=True)
@given(
    items=st.lists(_ITEM, max_size=4),
    name=st.sampled_from(FORMAT_NAMES),
    delimiter=st.sampled_from([None, ";", "tab", "|", ",", "~", "_", "="]),
    decimal=st.sampled_from([None, "comma", "point"]),
    encoding=st.sampled_from([None, "utf-8", "utf-8-sig", "utf-16", "utf-32", "gb18030", "utf-16-be"]),
    packing=st.sampled_from([*_PACKINGS]),
    proof=st.booleans(),
)
async def test_an_export_in_any_form_is_read_as_itself(  # noqa: PLR0913 - the options
    items: list[Any],
    name: str,
    delimiter: str | None,
    decimal: str | None,
    encoding: str | None,
    packing: str,
    *,
    proof: bool,
) -> None:
    """Items, ids, versions and times. What cannot be written is refused before anything is."""
    storage = MemoryStorage()
    for number, (item_name, description, price, attributes) in enumerate(items, 1):
        amount = price and {"amount": price[0], "currency": price[1]}
        await commit(storage, creation(number, name=item_name, description=description, price=amount, attributes=attributes))
    if name != "csv":
        delimiter = encoding = decimal = None
    if encoding is not None and encoding.startswith(("utf-16", "utf-32")):
        proof = False
    try:
        data = await exported(storage, name, delimiter=delimiter, decimal=decimal, encoding=encoding, proof=proof)
    except InvalidQuery:
        assert name == "xlsx"
        return
    if not data:
        return
    target = MemoryStorage()
    plan = replace(RESTORING, decimal=next((mark for mark in DECIMALS if mark == decimal), "auto"))
    packed = data if name == "xlsx" else _PACKINGS[packing](data)
    given_delimiter = delimiter if delimiter in ("~", "_", "=") else None
    reading = {"delimiter": given_delimiter, "encoding": encoding if encoding in ("gb18030", "utf-16-be") else None}
    refusals, report = await imported(target, packed, plan, **reading)
    assert (refusals, report.created) == ([], len(items))
    assert await all_items(target) == await all_items(storage)


async def test_a_proof_is_found_in_any_delimiter_and_in_compressed_files() -> None:
    """An edited file is refused before anything is written."""
    storage = MemoryStorage()
    await create_items(storage, 1, 2)
    for name, options in (
        ("csv", {"delimiter": ";", "encoding": "utf-8-sig"}),
        ("tsv", {}),
        ("csv", {"encoding": "cp1252"}),
        ("csv", {}),
    ):
        data = await exported(storage, name, proof=True, **options)
        edited = data.replace(b"Item 2", b"Item 5")
        for broken in (edited, gzip.compress(edited)):
            with pytest.raises(InvalidFile, match="was changed since"):
                await imported(MemoryStorage(), broken)
    for encoding in ("utf-16", "utf-32-le"):
        with pytest.raises(InvalidQuery, match="cannot have a proof"):
            await exported(storage, "csv", proof=True, encoding=encoding)
    data = await exported(storage, "xlsx", proof=True)
    rows = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()
    assert rows[-1][:3] == ["_end", 2, ""]


async def test_a_character_that_the_encoding_lacks_is_an_error_that_names_the_item() -> None:
    """It is never replaced."""
    storage = MemoryStorage()
    await commit(storage, creation(1, name="Käse"), creation(2, name="品番"))
    with pytest.raises(
        InvalidQuery, match=r"windows-1252 has no '品' \(U\+54C1\), which the item S-2 has; set encoding=utf-8-sig"
    ):
        await exported(storage, "csv", encoding="windows-1252")
    await create_categories(storage, "a")
    with pytest.raises(InvalidQuery, match="Unknown encoding"):
        await exported(storage, "csv", encoding="utf-9")
    data = await exported(storage, "csv", encoding="iso2022_jp_ext", profile="amazon")
    assert data.decode("iso2022_jp_ext").count("品番") == 1
    assert (await exported(storage, "csv", encoding="utf-8-sig")).startswith(codecs.BOM_UTF8 + b"id,sku")


async def test_numbers_in_a_workbook_are_numbers_and_skus_are_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers of more than 15 digits, and times, are texts, because spreadsheets would change them."""
    storage = MemoryStorage()
    await commit(
        storage,
        creation(1, sku="0012", name="=1+1", price={"amount": "12.50", "currency": "EUR"}, description="\x07 a\rb"),
        creation(2, sku="1E5", price={"amount": "1299", "currency": "JPY"}),
        creation(3, price={"amount": "92233720368547758.07", "currency": "EUR"}),
    )
    data = await exported(storage, "xlsx")
    rows = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_name("Items").to_python()
    assert rows[0][:3] == ["id", "sku", "name"]
    assert rows[1][1:8] == ["0012", "=1+1", "\x07 a\rb", "", 12.5, "EUR", ""]
    assert [type(cell) for cell in rows[1][8:]] == [float, str, str]
    assert [row[5] for row in rows[2:]] == [1299, "92233720368547758.07"]
    monkeypatch.setattr(writer, "MAX_ROWS", 3)
    with pytest.raises(InvalidQuery, match="The item S-3 exceeds the 3 rows of a sheet; export it as CSV"):
        await exported(storage, "xlsx")
    monkeypatch.setattr(writer, "MAX_ROWS", 4)
    assert await exported(storage, "xlsx")
    monkeypatch.setattr(writer, "MAX_SIZE", 200)
    with pytest.raises(InvalidQuery, match="exceeds the 200 characters"):
        await exported(storage, "xlsx")


async def test_what_a_workbook_cannot_hold_is_an_error_that_names_the_item(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is cut, and nothing is changed."""
    monkeypatch.setattr(writer, "MAX_TEXT", 100)
    for description, reason in (
        ("x" * 101, "has a text of 101 characters; a cell holds 100"),
        ("a\ufffe", "U\\+FFFE"),
        ("_x0041_x0042_", "that a workbook would change"),
    ):
        storage = MemoryStorage()
        await commit(storage, creation(1, description=description))
        with pytest.raises(InvalidQuery, match=f"The item S-1 .*{reason}"):
            await exported(storage, "xlsx")


async def test_a_full_disk_is_an_error_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller says which file it was."""
    storage = MemoryStorage()
    await create_items(storage, 1)

    def fail(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(packager.Packager, "_create_package", fail)
    with pytest.raises(OSError, match="No space left"):
        await exported(storage, "xlsx")


async def test_an_abandoned_workbook_leaves_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:  # noqa: ANN401 - a Path
    """Also if nothing was written."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    storage = MemoryStorage()
    await create_items(storage, 1)
    workbook = parse_format("xlsx")
    encoder = workbook.encoder(lambda _: b"")
    encoder.close()
    with pytest.raises(ValueError, match="not started"):
        encoder.items(await all_items(storage))
    assert (await written(storage, workbook)).startswith(b"PK")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("xml", {}, "csv or jsonl or json or tsv or xlsx"),
        ("json", {"delimiter": ";"}, "The option delimiter is only for CSV, not for json"),
        ("xlsx", {"decimal": "comma"}, "The option decimal is only for CSV, not for xlsx"),
        ("jsonl", {"encoding": "utf-16"}, "The option encoding is only for CSV, not for jsonl"),
        ("tsv", {"delimiter": ";"}, "tab-separated"),
        ("csv", {"delimiter": "x"}, "must be one character"),
        ("csv", {"decimal": "dot"}, "decimal must be point or comma"),
        ("csv", {"profile": "ebay"}, "Unknown profile ebay"),
        ("csv", {"profile": "google", "proof": True}, "proof cannot be combined with profile"),
        ("csv", {"profile": "google", "with_categories": True}, "with_categories cannot be combined with profile"),
    ],
)
def test_options_that_do_not_fit_are_refused(name: str, options: dict[str, Any], message: str) -> None:
    """The message says what to do."""
    with pytest.raises(InvalidQuery, match=message):
        parse_format(name, ExportOptions(**options))


def test_defaults_may_be_said() -> None:
    """They are what the format is anyway."""
    for name in ("json", "xlsx"):
        assert parse_format(name, ExportOptions(decimal="point", encoding="utf-8")).charset is None
    assert parse_format("tsv", ExportOptions(delimiter="tab")).charset == "utf-8"
    charsets = [parse_format("csv", ExportOptions(encoding=name)).charset for name in ("utf-16-le", "latin-1", "sjis", "cp1252")]
    assert charsets == ["utf-16le", "iso-8859-1", "shift-jis", "windows-1252"]
