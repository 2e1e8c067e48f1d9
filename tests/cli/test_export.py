"""Tests of `catalog export`: the ending of the file, its options, and what is said about it."""

import csv
import gzip
import io
from pathlib import Path

import pytest

from tests.cli.conftest import Command

pytestmark = pytest.mark.usefixtures("store_url")


@pytest.fixture
def items(catalog: Command) -> None:
    """Two items, one with letters that ASCII does not have."""
    catalog("items", "create", "--sku", "A", "--name", "Käse", "--price", "12.50", "--currency", "EUR", "--attr", "vendor=Acme")
    catalog("items", "create", "--sku", "B", "--name", "=1+1", "--attr", "colour=red")


@pytest.mark.usefixtures("items")
def test_the_ending_decides_format_and_compression(catalog: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was written is imported without options, with its proof where it has one."""
    listed = catalog.json("items", "list", "--sort", "sku")["items"]
    for name in ("a.csv", "a.tsv", "a.json", "a.jsonl", "a.xlsx", "a.CSV.GZ", "a.jsonl.gz", "a.tsv.gz", "a.json.gz"):
        for proof in ((), ("--proof",)):
            file = tmp_path / "out" / name
            file.parent.mkdir(exist_ok=True)
            catalog("export", str(file), *proof)
            assert [path.name for path in file.parent.iterdir()] == [name]
            assert (file.read_bytes()[:2] == b"\x1f\x8b") == name.lower().endswith(".gz")
            with monkeypatch.context() as patch:
                patch.setenv("CATALOG_STORAGE__URL", f"sqlite:///{tmp_path}/{name}{len(proof)}.db")
                assert "2 created" in catalog("import", str(file), "--preserve").stdout
                assert catalog.json("items", "list", "--sort", "sku")["items"] == listed
            file.unlink()


@pytest.mark.usefixtures("items")
def test_a_compressed_export_that_was_edited_is_refused(catalog: Command, tmp_path: Path) -> None:
    """Its proof is checked before a row is imported. The same export has the same bytes."""
    file = tmp_path / "a.csv.gz"
    catalog("export", str(file), "--proof", "--delimiter", ";")
    data = file.read_bytes()
    catalog("export", "--output", str(file), "--proof", "--delimiter", ";")
    assert file.read_bytes() == data
    file.write_bytes(gzip.compress(gzip.decompress(data).replace(b"Acme", b"Acne")))
    assert "changed since it was exported" in catalog("import", str(file), "--on-conflict", "update", code=1).stderr


@pytest.mark.usefixtures("items")
def test_the_options_of_a_spreadsheet(catalog: Command, tmp_path: Path) -> None:
    """--delimiter, --decimal and --encoding. A file is replaced only by a complete one."""
    file = tmp_path / "a.csv"
    catalog("export", str(file), "--delimiter", ";", "--decimal", "comma", "--encoding", "utf-8-sig")
    text = file.read_bytes().decode("utf-8-sig")
    assert [row["price"] for row in csv.DictReader(io.StringIO(text), delimiter=";")] == ["12,50", ""]
    before = file.read_bytes()
    assert before.startswith(b"\xef\xbb\xbf")
    error = catalog("export", str(file), "--encoding", "ascii", code=2).stderr
    assert "which the item A has" in error
    assert "utf-8-sig" in error
    assert (file.read_bytes(), [path.name for path in tmp_path.glob("a.*")]) == (before, ["a.csv"])


@pytest.mark.usefixtures("items")
def test_a_profile_says_what_it_leaves_out(catalog: Command, tmp_path: Path) -> None:
    """By name, or from the user's file. The warning goes to stderr."""
    result = catalog("export", "--format", "csv", "--profile", "shopify", "--sku", "A")
    assert result.stdout.splitlines()[0].startswith("Variant SKU,Title,Body (HTML),Type,Variant Price,Vendor")
    assert result.stdout.splitlines()[1].startswith("A,Käse,,,12.50,Acme,")
    assert "Warning: The profile shopify has no columns for currency.\n" in result.stderr
    profile = tmp_path / "own.toml"
    profile.write_text('[columns]\nsku = "Nr"\n')
    result = catalog("export", "-", "--format", "csv", "--profile", str(profile))
    assert result.stdout.splitlines() == ["Nr", "A", "B"]
    assert f"The profile {profile} has no columns for attr.colour, attr.vendor, name, price.\n" in result.stderr
    catalog("items", "create", "--sku", "C", "--name", "C", *(f"--attr=n{number:02}=1" for number in range(30)))
    assert "attr.n19 and 11 more" in catalog("export", "--format", "csv", "--profile", str(profile), "--sku", "C").stderr


def test_options_that_do_not_fit_are_usage_errors(catalog: Command, tmp_path: Path) -> None:
    """No file is written."""
    file = tmp_path / "a.xlsx"
    assert "only for CSV, not for xlsx" in catalog("export", str(file), "--decimal", "comma", code=2).stderr
    assert "compressed already; omit .gz" in catalog("export", f"{file}.gz", code=2).stderr
    assert "give one of them" in catalog("export", str(file), "--output", str(file), code=2).stderr
    for name in ("a", "a.gz", "a.txt", "-"):
        assert "Missing format" in catalog("export", name, code=2).stderr
    assert "Unknown profile ebay" in catalog("export", str(tmp_path / "a.csv"), "--profile", "ebay", code=2).stderr
    assert [path.name for path in tmp_path.glob("a*")] == []
