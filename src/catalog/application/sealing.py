"""Trailers: the last row of an export tells how many rows stand before it, and the SHA-256 of the bytes before its line."""

import io
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

from catalog.application.tables import Broken, Readable, Row

END = "_end"
"""What the trailer is known by; no item's id is this."""

_LONGEST = 64 * 1024
"""Bytes of a last line that may be a trailer."""


class Sealed(io.RawIOBase):
    """Passes the bytes of a file on, and hashes all of them but its last line."""

    def __init__(self, file: Readable) -> None:
        """Read from this file."""
        super().__init__()
        self._file = file
        self._hash = sha256()
        self._held = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - a writable buffer
        """Pass bytes on."""
        data = self._file.read(len(buffer)) or b""
        buffer[: len(data)] = data
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


def checked(rows: Iterator[Row | Broken], sealed: Sealed) -> Iterator[Row | Broken]:
    """Pass rows on, but for the trailer, where there is one: it is compared with what came, and what it says in vain is told."""
    count = 0
    trailer: tuple[int, tuple[str, str]] | None = None
    for row in rows:
        said = _trailer(row)
        if said is None:
            count += 1
            yield row
        else:
            trailer = row.line, said
    if trailer is None:
        return
    line, (number, digest) = trailer
    if number != str(count):
        yield Broken(line, f"The file is not whole: its trailer tells of {number} rows, and there are {count}.")
    elif digest != sealed.digest():
        yield Broken(line, "The file was changed since it was exported: its trailer has another digest. Take its last line away.")


def _trailer(row: Row | Broken) -> tuple[str, str] | None:
    """Read a trailer: how many rows, and the digest; None when the row is none."""
    if isinstance(row, Broken):
        return None
    said = row.values.get(END)
    if isinstance(said, Mapping):
        return str(said.get("rows")), str(said.get("sha256"))
    if row.values.get("id") == END:
        return str(row.values.get("sku")), str(row.values.get("name"))
    return None
