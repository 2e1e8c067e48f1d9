"""Tests of `catalog import`, `catalog export` and `catalog seed`."""

import csv
import gzip
import json
import resource
from pathlib import Path

import pytest

from tests.cli.conftest import Command

DATA = Path(__file__).parents[1] / "data"

pytestmark = pytest.mark.usefixtures("store_url")


def test_a_csv_file_is_imported(catalog: Command, tmp_path: Path) -> None:
    """Columns are mapped and values set. Refused rows are printed and written to the --errors file."""
    file = tmp_path / "books.csv"
    file.write_text("id,title,shelf\n1,One,x\n,No SKU,x\n1,Twice,x\n" + "".join(f"B{n}\t!,x,x\n" for n in range(12)))
    errors = tmp_path / "errors.csv"
    options = ("--map", "sku=id", "--map", "name=title", "--set", "price=9.90", "--set", "currency=EUR", "--errors", str(errors))
    result = catalog("import", str(file), *options, code=1)
    assert "15 rows: 1 created, 0 updated, 0 unchanged, 0 skipped, 14 refused." in result.stdout
    assert "Ignored columns: shelf" in result.stderr
    assert "line 3, id (sku): The SKU is missing." in result.stderr
    assert "… and 4 more." in result.stderr
    rows = list(csv.reader(errors.read_text().splitlines()))
    assert rows[0] == ["id", "title", "shelf", "refused_line", "refused_reason"]
    assert [row[:4] for row in rows[1:4]] == [["", "No SKU", "x", "3"], ["1", "Twice", "x", "4"], ["B0\t!", "x", "x", "5"]]
    assert len(rows) == 15
    assert catalog.json("items", "get", "1")["price"] == {"amount": "9.90", "currency": "EUR"}


def test_json_and_json_lines_are_imported(catalog: Command, tmp_path: Path) -> None:
    """The content decides, whatever the extension."""
    (tmp_path / "a.json").write_text(json.dumps([{"sku": "A", "name": "a", "attr.n": 5}]))
    (tmp_path / "b.jsonl").write_text('{"sku": "B", "name": "b"}\n{"sku": "C"}\n')
    (tmp_path / "c.txt").write_text('{"sku": "C", "name": "c"}\n')
    assert "1 created" in catalog("import", "a.json").stdout
    assert "1 created, 0 updated, 0 unchanged, 0 skipped, 1 refused" in catalog("import", "b.jsonl", code=1).stdout
    assert "1 created" in catalog("import", "c.txt").stdout
    assert catalog.json("items", "get", "a")["attributes"] == {"n": 5}


def test_a_conflict_is_refused_skipped_or_updated_and_a_dry_run_does_nothing(catalog: Command, tmp_path: Path) -> None:
    """The options are --on-conflict and --dry-run."""
    file = tmp_path / "a.csv"
    file.write_text("sku;name;attr.n\nA;One;5\n")
    options = ("--delimiter", ";", "--type", "attr.n=integer")
    assert "would be 1 created" in catalog("import", str(file), *options, "--dry-run").stdout
    assert catalog.json("items", "list")["items"] == []
    catalog("import", str(file), *options)
    file.write_text("sku;name;attr.n\nA;Two;5\n")
    assert "belongs to another item" in catalog("import", str(file), *options, code=1).stderr
    assert "1 skipped" in catalog("import", str(file), *options, "--on-conflict", "skip").stdout
    assert "1 updated" in catalog("import", str(file), *options, "--on-conflict", "update").stdout
    assert "1 unchanged" in catalog("import", str(file), *options, "--on-conflict", "update").stdout
    item = catalog.json("items", "get", "a")
    assert (item["name"], item["attributes"], item["version"]) == ("Two", {"n": 5}, 2)


def test_options_that_do_not_fit_the_file_are_usage_errors(catalog: Command, tmp_path: Path) -> None:
    """The message names the problem and the available columns."""
    (tmp_path / "a.csv").write_text("sku,title\nA,x\n")
    assert "Its columns: sku, title" in catalog("import", "a.csv", "--map", "name=titel", code=2).stderr
    assert "Unknown field titel" in catalog("import", "a.csv", "--map", "titel=name", code=2).stderr
    assert "does not exist" in catalog("import", "nope.csv", code=2).stderr
    assert "one character" in catalog("import", "a.csv", "--delimiter", ";;", code=2).stderr
    assert "category_separator must have 1 to 10" in catalog("import", "a.csv", "--category-separator", "", code=2).stderr
    assert "'erase' is not one of 'keep', 'clear'" in catalog("import", "a.csv", "--empty", "erase", code=2).stderr
    assert "nowhere/errors.csv: no such file" in catalog("import", "a.csv", "--errors", "nowhere/errors.csv", code=2).stderr
    (tmp_path / "b.tsv").write_text("sku\tname\nT\tx\n")
    assert "1 created" in catalog("import", "b.tsv", "--format", "csv", "--delimiter", "tab").stdout


def test_seeding_twice_changes_nothing_the_second_time(catalog: Command) -> None:
    """The first run creates 1,000 items."""
    assert catalog("seed").stdout == "1000 items created, 0 already existed.\n"
    assert catalog("seed").stdout == "0 items created, 1000 already existed.\n"


@pytest.mark.usefixtures("store_url")
def test_an_export_can_be_imported_unchanged(catalog: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids, versions and times are preserved. The output file appears only when complete."""
    catalog("categories", "create", "--name", "Chairs")
    catalog("items", "create", "--sku", "A", "--name", "Chair", "--category", "chairs", "--attr", "a=1")
    catalog("items", "create", "--sku", "B", "--name", "Lamp")
    for ending in ("csv", "json", "jsonl"):
        file = tmp_path / f"items.{ending}"
        catalog("export", "--output", str(file))
        assert [path.name for path in tmp_path.glob("items.*")] == [file.name]
        with monkeypatch.context() as patch:
            patch.setenv("CATALOG_STORAGE__URL", f"sqlite:///{tmp_path}/{ending}.db")
            stdout = catalog("import", str(file), "--preserve", "--create-categories").stdout
            assert "2 created" in stdout
            assert "1 categories created" in stdout
            again = tmp_path / f"again.{ending}"
            catalog("export", "--output", str(again))
        assert again.read_bytes() == file.read_bytes()
        file.unlink()
    stdout = catalog("export", "--format", "jsonl", "--category", "chairs").stdout
    assert [json.loads(line)["sku"] for line in stdout.splitlines()] == ["A"]
    stdout = catalog("export", "--format", "jsonl", "--category", "chairs", "--proof").stdout
    assert stdout.splitlines()[-1].startswith('{"_end": {"rows": 1')
    assert "--format csv, json or jsonl" in catalog("export", code=2).stderr
    assert "no such file" in catalog("export", "--output", str(tmp_path / "no" / "x.csv"), code=2).stderr
    assert "omit limit" in catalog("export", "--format", "csv", "--filter", "limit=1", code=2).stderr


def test_counts_facets_and_suggestions_are_printed(catalog: Command) -> None:
    """Suggestions are printed if no item matches."""
    catalog("seed")
    result = catalog("items", "list", "--limit", "1", "--count", "exact", "--facet", "currency,attr.weight_g")
    assert "currency: EUR " in result.stdout
    assert result.stdout.rstrip().endswith("…")
    assert "1000 items in total" in result.stderr
    misspelled = catalog("items", "list", "--q", "Hoskei")
    assert "Did you mean Hōseki" in misspelled.stderr
    assert catalog.json("items", "list", "--count", "exact", "--limit", "1")["count"] == 1000


def test_all_rows_are_imported_or_none(catalog: Command, tmp_path: Path) -> None:
    """The option is --all-or-nothing."""
    file = tmp_path / "rows.csv"
    file.write_text("sku,name\na,A\nb,\n")
    result = catalog("import", str(file), "--all-or-nothing", code=1)
    assert "0 created" in result.stdout
    assert "Nothing was written." in result.stderr
    file.write_text("sku,name\na,A\nb,B\n")
    assert "2 created" in catalog("import", str(file), "--all-or-nothing").stdout


def test_an_edited_export_with_a_proof_is_refused_without_the_partial_option(catalog: Command, tmp_path: Path) -> None:
    """No row of it is imported. A file without a proof is imported."""
    catalog("seed")
    complete = tmp_path / "items.csv"
    catalog("export", "--proof", "--output", str(complete))
    lines = complete.read_text().splitlines(keepends=True)
    part = tmp_path / "part.csv"
    part.write_text("".join([*lines[:20], lines[-1]]))
    assert "changed since it was exported" in catalog("import", str(part), "--on-conflict", "update", code=1).stderr
    assert "19 unchanged" in catalog("import", str(part), "--on-conflict", "update", "--partial").stdout
    part.write_text("".join(lines[:20]))
    assert "19 unchanged" in catalog("import", str(part), "--on-conflict", "update").stdout


def test_a_file_that_is_not_a_table_of_items_is_refused(catalog: Command, tmp_path: Path) -> None:
    """The exit code is 1, and the file's control characters do not reach the terminal."""
    file = tmp_path / "a.csv"
    for data in (
        gzip.compress(b"sku,name\n")[:20],
        b"<!DOCTYPE html>\x1b]0;owned\x07",
        b"\x1b]0;owned\x07,b\n",
        b"",
        b"title;price\nx;1\n",
    ):
        file.write_bytes(data)
        result = catalog("import", str(file), code=1)
        assert result.stdout == ""
        assert result.stderr.startswith("catalog: The file")
        assert result.stderr.rstrip("\n").isprintable()
    file.write_bytes(b"sku,name,\x1bx\nx\x1b[2J,x,\n")
    assert "\x1b" not in catalog("import", str(file), code=1).stderr
    assert "delimiter must be one character" in catalog("import", str(file), "--delimiter", '"', code=2).stderr
    (tmp_path / "empty.json").write_text("[]")
    assert "0 rows" in catalog("import", str(tmp_path / "empty.json")).stdout


def test_a_row_with_an_unclosed_quote_is_refused_with_its_lines(catalog: Command, tmp_path: Path) -> None:
    """Rows after it are imported, but not lines that may be part of a cell."""
    result = catalog("import", str(DATA / "unclosed.csv"), code=1)
    assert "5 rows: 4 created" in result.stdout
    assert "Line 3 cannot be read" in result.stderr
    inside = tmp_path / "inside.csv"
    inside.write_text('sku,name,description\nUQ-1,Kept,"3" wide\nUQ-1,Overwritten,x\nmore"\n')
    result = catalog("import", str(inside), "--on-conflict", "update", code=1)
    assert "1 rows: 0 created, 0 updated" in result.stdout
    assert catalog.json("items", "get", "uq-1")["name"] == "Before"


def test_formulas_in_refused_rows_are_escaped(catalog: Command, tmp_path: Path) -> None:
    """The --errors file is as safe to open in a spreadsheet as an export."""
    file, errors = tmp_path / "a.csv", tmp_path / "errors.csv"
    file.write_text("sku,name\n=1+1,\n")
    catalog("import", str(file), "--errors", str(errors), code=1)
    assert errors.read_text().splitlines()[1].startswith("'=1+1,,2,")


def test_an_export_to_a_full_disk_leaves_no_file(catalog: Command, tmp_path: Path) -> None:
    """The exit code is 2, and the partial file is deleted."""
    catalog("seed")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    output = tmp_path / "out" / "items.csv"
    output.parent.mkdir()
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        result = catalog("export", "--output", str(output), code=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "file too large" in result.stderr
    assert list(output.parent.iterdir()) == []


def test_a_catalog_is_moved_to_another_store_with_its_category_tree(
    catalog: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This uses export --with-categories, then import --preserve --create-categories, in each format."""
    catalog("seed")
    tree = catalog("categories", "tree").stdout
    for kind in ("csv", "jsonl", "json"):
        file = tmp_path / f"items.{kind}"
        catalog("export", "--with-categories", "--output", str(file))
        with monkeypatch.context() as patch:
            patch.setenv("CATALOG_STORAGE__URL", f"sqlite:///{tmp_path}/{kind}.db")
            assert "1000 created" in catalog("import", str(file), "--preserve", "--create-categories").stdout
            assert catalog("categories", "tree").stdout == tree
