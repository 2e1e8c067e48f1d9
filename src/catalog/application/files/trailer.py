"""The trailer: the last row of an export with a proof. It has the number of rows, and the SHA-256 of the bytes, before it.

In a seekable file the trailer is checked before any row is read; in a pipe, at the end. A file without one is not checked.
"""

import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from catalog.application.files.errors import DamagedFile, invalid_file
from catalog.application.files.row_source import BinaryReader, MalformedRow, Row

TRAILER_KEY = "_end"
"""Marks the trailer row. No item has this id."""

CATEGORY_KEY = "_category"
"""Marks the row of a category, in an export that includes the category tree."""

TrailerPolicy = Literal["verify", "ignore"]
"""Whether a trailer that a file has is verified."""

CHANGED = (
    "The file was changed since it was exported: it does not match the SHA-256 in its last row. "
    "Export it again, or set partial=true to import it as it is."
)

UNCHECKED = "partial=true"
"""The cure for a file that was changed."""

_CSV_TRAILER = re.compile(rb"%s([!-/:-@\[-^`{-~\t])" % TRAILER_KEY.encode())
"""How the trailer of a CSV file begins, with any delimiter."""

_MAX_TRAILER = 64 * 1024
"""Maximum size of a trailer line, in bytes."""


@dataclass(frozen=True, slots=True)
class Trailer:
    """The row count and SHA-256 from the last row of an export, unverified."""

    rows: str
    digest: str


class HashingReader(io.RawIOBase):
    """A reader that passes on the bytes of a file and hashes all of them except the last line."""

    def __init__(self, file: BinaryReader, policy: TrailerPolicy = "verify") -> None:
        """Read from `file`. If it is seekable, check its trailer first.

        Raises: InvalidFile if the trailer does not match the file.
        """
        super().__init__()
        self._file = file
        self.policy = policy
        self._hash = sha256()
        self._tail = b""
        self.checked_ahead = False
        """True if the file was checked before reading its rows. `trailer` is then its trailer, if any, and the digest matches."""
        self.trailer: Trailer | None = None
        if policy == "verify":
            self._check_ahead(file)

    def _check_ahead(self, file: Any) -> None:  # noqa: ANN401 - a BinaryReader that may be seekable
        """Look for a trailer at the end of a seekable file. If there is one, hash the whole file to verify it."""
        rewind = getattr(file, "rewind", None)
        if rewind is not None:
            self._check_by_reading(rewind)
            return
        seekable = getattr(file, "seekable", None)
        if seekable is None or not seekable():
            return
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - _MAX_TRAILER))
        tail = file.read(_MAX_TRAILER)
        self.trailer = _parse_last_line(tail[tail.rfind(b"\n", 0, -1) + 1 :])
        file.seek(0)
        if self.trailer is not None:
            digest = self.digest()
            file.seek(0)
            self._hash, self._tail = sha256(), b""
            if digest != self.trailer.digest:
                raise invalid_file(CHANGED, UNCHECKED)
        self.checked_ahead = True

    def _check_by_reading(self, rewind: Callable[[], bool]) -> None:
        """Read a compressed file to its end to verify its trailer, and start again. It may be a pipe, which cannot.

        A damaged file is read again up to the damage.
        """
        if not rewind():
            return
        with suppress(DamagedFile):
            digest = self.digest()
            self.trailer = _parse_last_line(self._tail)
            if self.trailer is not None and digest != self.trailer.digest:
                raise invalid_file(CHANGED, UNCHECKED)
            self.checked_ahead = True
        self._hash, self._tail = sha256(), b""
        rewind()

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - a writable buffer
        """Read the next bytes into `buffer` and hash them. Return their number."""
        data = self._file.read(len(buffer)) or b""
        buffer[: len(data)] = data
        if self.checked_ahead or self.policy == "ignore":
            return len(data)
        self._tail += data
        # The last line may end with a newline itself.
        end = max(self._tail.rfind(b"\n", 0, -1) + 1, len(self._tail) - _MAX_TRAILER)
        if end > 0:
            self._hash.update(self._tail[:end])
            self._tail = self._tail[end:]
        return len(data)

    def digest(self) -> str:
        """Read to the end and return the SHA-256 of everything before the last line."""
        while self.read(_MAX_TRAILER):
            pass
        return self._hash.hexdigest()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def verify_trailer(rows: Iterator[Row | MalformedRow], reader: HashingReader) -> Iterator[Row | MalformedRow]:
    """Yield the rows without the trailer, and then a malformed row if there is a trailer that is wrong."""
    count = 0
    found: tuple[int, Trailer] | None = None
    for row in rows:
        trailer = _trailer_of(row)
        if trailer is None:
            count += 1
            yield row
        else:
            found = row.line, trailer
    if reader.policy == "ignore" or found is None:
        return
    line, trailer = found
    if trailer.rows != str(count):
        yield MalformedRow(line, f"Row count mismatch: the trailer says {trailer.rows} rows, the file has {count}.")
    elif reader.trailer is None and trailer.digest != reader.digest():
        yield MalformedRow(line, CHANGED, cure=UNCHECKED)


def verify_row_count(rows: Iterator[Row | MalformedRow], policy: TrailerPolicy) -> Iterator[Row | MalformedRow]:
    """Yield the rows of a workbook before the trailer, then a malformed row if its row count is wrong.

    A spreadsheet that saved an export as a workbook kept the trailer as a row, but the bytes that were hashed are gone.
    """
    count = 0
    for row in rows:
        trailer = _trailer_of(row)
        if trailer is None:
            count += 1
            yield row
        elif policy == "verify" and trailer.rows != str(count):
            yield MalformedRow(row.line, f"Row count mismatch: the trailer says {trailer.rows} rows, the file has {count}.")


def _trailer_of(row: Row | MalformedRow) -> Trailer | None:
    """Parse a trailer row. Return None for any other row."""
    if isinstance(row, MalformedRow):
        return None
    content = row.values.get(TRAILER_KEY)
    if isinstance(content, Mapping):
        return Trailer(str(content.get("rows")), str(content.get("sha256")))
    if row.values.get("id") == TRAILER_KEY:
        return Trailer(str(row.values.get("sku")), str(row.values.get("name")))
    return None


def _parse_last_line(line: bytes) -> Trailer | None:
    """Parse the last line of an export in any format. Return None if it is not a trailer."""
    content = line.strip()
    delimiter = _CSV_TRAILER.match(content)
    if delimiter is not None:
        _, rows, digest, *_ = (*content.decode(errors="replace").split(delimiter[1].decode()), "")
        return Trailer(rows, digest)
    if not content.startswith(b'{"%s":' % TRAILER_KEY.encode()):
        return None
    try:
        return _trailer_of(Row(0, json.loads(content.removesuffix(b"]"))))
    except ValueError:
        return None
