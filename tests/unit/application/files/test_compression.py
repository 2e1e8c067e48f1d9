"""Compressed files, and archives of one file."""

import bz2
import gzip
import io
import lzma
import sys
import zipfile
from collections.abc import Callable
from hashlib import sha256

import pytest

from catalog.application.files import compression as module
from catalog.application.files.row_source import MalformedRow, Row
from catalog.domain.errors import InvalidFile
from tests.tables import table

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TEXT = b"sku,name\n" + b"".join(b"S-%d,Item %d\n" % (number, number) for number in range(50_000))


def archive(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a ZIP archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as opened:
        for name, content in members:
            opened.writestr(name, content)
    return file.getvalue()


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd.compress,
    "zip": lambda data: archive(("items.csv", data), ("__MACOSX/._items.csv", b"x"), ("empty/", b"")),
}


class Pipe:
    """A file that cannot be read again."""

    def __init__(self, data: bytes) -> None:
        """Return `data` in small pieces."""
        self._file = io.BytesIO(data)
        self.closed = False

    def read(self, size: int, /) -> bytes:
        """Return up to 1,000 bytes."""
        return self._file.read(min(size, 1_000))

    def close(self) -> None:
        """Remember it."""
        self.closed = True


@pytest.mark.parametrize("name", COMPRESS)
@pytest.mark.parametrize("is_pipe", [False, True])
def test_a_compressed_file_is_read(name: str, *, is_pipe: bool) -> None:
    """From a file and from a pipe; the compression is reported."""
    data = COMPRESS[name](TEXT)
    source = table(Pipe(data) if is_pipe else data)
    assert source.detected.compression == name
    assert sum(isinstance(row, Row) for row in source.rows) == 50_000


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz", "zstd"])
def test_a_truncated_file_is_read_up_to_the_damage(name: str) -> None:
    """The rows before it are read, and the error says that the file is damaged."""
    data = COMPRESS[name](TEXT + b"".join(b"%x," % (number * 2654435761 % 2**32) for number in range(300_000)))
    rows = list(table(data[: len(data) * 2 // 3]).rows)
    assert isinstance(rows[0], Row)
    assert isinstance(rows[-1], MalformedRow)
    assert "damaged or incomplete" in rows[-1].message


@pytest.mark.parametrize("name", COMPRESS)
def test_a_bomb_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that expands to far more than a table would is not read to its end."""
    monkeypatch.setattr(module, "FREE_SIZE", 1024 * 1024)
    data = COMPRESS[name](b"sku,name\n" + b"A,A\n" * 4_000_000)
    *_, last = table(data).rows
    assert isinstance(last, MalformedRow)
    assert "expands to too much" in last.message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (archive(("a.csv", b"sku"), ("b.csv", b"sku")), r"has 2 files \(a.csv, b.csv\)"),
        (archive(), "has 0 files"),
        (archive(("a.csv", TEXT))[:-100], "damaged or incomplete ZIP"),
        (gzip.compress(b""), "empty"),
        (gzip.compress(TEXT)[:15], "damaged or incomplete"),
        (gzip.compress(gzip.compress(TEXT)), "not text|header"),
        (gzip.compress(archive(("a.csv", TEXT))), r"in another one \(gzip\)"),
        (archive(("[Content_Types].xml", b""), ("word/document.xml", b"")), "a Word document"),
        (b"\xd0\xcf\x11\xe0" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"), "workbook with a password"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",  # gzip contains the time
)
def test_other_archives_are_refused(data: bytes, message: str) -> None:
    """The error says what to send instead."""
    with pytest.raises(InvalidFile, match=message):
        table(data)


def test_a_header_may_begin_as_bzip2_does() -> None:
    """What follows in bzip2 is not text."""
    assert table("BZh9,sku\n1,A\n").columns == ("BZh9", "sku")


def test_an_encrypted_archive_is_refused() -> None:
    """It cannot be read without its password."""
    data = bytearray(archive(("a.csv", b"sku,name"), method=zipfile.ZIP_STORED))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(InvalidFile, match="encrypted"):
        table(bytes(data))


def test_an_archive_in_a_pipe_has_a_maximum_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is saved before it is read."""
    monkeypatch.setattr(module, "MAX_ARCHIVE", 1_000)
    with pytest.raises(InvalidFile, match="larger than 1000 bytes"):
        table(Pipe(archive(("a.csv", TEXT))))


def export(change: bytes = b"") -> bytes:
    """Return an export with a proof, changed after it was written."""
    rows = b"id,sku,name\n,A,a\n"
    return rows + change + f"_end,1,{sha256(rows).hexdigest()}\n".encode()


@pytest.mark.parametrize("name", COMPRESS)
def test_the_proof_in_a_compressed_file_is_checked_before_its_rows_are_read(name: str) -> None:
    """The file is read twice; from a pipe, the rows come first."""
    assert [row.line for row in table(COMPRESS[name](export())).rows] == [2]
    changed = COMPRESS[name](export(b",B,b\n"))
    with pytest.raises(InvalidFile, match="changed since it was exported"):
        table(changed)
    assert [row.line for row in table(changed, policy="ignore").rows] == [2, 3]
    if name != "zip":  # which is saved to a file first
        *_, last = table(Pipe(changed)).rows
        assert isinstance(last, MalformedRow)


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz", "zstd"])
def test_damaged_data_is_refused(name: str) -> None:
    """Each library has errors of its own."""
    data = bytearray(COMPRESS[name](TEXT + b"x" * 3_000_000))
    data[len(data) // 3 : len(data) // 3 + 40] = b"\xff" * 40
    try:
        last = list(table(bytes(data)).rows)[-1]
    except InvalidFile as error:
        assert "damaged or incomplete" in str(error)  # noqa: PT017 - either is right
    else:
        assert isinstance(last, MalformedRow)


def test_a_damaged_json_file_is_read_up_to_the_damage() -> None:
    """As a CSV file is."""
    lines = b"".join(b'{"sku": "S-%d", "name": "%x"}\n' % (number, number * 2654435761 % 2**64) for number in range(60_000))
    data = gzip.compress(lines)
    rows = list(table(data[: len(data) // 2]).rows)
    assert isinstance(rows[0], Row)
    assert isinstance(rows[-1], MalformedRow)


def test_an_unknown_method_of_an_archive_is_refused() -> None:
    """The error says to send the file in it."""
    data = bytearray(archive(("a.csv", b"sku,name"), method=zipfile.ZIP_STORED))
    data[8] = data[data.index(b"PK\x01\x02") + 10] = 99
    with pytest.raises(InvalidFile, match="not supported"):
        table(bytes(data))
