"""Refusals: which cell they show, and the reasons of a row as one text."""

from collections.abc import Mapping
from typing import Any

from catalog.application.files.row_source import MalformedRow, Row
from catalog.application.imports.profile_rows import arrange_rows
from catalog.application.imports.profiles import RowRules
from catalog.application.imports.refusals import FileRow, Refusal, malformed, refusals_of
from catalog.application.imports.row_columns import RowColumns
from catalog.domain.errors import FieldError, FieldPath

MAPPING = {"sku": "Nr", "price": "Preis", "attributes": "Rest", "attr.a": "A", "attr.made": "made by a profile"}
TABLE = RowColumns(("Nr", "Preis", "Rest", "A"), MAPPING, is_escaped=True)


def refusal(path: FieldPath, cells: list[object] | Mapping[str, object], columns: RowColumns = TABLE) -> tuple[str, str]:
    """Return the column and the value of a refusal."""
    (row,) = refusals_of(FileRow(2, cells, columns), "X", [FieldError(path, "code", "Reason.")])
    return row.refusals[0].column, row.refusals[0].value


def test_a_refusal_shows_the_cell_that_the_field_came_from() -> None:
    """A currency may come from the price, an attribute from the column of all, and some fields from no column."""
    cells: list[object] = ["'=1", "$5", "{}"]
    assert refusal(("sku",), cells) == ("Nr", "'=1")
    assert refusal(("price", "currency"), cells) == ("Preis", "$5")
    assert refusal(("attributes", "a"), cells) == ("A", "")
    assert refusal(("attributes", "b"), cells) == ("Rest", "{}")
    assert refusal(("attributes", "made"), cells) == ("", "")
    assert refusal(("name",), cells) == refusal((), cells) == ("", "")
    assert refusal(("sku",), ["x" * 41]) == ("Nr", f"{'x' * 39}…")
    assert refusal(("sku",), {"Nr": 5}, RowColumns(None, MAPPING)) == ("Nr", "5")
    assert refusal(("sku",), {}, RowColumns(None, MAPPING)) == ("Nr", "")


def test_the_reasons_of_a_row_are_one_text() -> None:
    """Each begins with its column and ends with its cure, unless the sentence has it."""
    errors = [
        FieldError(("sku",), "a", "First."),
        FieldError(("name",), "b", "Second.", "set=name=X"),
        FieldError((), "c", "Set x=1.", "x=1"),
    ]
    (row,) = refusals_of(FileRow(2, ["'=1", "x"], TABLE), "X", errors)
    assert row.reason == "Nr: First. name: Second. Cure: set=name=X. Set x=1."
    assert (row.line, row.columns, row.cells) == (2, TABLE.names, ("=1", "x"))


def test_malformed_rows_have_their_text() -> None:
    """A row with too many cells has them all. A single line is not named twice."""
    row = malformed(MalformedRow(2, "Bad.", 2, ("a", "b", "c", "d", "e"), text="ignored"), TABLE)
    assert (row.refusals, row.cells) == ((Refusal(2, "", "", "malformed", "Bad."),), ("a", "b", "c", "d", "e"))
    row = malformed(MalformedRow(2, "Bad.", 3, ("a",), "mend it", "a\nb\n"), TABLE)
    assert (row.refusals[0].last_line, row.refusals[0].cure, row.cells) == (3, "mend it", ("a", "", "", "", "a\\nb"))
    assert malformed(MalformedRow(2, "Bad."), RowColumns(None, {})).cells == "{}"
    assert malformed(MalformedRow(2, "Bad.", text="[1"), RowColumns(None, {})).cells == '{"refused_text": "[1"}'


def test_a_profile_completes_the_cells_of_json_rows_too() -> None:
    """Members that are null are filled."""
    rules = RowRules(group=("g",), fill=("name",), images=("image",))
    rows: list[dict[str, Any]] = [{"g": "1", "name": "A", "sku": "a", "image": "x"}, {"g": "1", "sku": "b", "name": None}]
    read = [
        Row(number, {name: cell for name, cell in row.items() if cell is not None}, cells=row) for number, row in enumerate(rows)
    ]
    first, second = (row.cells for row in arrange_rows(read, rules, "sku"))
    assert first == rows[0]
    assert second == {"g": "1", "sku": "b", "name": "A", "image": "x"}
