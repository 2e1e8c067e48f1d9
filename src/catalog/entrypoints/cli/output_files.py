"""Atomic output files: a file appears only when it is complete."""

import gzip
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def atomic_output(output: Path | None, *, compressed: bool = False) -> Iterator[IO[bytes]]:
    """Open the output file, or stdout if None. The file is written as NAME.part and renamed once complete and synced to disk.

    A `compressed` file is gzip, without a name and a time in it, so that the same content gives the same bytes.
    """
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    partial = output.with_name(f"{output.name}.part")
    try:
        with partial.open("wb") as file:
            if compressed:
                compressing: Any = gzip.GzipFile("", "wb", fileobj=file, mtime=0)
                with compressing:
                    yield compressing
            else:
                yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)
