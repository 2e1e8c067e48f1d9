"""Clients that misuse their connections: the process goes on answering others, and its memory stays small.

Deadlines are short here; what is waited for is always the server's own act (a response, the end of a connection).
"""

import contextlib
import os
import select
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.test_process import ITEMS, Served, serving
from tests.servers import wait_until

LIMIT = 300
"""Connections that the server takes."""

MEMORY = 250 * 1024 * 1024

_PATIENCE = 30.0
_HEAD = b"Host: localhost\r\nContent-Type: application/json\r\n"
_POST = b"POST /api/v1/items HTTP/1.1\r\n" + _HEAD


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server on SQLite with some megabytes of items, and with little patience."""
    folder = tmp_path_factory.mktemp("abuse")
    settings = {
        "CATALOG_HTTP__READ_SECONDS": "1",
        "CATALOG_HTTP__SEND_SECONDS": "1",
        "CATALOG_HTTP__MAX_CONNECTIONS": str(LIMIT),
        "CATALOG_HTTP__KEEP_ALIVE_SECONDS": "1",
    }
    with serving(folder, f"sqlite:///{folder / 'catalog.db'}", **settings) as process:
        rows = "".join(f"A-{number},{'x' * 5000}\n" for number in range(1200))
        body = f"sku,name,description\n{rows.replace(',', ',chair,')}".encode()
        done = httpx.post(f"{process.url}{ITEMS}/import", content=body, headers={"Content-Type": "text/csv"}, timeout=_PATIENCE)
        assert (done.status_code, done.json()["created"]) == (200, 1200), done.text
        yield process


@pytest.fixture(autouse=True)
def _well(served: Served) -> Iterator[None]:
    """After each test the service answers, has logged no failure, and is small."""
    yield
    assert httpx.get(f"{served.url}{ITEMS}/a-1").status_code == 200
    log = served.log.read_text()
    assert "unforeseen" not in log
    assert "Traceback" not in log
    assert memory_of(served) < MEMORY


def memory_of(served: Served) -> int:
    """Return how many bytes of memory the process has."""
    resident = int(Path(f"/proc/{served.process.pid}/statm").read_text().split()[1])
    return resident * os.sysconf("SC_PAGE_SIZE")


def connected(served: Served, *, buffer: int | None = None) -> socket.socket:
    """Open a connection, with a small receive buffer where that is asked for."""
    made = socket.socket()
    made.settimeout(_PATIENCE)  # no test waits longer for a single read
    if buffer is not None:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    made.connect(("127.0.0.1", httpx.URL(served.url).port))
    return made


def read_all(connection: socket.socket) -> bytes:
    """Read until the server ends the connection."""
    read = []
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            read.append(piece)
    return b"".join(read)


def answer_to(served: Served, request: bytes) -> bytes:
    """Send bytes, and return what comes until the server ends the connection, or a whole response is there."""
    with connected(served) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(request)
        return read_all(connection)


def drip(connection: socket.socket, piece: Callable[[], bytes]) -> bytes:
    """Send a piece again and again, slowly, until the server answers or hangs up; return what it says."""
    with contextlib.suppress(ConnectionError):
        while not select.select([connection], [], [], 0.1)[0]:
            connection.sendall(piece())
    return read_all(connection)


def test_headers_that_drip_in_are_timed_out(served: Served) -> None:
    """Others are answered meanwhile; the client is told why."""
    with connected(served) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
        said = drip(connection, lambda: b"X: y\r\n" if httpx.get(f"{served.url}/health").status_code == 200 else b"")
    assert said.startswith(b"HTTP/1.1 408 ")
    assert b'"code": "request_timeout"' in said


def test_headers_of_a_later_request_are_timed_out_too(served: Served) -> None:
    """The deadline is not only for the first request of a connection."""
    with connected(served) as connection:
        connection.sendall(b"HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n")
        assert drip(connection, lambda: b"X: y\r\n").startswith(b"HTTP/1.1 408 ")


def test_a_connection_is_kept_for_a_while_and_then_ended(served: Served) -> None:
    """Without a word, so that no client takes it for the response to its next request."""
    with connected(served) as connection:
        connection.sendall(b"HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2)
        said = read_all(connection)
    assert said.count(b"HTTP/1.1 200 ") == 2
    assert said.endswith(b"\r\n\r\n")
    assert b"408" not in said


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
def test_bodies_that_drip_in_are_timed_out(served: Served, request_head: bytes) -> None:
    """Whatever the framing, and wherever they go."""
    chunked = b"chunked" in request_head
    dripped = (b"1\r\n \r\n" if chunked else b" ") if b"Length: 2" not in request_head else b""
    with connected(served) as connection:
        connection.sendall(request_head)
        said = drip(connection, lambda: dripped)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"request_timeout"' in said


def test_a_body_that_nobody_reads_does_not_keep_a_connection(served: Served) -> None:
    """It was answered long before it ends."""
    with connected(served) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n")
        with contextlib.suppress(ConnectionError):  # a reset ends it too
            ended = False
            while not ended:
                if select.select([connection], [], [], 0.1)[0]:
                    ended = not connection.recv(65536)
                else:
                    connection.sendall(b"x")


def test_silent_connections_make_room_for_new_ones(served: Served) -> None:
    """More than the server takes: it is the silent that go, and everybody else is answered all the time."""
    with contextlib.ExitStack() as opened:
        silent = []
        for number in range(1000):
            silent.append(opened.enter_context(connected(served)))
            if number % 100 == 0:
                assert httpx.get(f"{served.url}{ITEMS}/a-1").status_code == 200
        assert memory_of(served) < MEMORY
        assert {read_all(connection) for connection in silent} == {b""}


def test_a_connection_whose_client_says_no_more_is_ended(served: Served) -> None:
    """Half-closed, in every state: nothing sent, half a head, half a body, a whole request."""
    beginnings = (b"", b"GET /health HTTP/1.1\r\nHo", _POST + b"Content-Length: 20\r\n\r\n{", b"GET /health HTTP/1.1\r\n\r\n")
    with contextlib.ExitStack() as opened:
        halves = [opened.enter_context(connected(served)) for _ in range(25) for _ in beginnings]
        for number, connection in enumerate(halves):
            connection.sendall(beginnings[number % len(beginnings)])
            connection.shutdown(socket.SHUT_WR)
        assert {read_all(connection)[:9] for connection in halves} <= {b"", b"HTTP/1.1 "}


def test_readers_that_stop_in_the_middle_of_an_export_are_cut(served: Served) -> None:
    """And their slots, of which there are two, serve others."""
    before = cuts(served)
    with contextlib.ExitStack() as opened:
        for _ in range(2):
            connection = opened.enter_context(connected(served, buffer=4096))
            connection.sendall(b"GET /api/v1/items/export HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(16).startswith(b"HTTP/1.1 200 ")
        wait_until(lambda: cuts(served) >= before + 2)
        wait_until(lambda: httpx.get(f"{served.url}{ITEMS}/export", timeout=_PATIENCE).status_code == 200)


def test_a_reader_of_the_feed_that_stops_is_cut(served: Served) -> None:
    """It can go on later from where it was."""
    before = cuts(served)
    with connected(served, buffer=4096) as connection:
        connection.sendall(b"GET /api/v1/changes?after=0 HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
        assert connection.recv(16).startswith(b"HTTP/1.1 200 ")
        wait_until(lambda: cuts(served) > before)


def cuts(served: Served) -> int:
    """Return how many connections were cut because their clients did not read."""
    return sum("slow_reader_cut" in line for line in served.log.read_text().splitlines())


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
def test_heads_have_a_size(served: Served, sent: bytes, status: int) -> None:
    """The refusal comes while the rest is still being sent, and says the limit."""
    assert answer_to(served, sent)[:13] == b"HTTP/1.1 %d " % status


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
def test_odd_framing_is_a_clients_error(served: Served, framing: bytes) -> None:
    """Never a 500, and never a request that two programs on the way read differently."""
    said = answer_to(served, _POST + b"Connection: close\r\n" * (b"upgrade" not in framing) + framing + b"\r\n{}")
    assert said.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")[:10] == b"HTTP/1.1 4"
