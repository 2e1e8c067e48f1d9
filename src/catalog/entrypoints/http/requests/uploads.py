"""Uploads: request bodies that are put into a file while they come in, and read when they are whole.

A caller who sends slowly keeps nobody waiting so: an import takes its turn when its file is there.
"""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from hashlib import sha256
from typing import Any

from multipart import MultipartError, MultipartSegment, PushMultipartParser

from catalog.domain.errors import FileTooLarge, ImportsBusy, Malformed, OutOfSpace, UploadTooSlow

IDLE_TIMEOUT = 60.0
"""Seconds without a byte after which a caller is taken for gone."""

GRACE_SECONDS = 30.0
"""Seconds that any upload may take."""

MIN_RATE = 16 * 1024
"""Bytes a second, on average, that a longer one must bring."""

MAX_FIELDS = 100
"""Parts of a form: the file, and options."""

MAX_FIELD_BYTES = 64 * 1024
"""Bytes of all the options of a form."""

_IN_MEMORY = 64 * 1024
"""Bytes of an upload that needs no file."""

_WRITTEN = 1024 * 1024
"""Bytes that are written to the disk together."""

Receive = Callable[[], Awaitable[Any]]


class UploadSpace:
    """The bytes that uploads may take on the disk, all together."""

    def __init__(self, limit: int) -> None:
        """Begin with none taken."""
        self.limit = limit
        self.used = 0

    def reserve(self, size: int) -> None:
        """Take some. Raises ImportsBusy when there are not as many left."""
        if self.used + size > self.limit:
            message = f"The files that wait to be imported take the {self.limit} bytes they may; try again when one is done."
            raise ImportsBusy(message)
        self.used += size

    def release(self, size: int) -> None:
        """Let others have them."""
        self.used -= size


class Upload:
    """A file that was sent, and is gone when it is closed. A small one stays in memory."""

    def __init__(self, space: UploadSpace) -> None:
        """Begin empty."""
        self._space = space
        self._size = 0
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by `close`

    def write(self, data: bytes) -> None:
        """Add bytes. Raises ImportsBusy, OutOfSpace."""
        self._space.reserve(len(data))
        self._size += len(data)
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            message = (
                f"The service cannot keep the file on its disk ({(error.strerror or 'failed').lower()}); nothing was imported."
            )
            raise OutOfSpace(message) from error

    def read(self, size: int = -1, /) -> bytes:
        """Return up to so many bytes."""
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to another position, and return it."""
        self._file.seek(offset, whence)
        return self._file.tell()

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Return how many bytes were read."""
        return self._size if self._file.closed else self._file.tell()

    def close(self) -> None:
        """Delete it; a second time nothing happens."""
        if self._file.closed:
            return
        # What could not be written for want of space is tried again when a file is closed.
        with suppress(OSError):
            self._file.close()
        self._space.release(self._size)


class UploadStream:
    """A body that is still coming in, and is a file as it stands."""

    def __init__(self, receive: Receive, most: int, space: UploadSpace) -> None:
        """Take up to `most` bytes from an ASGI channel."""
        self._receive = receive
        self._most = most
        self._space = space
        self._waited = 0.0
        self._more = True
        self._hash = sha256()
        self._count = 0

    @property
    def digest(self) -> str:
        """Of all that was taken."""
        return self._hash.hexdigest()

    async def receive_all(self) -> None:
        """Take the rest, and forget it."""
        async for _ in self.chunks():
            pass

    async def save(self) -> Upload:
        """Put all of it into a file. Raises Malformed, TooLarge, TooSlow, ImportsBusy, OutOfSpace."""
        upload = Upload(self._space)
        held: list[bytes] = []
        size = 0
        try:
            async with aclosing(self.chunks()) as pieces:
                async for piece in pieces:
                    held.append(piece)
                    size += len(piece)
                    if size >= _WRITTEN:
                        await _written(upload, held)
                        size = 0
            if size < _IN_MEMORY and upload.tell() == 0:
                upload.write(b"".join(held))
            else:
                await _written(upload, held)
            upload.seek(0)
        except BaseException:
            upload.close()
            raise
        return upload

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Go through the bytes of the file. Raises Malformed, TooLarge, TooSlow."""
        while self._more:
            data = await self._receive_chunk()
            self._hash.update(data)
            yield data

    async def _receive_chunk(self) -> bytes:
        """Take what comes next."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            async with asyncio.timeout(min(IDLE_TIMEOUT, GRACE_SECONDS + self._count / MIN_RATE - self._waited)):
                event = await self._receive()
        except TimeoutError as error:
            self._more = False
            raise UploadTooSlow from error
        self._waited += loop.time() - begun
        if event["type"] == "http.disconnect":
            self._more = False
            message = "The body ended too early; nothing of it was imported."
            raise Malformed(message)
        data: bytes = event.get("body", b"")
        self._more = event.get("more_body", False)
        self._count += len(data)
        if self._count > self._most:
            self._more = False
            raise FileTooLarge(self._most)
        return data


class MultipartUpload(UploadStream):
    """A body that is a form (multipart/form-data): a file, and options before or after it."""

    def __init__(self, receive: Receive, most: int, space: UploadSpace, boundary: str) -> None:
        """Take a form whose parts stand between these boundaries. Raises Malformed."""
        super().__init__(receive, most, space)
        self.fields: dict[str, list[str]] = {}
        self.filename: str | None = None
        try:
            self._parser = PushMultipartParser(boundary, max_segment_count=MAX_FIELDS)
        except MultipartError as error:
            message = "The form has no boundary in its Content-Type, by which its parts are told apart."
            raise Malformed(message) from error

    @property
    def digest(self) -> str:
        """Of the file and the options: a form that is sent again has another boundary."""
        whole = self._hash.copy()
        whole.update(repr(sorted(self.fields.items())).encode(errors="surrogatepass"))
        return whole.hexdigest()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Go through the bytes of the file, and gather the options. Raises what Incoming raises."""
        name: str | None = None
        option = bytearray()
        size = 0
        while self._more:
            for event in self._events(await self._receive_chunk()):
                if isinstance(event, MultipartSegment):
                    name = self._begun(event)
                    option.clear()
                elif event is None:
                    if name is not None:
                        self.fields.setdefault(name, []).append(option.decode(errors="surrogateescape"))
                elif name is None:
                    piece = bytes(event)
                    self._hash.update(piece)
                    yield piece
                else:
                    size += len(event)
                    if size > MAX_FIELD_BYTES:
                        message = f"The options of the form have more than {MAX_FIELD_BYTES} bytes."
                        raise Malformed(message)
                    option += event
        try:
            self._parser.close()
        except MultipartError as error:
            message = "The form ends too early; nothing of it was imported."
            raise Malformed(message) from error
        if self.filename is None:
            message = "The form has no file; curl sends one so: -F file=@items.csv"
            raise Malformed(message)

    def _events(self, data: bytes) -> list[MultipartSegment | bytes | bytearray | None]:
        """Parse what came. Raises Malformed."""
        if not data:
            return []
        try:
            return list(self._parser.parse(data))
        except MultipartError as error:
            message = f"The form cannot be read; it has up to {MAX_FIELDS} parts, each with a name (multipart/form-data)."
            raise Malformed(message) from error

    def _begun(self, part: MultipartSegment) -> str | None:
        """Return the name of an option; None: the file begins. Raises Malformed."""
        if part.filename is None:
            return part.name or ""
        if self.filename is not None:
            message = "The form has more than one file; send each by itself."
            raise Malformed(message)
        self.filename = part.filename
        return None


async def _written(upload: Upload, held: list[bytes]) -> None:
    """Write to the disk, in a thread, which whoever is cancelled waits for: it works on the file."""
    data = b"".join(held)
    held.clear()
    writing = asyncio.create_task(asyncio.to_thread(upload.write, data))
    try:
        await asyncio.shield(writing)
    finally:
        await asyncio.wait((writing,))
