"""Connections to a real Postgres as the URL specifies: TLS, several hosts, options and the application name."""

import asyncio
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from catalog.adapters.sql.storage import SqlStorage
from catalog.domain.errors import StoreUnavailable
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.storage import StorageOptions
from tests.conftest import Databases
from tests.making import create_items
from tests.servers import free_port

TLS = Path(__file__).parents[2] / "data" / "tls"

_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"  # PostgreSQL's documentation, "Message Formats"


class TlsProxy:
    """Accepts TLS connections like a Postgres with TLS, and forwards them to one without. Refuses other connections."""

    def __init__(self, target: tuple[str, int], *, client_certificate: bool = False) -> None:
        """Listen on a free port."""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(TLS / "server.pem", TLS / "server.key")
        if client_certificate:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(TLS / "ca.pem")
        self.target = target
        self.forwarded = 0
        self.sockets = ExitStack()
        self.listener = self.sockets.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        """Close every connection."""
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.sockets.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            if connection.recv(8, socket.MSG_WAITALL) != _SSL_REQUEST:
                return
            connection.sendall(b"S")
            with (
                self.context.wrap_socket(connection, server_side=True) as secure,
                socket.create_connection(self.target) as server,
            ):
                self.forwarded += 1
                secure.settimeout(0.01)
                responses = threading.Thread(target=_pump, args=(server.recv, secure.sendall), daemon=True)
                responses.start()
                _pump(lambda size: _receive(secure, size), server.sendall)
                server.shutdown(socket.SHUT_RDWR)
                responses.join()


def _pump(receive: Callable[[int], bytes], send: Callable[[bytes], None]) -> None:
    with suppress(OSError):
        while data := receive(65_536):
            send(data)


def _receive(secure: ssl.SSLSocket, size: int) -> bytes:
    """Receive data. Time out now and then, because a TLS socket cannot send while it receives."""
    while True:
        with suppress(TimeoutError):
            return secure.recv(size)


@contextmanager
def _proxy(url: str, *, client_certificate: bool = False) -> Iterator[TlsProxy]:
    parts = urlsplit(url)
    proxy = TlsProxy((parts.hostname or "", parts.port or 0), client_certificate=client_certificate)
    try:
        yield proxy
    finally:
        proxy.close()


@pytest.fixture
def database(databases: Databases, postgres_template: str) -> Iterator[str]:
    """The name of a fresh database with the schema."""
    name = asyncio.run(databases.create(postgres_template))
    yield name
    asyncio.run(databases.drop(name))


async def _check_usable(url: str) -> None:
    storage = open_store(StorageOptions(url))
    try:
        await storage.ping()
        await create_items(storage, 1)
    finally:
        await storage.close()


async def _connection_error(url: str) -> StoreUnavailable:
    storage = open_store(StorageOptions(url))
    try:
        with pytest.raises(StoreUnavailable) as caught:
            await storage.ping()
    finally:
        await storage.close()
    return caught.value


@pytest.mark.parametrize(
    "query",
    [
        "sslmode=require",
        "sslmode=prefer",
        f"sslmode=verify-ca&sslrootcert={TLS}/ca.pem",
        f"sslmode=verify-full&sslrootcert={TLS}/ca.pem",
        f"ssl=require&sslrootcert={TLS}/ca.pem&ssl_min_protocol_version=TLSv1.2",
    ],
)
async def test_tls_is_used_as_the_url_specifies(databases: Databases, database: str, query: str) -> None:
    """Reads and writes use TLS if the URL specifies it."""
    with _proxy(databases.server) as proxy:
        await _check_usable(f"postgresql://catalog@localhost:{proxy.port}/{database}?{query}")
        assert proxy.forwarded


async def test_a_server_whose_certificate_is_not_trusted_is_refused(databases: Databases, database: str) -> None:
    """No connection is made to a server whose certificate is not trusted. The server refuses a client without TLS."""
    with _proxy(databases.server) as proxy:
        address = f"localhost:{proxy.port}/{database}"
        other_address = f"127.0.0.1:{proxy.port}/{database}"
        for url in (
            f"postgresql://catalog@{address}?sslmode=verify-full&sslrootcert={TLS}/client.pem",
            f"postgresql://catalog@{other_address}?sslmode=verify-full&sslrootcert={TLS}/ca.pem",
            f"postgresql://catalog@{address}?sslrootcert=system",
        ):
            await _connection_error(url)
        await _connection_error(f"postgresql://catalog@{address}?sslmode=disable")
        assert not proxy.forwarded


async def test_a_client_certificate_is_sent(databases: Databases, database: str) -> None:
    """A server that requires a client certificate accepts only a connection with one."""
    with _proxy(databases.server, client_certificate=True) as proxy:
        url = f"postgresql://catalog@localhost:{proxy.port}/{database}?sslmode=verify-full&sslrootcert={TLS}/ca.pem"
        await _connection_error(url)
        await _check_usable(f"{url}&sslcert={TLS}/client.pem&sslkey={TLS}/client.key")


async def test_the_next_of_several_hosts_is_tried(databases: Databases, database: str) -> None:
    """The next host is tried in both notations for several hosts."""
    port = urlsplit(databases.server).port
    await _check_usable(f"postgres://catalog@127.0.0.1:{free_port()},127.0.0.1:{port}/{database}?target_session_attrs=read-write")
    storage = open_store(StorageOptions(f"postgresql:///{database}?user=catalog&host=127.0.0.1:{free_port()},127.0.0.1:{port}"))
    await storage.ping()
    await storage.close()


async def test_the_url_sets_the_application_name(databases: Databases, database: str) -> None:
    """The application name is that in the URL, or else `catalog`."""
    for query, name in (("", "catalog"), ("?application_name=shop&connect_timeout=30", "shop")):
        storage = open_store(StorageOptions(databases.url(database) + query))
        await storage.ping()
        connection = await asyncpg.connect(databases.server)
        rows = await connection.fetch("SELECT application_name FROM pg_stat_activity WHERE datname = $1", database)
        await connection.close()
        await storage.close()
        assert {row[0] for row in rows} == {name}


@pytest.mark.parametrize("query", ["options=-c%20search_path%3Dshop", "options=-csearch_path%3Dshop", "search_path=shop"])
async def test_the_url_sets_the_schema(databases: Databases, query: str) -> None:
    """The catalog's tables are in the schema in the URL, so that other applications can share the database."""
    name = await databases.create()
    connection = await asyncpg.connect(databases.url(name))
    await connection.execute("CREATE SCHEMA shop")
    storage = open_store(StorageOptions(f"{databases.url(name)}?{query}"))
    assert isinstance(storage, SqlStorage)
    await storage.migrate()
    await create_items(storage, 1)
    await storage.close()
    assert await connection.fetchval("SELECT count(*) FROM shop.items") == 1
    await connection.close()
    await databases.drop(name)


@pytest.mark.parametrize("query", ["options=-c%20nonsense%3Dx", "options=--banana", "search_path=x&options=-c%20jit%3Dbanana"])
async def test_options_that_the_server_refuses_raise_store_unavailable(databases: Databases, database: str, query: str) -> None:
    """Options that the server refuses raise StoreUnavailable, with the server's message in the chain of causes."""
    error = await _connection_error(f"{databases.url(database)}?{query}")
    messages = []
    cause: BaseException | None = error
    while cause is not None:
        messages.append(str(cause))
        cause = cause.__cause__
    assert any(re.search("nonsense|banana|Boolean", message) for message in messages[1:])
