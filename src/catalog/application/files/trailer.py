"""Trailers: the last row of an export tells how many rows stand before it, and the SHA-256 of the bytes before its line.

The trailer of a file that can be read twice is looked at before any of its rows; that of a pipe, at its end.
"""

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from catalog.application.files.row_source import BinaryReader, MalformedRow, Row
from catalog.domain.errors import FieldError, InvalidFile
from catalog.domain.items.item import READ_ONLY_FIELDS

TRAILER_KEY = "_end"
"""What the trailer is known by; no item's id is this."""

CATEGORY_KEY = "_category"
"""What the row of a category is known by, in an export that has the tree, too."""

TrailerPolicy = Literal["required", "of_exports", "none"]
"""Which files must end with a trailer that is right: all, those with the columns of an export, or none."""

INCOMPLETE = (
    "The file is not the whole of an export: it does not end with an export's last row, which proves that all rows are there. "
    "Export it again; or, when these rows are all you want, say that it is a part (partial)."
)
CHANGED = (
    "The file was changed since it was exported: the digest in its last row is another. Export it again; or, when the change is "
    "wanted, say that it is a part (partial)."
)

_MAX_TRAILER = 64 * 1024
"""Bytes of a last line that may be a trailer."""


def trailer_policy(*, preserve: bool, partial: bool) -> TrailerPolicy:
    """Return which files must be whole: what is to keep its life must, unless it is said to be a part."""
    if partial:
        return "none"
    return "required" if preserve else "of_exports"


@dataclass(frozen=True, slots=True)
class Trailer:
    """What the last row of an export says."""

    rows: str
    digest: str


def has_export_columns(names: Iterable[str]) -> bool:
    """Whether these columns are those of an export: a table that somebody wrote by hand has no versions and times."""
    found = set(names)
    return CATEGORY_KEY in found or {"sku", *READ_ONLY_FIELDS} <= found


class HashingReader(io.RawIOBase):
    """Passes the bytes of a file on, and hashes all of them but its last line."""

    def __init__(self, file: BinaryReader, policy: TrailerPolicy = "of_exports") -> None:
        """Read from this file. Raises InvalidFile when it has a trailer that is wrong, and can be read twice."""
        super().__init__()
        self._file = file
        self.policy = policy
        self._hash = sha256()
        self._tail = b""
        self.checked_ahead = False
        """Whether the file was looked at as a whole: then `trailer` is what it ends with, and the digest is right."""
        self.trailer: Trailer | None = None
        if policy != "none":
            self._check_ahead(file)

    def _check_ahead(self, file: Any) -> None:  # noqa: ANN401 - a Readable, which may be able to do more
        """Look at the end of the file, and at all of it when a trailer is there."""
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
                raise InvalidFile([FieldError((), "invalid_file", CHANGED)])
        self.checked_ahead = True

    def require_trailer(self, names: Iterable[str]) -> None:
        """Refuse a file with these columns that has no trailer and should have one. Raises InvalidFile."""
        if self.checked_ahead and self.trailer is None and self.expects_trailer(names):
            raise InvalidFile([FieldError((), "invalid_file", INCOMPLETE)])

    def expects_trailer(self, names: Iterable[str]) -> bool:
        """Whether a file with these columns should end with a trailer."""
        return self.policy == "required" or (self.policy == "of_exports" and has_export_columns(names))

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - a writable buffer
        """Pass bytes on."""
        data = self._file.read(len(buffer)) or b""
        buffer[: len(data)] = data
        if self.checked_ahead or self.policy == "none":
            return len(data)
        self._tail += data
        # The last line may end with a newline itself.
        end = max(self._tail.rfind(b"\n", 0, -1) + 1, len(self._tail) - _MAX_TRAILER)
        if end > 0:
            self._hash.update(self._tail[:end])
            self._tail = self._tail[end:]
        return len(data)

    def digest(self) -> str:
        """Read to the end, and return the hash of what stands before the last line."""
        while self.read(_MAX_TRAILER):
            pass
        return self._hash.hexdigest()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def verify_trailer(
    rows: Iterator[Row | MalformedRow], reader: HashingReader, columns: Iterable[str] | None = None
) -> Iterator[Row | MalformedRow]:
    """Pass rows on, but for the trailer, which is compared with what came. `columns`: those of the header, where there is one."""
    count = 0
    line = 1
    trailer: tuple[int, Trailer] | None = None
    expected: bool | None = None if columns is None else reader.expects_trailer(columns)
    for row in rows:
        said = _trailer_of(row)
        if said is None:
            count += 1
            line = row.line
            if expected is None and isinstance(row, Row):
                expected = reader.expects_trailer(row.values)
            if isinstance(row, MalformedRow) and row.last_line is not None:
                expected = False  # the end was not read, and that is told already
            yield row
        else:
            trailer = row.line, said
    if reader.policy == "none":
        return
    if trailer is None:
        if expected and not reader.checked_ahead:
            yield MalformedRow(line, INCOMPLETE)
        return
    line, end = trailer
    if end.rows != str(count):
        yield MalformedRow(line, f"The file is not whole: its trailer tells of {end.rows} rows, and there are {count}.")
    elif not reader.checked_ahead and end.digest != reader.digest():
        yield MalformedRow(line, CHANGED)


def _trailer_of(row: Row | MalformedRow) -> Trailer | None:
    """Read a trailer; None when the row is none."""
    if isinstance(row, MalformedRow):
        return None
    said = row.values.get(TRAILER_KEY)
    if isinstance(said, Mapping):
        return Trailer(str(said.get("rows")), str(said.get("sha256")))
    if row.values.get("id") == TRAILER_KEY:
        return Trailer(str(row.values.get("sku")), str(row.values.get("name")))
    return None


def _parse_last_line(line: bytes) -> Trailer | None:
    """Read the last line of an export of any format; None when it is something else."""
    text = line.strip()
    if text.startswith(f"{TRAILER_KEY},".encode()):
        _, rows, digest, *_ = (*text.decode(errors="replace").split(","), "")
        return Trailer(rows, digest)
    if not text.startswith(b'{"%s":' % TRAILER_KEY.encode()):
        return None
    try:
        return _trailer_of(Row(0, json.loads(text.removesuffix(b"]"))))
    except ValueError:
        return None
