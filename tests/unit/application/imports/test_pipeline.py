"""Rows become items: mapped columns, types, JSON, and rows that are refused."""

from pathlib import Path

import pytest

from catalog.application.files.detection import FileDetection
from catalog.application.files.row_source import Row, RowSource
from catalog.application.imports.plan import ImportPlan
from catalog.domain.values.decimal_literal import DecimalLiteral
from tests.unit.application.imports.trial import Trial

DATA = Path(__file__).parents[3] / "data"


async def test_columns_named_like_fields_are_imported_and_others_reported(trial: Trial) -> None:
    """Fields have flat names; attributes are attr.NAME."""
    report = await trial.csv("sku,name,price,currency,attr.pages,shelf\na-1,Book,12.50,eur,300,7\n")
    assert (report.rows, report.created, report.refused, list(report.ignored)) == (1, 1, 0, ["shelf"])
    book = await trial.item("A-1")
    assert (book.name, book.price and book.price.minor_units, dict(book.attributes)) == ("Book", 1250, {"pages": "300"})


async def test_columns_are_mapped_values_set_and_types_converted(trial: Trial) -> None:
    """The options are those of the command line."""
    plan = ImportPlan.parse(
        ["sku=id", "name=title", "attr.pages=p", "attr.weight=w", "attr.new=n"],
        ["price=9.90", "currency=EUR", "attr.kind=book"],
        ["attr.pages=integer", "attr.weight=number", "attr.new=boolean"],
    )
    report = await trial.csv("id,title,name,p,w,n\n1,Emma,x,300,1.5,Yes\n2,Ulysses,x,,2,0\n", plan)
    assert (report.created, list(report.ignored)) == (2, ["name"])
    emma, ulysses = await trial.item("1"), await trial.item("2")
    assert dict(emma.attributes) == {"kind": "book", "new": True, "pages": 300, "weight": 1.5}
    assert {name: type(value) for name, value in ulysses.attributes.items()} == {"kind": str, "new": bool, "weight": int}
    assert (emma.name, emma.price and emma.price.amount) == ("Emma", "9.90")


async def test_an_invalid_row_is_refused_with_every_error_and_the_rest_imported(trial: Trial) -> None:
    """Refusals have line, flat field name and code."""
    plan = ImportPlan.parse(types=["attr.n=integer"])
    text = (
        "sku,name,price,currency,attr.n,attributes\n"
        "A,,1.2345,EUR,1.5,{}\n"
        ",Name,1,XXX,,\n"
        "B\tb,,,,,\n"
        "C,Name,5,,,{\n"
        "D,Name,5,EUR,x,[1]\n"
        "E,\udcff,,,,\n"
        "F\n"
        'G,Good,5,EUR,5,"{""a"": true}"\n'
    )
    report = await trial.csv(text, plan)
    assert (report.rows, report.created, report.refused) == (8, 1, 7)
    assert trial.refused == [
        (2, "attr.n", "wrong_type"),
        (2, "name", "required"),
        (2, "price", "too_many_decimals"),
        (3, "sku", "required"),
        (3, "currency", "unknown_currency"),
        (4, "sku", "invalid_sku"),
        (4, "name", "required"),
        (5, "attributes", "malformed"),
        (5, "currency", "required"),
        (6, "attributes", "wrong_type"),
        (7, "", "malformed"),
        (8, "name", "required"),
    ]
    assert dict((await trial.item("G")).attributes) == {"a": True, "n": 5}


@pytest.mark.parametrize("value", ["maybe", "[1]", "1.5"])
async def test_a_cell_that_is_not_of_its_type_is_refused(trial: Trial, value: str) -> None:
    """Types are never guessed."""
    plan = ImportPlan.parse(types=["attr.a=integer", "attr.b=boolean"])
    await trial.csv(f"sku,name,attr.a,attr.b\nA,x,{value},{value}\n", plan)
    assert trial.refused == [(2, "attr.a", "wrong_type"), (2, "attr.b", "wrong_type")]


async def test_json_rows_may_have_flat_names_or_the_shape_of_an_item(trial: Trial) -> None:
    """JSON values keep their types."""
    rows = [
        {"sku": "A", "name": "x", "price": 1.5, "currency": "EUR", "attr.n": 5, "more": 1},
        {"sku": "B", "name": "x", "price": {"amount": "2", "currency": "JPY"}, "attributes": {"n": 1.5}, "other": [1]},
        {"sku": "C", "name": "x", "attr.list": [1]},
        {"sku": 5, "name": "x"},
    ]
    report = await trial.json(rows, ImportPlan.parse(["attr.m=more"]))
    assert (report.created, list(report.ignored)) == (2, ["other"])
    assert sorted(trial.refused) == [(1, "attr.list", "wrong_type"), (1, "sku", "wrong_type")]
    first, second = await trial.item("A"), await trial.item("B")
    assert (first.price and first.price.amount, dict(first.attributes)) == ("1.50", {"m": 1, "n": 5})
    assert (second.price and second.price.amount, dict(second.attributes)) == ("2", {"n": 1.5})


async def test_each_json_row_is_read_by_its_own_columns(trial: Trial) -> None:
    """Also with very long names. Only the first 100 ignored columns are reported."""
    shapes = [{"sku": f"S-{number}", "name": "x", f"attr.a{number}": number, f"other{number}": 1} for number in range(150)]
    report = await trial.json([*shapes, {"sku": "LONG", "name": "x", "y" * 20_000: 1}, *reversed(shapes[:3])])
    assert (report.created, report.refused, len(report.ignored)) == (151, 3, 100)
    for number in range(150):
        assert dict((await trial.item(f"S-{number}")).attributes) == {f"a{number}": number}


async def test_values_that_have_a_type_keep_it(trial: Trial) -> None:
    """A JSON number is not converted; text of type text stays text."""
    plan = ImportPlan.parse(types=["attr.a=integer", "attr.b=text"])
    assert (await trial.json([{"sku": "A", "name": "A", "attr.a": 5, "attr.b": "6"}], plan)).created == 1
    assert dict((await trial.item("A")).attributes) == {"a": 5, "b": "6"}


async def test_a_row_of_totals_is_not_an_item(trial: Trial) -> None:
    """Even if constants fill in its missing values. Nor is an empty row."""
    text = (DATA / "footer.csv").read_text()
    report = await trial.csv(text, ImportPlan.parse(constants=["currency=EUR", "name=Chair"]))
    assert (report.rows, report.created, report.refused) == (2, 1, 1)
    assert trial.refused == [(5, "sku", "total_row")]
    constants = ImportPlan.parse(constants=["sku=x", "name=y"])
    await trial.json([{}], constants)
    assert trial.refused[1:] == [(1, "", "empty_row")]
    assert (await trial.csv("sku,name\nTotal,Fuel\n")).created == 1


async def test_skus_that_a_spreadsheet_changed_are_mended_or_refused(trial: Trial) -> None:
    """An apostrophe is removed, a rounded number refused, and a number in a workbook is text."""
    report = await trial.csv("sku,name\n'0012,A\n4.00639E+12,B\n4E+12,C\n")
    assert (report.created, trial.refused) == (1, [(3, "sku", "rounded_sku"), (4, "sku", "rounded_sku")])
    assert (await trial.item("0012")).name == "A"
    rows = [Row(2, {"sku": 42, "name": DecimalLiteral("1.5"), "price": 5, "currency": "EUR"})]
    source = RowSource(("sku", "name", "price", "currency"), iter(rows), detected=FileDetection("xlsx", sheet="Items"))
    assert (await trial.run(source)).created == 1
    assert (await trial.item("42")).name == "1.5"
