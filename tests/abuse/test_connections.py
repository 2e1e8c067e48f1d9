"""Clients that misuse their connections: the server keeps responding to others, and its memory stays small.

The server's deadlines are short here. Each test waits for an action of the server (a response, the end of a connection).
"""

import contextlib
import os
import select
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.test_process import ITEMS, Server, serving
from tests.servers import wait_until

LIMIT = 300
"""Maximum number of connections of the server."""

MEMORY = 250 * 1024 * 1024

_TIMEOUT = 30.0
_HEAD = b"Host: localhost\r\nContent-Type: application/json\r\n"
_POST = b"POST /api/v1/items HTTP/1.1\r\n" + _HEAD


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on SQLite with a few megabytes of items, and with short timeouts."""
    folder = tmp_path_factory.mktemp("abuse")
    settings = {
        "CATALOG_HTTP__READ_TIMEOUT_SECONDS": "1",
        "CATALOG_HTTP__SEND_TIMEOUT_SECONDS": "1",
        "CATALOG_HTTP__MAX_CONNECTIONS": str(LIMIT),
        "CATALOG_HTTP__KEEP_ALIVE_SECONDS": "1",
    }
    with serving(folder, f"sqlite:///{folder / 'catalog.db'}", **settings) as process:
        rows = "".join(f"A-{number},{'x' * 5000}\n" for number in range(1200))
        body = f"sku,name,description\n{rows.replace(',', ',chair,')}".encode()
        response = httpx.post(
            f"{process.url}{ITEMS}/import", content=body, headers={"Content-Type": "text/csv"}, timeout=_TIMEOUT
        )
        assert (response.status_code, response.json()["created"]) == (200, 1200), response.text
        yield process


@pytest.fixture(autouse=True)
def _server_stays_healthy(served: Server) -> Iterator[None]:
    """After each test the server responds, has logged no failure, and uses little memory."""
    yield
    assert httpx.get(f"{served.url}{ITEMS}/a-1").status_code == 200
    log = served.log.read_text()
    assert "unexpected_error" not in log
    assert "Traceback" not in log
    assert memory_of(served) < MEMORY


def memory_of(served: Server) -> int:
    """Return the resident memory of the server process, in bytes."""
    resident = int(Path(f"/proc/{served.process.pid}/statm").read_text().split()[1])
    return resident * os.sysconf("SC_PAGE_SIZE")


def connect(served: Server, *, buffer: int | None = None) -> socket.socket:
    """Open a connection to the server, with a receive buffer of `buffer` bytes if given."""
    connection = socket.socket()
    connection.settimeout(_TIMEOUT)  # no test waits longer for a single read
    if buffer is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.connect(("127.0.0.1", httpx.URL(served.url).port))
    return connection


def read_all(connection: socket.socket) -> bytes:
    """Read until the server closes the connection."""
    chunks = []
    with contextlib.suppress(ConnectionResetError):
        while chunk := connection.recv(65536):
            chunks.append(chunk)
    return b"".join(chunks)


def response_to(served: Server, request: bytes) -> bytes:
    """Send bytes, and return everything the server sends until it closes the connection."""
    with connect(served) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(request)
        return read_all(connection)


def drip(connection: socket.socket, make_chunk: Callable[[], bytes]) -> bytes:
    """Send a chunk again and again, slowly, until the server responds or closes the connection. Return everything it sends."""
    with contextlib.suppress(ConnectionError):
        while not select.select([connection], [], [], 0.1)[0]:
            connection.sendall(make_chunk())
    return read_all(connection)


def test_headers_that_drip_in_are_timed_out(served: Server) -> None:
    """The client gets a 408, and requests of other clients succeed meanwhile."""
    with connect(served) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
        response = drip(connection, lambda: b"X: y\r\n" if httpx.get(f"{served.url}/health").status_code == 200 else b"")
    assert response.startswith(b"HTTP/1.1 408 ")
    assert b'"code": "request_timeout"' in response


def test_headers_of_a_later_request_are_timed_out_too(served: Server) -> None:
    """The deadline applies to every request on a connection, not only to the first."""
    with connect(served) as connection:
        connection.sendall(b"HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
        assert drip(connection, lambda: b"X: y\r\n").startswith(b"HTTP/1.1 408 ")


def test_an_idle_connection_is_closed_after_a_while(served: Server) -> None:
    """No response is sent, because a client could take it for the response to its next request."""
    with connect(served) as connection:
        connection.sendall(b"HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2)
        responses = read_all(connection)
    assert responses.count(b"HTTP/1.1 200 ") == 2
    assert responses.endswith(b"\r\n\r\n")
    assert b"408" not in responses


@pytest.mark.parametrize(
    "request_head",
    [
        _POST + b"Content-Length: 100000\r\n\r\n{",
        _POST + b"Transfer-Encoding: chunked\r\n\r\n",
        b"POST /api/v1/items/batch HTTP/1.1\r\n" + _HEAD + b"Content-Length: 100000\r\n\r\n{",
        b"POST /api/v1/items/a-1/restore HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{",
    ],
    ids=["create", "chunked", "batch", "nothing"],
)
def test_bodies_that_drip_in_are_timed_out(served: Server, request_head: bytes) -> None:
    """With any framing, and on any path."""
    chunked = b"chunked" in request_head
    chunk = (b"1\r\n \r\n" if chunked else b" ") if b"Length: 2" not in request_head else b""
    with connect(served) as connection:
        connection.sendall(request_head)
        response = drip(connection, lambda: chunk)
    assert response.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"request_timeout"' in response


def test_an_unread_body_does_not_keep_a_connection_open(served: Server) -> None:
    """The response is sent long before the body is complete."""
    with connect(served) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n")
        with contextlib.suppress(ConnectionError):  # a reset closes it too
            is_closed = False
            while not is_closed:
                if select.select([connection], [], [], 0.1)[0]:
                    is_closed = not connection.recv(65536)
                else:
                    connection.sendall(b"x")


def test_idle_connections_make_room_for_new_ones(served: Server) -> None:
    """Beyond the limit, idle connections are closed, and requests of other clients always succeed."""
    with contextlib.ExitStack() as opened:
        idle = []
        for number in range(1000):
            idle.append(opened.enter_context(connect(served)))
            if number % 100 == 0:
                assert httpx.get(f"{served.url}{ITEMS}/a-1").status_code == 200
        assert memory_of(served) < MEMORY
        assert {read_all(connection) for connection in idle} == {b""}


def test_a_half_closed_connection_is_closed(served: Server) -> None:
    """In every state: nothing sent, half a head, half a body, a whole request."""
    beginnings = (b"", b"GET /health HTTP/1.1\r\nHo", _POST + b"Content-Length: 20\r\n\r\n{", b"GET /health HTTP/1.1\r\n\r\n")
    with contextlib.ExitStack() as opened:
        connections = [opened.enter_context(connect(served)) for _ in range(25) for _ in beginnings]
        for number, connection in enumerate(connections):
            connection.sendall(beginnings[number % len(beginnings)])
            connection.shutdown(socket.SHUT_WR)
        assert {read_all(connection)[:9] for connection in connections} <= {b"", b"HTTP/1.1 "}


def test_clients_that_stop_reading_an_export_are_disconnected(served: Server) -> None:
    """Their slots, of which there are two, become free for other clients."""
    before = disconnects(served)
    with contextlib.ExitStack() as opened:
        for _ in range(2):
            connection = opened.enter_context(connect(served, buffer=4096))
            connection.sendall(b"GET /api/v1/items/export HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(16).startswith(b"HTTP/1.1 200 ")
        wait_until(lambda: disconnects(served) >= before + 2)
        wait_until(lambda: httpx.get(f"{served.url}{ITEMS}/export", timeout=_TIMEOUT).status_code == 200)


def test_a_client_that_stops_reading_the_feed_is_disconnected(served: Server) -> None:
    """It can resume later from the last event it received."""
    before = disconnects(served)
    with connect(served, buffer=4096) as connection:
        connection.sendall(b"GET /api/v1/changes?after=0 HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
        assert connection.recv(16).startswith(b"HTTP/1.1 200 ")
        wait_until(lambda: disconnects(served) > before)


def disconnects(served: Server) -> int:
    """Return how many clients were disconnected because they did not read."""
    return sum("slow_client_disconnected" in line for line in served.log.read_text().splitlines())


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /health?%b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % (b"a" * 16_000), 200),
        (b"GET /health?%b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % (b"a" * 16_400), 414),
        (b"GET /health?%b" % (b"a" * 1_000_000), 414),
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: %b\r\n\r\n" % (b"a" * 32_000), 200),
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: %b\r\n\r\n" % (b"a" * 33_000), 431),
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: %b" % (b"a" * 1_000_000), 431),
        (b"GET /health HTTP/1.1\r\nHost: localhost\r\n%b" % (b"X: y\r\n" * 100_000), 431),
        (_POST + b"Transfer-Encoding: chunked\r\n\r\n2;%b" % (b"a" * 1_000_000), 431),
        (_POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: %b" % (b"a" * 1_000_000), 431),
    ],
    ids=["url", "long-url", "endless-url", "header", "large-header", "endless-header", "many", "extension", "trailer"],
)
def test_heads_have_a_size_limit(served: Server, sent: bytes, status: int) -> None:
    """The rejection is sent while the rest of the head is still arriving."""
    assert response_to(served, sent)[:13] == b"HTTP/1.1 %d " % status


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: -1\r\n",
        b"Content-Length: +2\r\n",
        b"Content-Length: 0x2\r\n",
        b"Content-Length: 2 2\r\n",
        b"Content-Length: \r\n",
        b"Content-Length: 2\r\nContent-Length: 3\r\n",
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 999999999999999999999999\r\n",
        b"Content-Length: 999999999999999999\r\n",
        b"Transfer-Encoding: gzip\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, chunked\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: chunked\r\nX: 1\r\n\r\nzz\r\n",
        b"Transfer-Encoding: chunked\r\nX: 1\r\n\r\nFFFFFFFFFFFFFFFFFF\r\n",
        b"Expect: 100-continue\r\nContent-Length: 2\r\n",
        b"Expect: something\r\nContent-Length: 2\r\n",
        b"Bad Name: 1\r\nContent-Length: 2\r\n",
        b"Upgrade: websocket\r\nConnection: upgrade\r\nContent-Length: 2\r\n",
        b"X: \x00\r\nContent-Length: 2\r\n",
    ],
    ids=lambda framing: framing.decode("latin-1").strip().encode("unicode_escape").decode(),
)
def test_invalid_framing_is_a_client_error(served: Server, framing: bytes) -> None:
    """Never a 500, and never a request that a proxy and this server could interpret differently."""
    response = response_to(served, _POST + b"Connection: close\r\n" * (b"upgrade" not in framing) + framing + b"\r\n{}")
    assert response.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")[:10] == b"HTTP/1.1 4"
