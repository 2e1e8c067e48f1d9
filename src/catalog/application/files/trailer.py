"""Trailers: the last row of an export tells how many rows stand before it, and the SHA-256 of the bytes before its line.

The trailer of a file that can be read twice is looked at before any of its rows; that of a pipe, at its end.
"""

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from catalog.application.files.row_source import Broken, Readable, Row
from catalog.domain.errors import Fault, InvalidFile
from catalog.domain.items.item import KEPT_BY_US

END = "_end"
"""What the trailer is known by; no item's id is this."""

CATEGORY = "_category"
"""What the row of a category is known by, in an export that has the tree, too."""

Proof = Literal["required", "of_exports", "none"]
"""Which files must end with a trailer that is right: all, those with the columns of an export, or none."""

INCOMPLETE = (
    "The file is not the whole of an export: it does not end with an export's last row, which proves that all rows are there. "
    "Export it again; or, when these rows are all you want, say that it is a part (partial)."
)
CHANGED = (
    "The file was changed since it was exported: the digest in its last row is another. Export it again; or, when the change is "
    "wanted, say that it is a part (partial)."
)

_LONGEST = 64 * 1024
"""Bytes of a last line that may be a trailer."""


def proof_of(*, preserve: bool, partial: bool) -> Proof:
    """Return which files must be whole: what is to keep its life must, unless it is said to be a part."""
    if partial:
        return "none"
    return "required" if preserve else "of_exports"


@dataclass(frozen=True, slots=True)
class Trailer:
    """What the last row of an export says."""

    rows: str
    digest: str


def looks_exported(names: Iterable[str]) -> bool:
    """Whether these columns are those of an export: a table that somebody wrote by hand has no versions and times."""
    found = set(names)
    return CATEGORY in found or {"sku", *KEPT_BY_US} <= found


class Sealed(io.RawIOBase):
    """Passes the bytes of a file on, and hashes all of them but its last line."""

    def __init__(self, file: Readable, proof: Proof = "of_exports") -> None:
        """Read from this file. Raises InvalidFile when it has a trailer that is wrong, and can be read twice."""
        super().__init__()
        self._file = file
        self.proof = proof
        self._hash = sha256()
        self._held = b""
        self.examined = False
        """Whether the file was looked at as a whole: then `trailer` is what it ends with, and the digest is right."""
        self.trailer: Trailer | None = None
        if proof != "none":
            self._examine(file)

    def _examine(self, file: Any) -> None:  # noqa: ANN401 - a Readable, which may be able to do more
        """Look at the end of the file, and at all of it when a trailer is there."""
        seekable = getattr(file, "seekable", None)
        if seekable is None or not seekable():
            return
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - _LONGEST))
        tail = file.read(_LONGEST)
        self.trailer = _parsed(tail[tail.rfind(b"\n", 0, -1) + 1 :])
        file.seek(0)
        if self.trailer is not None:
            digest = self.digest()
            file.seek(0)
            self._hash, self._held = sha256(), b""
            if digest != self.trailer.digest:
                raise InvalidFile([Fault((), "invalid_file", CHANGED)])
        self.examined = True

    def refuse_parts(self, names: Iterable[str]) -> None:
        """Refuse a file with these columns that has no trailer and should have one. Raises InvalidFile."""
        if self.examined and self.trailer is None and self.expects_trailer(names):
            raise InvalidFile([Fault((), "invalid_file", INCOMPLETE)])

    def expects_trailer(self, names: Iterable[str]) -> bool:
        """Whether a file with these columns should end with a trailer."""
        return self.proof == "required" or (self.proof == "of_exports" and looks_exported(names))

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - a writable buffer
        """Pass bytes on."""
        data = self._file.read(len(buffer)) or b""
        buffer[: len(data)] = data
        if self.examined or self.proof == "none":
            return len(data)
        self._held += data
        # The last line may end with a newline itself.
        end = max(self._held.rfind(b"\n", 0, -1) + 1, len(self._held) - _LONGEST)
        if end > 0:
            self._hash.update(self._held[:end])
            self._held = self._held[end:]
        return len(data)

    def digest(self) -> str:
        """Read to the end, and return the hash of what stands before the last line."""
        while self.read(_LONGEST):
            pass
        return self._hash.hexdigest()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def checked(rows: Iterator[Row | Broken], sealed: Sealed, columns: Iterable[str] | None = None) -> Iterator[Row | Broken]:
    """Pass rows on, but for the trailer, which is compared with what came. `columns`: those of the header, where there is one."""
    count = 0
    line = 1
    trailer: tuple[int, Trailer] | None = None
    expected: bool | None = None if columns is None else sealed.expects_trailer(columns)
    for row in rows:
        said = _trailer(row)
        if said is None:
            count += 1
            line = row.line
            if expected is None and isinstance(row, Row):
                expected = sealed.expects_trailer(row.values)
            if isinstance(row, Broken) and row.until is not None:
                expected = False  # the end was not read, and that is told already
            yield row
        else:
            trailer = row.line, said
    if sealed.proof == "none":
        return
    if trailer is None:
        if expected and not sealed.examined:
            yield Broken(line, INCOMPLETE)
        return
    line, end = trailer
    if end.rows != str(count):
        yield Broken(line, f"The file is not whole: its trailer tells of {end.rows} rows, and there are {count}.")
    elif not sealed.examined and end.digest != sealed.digest():
        yield Broken(line, CHANGED)


def _trailer(row: Row | Broken) -> Trailer | None:
    """Read a trailer; None when the row is none."""
    if isinstance(row, Broken):
        return None
    said = row.values.get(END)
    if isinstance(said, Mapping):
        return Trailer(str(said.get("rows")), str(said.get("sha256")))
    if row.values.get("id") == END:
        return Trailer(str(row.values.get("sku")), str(row.values.get("name")))
    return None


def _parsed(line: bytes) -> Trailer | None:
    """Read the last line of an export of any format; None when it is something else."""
    text = line.strip()
    if text.startswith(f"{END},".encode()):
        _, rows, digest, *_ = (*text.decode(errors="replace").split(","), "")
        return Trailer(rows, digest)
    if not text.startswith(b'{"%s":' % END.encode()):
        return None
    try:
        return _trailer(Row(0, json.loads(text.removesuffix(b"]"))))
    except ValueError:
        return None
