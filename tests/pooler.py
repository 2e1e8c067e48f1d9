"""A connection pooler in transaction mode that is as awkward as one may be, to see that nothing relies on a session.

Every transaction runs on another of the server's connections than the one before, in turn, and start-up parameters are refused
but for those that every client sends.
"""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

ALLOWED = frozenset({"user", "database", "client_encoding"})
_PROTOCOL = 196_608
_SSL = 80_877_103
_ANSWERED = {
    **dict.fromkeys((b"Q", b"S"), b"ZG"),  # a query, and the end of a series: up to readiness, or to where a COPY takes rows
    **dict.fromkeys((b"c", b"f"), b"Z"),  # the end of the rows of a COPY
    b"H": b"TnE",  # a flush, where a statement is described
}
"""The messages that a server answers, and which of its own end the answer."""
_IDLE = b"Z\x00\x00\x00\x05I"
_PID = 1
"""What it says of itself; no server process has this number."""


class _Server:
    """One connection to the server."""

    def __init__(self, database: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.database = database
        self.reader = reader
        self.writer = writer
        self.greeting: list[bytes] = []


class TransactionPooler:
    """Stands between clients and a Postgres that trusts everybody."""

    def __init__(self, server_url: str, size: int = 3) -> None:
        """Stand before a server, with so many connections to each of its databases."""
        parts = urlsplit(server_url)
        self._address = (parts.hostname or "", parts.port or 0)
        self._user = parts.username or ""
        self._size = size
        self._pools: dict[str, asyncio.Queue[_Server]] = {}
        self._all: list[_Server] = []
        self._making = asyncio.Lock()
        self.port = 0
        self.parameters: set[str] = set()

    def url(self, database: str) -> str:
        """Return the address of a database, through the pooler."""
        return f"postgresql://{self._user}@127.0.0.1:{self.port}/{database}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator["TransactionPooler"]:
        """Serve as long as the context lasts."""
        listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = listener.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            listener.close()
            for server in self._all:
                server.writer.close()
            for server in self._all:
                with suppress(OSError):
                    await server.writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a client until it goes."""
        with suppress(asyncio.IncompleteReadError, OSError):
            pool = await self._greet(reader, writer)
            if pool is not None:
                await self._forward(reader, writer, pool)
        writer.close()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> asyncio.Queue[_Server] | None:
        """Take the start-up message, and greet as a server would; None when the client is refused."""
        while True:
            (size,) = struct.unpack("!I", await reader.readexactly(4))
            packet = await reader.readexactly(size - 4)
            (code,) = struct.unpack("!I", packet[:4])
            if code != _SSL:
                break
            writer.write(b"N")
        if code != _PROTOCOL:
            return None
        words = packet[4:].rstrip(b"\0").split(b"\0")
        given = {name.decode(): value.decode() for name, value in zip(words[::2], words[1::2], strict=True)}
        self.parameters |= given.keys()
        if unknown := sorted(given.keys() - ALLOWED):
            told = f"SFATAL\0VFATAL\0C08P01\0Munsupported startup parameter: {unknown[0]}\0\0".encode()
            writer.write(b"E" + struct.pack("!I", len(told) + 4) + told)
            return None
        pool = await self._pool(given["database"])
        server = await pool.get()
        greeting = b"".join(server.greeting)
        pool.put_nowait(server)
        writer.write(greeting + b"K" + struct.pack("!III", 12, _PID, 0) + b"Z" + struct.pack("!I", 5) + b"I")
        return pool

    async def _pool(self, database: str) -> asyncio.Queue[_Server]:
        async with self._making:
            if database not in self._pools:
                pool: asyncio.Queue[_Server] = asyncio.Queue()
                for _ in range(self._size):
                    pool.put_nowait(await self._connect(database))
                self._pools[database] = pool
        return self._pools[database]

    async def _connect(self, database: str) -> _Server:
        reader, writer = await asyncio.open_connection(*self._address)
        server = _Server(database, reader, writer)
        self._all.append(server)
        packet = struct.pack("!I", _PROTOCOL) + f"user\0{self._user}\0database\0{database}\0client_encoding\0utf-8\0\0".encode()
        writer.write(struct.pack("!I", len(packet) + 4) + packet)
        while (message := await _message(reader))[:1] != b"Z":
            if message[:1] in b"RS":
                server.greeting.append(message)
        return server

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pool: asyncio.Queue[_Server]) -> None:
        """Hand messages on, those of one transaction to one connection, until the client goes."""
        while (message := await _message(reader))[:1] != b"X":
            server = await pool.get()
            try:
                while True:
                    server.writer.write(message)
                    if (ends := _ANSWERED.get(message[:1])) and await _answer(server, writer, ends) == _IDLE:
                        break
                    message = await _message(reader)
            except BaseException:
                # In the middle of a transaction: the connection is of no more use to others.
                server.writer.close()
                pool.put_nowait(await self._connect(server.database))
                raise
            pool.put_nowait(server)


async def _message(reader: asyncio.StreamReader) -> bytes:
    """Read a message: a letter, its size, and the rest."""
    head = await reader.readexactly(5)
    return head + await reader.readexactly(struct.unpack("!I", head[1:])[0] - 4)


async def _answer(server: _Server, writer: asyncio.StreamWriter, ends: bytes) -> bytes:
    """Hand the answer on, up to where the client has to say more; return the last message."""
    while True:
        message = await _message(server.reader)
        writer.write(message)
        if message[:1] in ends:
            return message
