"""The reader that hashes a file, to verify the proof at its end."""

from hashlib import sha256

from catalog.application.files.trailer import HashingReader


class Pipe:
    """A file that can be read once, from front to back."""

    def __init__(self, content: bytes) -> None:
        """Return this content."""
        self._content = content

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes."""
        data, self._content = self._content[:size], self._content[size:]
        return data

    def close(self) -> None:
        """Do nothing."""


def test_a_pipe_is_hashed_while_it_is_read() -> None:
    """It cannot be checked ahead, because its bytes cannot be read twice."""
    reader = HashingReader(Pipe(b"sku\nA\nlast"))
    assert (reader.checked_ahead, reader.trailer) == (False, None)
    assert reader.digest() == sha256(b"sku\nA\n").hexdigest()
