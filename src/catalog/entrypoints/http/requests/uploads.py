"""Uploads: request bodies that are saved to a temporary file first, and read when they are complete.

An import starts only when its file is complete, so a slow client does not delay other imports.
"""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from hashlib import sha256
from typing import Any

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from catalog.application.files.compression import ZIP
from catalog.application.threads import run_in_thread
from catalog.domain.errors import FileTooLarge, ImportsBusy, Malformed, OutOfSpace, UploadTooSlow
from catalog.entrypoints.http.requests.headers import header

IDLE_TIMEOUT = 60.0
"""Seconds without data after which an upload is aborted."""

GRACE_SECONDS = 30.0
"""Seconds that any upload may take, whatever its rate."""

MIN_RATE = 16 * 1024
"""Bytes per second, on average, that an upload must arrive at after the grace period."""

MAX_FIELDS = 100
"""Parts of a form: the file and its options."""

MAX_FIELD_BYTES = 64 * 1024
"""Bytes of all options of a form together."""

_MAX_IN_MEMORY = 64 * 1024
"""Bytes of an upload that are kept in memory; larger uploads go to a file."""

_WRITE_SIZE = 1024 * 1024
"""Bytes that are written to the disk in one call."""

FORM = "multipart/form-data"
"""The media type of a form with a file."""

Receive = Callable[[], Awaitable[Any]]


class UploadSpace:
    """The disk space for all uploads together, in bytes."""

    def __init__(self, limit: int) -> None:
        """Start with nothing reserved."""
        self.limit = limit
        self.used = 0

    def reserve(self, size: int) -> None:
        """Reserve bytes. Raises ImportsBusy if not enough are left."""
        if self.used + size > self.limit:
            message = (
                f"Files waiting to be imported use all of the {self.limit} bytes reserved for them; retry when an import is done."
            )
            raise ImportsBusy(message)
        self.used += size

    def release(self, size: int) -> None:
        """Return reserved bytes."""
        self.used -= size


class Upload:
    """An uploaded file. It is deleted when closed; a small one stays in memory."""

    def __init__(self, space: UploadSpace) -> None:
        """Start empty."""
        self._space = space
        self._size = 0
        self._file = tempfile.SpooledTemporaryFile(max_size=_MAX_IN_MEMORY)  # noqa: SIM115 - closed by `close`

    def write(self, data: bytes) -> None:
        """Append bytes. Raises: ImportsBusy, OutOfSpace."""
        self._space.reserve(len(data))
        self._size += len(data)
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            reason = (error.strerror or "failed").lower()
            message = f"The service cannot store the file on its disk ({reason}); nothing was imported."
            raise OutOfSpace(message) from error

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes."""
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to another position and return it."""
        self._file.seek(offset, whence)
        return self._file.tell()

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in the file; after `close`, its size."""
        return self._size if self._file.closed else self._file.tell()

    def close(self) -> None:
        """Delete the file. Closing it again does nothing."""
        if self._file.closed:
            return
        # Closing the file repeats a write that failed because the disk was full, and may fail again.
        with suppress(OSError):
            self._file.close()
        self._space.release(self._size)


class UploadStream:
    """A request body that is still arriving and that is the file itself, not a form: it has no `fields` and no `filename`."""

    def __init__(self, receive: Receive, limit: int, space: UploadSpace) -> None:
        """Receive up to `limit` bytes from an ASGI channel."""
        self.fields: dict[str, list[str]] = {}
        self.filename: str | None = None
        self._receive = receive
        self._limit = limit
        self._space = space
        self._seconds_waited = 0.0
        self._has_more = True
        self._hash = sha256()
        self._received = 0

    @property
    def digest(self) -> str:
        """The SHA-256 of everything received, in hexadecimal."""
        return self._hash.hexdigest()

    async def receive_all(self) -> None:
        """Receive the rest of the body and discard it."""
        async for _ in self.chunks():
            pass

    async def save(self) -> Upload:
        """Save the body to a file. Raises: Malformed, FileTooLarge, UploadTooSlow, ImportsBusy, OutOfSpace."""
        async with aclosing(self.chunks()) as chunks:
            return await self._save(chunks)

    async def save_start(self, size: int, archive_size: int) -> Upload:
        """Save the first `size` bytes of the file, and discard the rest.

        A workbook or ZIP archive is saved as a whole, since its directory is at its end, up to `archive_size`.

        Raises what `save` raises.
        """
        async with aclosing(self.chunks()) as chunks, aclosing(_start_of(chunks, size, archive_size)) as start:
            return await self._save(start)

    async def _save(self, chunks: AsyncGenerator[bytes, None]) -> Upload:
        upload = Upload(self._space)
        unwritten: list[bytes] = []
        size = 0
        try:
            async for chunk in chunks:
                unwritten.append(chunk)
                size += len(chunk)
                if size >= _WRITE_SIZE:
                    await _write_chunks(upload, unwritten)
                    size = 0
            if size < _MAX_IN_MEMORY and upload.tell() == 0:
                upload.write(b"".join(unwritten))
            else:
                await _write_chunks(upload, unwritten)
            upload.seek(0)
        except BaseException:
            upload.close()
            raise
        return upload

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of the file. Raises: Malformed, FileTooLarge, UploadTooSlow."""
        while self._has_more:
            data = await self._receive_chunk()
            self._hash.update(data)
            yield data

    async def _receive_chunk(self) -> bytes:
        """Receive the next part of the body."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with asyncio.timeout(min(IDLE_TIMEOUT, GRACE_SECONDS + self._received / MIN_RATE - self._seconds_waited)):
                event = await self._receive()
        except TimeoutError as error:
            self._has_more = False
            raise UploadTooSlow from error
        self._seconds_waited += loop.time() - started
        if event["type"] == "http.disconnect":
            self._has_more = False
            message = "The request body is incomplete; nothing was imported."
            raise Malformed(message)
        data: bytes = event.get("body", b"")
        self._has_more = event.get("more_body", False)
        self._received += len(data)
        if self._received > self._limit:
            self._has_more = False
            raise FileTooLarge(self._limit)
        return data


class MultipartUpload(UploadStream):
    """A request body that is a form (multipart/form-data): a file, with options before or after it."""

    def __init__(self, receive: Receive, limit: int, space: UploadSpace, boundary: str) -> None:
        """Receive a form whose parts are separated by `boundary`. Raises Malformed."""
        super().__init__(receive, limit, space)
        try:
            self._parser = PushMultipartParser(boundary, max_segment_count=MAX_FIELDS)
        except MultipartError as error:
            message = "The Content-Type multipart/form-data needs a valid boundary parameter."
            raise Malformed(message) from error

    @property
    def digest(self) -> str:
        """The SHA-256 of the file and the options, without the boundary: a repeated form has a different one."""
        combined = self._hash.copy()
        combined.update(repr(sorted(self.fields.items())).encode(errors="surrogatepass"))
        return combined.hexdigest()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of the file and collect the options. Raises what `UploadStream.chunks` raises."""
        name: str | None = None
        option = bytearray()
        size = 0
        while self._has_more:
            for event in self._parse(await self._receive_chunk()):
                if isinstance(event, MultipartSegment):
                    name = self._begin_part(event)
                    option.clear()
                elif event is None:
                    if name is not None:
                        self.fields.setdefault(name, []).append(option.decode(errors="surrogateescape"))
                elif name is None:
                    chunk = bytes(event)
                    self._hash.update(chunk)
                    yield chunk
                else:
                    size += len(event)
                    if size > MAX_FIELD_BYTES:
                        message = f"The options of the form are too large. The limit is {MAX_FIELD_BYTES} bytes."
                        raise Malformed(message)
                    option += event
        try:
            self._parser.close()
        except MultipartError as error:
            message = "The form is incomplete; nothing was imported."
            raise Malformed(message) from error
        if self.filename is None:
            message = "The form has no file. With curl: -F file=@items.csv"
            raise Malformed(message)

    def _parse(self, data: bytes) -> list[MultipartSegment | bytes | bytearray | None]:
        """Parse received bytes. Raises Malformed."""
        if not data:
            return []
        try:
            return list(self._parser.parse(data))
        except MultipartError as error:
            message = f"Invalid multipart/form-data. A form may have up to {MAX_FIELDS} parts, and each part needs a name."
            raise Malformed(message) from error

    def _begin_part(self, part: MultipartSegment) -> str | None:
        """Return the name of the option that begins, or None if the file begins. Raises Malformed."""
        if part.filename is None:
            return part.name or ""
        if self.filename is not None:
            message = "The form has more than one file; send each file in its own request."
            raise Malformed(message)
        self.filename = part.filename
        return None


def form_boundary(scope: Any) -> str | None:  # noqa: ANN401 - an ASGI scope
    """Return the multipart boundary of a form, or None if the body is the file itself."""
    essence, options = parse_options_header(header(scope, b"content-type") or "")
    return options.get("boundary", "") if essence == FORM else None


async def _start_of(chunks: AsyncGenerator[bytes, None], size: int, archive_size: int) -> AsyncGenerator[bytes, None]:
    """Yield the first bytes of a file, or all of an archive, and discard the rest. Raises: FileTooLarge for a larger archive."""
    magic = b""
    received = 0
    async for chunk in chunks:
        magic += chunk[: len(ZIP) - len(magic)]
        is_archive = magic == ZIP
        kept = chunk[: max(0, (archive_size if is_archive else size) - received)]
        received += len(chunk)
        if is_archive and received > archive_size:
            raise FileTooLarge(archive_size, "a larger workbook or archive cannot be inspected; import it with dry_run=true")
        if kept:
            yield kept


async def _write_chunks(upload: Upload, chunks: list[bytes]) -> None:
    """Write to the disk in a thread."""
    data = b"".join(chunks)
    chunks.clear()
    await run_in_thread(upload.write, data)
