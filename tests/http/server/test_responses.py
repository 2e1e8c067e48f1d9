"""What the server writes to a connection: the bytes of a response, and how many writes they take."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from catalog.entrypoints.server.http_protocol import ConnectionMonitor, HttpConnection, MonitoredState
from catalog.entrypoints.settings.sections import HttpSettings

Send = Callable[[dict[str, Any]], Awaitable[None]]
Answer = Callable[[Send], Awaitable[None]]

LENGTH = (b"content-length", b"5")
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class RecordedConnection(HttpConnection):
    """A connection that records what is written to it with each call."""

    writes: list[bytes]

    def connection_made(self, transport: Any) -> None:  # noqa: ANN401 - an asyncio transport
        """Record the writes of the transport."""
        self.writes = []
        write = transport.write

        def record(part: bytes) -> None:
            self.writes.append(part)
            write(part)

        transport.write = record
        super().connection_made(transport)


class Served:
    """A server whose application answers every request in the same way."""

    def __init__(self, address: tuple[str, int], connections: list[RecordedConnection]) -> None:
        """Listen on this address, for these connections."""
        self.address = address
        self.connections = connections
        self.errors: list[str] = []

    async def answer_to(self, request: bytes, *, size: int = 0) -> bytes:
        """Send a request and return the response, up to the end of the connection or `size` bytes."""
        reader, writer = await asyncio.open_connection(*self.address)
        async with asyncio.timeout(30):
            writer.write(request)
            received = await (reader.readexactly(size) if size else reader.read())
        writer.close()
        return received


@asynccontextmanager
async def served(answer: Answer) -> AsyncIterator[Served]:
    """Serve an application that sends what `answer` sends, without the headers Date and Server."""

    async def application(_scope: Any, _receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
        try:
            await answer(send)
        except RuntimeError as error:
            serving.errors.append(str(error))
            raise

    config = uvicorn.Config(application, interface="asgi3", ws="none", log_config=None, access_log=False)
    state = MonitoredState()
    state.monitor = ConnectionMonitor(HttpSettings(), 10)
    connections: list[RecordedConnection] = []

    def connect() -> RecordedConnection:
        connections.append(RecordedConnection(config=config, server_state=state, app_state={}))
        return connections[-1]

    server = await asyncio.get_running_loop().create_server(connect, "127.0.0.1", 0)
    serving = Served(server.sockets[0].getsockname(), connections)
    try:
        yield serving
    finally:
        server.close()


def closing(request: bytes = GET) -> bytes:
    """Return the request with the header that ends the connection after the response."""
    return request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


def responding(status: int, headers: list[tuple[bytes, bytes]], *bodies: bytes) -> Answer:
    """Return an application's way to answer with these parts of a body."""

    async def answer(send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for number, body in enumerate(bodies, 1):
            await send({"type": "http.response.body", "body": body, "more_body": number < len(bodies)})

    return answer


async def test_a_response_of_known_length_is_one_write() -> None:
    """Head and body go out together: two writes would take two system calls, and wake the client twice."""
    async with served(responding(200, [LENGTH, (b"etag", b'"1"')], b"hello")) as server:
        whole = b'HTTP/1.1 200 OK\r\ncontent-length: 5\r\netag: "1"\r\n\r\nhello'
        assert await server.answer_to(GET, size=len(whole)) == whole
        assert server.connections[0].writes == [whole]


async def test_the_head_of_a_stream_goes_out_at_once() -> None:
    """The first event of a feed may come much later, and clients wait for the head to know that they are connected."""
    released = asyncio.Event()

    async def answer(send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await released.wait()
        await send({"type": "http.response.body", "body": b"a" * 20, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        await send({"type": "http.response.body"})

    async with served(answer) as server:
        reader, writer = await asyncio.open_connection(*server.address)
        writer.write(GET)
        async with asyncio.timeout(30):
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
            released.set()
            assert await reader.readuntil(b"0\r\n\r\n") == b"14\r\n" + b"a" * 20 + b"\r\n0\r\n\r\n"
        writer.close()


@pytest.mark.parametrize(
    ("status", "headers", "request_head", "expected"),
    [
        (204, [], GET, b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"),
        (304, [(b"etag", b'"1"')], GET, b'HTTP/1.1 304 Not Modified\r\netag: "1"\r\nconnection: close\r\n\r\n'),
        (
            200,
            [LENGTH],
            GET.replace(b"GET", b"HEAD"),
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\n",
        ),
        (200, [], GET.replace(b"GET", b"HEAD"), b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"),
    ],
)
async def test_responses_without_a_body(
    status: int, headers: list[tuple[bytes, bytes]], request_head: bytes, expected: bytes
) -> None:
    """They say neither that there is a body, nor hold one."""
    async with served(responding(status, headers, b"")) as server:
        assert await server.answer_to(closing(request_head)) == expected


@pytest.mark.parametrize(
    "request_head", [closing(), GET.replace(b"1.1", b"1.0"), GET], ids=["client closes", "HTTP/1.0", "server closes"]
)
async def test_the_connection_ends_after_the_response(request_head: bytes) -> None:
    """Whoever wants it, the response says so once."""
    headers = [LENGTH, (b"connection", b"Close")] if request_head == GET else [LENGTH]
    async with served(responding(200, headers, b"hello")) as server:
        received = await server.answer_to(request_head)
        assert received.lower().count(b"connection: close\r\n") == 1
        assert received.endswith(b"\r\n\r\nhello")


async def test_pipelined_requests_are_answered_one_after_the_other() -> None:
    """The second response begins where the first ends."""
    async with served(responding(200, [LENGTH], b"hel", b"lo")) as server:
        whole = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
        assert await server.answer_to(GET + GET, size=2 * len(whole)) == 2 * whole


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\nb", b"a\rb", b"a\0b", b"a\x7f", b"a\x1bb"])
async def test_a_header_with_a_control_character_is_not_sent(value: bytes) -> None:
    """A line break would begin another header: response splitting."""
    async with served(responding(200, [LENGTH, (b"x-name", value)], b"hello")) as server:
        received = await server.answer_to(closing())
        assert received.startswith(b"HTTP/1.1 500 Internal Server Error\r\n")
        assert value not in received
        assert server.errors == ["A header of the response has a control character."]


async def test_a_header_may_have_tabs_and_any_other_characters() -> None:
    """As RFC 9110 has it: visible characters, space, tab, and bytes above 127."""
    async with served(responding(200, [LENGTH, (b"x-name", "a\tb ~ é".encode())], b"hello")) as server:
        assert "x-name: a\tb ~ é\r\n".encode() in await server.answer_to(closing())


@pytest.mark.parametrize("bodies", [(b"hell",), (b"hello!",), (b"hel", b"lo!"), (b"hel", b"l")])
async def test_a_body_of_another_length_ends_the_connection(bodies: tuple[bytes, ...]) -> None:
    """Else the client would take the next response for a part of this one. What is wrong as a whole is not sent at all."""
    async with served(responding(200, [LENGTH], *bodies)) as server:
        received = await server.answer_to(GET)
        assert received == (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhel" if len(bodies) > 1 else b"")
        assert server.errors == ["The body of the response is not as long as its Content-Length."]


@pytest.mark.parametrize(
    "messages",
    [
        [{"type": "http.response.body", "body": b"hello"}],
        [{"type": "http.response.start", "status": 200}, {"type": "http.response.start", "status": 200}],
        [
            {"type": "http.response.start", "status": 200, "headers": [LENGTH]},
            {"type": "http.response.body", "body": b"hello"},
            {"type": "http.response.body", "body": b"hello"},
        ],
    ],
    ids=["no start", "two starts", "after the end"],
)
async def test_a_message_out_of_turn_is_an_error(messages: list[dict[str, Any]]) -> None:
    """The application has a bug, and the error names the message."""

    async def answer(send: Send) -> None:
        for message in messages:
            await send(message)

    async with served(answer) as server:
        await server.answer_to(closing())
        assert server.errors == [f"Unexpected ASGI message {messages[-1]['type']!r}."]
