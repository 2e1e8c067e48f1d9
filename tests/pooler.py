"""A worst-case connection pooler in transaction mode, to test that nothing relies on a session.

Consecutive transactions run on different server connections, in round-robin order. Start-up parameters are rejected, except
those that every client sends.
"""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

ALLOWED = frozenset({"user", "database", "client_encoding"})
_PROTOCOL_VERSION = 196_608
_SSL_REQUEST = 80_877_103
_RESPONSE_ENDS = {
    **dict.fromkeys((b"Q", b"S"), b"ZG"),  # Query and Sync: until ReadyForQuery, or until a COPY is ready for rows
    **dict.fromkeys((b"c", b"f"), b"Z"),  # CopyDone and CopyFail
    b"H": b"TnE",  # Flush, when a statement is described
}
"""The client messages that the server responds to, and the server messages that end each response."""
_IDLE = b"Z\x00\x00\x00\x05I"
_PID = 1
"""The backend pid that the pooler reports. No server process has it."""


class _Server:
    """A connection to the server."""

    def __init__(self, database: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.database = database
        self.reader = reader
        self.writer = writer
        self.greeting: list[bytes] = []


class TransactionPooler:
    """A pooler in front of a Postgres server with trust authentication."""

    def __init__(self, server_url: str, size: int = 3) -> None:
        """Pool `size` connections to each database of a server."""
        parts = urlsplit(server_url)
        self._address = (parts.hostname or "", parts.port or 0)
        self._user = parts.username or ""
        self._size = size
        self._pools: dict[str, asyncio.Queue[_Server]] = {}
        self._servers: list[_Server] = []
        self._connect_lock = asyncio.Lock()
        self.port = 0
        self.parameters: set[str] = set()

    def url(self, database: str) -> str:
        """Return the URL of a database through the pooler."""
        return f"postgresql://{self._user}@127.0.0.1:{self.port}/{database}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator["TransactionPooler"]:
        """Run the pooler for the duration of the context."""
        listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = listener.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            listener.close()
            for server in self._servers:
                server.writer.close()
            for server in self._servers:
                with suppress(OSError):
                    await server.writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a client until it disconnects."""
        with suppress(asyncio.IncompleteReadError, OSError):
            pool = await self._greet(reader, writer)
            if pool is not None:
                await self._forward(reader, writer, pool)
        writer.close()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> asyncio.Queue[_Server] | None:
        """Handle the start-up message as a server would. Return the client's pool, or None if the client is rejected."""
        while True:
            (size,) = struct.unpack("!I", await reader.readexactly(4))
            packet = await reader.readexactly(size - 4)
            (code,) = struct.unpack("!I", packet[:4])
            if code != _SSL_REQUEST:
                break
            writer.write(b"N")
        if code != _PROTOCOL_VERSION:
            return None
        words = packet[4:].rstrip(b"\0").split(b"\0")
        parameters = {name.decode(): value.decode() for name, value in zip(words[::2], words[1::2], strict=True)}
        self.parameters |= parameters.keys()
        if unknown := sorted(parameters.keys() - ALLOWED):
            fields = f"SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: {unknown[0]}\0\0".encode()
            writer.write(b"E" + struct.pack("!I", len(fields) + 4) + fields)
            return None
        pool = await self._pool(parameters["database"])
        server = await pool.get()
        greeting = b"".join(server.greeting)
        pool.put_nowait(server)
        writer.write(greeting + b"K" + struct.pack("!III", 12, _PID, 0) + b"Z" + struct.pack("!I", 5) + b"I")
        return pool

    async def _pool(self, database: str) -> asyncio.Queue[_Server]:
        async with self._connect_lock:
            if database not in self._pools:
                pool: asyncio.Queue[_Server] = asyncio.Queue()
                for _ in range(self._size):
                    pool.put_nowait(await self._connect(database))
                self._pools[database] = pool
        return self._pools[database]

    async def _connect(self, database: str) -> _Server:
        reader, writer = await asyncio.open_connection(*self._address)
        server = _Server(database, reader, writer)
        self._servers.append(server)
        packet = (
            struct.pack("!I", _PROTOCOL_VERSION)
            + f"user\0{self._user}\0database\0{database}\0client_encoding\0utf-8\0\0".encode()
        )
        writer.write(struct.pack("!I", len(packet) + 4) + packet)
        while (message := await _read_message(reader))[:1] != b"Z":
            if message[:1] in b"RS":
                server.greeting.append(message)
        return server

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pool: asyncio.Queue[_Server]) -> None:
        """Forward messages until the client disconnects, with one server connection per transaction."""
        while (message := await _read_message(reader))[:1] != b"X":
            server = await pool.get()
            try:
                while True:
                    server.writer.write(message)
                    if (ends := _RESPONSE_ENDS.get(message[:1])) and await _forward_response(server, writer, ends) == _IDLE:
                        break
                    message = await _read_message(reader)
            except BaseException:
                # The connection may be in a transaction, so replace it.
                server.writer.close()
                pool.put_nowait(await self._connect(server.database))
                raise
            pool.put_nowait(server)


async def _read_message(reader: asyncio.StreamReader) -> bytes:
    """Read a message: its type, its length and its payload."""
    header = await reader.readexactly(5)
    return header + await reader.readexactly(struct.unpack("!I", header[1:])[0] - 4)


async def _forward_response(server: _Server, writer: asyncio.StreamWriter, ends: bytes) -> bytes:
    """Forward a response up to the message that ends it, and return that message."""
    while True:
        message = await _read_message(server.reader)
        writer.write(message)
        if message[:1] in ends:
            return message
