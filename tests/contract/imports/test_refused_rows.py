"""Refused rows on every store: they can be mended and imported again, with the options of the first import."""

import csv
import gzip
import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.adapters.memory.storage import MemoryStorage
from catalog.adapters.system import RandomIds
from catalog.application.files.formulas import unescape_formula
from catalog.application.files.read_options import ReadOptions
from catalog.application.files.readers import open_table
from catalog.application.files.refused_rows import REFUSED_COLUMNS, csv_header
from catalog.application.files.row_source import MalformedRow, Row
from catalog.application.imports import refusal_records
from catalog.application.imports.jobs import ImportJobs, ImportSource
from catalog.application.imports.pipeline import ImportPipeline
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.progress import ImportState, state_key
from catalog.application.imports.refusals import Refusal, RefusedRow
from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.domain.changes.log import ChangeSet
from catalog.domain.errors import ImportNotFound
from catalog.ports.storage import Storage
from tests.making import NOON, TESTER, FixedClock, create_categories

MESSY = (
    "Artikel Nr;Name;Preis;Kategorie;Lager;Notiz;attr.n;attributes\r\n"
    "good;Gut;1,00;;ja;;1;\r\n"
    "a-1;Stuhl;1.299,00;Möbel > Stühle;ja;=1+1;1;\r\n"
    "a-2;;12,50;;;'=x;2;\r\n"
    'a-3;Regal;12.50;;;"zwei\r\nZeilen";x;\r\n'
    "4.00639E+12;Lampe;12,50;;;  ;4;\r\n"
    ";Ohne Nummer;;;;;;\r\n"
    "good;Doppelt;1,00;;;;;\r\n"
    "a-6;zu;viele;Zellen;in;der;Zeile;;und;noch mehr\r\n"
    "a-7;Bank;1,00;stuehle;;;5;{\r\n"
    "a-8;kurz;teuer\r\n"
    "a\t9;Tab;1,00;;;;;\r\n"
    'a-10;"Brett 19" x 3;1,00;;;;;\r\n'
    "a-11;Sessel;1,00;;;;;\r\n"
    "a-12;Hocker;1,00;;;;;\r\n"
    "a-13;Bank;1,00;;;;;\r\n"
)
"""A file with refusals of all kinds."""

MENDED: Mapping[str, Mapping[str, str]] = {
    "a-1": {"Kategorie": ""},
    "a-2": {"Name": "Tisch"},
    "a-3": {"attr.n": "3"},
    "4.00639E+12": {"Artikel Nr": "4006390000000"},
    "": {"Artikel Nr": "a-5"},
    "good": {"Artikel Nr": "a-14"},
    "a-6": {"Name": "Zuviel", "Preis": "1,00", "Kategorie": "", "attr.n": "6"},
    "a-7": {"Kategorie": "", "attributes": "{}"},
    "a-8": {"Preis": "1,00"},
    "a\t9": {"Artikel Nr": "a-9"},
    "a-10": {},
}
"""What is changed in the refused rows, by SKU."""

OPTIONS = ReadOptions("csv", "windows-1252", ";")
PLAN = ImportPlan.parse(
    ["sku=Artikel Nr", "price=Preis", "category=Kategorie"], ["currency=EUR"], ["attr.n=integer"], attributes="Notiz"
)


class Imports:
    """Imports into a store, as jobs."""

    def __init__(self, storage: Storage) -> None:
        """Start without imports."""
        self.storage = storage
        ids = RandomIds()
        self.jobs = ImportJobs(ImportPipeline(storage, FixedClock(), ids), storage, FixedClock(), ids)
        self.refusals: Sequence[Refusal] = ()

    async def run(self, data: bytes, plan: ImportPlan, options: ReadOptions) -> ImportState:
        """Import a file and return the final state."""
        file = io.BytesIO(data)
        finished = await self.jobs.run(ImportSource(lambda: open_table(file, options), file.tell), plan, TESTER)
        self.refusals = finished.refusals
        return finished.state

    async def refused_rows(self, import_id: str) -> list[RefusedRow]:
        """Return the stored rows that an import refused."""
        return [row async for rows in self.jobs.refused_rows(import_id) for row in rows]

    async def errors_file(self, import_id: str) -> bytes:
        """Return the file of the rows that an import refused."""
        rows = await self.refused_rows(import_id)
        header = b"" if rows[0].columns is None else csv_header(rows[0].columns)
        return header + b"".join(row.encode() for row in rows)


@pytest.fixture
def imports(storage: Storage) -> Imports:
    """Imports into an empty store."""
    return Imports(storage)


def mend(data: bytes, change: Callable[[dict[str, str]], Mapping[str, str]]) -> bytes:
    """Change cells of a CSV file, as a spreadsheet would. Surplus cells are deleted."""
    rows = list(csv.DictReader(io.StringIO(data.decode(), newline=""), restkey="surplus"))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [name for name in rows[0] if name != "surplus"], extrasaction="ignore")
    writer.writeheader()
    writer.writerows({**row, **change(row)} for row in rows)
    return text.getvalue().encode()


async def test_a_messy_file_is_mended_and_imported_again_with_the_same_options(imports: Imports) -> None:
    """The options say how the first file is encoded, but the file of refused rows is recognized. Everything is in."""
    first = await imports.run(MESSY.encode("windows-1252"), PLAN, OPTIONS)
    assert (first.report.created, first.report.refused) == (4, 11)
    file = await imports.errors_file(first.id)
    header, *rows = csv.reader(io.StringIO(file.decode(), newline=""))
    assert header == [*MESSY.partition("\r\n")[0].split(";"), "refused_line", "refused_reason"]
    assert rows[0][:8] == ["a-1", "Stuhl", "1.299,00", "Möbel > Stühle", "ja", "'=1+1", "1", ""]
    assert [row[8] for row in rows] == ["3", "4", "5", "7", "8", "9", "10", "11", "12", "13", "14"]
    assert rows[6][10:] == ["und", "noch mehr"]
    again = await imports.run(mend(file, lambda row: MENDED[row["Artikel Nr"]]), PLAN, OPTIONS)
    assert (again.report.created, again.report.refused, imports.refusals) == (11, 0, [])
    assert again.report.detected.startswith("utf-8, comma-separated")
    assert set(again.report.ignored) == {"Lager"}
    items = await imports.storage.items_by_sku([f"A-{number}" for number in range(1, 15)] + ["4006390000000", "GOOD"])
    assert len(items) == 15
    assert items["A-1"].attributes["notiz"] == "=1+1"
    assert items["A-2"].attributes["notiz"] == "=x"
    assert items["A-3"].attributes["notiz"] == "zwei\r\nZeilen"


async def test_refusals_name_column_value_and_cure(imports: Imports) -> None:
    """The column is spelled as in the file, the value is the cell as it was, and a cure is an option or an action."""
    await imports.run(MESSY.encode("windows-1252"), PLAN, OPTIONS)
    found = {
        (refusal.line, refusal.field): (refusal.column, refusal.value, refusal.code, refusal.cure, refusal.last_line)
        for refusal in imports.refusals
    }
    assert found == {
        (3, "category"): ("Kategorie", "Möbel > Stühle", "unknown_category", "create_categories=true", None),
        (4, "name"): ("Name", "", "required", "", None),
        (5, "attr.n"): ("attr.n", "x", "wrong_type", "type=attr.n=text", None),
        (7, "sku"): (*("Artikel Nr", "4.00639E+12", "rounded_sku", "format the column as text and enter the SKUs again", None),),
        (8, "sku"): ("Artikel Nr", "", "required", "", None),
        (9, "sku"): ("Artikel Nr", "good", "sku_taken", "on_conflict=update|skip", None),
        (10, ""): ("", "", "malformed", "", None),
        (11, "attributes"): ("attributes", "{", "malformed", "", None),
        (12, "price"): ("Preis", "teuer", "invalid_amount", "", None),
        (13, "sku"): ("Artikel Nr", "a\t9", "invalid_sku", "", None),
        (14, ""): ("", "", "malformed", "double the quotes inside cells", None),
    }


async def test_unknown_skus_and_categories_have_cures(imports: Imports) -> None:
    """A long value is cut. A currency comes from the price, if there is no column for it."""
    await create_categories(imports.storage, "chairs")
    plan = ImportPlan.parse(on_conflict="update", create=False)
    await imports.run(b"sku,name\nnope,x\n", plan, ReadOptions())
    assert [(refusal.reason, refusal.cure) for refusal in imports.refusals] == [("There is no item NOPE.", "create=true")]
    await imports.run(b"sku,name,category\na,x,chair\n", ImportPlan(), ReadOptions())
    assert [(refusal.column, refusal.cure) for refusal in imports.refusals] == [("category", "create_categories=true")]
    await imports.run(b"sku,name,price\na,x,$5\nb," + b"x" * 300 + b",1.299 EUR\n", ImportPlan(), ReadOptions())
    assert [(refusal.field, refusal.column, refusal.value[-3:], refusal.cure) for refusal in imports.refusals] == [
        ("currency", "price", "$5", "set=currency=USD"),
        ("price", "price", "EUR", "decimal=comma|point"),
        ("name", "name", "xx…", ""),
    ]
    assert len(imports.refusals[-1].value) == 40


async def test_rows_that_could_not_be_read_are_not_imported_before_they_are_mended(imports: Imports) -> None:
    """They have a cell too many, with the text of all of their lines."""
    data = b'sku,name,note\na,"x" y,1\nb,"z" z,1\nc,C,1\nd,D\xff,1\ne,E,1\n' + "f,Fünf,1\n".encode()
    state = await imports.run(data, ImportPlan(), ReadOptions(encoding="utf-8"))
    file = await imports.errors_file(state.id)
    rows = list(csv.reader(io.StringIO(file.decode(), newline="")))[1:]
    assert [(row[0], row[3], row[5:]) for row in rows] == [
        ("a", "2", ['a,"x" y,1\\nb,"z" z,1']),
        ("d", "5", ["d,D\\udcff,1"]),
    ]
    again = await imports.run(file, ImportPlan(), ReadOptions(encoding="utf-8"))
    assert (again.report.created, again.report.refused) == (0, 2)
    mended = await imports.run(mend(file, lambda _: {"name": "mended"}), ImportPlan(), ReadOptions(encoding="utf-8"))
    assert (mended.report.created, mended.report.refused) == (2, 0)


async def test_a_row_of_which_nothing_is_known_is_not_imported_either(imports: Imports) -> None:
    """A compressed file that is damaged has one at its end."""
    lines = (b"s-%d,%s\n" % (number, os.urandom(500).hex().encode()) for number in range(1200))
    data = gzip.compress(b"sku,name\n" + b"".join(lines))
    state = await imports.run(data[:-30], ImportPlan(), ReadOptions())
    file = await imports.errors_file(state.id)
    *_, last = csv.reader(io.StringIO(file.decode(), newline=""))
    assert (last[:2], last[4:]) == (["", ""], ["Delete this cell when the row is mended."])
    assert (await imports.run(file, ImportPlan(), ReadOptions())).report.created == 0


async def test_json_rows_are_mended_and_imported_again(imports: Imports) -> None:
    """They become JSON Lines, with two more members; values are as they were, and text that is no row is in a member."""
    rows = [
        {"sku": "A", "name": None, "price": {"amount": 1.10, "currency": "EUR"}, "attributes": {"n": [1]}, "other": None},
        {"sku": "B", "name": "\ud800é"},
        5,
        {},
    ]
    data = json.dumps({"data": {"items": rows}}).encode()
    options, plan = ReadOptions("json", records="data.items"), ImportPlan.parse(attributes="all")
    state = await imports.run(data, plan, options)
    assert (state.report.created, state.report.refused) == (0, 4)
    file = await imports.errors_file(state.id)
    lines = [json.loads(line) for line in file.splitlines()]
    assert [(list(line)[:2], {name: line[name] for name in line if not name.startswith("refused")}) for line in lines] == [
        (["refused_line", "refused_reason"], rows[0]),
        (["refused_line", "refused_reason"], rows[1]),
        (["refused_line", "refused_reason"], {}),
        (["refused_line", "refused_reason"], {}),
    ]
    assert lines[2]["refused_text"] == "5"
    assert b'"amount": 1.1' in file
    fixes: list[dict[str, Any]] = [
        {"name": "A", "attributes": {"n": 1}},
        {"name": "B"},
        {"sku": "C", "name": "C"},
        {"sku": "D", "name": "D"},
    ]
    mended = "".join(json.dumps({**line, **fix}) + "\n" for line, fix in zip(lines, fixes, strict=True)).encode()
    again = await imports.run(mended, plan, options)
    assert (again.report.created, again.report.refused, again.report.ignored) == (4, 0, ())
    items = await imports.storage.items_by_sku(["A", "B", "C", "D"])
    assert {sku: dict(item.attributes) for sku, item in items.items()} == {"A": {"n": 1}, "B": {}, "C": {}, "D": {}}


async def test_a_variant_that_is_refused_alone_keeps_what_its_product_shares(imports: Imports) -> None:
    """Its cells in the file of refused rows have what the profile took from the first row, and all images."""
    plan = ImportPlan.parse(constants=["currency=EUR"], profile="shopify")
    data = (
        b"Handle,Title,Vendor,Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src\n"
        b"tee,Tee,Ours,Size,S,T-S,1.00,https://a/1.png\n"
        b"tee,,,,M,T-M,cheap,https://a/2.png\n"
        b"tee,,,,,,,https://a/3.png\n"
        b"cap,Cap,,Title,Default Title,CAP,no,\n"
    )
    state = await imports.run(data, plan, ReadOptions())
    assert (state.report.created, state.report.refused) == (1, 2)
    rows = list(csv.reader(io.StringIO((await imports.errors_file(state.id)).decode())))
    assert rows[1][:8] == ["tee", "Tee", "Ours", "Size", "M", "T-M", "cheap", "https://a/1.png, https://a/2.png, https://a/3.png"]
    assert rows[2][:8] == ["cap", "Cap", "", "Title", "Default Title", "CAP", "no", ""]
    again = await imports.run(mend(await imports.errors_file(state.id), lambda _: {"Variant Price": "2.00"}), plan, ReadOptions())
    assert (again.report.created, again.report.refused) == (2, 0)
    items = await imports.storage.items_by_sku(["T-S", "T-M"])
    small, medium = (dict(items[sku].attributes) for sku in ("T-S", "T-M"))
    assert (items["T-M"].name, medium) == ("Tee", small | {"size": "M"})


async def test_a_category_of_an_export_is_refused_with_its_row(imports: Imports) -> None:
    """The row can be mended too."""
    header = b"id,sku,name,description,category,price,currency,attributes,version\n"
    data = header + b"_category,b d,Bad,,,,,,0\n_category,good,Good,,,,,,1\n"
    plan = ImportPlan(create_categories=True)
    state = await imports.run(data, plan, ReadOptions())
    assert [(refusal.line, refusal.column, refusal.value) for refusal in imports.refusals] == [(2, "sku", "b d")]
    again = await imports.run(mend(await imports.errors_file(state.id), lambda _: {"sku": "bad"}), plan, ReadOptions())
    assert (again.report.categories, again.report.refused) == (1, 0)


async def test_an_unmended_file_of_refused_rows_is_refused_again(imports: Imports) -> None:
    """Its own two columns are replaced, not repeated."""
    state = await imports.run(b"sku,name\na,\n", ImportPlan.parse(attributes="all"), ReadOptions())
    file = await imports.errors_file(state.id)
    again = await imports.run(file, ImportPlan.parse(attributes="all"), ReadOptions())
    assert await imports.errors_file(again.id) == file
    lines = await imports.run(b'{"sku": "a"}\n', ImportPlan(), ReadOptions())
    file = await imports.errors_file(lines.id)
    again = await imports.run(file, ImportPlan(), ReadOptions())
    assert await imports.errors_file(again.id) == file


async def test_stored_rows_are_in_records_of_bounded_size(imports: Imports, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that is larger than a record has one of its own."""
    monkeypatch.setattr(refusal_records, "MAX_RECORD_SIZE", 1_000)
    state = await imports.run(
        b"sku,name,note\n" + b"".join(b"s-%d,,%s\n" % (number, b"x" * (number * 40)) for number in range(50)),
        ImportPlan(),
        ReadOptions(),
    )
    assert 20 < state.chunks <= 50
    rows = await imports.refused_rows(state.id)
    assert [(row.line, row.cells[2]) for row in rows] == [(number + 2, "x" * (number * 40)) for number in range(50)]
    assert [refusal.line for refusal in await imports.jobs.first_refusals(state.id)] == list(range(2, 22))


async def test_records_that_cannot_be_read_are_left_out(imports: Imports) -> None:
    """They may be those of another version. An import whose state cannot be read is not found."""
    state = await imports.run(b"sku,name\na,\n", ImportPlan(), ReadOptions())
    old = json.dumps([[2, "A", "name", "required", "The name is missing."]]).encode()
    for content in (b"", b"x", old):
        record = ExpiringRecord(refusal_records.chunk_key(state.id, 0), content, NOON)
        await imports.storage.commit([ChangeSet((), TESTER, (record,))])
        assert await imports.refused_rows(state.id) == []
        assert await imports.jobs.first_refusals(state.id) == []
    without_detection = json.loads(state.record.content)
    del without_detection["report"]["detection"]
    for content, found in ((json.dumps(without_detection).encode(), True), (b"{}", False), (b"[1]", False), (b"\xff", False)):
        await imports.storage.commit([ChangeSet((), TESTER, (ExpiringRecord(state_key(state.id), content, NOON),))])
        if found:
            assert (await imports.jobs.get(state.id)).report.detection is None
        else:
            with pytest.raises(ImportNotFound):
                await imports.jobs.get(state.id)


async def test_an_atomic_import_has_a_limit_on_refused_rows_too(imports: Imports) -> None:
    """They are in memory until all rows are read."""
    plan = ImportPlan(atomic=True, max_atomic_rows=2)
    with pytest.raises(Exception, match="takes up to 2 rows"):
        await imports.run(b"sku,name\n,A\n,B\n,C\n", plan, ReadOptions())


CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    (
        *("", " ", "=1", "'=1", "''=1", "'", "''", "'''", "-", '"', '""', 'a"b', ",", ";", "\t", "|"),
        *("a\nb", "a\r\nb", "\r", "\n", "\ufeff", "é", "0012"),
    )
)
NAMES = st.text("abcXYZ ,;|\"'=-_é", min_size=1, max_size=6).map(str.strip).filter(bool)


@given(st.data())
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
async def test_any_table_of_texts_comes_out_as_itself(data: st.DataObject) -> None:
    """All rows of the file are refused; the file of refused rows is read as the same table."""
    width = data.draw(st.integers(1, 4))
    columns = data.draw(st.lists(NAMES, min_size=width, max_size=width))
    rows = data.draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=5))
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", quoting=csv.QUOTE_ALL)
    writer.writerow(["refuse", *columns])
    writer.writerows(["x", *row] for row in rows)
    imports, options = Imports(MemoryStorage()), ReadOptions("csv", "utf-8", ";")
    plan = ImportPlan.parse(constants=["sku=A", "name=A"], on_conflict="update", create=False)
    source = open_table(io.BytesIO(text.getvalue().encode()), options)
    original = [_unescaped(row) for row in source.rows]
    state = await imports.run(text.getvalue().encode(), plan, options)
    assert state.report.refused == len(rows)
    file = await imports.errors_file(state.id)
    again = open_table(io.BytesIO(file), options)
    assert again.columns == (*(source.columns or ()), *REFUSED_COLUMNS[:2])
    assert [_unescaped(row)[:-2] for row in again.rows] == original
    assert await imports.errors_file((await imports.run(file, plan, options)).id) == file


def _unescaped(row: Row | MalformedRow) -> list[str]:
    """Return the cells of a row as the import reads them."""
    assert isinstance(row, Row)
    return list(map(unescape_formula, row.cells))
