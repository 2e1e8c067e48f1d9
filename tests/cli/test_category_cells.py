"""Category cells on the command line."""

from pathlib import Path

import pytest

from tests.cli.conftest import Command

pytestmark = pytest.mark.usefixtures("store_url")


def test_rows_with_several_categories_are_reported(catalog: Command, tmp_path: Path) -> None:
    """In one sentence, whatever their number. Paths have the separator of the option."""
    file = tmp_path / "a.csv"
    file.write_text('sku,name,category\nA,A,"Shoes/Boots, Sale"\nB,B,"Hats, New"\nC,C,Hats\n')
    result = catalog("import", str(file), "--create-categories", "--category-separator", "/")
    sentence = "Warning: 2 rows have several categories; the first was taken, the others are in the attribute other_categories.\n"
    assert (result.stderr.count("several categories"), sentence in result.stderr) == (1, True)
    assert "3 categories created." in result.stdout
    assert catalog.json("items", "get", "A")["category"] == "boots"
    file.write_text("sku,name,category\nD,D,Hats\n")
    assert "several" not in catalog("import", str(file)).stderr
