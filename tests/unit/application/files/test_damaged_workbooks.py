"""Workbooks that cannot be read."""

import io
import zipfile

import pytest
import python_calamine

from catalog.domain.errors import InvalidFile
from tests.tables import table
from tests.workbooks import SHEET, edited, ods, workbook


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (workbook(Items=[]), "is empty"),
        (workbook(Items=[["a"] * 2_001]), "2001 columns"),
        (workbook(Items=[["sku"]])[:-30], "damaged or incomplete ZIP"),
    ],
)
def test_a_workbook_without_a_table_is_refused(data: bytes, message: str) -> None:
    """The error says why."""
    with pytest.raises(InvalidFile, match=message):
        table(data)


def test_a_damaged_workbook_is_refused() -> None:
    """It is recognized by its parts, which cannot be read."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("xl/workbook.xml", "<nonsense")
    with pytest.raises(InvalidFile, match="damaged and cannot be read"):
        table(file.getvalue())
    with pytest.raises(InvalidFile, match="is a workbook"):
        table(file.getvalue(), "csv")


@pytest.mark.parametrize("part", [SHEET, "xl/workbook.xml", "xl/_rels/workbook.xml.rels"])
@pytest.mark.parametrize("content", [b"", b"\xff", b"<a>", b"<a/>"])
def test_a_workbook_with_a_damaged_part_is_refused(part: str, content: bytes) -> None:
    """Whatever the library makes of it."""
    with pytest.raises(InvalidFile, match=r"damaged|empty"):
        table(edited(workbook(Items=[["sku"], ["A"]]), part, lambda _: content))


@pytest.mark.parametrize("old", [b'r="A1"', b'r="A2"', b"<row", b"</row>", b"<v>0</v>", b't="s"'])
@pytest.mark.parametrize("new", [b"", b'r="ZZZ1"', b'r="A0"', b"<v>99</v>", b'r="A9999999"', b't="e"'])
def test_a_workbook_with_other_content_is_read_or_refused(old: bytes, new: bytes) -> None:
    """No other error is raised."""
    data = edited(workbook(Items=[["sku", "n"], ["A", 1]]), SHEET, lambda xml: xml.replace(old, new))
    try:
        rows = list(table(data).rows)
    except InvalidFile:
        return
    assert len(rows) <= 3


class PanicException(BaseException):
    """What the library raises when its code, in Rust, meets what it does not expect."""


class PanickingWorkbook:
    """A workbook whose sheets cannot be read."""

    def __init__(self, error: BaseException) -> None:
        """Raise this error."""
        self._error = error

    def from_filelike(self, _file: object) -> None:
        """Raise the error."""
        raise self._error


def test_a_workbook_at_which_the_library_panics_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is no Exception, unlike other errors that are no Exceptions, which are passed on."""
    data = workbook(Items=[["sku"]])
    monkeypatch.setattr(python_calamine, "CalamineWorkbook", PanickingWorkbook(PanicException()))
    with pytest.raises(InvalidFile, match="damaged and cannot be read: unexpected content"):
        table(data)
    monkeypatch.setattr(python_calamine, "CalamineWorkbook", PanickingWorkbook(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        table(data)


def test_an_encrypted_ods_workbook_is_refused() -> None:
    """LibreOffice says so in the manifest."""
    entry = (
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml">'
        "<manifest:encryption-data/></manifest:file-entry></manifest:manifest>"
    )
    data = edited(ods(), "META-INF/manifest.xml", lambda xml: xml.replace(b"</manifest:manifest>", entry.encode()))
    with pytest.raises(InvalidFile, match="is encrypted"):
        table(data)
