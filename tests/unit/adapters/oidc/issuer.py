"""A small issuer on loopback for tests. It can be slow, huge, or hostile."""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Self

from catalog.adapters.oidc.checked_transport import Resolve, resolve
from catalog.adapters.oidc.foreign_tokens import OidcTokens, TrustedIssuer
from catalog.domain.identity.roles import Role
from tests.making import NOON
from tests.unit.adapters.forging import PrivateKey, changed, forge

AUDIENCE = "catalog-api"
ROLE_MAP: dict[str, Role] = {"staff": "user", "editors": "editor", "auditors": "auditor", "admins": "admin"}
START = int(NOON.timestamp())

DISCOVERY, KEYS = "/.well-known/openid-configuration", "/keys"

Answer = tuple[int, Mapping[str, str], bytes]
Handler = Callable[[asyncio.StreamWriter], Awaitable[Answer | None]]


class Issuer:
    """Serves a discovery document and keys. A handler for a path can answer anything else, or nothing."""

    def __init__(self, *keys: Mapping[str, Any], host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        """Publish these JSON Web Keys. With `tls`, serve HTTPS for a host name that only tests resolve."""
        self.host = host
        self._tls = tls
        self.keys: Any = {"keys": list(keys)}
        self.requests: list[str] = []
        self.headers: list[str] = []
        self.handlers: dict[str, Handler] = {}
        self.discovery: dict[str, Any] = {}
        self._port = 0
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The issuer's name and address."""
        return f"{'https' if self._tls else 'http'}://{self.host}:{self._port}/realm"

    @property
    def fetches(self) -> int:
        """How often the keys were fetched."""
        return self.requests.count(f"/realm{KEYS}")

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; again on the same port if it was stopped."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port, ssl=self._tls)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Listen no more, and end the connections."""
        if self._server is not None:
            self._server.close()
        for task in list(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def answers(self, path: str, status: int = 200, body: object = None, **headers: str) -> None:
        """Let a path answer this. A body that is not bytes is written as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()

        async def handler(_: asyncio.StreamWriter) -> Answer:
            return status, {name.replace("_", "-"): value for name, value in headers.items()}, content

        self.handlers[f"/realm{path}"] = handler

    def hangs(self, path: str) -> None:
        """Let a path never answer."""

        async def handler(_: asyncio.StreamWriter) -> None:
            await asyncio.Event().wait()

        self.handlers[f"/realm{path}"] = handler

    def streams(self, path: str, part: bytes, pause: float) -> None:
        """Let a path send a body without end."""

        async def handler(writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n[")
            while True:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause)

        self.handlers[f"/realm{path}"] = handler

    def tokens(
        self,
        timeout: float = 5,
        clock: Callable[[], float] = lambda: 0.0,
        resolve: Resolve = resolve,
        **settings: Any,  # noqa: ANN401
    ) -> OidcTokens:
        """Return what verifies this issuer's tokens."""
        trusted = {"issuer": self.url, "audience": AUDIENCE, "role_claim": "roles", "role_map": ROLE_MAP, **settings}
        return OidcTokens(TrustedIssuer(**trusted), timeout=timeout, clock=clock, resolve=resolve)

    def claims(self, **changes: object) -> dict[str, Any]:
        """Return the claims of a good token, with some changed."""
        good = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "ada",
            "exp": START + 600,
            "nbf": START,
            "iat": START,
            "roles": ["editors", "staff", "others"],
        }
        return changed(good, **changes)

    def token(self, algorithm: str, key: PrivateKey | bytes | None, kid: object, **claims: object) -> str:
        """Return a token with this algorithm, key and key id."""
        return forge(changed({"alg": algorithm, "typ": "JWT", "kid": kid}), self.claims(**claims), key)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while True:
                    await self._answer(reader, writer)
        finally:
            self._connections.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ", 2)[1]
        self.requests.append(path)
        self.headers.append(head)
        handler = self.handlers.get(path)
        if handler is not None:
            answer = await handler(writer)
        elif path == f"/realm{DISCOVERY}":
            document = {"issuer": self.url, "jwks_uri": f"{self.url}{KEYS}", **self.discovery}
            answer = 200, {}, json.dumps(changed(document)).encode()
        elif path == f"/realm{KEYS}":
            answer = 200, {}, json.dumps(self.keys).encode()
        else:
            answer = 404, {}, b"{}"
        assert answer is not None
        status, headers, body = answer
        lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}", *(f"{name}: {value}" for name, value in headers.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        await writer.drain()
