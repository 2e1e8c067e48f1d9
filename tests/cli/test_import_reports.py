"""What `catalog import` says: what it prints, the report as JSON, and the file of refused rows."""

import json
from pathlib import Path

import pytest

from catalog.entrypoints.cli.option_names import as_options
from tests.cli.conftest import Command

pytestmark = pytest.mark.usefixtures("store_url")

ROWS = 'Nr;name;price;currency\na;A;1,00;EUR\nb;B;"19"" breit";EUR\nc;;1,00;EUR\n'


def test_refusals_are_printed_for_people(catalog: Command, tmp_path: Path) -> None:
    """First how the file was read, then each refusal with its column, cell, reason and cure as an option, then the counts."""
    file = tmp_path / "a.csv"
    file.write_text(ROWS + 'd;x;1.500;EUR\na;A;;\ne;"x" y";;\nf;"z" z;;\n')
    result = catalog("import", "a.csv", "--map", "sku=Nr", "--decimal", "comma", code=1)
    assert result.stderr.splitlines() == [
        "Read as utf-8, semicolon-separated; decimal comma.",
        'line 3, price: The price 19" breit is not an amount; write decimal digits without an exponent, for example 12.50.',
        "line 4, name: The name is missing.",
        "line 6, Nr (sku) 'a': The SKU A belongs to another item; choose another SKU or change that item.",
        "    Try: --on-conflict update|skip",
        "line 8: Line 8 cannot be read: ';' expected after '\"'.",
        "    Try: double the quotes inside cells",
    ]
    assert result.stdout == "7 rows: 3 created, 0 updated, 0 unchanged, 0 skipped, 4 refused.\n"


def test_the_report_is_written_as_json(catalog: Command, tmp_path: Path) -> None:
    """It has the counts, what was detected, and the first refusals, with options in the neutral form."""
    (tmp_path / "a.csv").write_text(ROWS)
    catalog("import", "a.csv", "--map", "sku=Nr", "--report", "report.json", "--dry-run", code=1)
    report = json.loads((tmp_path / "report.json").read_text())
    assert {name: report[name] for name in ("status", "rows", "created", "refused", "dry_run", "error")} == {
        "status": "done",
        "rows": 3,
        "created": 1,
        "refused": 2,
        "dry_run": True,
        "error": None,
    }
    assert report["detected"] == "utf-8, semicolon-separated; decimal comma"
    assert report["detection"] == {
        "format": "csv",
        "compression": None,
        "encoding": "utf-8",
        "delimiter": ";",
        "sheet": None,
        "records": None,
        "decimal": "comma",
        "profile": None,
        "mapping": {"sku": "Nr", "name": "name", "price": "price", "currency": "currency"},
        "types": {},
    }
    assert report["refusals"][0] == {
        "line": 3,
        "sku": "b",
        "field": "price",
        "code": "invalid_amount",
        "detail": 'The price 19" breit is not an amount; write decimal digits without an exponent, for example 12.50.',
        "column": "price",
        "value": '19" breit',
        "cure": "",
    }
    catalog("import", "a.csv", "--map", "sku=Nr", "--report", "report.json", "--all-or-nothing", code=1)
    assert json.loads((tmp_path / "report.json").read_text())["status"] == "refused"


def test_a_file_that_is_refused_as_a_whole_has_a_report_too(catalog: Command, tmp_path: Path) -> None:
    """Its error says why. The file of refused rows is not written, and what was there stays."""
    (tmp_path / "a.csv").write_text("EAN,title\n1,x\n")
    (tmp_path / "errors.csv").write_text("before")
    result = catalog("import", "a.csv", "--report", "report.json", "--errors", "errors.csv", code=1)
    assert "--map sku=EAN" in result.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["status"], report["rows"], report["refusals"]) == ("failed", 0, [])
    assert "map=sku=EAN" in report["error"]
    assert (tmp_path / "errors.csv").read_text() == "before"
    catalog("import", "a.csv", "--report", "report.json", "--map", "sku=nope", code=2)
    assert "no column nope" in json.loads((tmp_path / "report.json").read_text())["error"]
    (tmp_path / "a.csv").write_bytes(b"")
    catalog("import", "a.csv", "--report", "report.json", code=1)
    assert json.loads((tmp_path / "report.json").read_text())["detection"] is None
    assert "nowhere/report.json: no such file" in catalog("import", "a.csv", "--report", "nowhere/report.json", code=2).stderr


def test_refused_rows_are_mended_in_their_file(catalog: Command, tmp_path: Path) -> None:
    """The file may be imported and written by the same command. In the end it has only a header."""
    (tmp_path / "a.csv").write_text(ROWS, "utf-16")
    options = ("--map", "sku=Nr", "--encoding", "utf-16", "--delimiter", ";", "--decimal", "comma", "--errors", "errors.csv")
    result = catalog("import", "a.csv", *options, code=1)
    assert "The refused rows are in errors.csv. Mend them and import that file with the same options." in result.stderr
    errors = tmp_path / "errors.csv"
    assert errors.read_bytes().decode() == (
        "Nr,name,price,currency,refused_line,refused_reason\r\n"
        'b,B,"19"" breit",EUR,3,"price: The price 19"" breit is not an amount; write decimal digits without an exponent, '
        'for example 12.50."\r\n'
        'c,,"1,00",EUR,4,name: The name is missing.\r\n'
    )
    errors.write_text(errors.read_text().replace('"19"" breit"', '"19,00"'))
    catalog("import", "errors.csv", *options, code=1)
    errors.write_text(errors.read_text().replace("c,,", "c,C,"))
    assert "1 created" in catalog("import", "errors.csv", *options).stdout
    assert errors.read_text() == "Nr,name,price,currency,refused_line,refused_reason\n"
    assert {item["sku"] for item in catalog.json("items", "list")["items"]} == {"A", "B", "C"}


def test_refused_rows_of_json_are_json_lines(catalog: Command, tmp_path: Path) -> None:
    """The name of the file does not matter when it is imported again."""
    (tmp_path / "a.json").write_text('[{"sku": "A"}]')
    catalog("import", "a.json", "--errors", "errors.csv", code=1)
    errors = tmp_path / "errors.csv"
    assert errors.read_text() == '{"refused_line": 1, "refused_reason": "name: The name is missing.", "sku": "A"}\n'
    errors.write_text(errors.read_text().replace('"sku": "A"', '"sku": "A", "name": "A"'))
    assert "1 created" in catalog("import", "errors.csv", "--format", "json").stdout


def test_options_are_named_as_on_the_command_line() -> None:
    """Flags have no value, and names have dashes. Other text stays."""
    for text, expected in (
        ("decimal=comma|point", "--decimal comma|point"),
        ("on_conflict=update|skip", "--on-conflict update|skip"),
        ("set=currency=USD", "--set currency=USD"),
        ("type=attr.n=text", "--type attr.n=text"),
        ("create_categories=true", "--create-categories"),
        ("create=true", "omit --no-create"),
        ("set partial=true to import it", "set --partial to import it"),
        ("a map=sku=Artikel Nr, or map=sku=EAN.", "a --map sku=Artikel Nr, or --map sku=EAN."),
        ("save the file as UTF-8, or set encoding=NAME", "save the file as UTF-8, or set --encoding NAME"),
        ("x.map=1 offset=2 type= set =", "x.map=1 offset=2 type= set ="),
    ):
        assert as_options(text) == expected
