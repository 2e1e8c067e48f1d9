"""What a client gets that sends no HTTP, before a response or in the middle of one. It causes no error of the application."""

import asyncio
from typing import Any

import pytest

from tests.http.server.test_responses import GET, LENGTH, Send, responding, served

GARBAGE = b"\0" * 10
HELLO = {"type": "http.response.body", "body": b"hello"}


@pytest.fixture
async def failures() -> list[dict[str, Any]]:
    """What the event loop reports: exceptions of a protocol, for example."""
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: reported.append(context))
    return reported


async def test_garbage_of_any_length_is_rejected_once(failures: list[dict[str, Any]]) -> None:
    """Also if it is longer than a head may be."""
    async with served(responding(200, [LENGTH], b"hello")) as server:
        received = await server.answer_to(GARBAGE * 20_000)
        assert received.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert received.count(b"\r\n\r\n") == len(server.connections[0].writes) == 1
        assert failures == []


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([LENGTH], b"HTTP/1.1 400 Bad Request\r\n"),
        ([], b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
    ],
    ids=["before the head is written", "in the middle of a stream"],
)
async def test_garbage_ends_the_response_under_way(
    headers: list[tuple[bytes, bytes]], expected: bytes, failures: list[dict[str, Any]]
) -> None:
    """A response that has begun is cut off, and not mixed with another one. The rest of it is dropped."""
    started, released, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def answer(send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        started.set()
        await released.wait()
        await send(HELLO)
        ended.set()

    async with served(answer) as server, asyncio.timeout(30):
        reader, writer = await asyncio.open_connection(*server.address)
        writer.write(GET)
        await started.wait()
        writer.write(GARBAGE)
        received = await reader.read()
        released.set()
        await ended.wait()
        writer.close()
        assert received.startswith(expected)
        assert received.count(b"\r\n\r\n") == 1
        assert b"hello" not in received
        assert server.errors == []
        assert failures == []
