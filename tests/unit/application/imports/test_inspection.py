"""What an import would make of a file, before it is imported."""

import asyncio
import gzip
import io
import json
import threading
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from catalog.application.files.compression import ZIP
from catalog.application.files.read_options import ReadOptions
from catalog.application.imports import inspection as module
from catalog.application.imports import slots
from catalog.application.imports.inspection import ROWS_SHOWN, START_SIZE, Inspection, Inspections, inspect_file
from catalog.application.imports.plan import ImportPlan
from catalog.domain.errors import ImportsBusy, InvalidFile, InvalidInput, InvalidQuery
from tests.making import CountedIds, FixedClock

DATA = Path(__file__).parents[3] / "data"


def inspect(data: bytes | str | Path, plan: ImportPlan | None = None, **options: Any) -> Inspection:  # noqa: ANN401 - options
    """Inspect a file."""
    if isinstance(data, Path):
        data = data.read_bytes()
    content = data.encode() if isinstance(data, str) else data
    return inspect_file(io.BytesIO(content), ReadOptions(**options), plan or ImportPlan(), FixedClock(), CountedIds())


def workbook(*rows: list[Any], **others: list[list[Any]]) -> bytes:
    """Return an .xlsx file with these rows in the sheet Items, and other sheets."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        for name, lines in {"Items": list(rows), **others}.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(lines):
                sheet.write_row(number, 0, row)
    return file.getvalue()


def test_a_file_is_described_as_in_the_report() -> None:
    """With what was detected, and what to check."""
    found = inspect(DATA / "cp1252.csv")
    assert (found.file.format, found.file.encoding, found.truncated, found.problem) == ("csv", "windows-1252", False, None)
    assert found.description.startswith("windows-1252, ")
    assert any("which is a guess" in warning for warning in found.warnings)
    found = inspect(DATA / "semicolon.csv")
    assert (found.file.delimiter, found.decided.decimal) == (";", "comma")
    assert [row.fields["price"]["amount"] for row in found.rows] == ["12.50", "1299.00", "3.00"]


def test_columns_have_what_a_person_needs_to_choose() -> None:
    """Their field, a suggestion, the name and type of an attribute, and some values."""
    rows = "".join(f"A-{number},Chair,{number}.5,{number % 2 == 0},{'x' * 50},\n" for number in range(5))
    found = inspect(f"SKU,Title,Weight (kg),Attr.New,Notes,Leer\n{rows}", ImportPlan.parse(["description=notes"]))
    assert [(column.name, column.field, column.suggested, column.attribute, column.type) for column in found.columns] == [
        ("SKU", "sku", None, "sku", "text"),
        ("Title", None, "name", "title", "text"),
        ("Weight (kg)", None, None, "weight_kg", "number"),
        ("Attr.New", "attr.new", None, "new", "boolean"),
        ("Notes", "description", None, "notes", "text"),
        ("Leer", None, None, "leer", "text"),
    ]
    assert [list(column.samples) for column in found.columns] == [
        ["A-0", "A-1", "A-2"],
        ["Chair"],
        ["0.5", "1.5", "2.5"],
        ["True", "False"],
        ["x" * 40],
        [],
    ]
    assert found.mapping == {"sku": "SKU", "attr.new": "Attr.New", "description": "Notes"}
    assert list(found.missing) == ["name"]
    assert inspect("sku,x\nA, \nB,b\n").columns[1].samples == ["b"]
    found = inspect("sku,漢字,Farbe\nA,b,c\n", ImportPlan.parse(["attr.colour=Farbe"]))
    assert [column.attribute for column in found.columns] == ["sku", None, "colour"]


def test_a_column_of_typed_values_has_their_type() -> None:
    """Of JSON and workbooks. Different types are text."""
    rows = [
        {"sku": "A", "n": 1, "d": 1, "b": True, "m": 1, "o": {"a": 1.5}, "t": "7"},
        {"sku": "B", "n": 2, "d": 1.5, "b": False, "m": "x", "o": [1], "t": 8},
    ]
    found = inspect(json.dumps(rows))
    assert {column.name: column.type for column in found.columns} == {
        "sku": "text",
        "n": "integer",
        "d": "number",
        "b": "boolean",
        "m": "text",
        "o": "text",
        "t": "integer",
    }
    assert {column.name: list(column.samples) for column in found.columns if column.name in "dbo"} == {
        "d": ["1", "1.5"],
        "b": ["true", "false"],
        "o": ['{"a": 1.5}', "[1]"],
    }
    found = inspect(workbook(["sku", "n"], [4006, 1.5]))
    assert [(column.type, list(column.samples)) for column in found.columns] == [("integer", ["4006"]), ("number", ["1.5"])]
    assert found.rows[0].fields["sku"] == "4006"


def test_missing_fields_are_those_that_new_items_need() -> None:
    """A constant counts. A price needs a currency, unless it names its own; items that exist have names and currencies."""
    assert list(inspect("a,b\n1,2\n").missing) == ["sku", "name"]
    assert list(inspect("a,b\n1,2\n", ImportPlan.parse(["sku=a"], ["name=X"])).missing) == []
    assert list(inspect("sku,name,price\nA,B,€5\nC,D,x\n").missing) == []
    assert list(inspect("sku,name,price\nA,B,€5\nC,D,5\nE,F,\n").missing) == ["currency"]
    assert list(inspect("sku,price\nA,5\n", ImportPlan.parse(on_conflict="update")).missing) == []
    assert list(inspect('[{"sku": "A", "name": "B", "price": {"amount": 1}}]').missing) == []
    assert list(inspect('[{"sku": "A", "name": "B", "price": 1}]').missing) == ["currency"]
    assert list(inspect('[{"x": "A"}]', ImportPlan.parse(["sku=y"])).missing) == ["sku", "name"]


def test_rows_are_shown_as_an_import_would_read_them() -> None:
    """With all their errors. What the domain makes of the values is shown where they are valid."""
    header = "sku,name,price,currency,category,attributes\n"
    text = header + ' a-1 , Chair ,"1.299,00 €",,Home > Garden,"{""n"": 1.50}"\nb,,x,EUR,,\n,C,,,,\n'
    valid, broken, without_sku = inspect(text).rows
    assert (valid.line, valid.refusals) == (2, ())
    assert valid.fields == {
        "sku": "A-1",
        "name": "Chair",
        "price": {"amount": "1299.00", "currency": "EUR"},
        "category": "Home > Garden",
        "attributes": {"n": 1.5},
    }
    assert (broken.line, broken.fields["sku"]) == (3, "b")
    assert {(refusal.field, refusal.code) for refusal in broken.refusals} >= {("name", "required")}
    assert {refusal.field for refusal in broken.refusals} == {"name", "price"}
    assert [(refusal.field, refusal.code) for refusal in without_sku.refusals] == [("sku", "required")]
    assert without_sku.fields == {"name": "C"}
    (row,) = inspect("sku,name,description,category\nA,B,Long,lamps\n").rows
    assert row.fields == {"sku": "A", "name": "B", "description": "Long", "category": "lamps"}


def test_a_row_that_cannot_be_read_is_shown_with_its_reason() -> None:
    """Also the one that its profile leaves without a SKU."""
    found = inspect("sku,name\nA,B,C\nD,E\n")
    assert [(row.line, dict(row.fields), [refusal.code for refusal in row.refusals]) for row in found.rows] == [
        (2, {}, ["malformed"]),
        (3, {"sku": "D", "name": "E"}, []),
    ]


def test_an_update_needs_only_what_it_changes() -> None:
    """What is missing may be in the store. Empty cells that clear a field are shown as such."""
    plan = ImportPlan.parse(on_conflict="update", empty="clear")
    text = "sku,price,description,attr.a,attr.b\nA,5,,1,\n,6,,,\nB,x,,,\n"
    prices, without_sku, broken = inspect(text, plan).rows
    assert not prices.refusals
    assert prices.fields == {
        "sku": "A",
        "price": {"amount": "5"},
        "description": None,
        "attributes": {"a": "1", "b": None},
    }
    assert [refusal.field for refusal in without_sku.refusals] == ["sku"]
    assert [refusal.field for refusal in broken.refusals] == ["price"]
    (row,) = inspect("sku,name,description,attr.a,attr.b\nA,B,,1,\n", plan).rows
    assert row.fields == {"sku": "A", "name": "B", "description": None, "attributes": {"a": "1", "b": None}}


def test_ten_rows_of_items_are_shown() -> None:
    """The categories in an export are no items."""
    rows: list[dict[str, Any]] = [{"_category": {"slug": "lamps", "name": "Lamps", "parent": None, "position": 0}}]
    rows += [{"sku": f"S-{number}", "name": "x"} for number in range(ROWS_SHOWN + 5)]
    found = inspect("\n".join(map(json.dumps, rows)))
    assert [row.fields["sku"] for row in found.rows] == [f"S-{number}" for number in range(ROWS_SHOWN)]
    assert [column.name for column in found.columns] == ["sku", "name"]
    found = inspect("id,sku,name,version\n_category,lamps,Lamps,0\nx,A,B,1\n_category,!,Lamps,0\n")
    assert [(row.line, len(row.refusals) > 0) for row in found.rows] == [(3, False), (4, True)]
    assert found.columns[1].samples == ["A"]


def test_a_profile_is_offered_and_applied() -> None:
    """Its variants take what the first row of their product has."""
    found = inspect(DATA / "shopify.csv")
    assert [(profile.name, profile.title) for profile in found.profiles] == [("shopify", "a Shopify product export")]
    assert isinstance(found.problem, InvalidFile)
    assert (list(found.missing), found.mapping) == (["sku", "name"], {})
    found = inspect(DATA / "shopify.csv", ImportPlan.parse(constants=["currency=EUR"], profile="shopify"))
    assert (found.decided.profile, found.problem, list(found.missing)) == ("shopify", None, [])
    assert [(row.fields["sku"], row.fields["name"]) for row in found.rows] == [("0012", "Table runner"), ("0013", "Table runner")]
    assert "attributes" not in found.mapping
    assert found.mapping["sku"] == "Variant SKU"
    assert len(found.profiles) == 1


@pytest.mark.parametrize(
    ("text", "plan", "error", "columns"),
    [
        ("Artikelnummer,Bezeichnung\n1,Stuhl\n", ImportPlan(), InvalidFile, ["Artikelnummer", "Bezeichnung"]),
        ("sku,name\n1,Stuhl\n", ImportPlan.parse(["name=Titel"]), InvalidQuery, ["sku", "name"]),
        ("sku,name\n1,Stuhl\n", ImportPlan.parse(attributes="Farbe"), InvalidQuery, ["sku", "name"]),
        ("Sku,SKU,name\n1,2,Stuhl\n", ImportPlan(), InvalidFile, ["Sku", "SKU", "name"]),
        ("sku,sku,name\n1,2,Stuhl\n", ImportPlan(), InvalidFile, ["sku", "name"]),
        ("name,x\nStuhl,1\n", ImportPlan.parse(attributes="Farbe"), InvalidFile, ["name", "x"]),
    ],
)
def test_a_file_that_would_be_refused_is_shown_nevertheless(
    text: str, plan: ImportPlan, error: type[InvalidInput], columns: list[str]
) -> None:
    """The problem is exactly that of the import."""
    found = inspect(text, plan)
    assert [column.name for column in found.columns] == columns
    assert len(found.rows) == 1
    with pytest.raises(error) as caught:
        plan.layout(tuple(text.splitlines()[0].split(",")), [])
    assert type(found.problem) is error
    assert str(found.problem) == str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "The file is empty"),
        (b"<!DOCTYPE html><html>", "HTML or XML page"),
        (b"%PDF-1.7", "PDF"),
        (gzip.compress(bytes(START_SIZE * 80)), "U\\+0000"),
        (workbook(["sku"])[:1000], "damaged or incomplete ZIP archive"),
    ],
)
def test_a_file_of_which_nothing_can_be_read_is_refused(data: bytes, message: str) -> None:
    """As by the import."""
    with pytest.raises(InvalidFile, match=message):
        inspect(data)


def test_a_workbook_is_read_as_a_whole() -> None:
    """Its sheets are listed. Its first megabyte has no directory, and the error asks for all of it."""
    data = workbook(["sku", "name"], ["A", "B"], Old=[["sku"], ["C"]])
    found = inspect(data)
    assert (found.file.sheets, found.file.sheet, found.truncated) == (("Items", "Old"), "Items", False)
    assert inspect(data, sheet="2").rows[0].fields == {"sku": "C"}
    with pytest.raises(InvalidFile, match="Send all of it, up to 16 MiB") as caught:
        inspect(ZIP + bytes(START_SIZE - 4))
    assert caught.value.errors[0].code == "incomplete_archive"


def test_a_file_as_long_as_the_start_is_one() -> None:
    """Its last row may be cut off, so it is not shown. In a shorter file it is."""
    row = b"A-1," + b"x" * 100_000 + b"\n"
    data = (b"sku,description\n" + row * 20)[:START_SIZE]
    found = inspect(data)
    assert found.truncated
    assert len(found.rows) == ROWS_SHOWN
    found = inspect(b"sku,name\nA,B\nC," + b"d" * (START_SIZE - 15))
    assert (found.truncated, len(found.rows)) == (True, 1)
    found = inspect(b"sku,name\nA,B\nC,D")
    assert (found.truncated, len(found.rows)) == (False, 2)


async def test_inspections_wait_for_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """If it does not come, the service is busy. A caller that gives up keeps its turn until its thread is done."""
    monkeypatch.setattr(slots, "WAIT_SECONDS", 0.05)
    inspections = Inspections(FixedClock(), CountedIds())
    go_on = threading.Event()
    inspect_now = module.inspect_file

    def wait_and_inspect(*args: Any, **options: Any) -> Inspection:  # noqa: ANN401 - passed on
        go_on.wait(10)
        return inspect_now(*args, **options)

    monkeypatch.setattr(module, "inspect_file", wait_and_inspect)

    def start() -> "asyncio.Task[Inspection]":
        return asyncio.create_task(inspections.run(io.BytesIO(b"sku,name\nA,B\n"), ReadOptions(), ImportPlan()))

    first, second = start(), start()
    await asyncio.sleep(0.01)
    first.cancel()
    with pytest.raises(ImportsBusy, match="2 files are already being inspected"):
        await start()
    go_on.set()
    assert len((await second).rows) == 1
    with pytest.raises(asyncio.CancelledError):
        await first
    file = io.BytesIO(b"")
    with pytest.raises(InvalidFile):
        await inspections.run(file, ReadOptions(), ImportPlan())
    assert file.closed


@given(name=st.sampled_from(sorted(path.name for path in DATA.iterdir() if path.is_file())), place=st.floats(0, 1))
def test_any_start_of_a_real_file_can_be_inspected(name: str, place: float) -> None:
    """What is cut off is no error, and every row that is shown is one of the whole file."""
    data = (DATA / name).read_bytes()
    size = max(20, round(place * len(data)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "START_SIZE", size)
        found = inspect(data[:size])
    assert found.truncated
    whole = {row.line: row for row in inspect(data).rows}
    assert [row.line for row in found.rows if row.refusals and not whole[row.line].refusals and not found.problem] == []
