"""Running the HTTP application: one socket, one or more processes, and a stop that loses nothing."""

import asyncio
import contextlib
import errno
import os
import resource
import socket
import sys
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any, Protocol

import uvicorn
from uvicorn.supervisors import ChangeReload, multiprocess

from catalog import __version__
from catalog.entrypoints.container import Container, running
from catalog.entrypoints.gc_tuning import reduce_collections
from catalog.entrypoints.server.http_protocol import ConnectionMonitor, HttpConnection, MonitoredState
from catalog.entrypoints.settings import HttpSettings, InvalidSettings, Settings, export_to_environment

APPLICATION = "catalog.entrypoints.http.app:from_environment"

_OTHER_FILES = 100
"""Open files that are left for everything but connections: stores, logs, files that are imported."""

_LINGER = 1.0
"""Seconds that connections are left open after the listener was closed, for requests that are just arriving on them."""


class CannotBind(Exception):
    """The address cannot be listened on."""


class _Stopping(Protocol):
    """What the application is told about its end (catalog.entrypoints.http.shutdown)."""

    drain: float

    def begin(self) -> None:
        """Be ready no more."""

    def close(self) -> None:
        """Close connections."""


def serve(settings: Settings, *, workers: int = 1, reload: bool = False) -> None:
    """Serve until a signal says stop. Raises InvalidSettings, CannotListen, Unavailable before anything is served."""
    _refuse(settings, workers)
    with _listen(settings.http) as listening, contextlib.suppress(KeyboardInterrupt):
        # A server's processes read their settings anew; what the command line said has to be there.
        port = listening.getsockname()[1]
        export_to_environment({"CATALOG_HTTP__HOST": settings.http.host, "CATALOG_HTTP__PORT": port})
        asyncio.run(_prepare(settings))
        _announce(settings, port, workers)
        config = uvicorn.Config(
            APPLICATION,
            factory=True,
            host=settings.http.host,
            port=port,
            workers=workers,
            reload=reload,
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            # A proxy is trusted by CATALOG_HTTP__TRUSTED_PROXIES alone, in the outer layer.
            proxy_headers=False,
            http=HttpConnection,
            ws="none",
            timeout_keep_alive=settings.http.keep_alive_seconds,
            timeout_graceful_shutdown=max(1, round(settings.http.finish_seconds)),
        )
        if reload:
            ChangeReload(config, target=Server(config).run, sockets=[listening]).run()
        elif workers > 1:
            multiprocess.Process = _Worker  # type: ignore[misc] # uvicorn has no other way to a server of one's own
            multiprocess.Multiprocess(config, sockets=[listening]).run()
        else:
            Server(config).run(sockets=[listening])


class Server(uvicorn.Server):
    """uvicorn, with a stop in three steps.

    On the first signal the service is no longer ready, and still takes requests (for load balancers to notice). After
    the drain time answers close their connections. Then the listener is closed, what has begun is finished, and the
    process ends. uvicorn by itself would close connections on which a request has just arrived. A second signal
    skips the waiting.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        """Serve what `config` names."""
        super().__init__(config)
        self.server_state: MonitoredState = MonitoredState()
        self._asked: float | None = None
        self._closing = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        http: HttpSettings = self._application.http
        watch = self.server_state.monitor = ConnectionMonitor(http, min(http.max_connections, _most_files() - _OTHER_FILES))
        watch.now = asyncio.get_running_loop().time()
        await super().startup(sockets)
        reduce_collections()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Note the signal; the loop acts on it."""
        if self._asked is None:
            self._asked = time.monotonic()
        else:
            self.should_exit = self.force_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Go a step further in stopping, where that was asked for. Called every tenth of a second."""
        self.server_state.monitor.tick(asyncio.get_running_loop().time(), self.server_state.connections)
        if self._asked is not None:
            self._stopping.begin()
            if self._closing:
                self.should_exit = True
            elif time.monotonic() >= self._asked + self._stopping.drain:
                self._closing = True
                self._stopping.close()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listener first, and let the requests that are just arriving be read before idle connections end.

        Each answer closes its connection now, so those that are in use end by themselves.
        """
        self._stopping.close()
        arrived = [connection for listening in sockets or () for connection in _waiting_at(listening)]
        for server in self.servers:
            server.close()
        for connection in arrived:
            await asyncio.get_running_loop().connect_accepted_socket(self._protocol, connection)
        until = time.monotonic() + _LINGER
        while self.server_state.connections and not self.force_exit and time.monotonic() < until:  # noqa: ASYNC110 - see below
            await asyncio.sleep(0.05)  # uvicorn tells nobody when a connection ends
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        """Make what serves a connection, as uvicorn does."""
        protocol: Any = self.config.http_protocol_class
        made: asyncio.Protocol = protocol(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
        return made

    @property
    def _application(self) -> Any:  # noqa: ANN401 - the outer layer, which is not imported here: it brings the whole framework
        app: Any = self.config.loaded_app
        while not hasattr(app, "stopping"):  # uvicorn wraps the application in its own layers
            app = app.app
        return app

    @property
    def _stopping(self) -> _Stopping:
        found: _Stopping = self._application.stopping
        return found


def _most_files() -> int:
    """Raise the limit of open files as far as the system lets us, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):  # macOS calls its limit infinite, and takes less
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def _waiting_at(listening: socket.socket) -> Iterator[socket.socket]:
    """Accept the connections that the system has made already: to close the listener would cut them off."""
    listening.setblocking(False)
    with contextlib.suppress(OSError):  # there are no more
        while True:
            connection, _ = listening.accept()
            yield connection


class _Worker(multiprocess.Process):
    """One of several serving processes."""

    @property
    def server(self) -> uvicorn.Server:
        """Make the server, in the process it serves in."""
        if self._server is None:
            self._server = Server(self.config)
        return self._server


def _refuse(settings: Settings, workers: int) -> None:
    """Refuse what would harm: an open door that nobody asked for, and a memory that each process has for itself."""
    faults = []
    if not settings.http.loopback and settings.identity.mode != "open":
        sentence = (
            f"{settings.http.host} can be reached from other machines, and there is no sign-in: whoever reaches it could "
            "change everything. Listen on 127.0.0.1, or say that it is wanted: CATALOG_IDENTITY__MODE=open"
        )
        faults.append(("CATALOG_HTTP__HOST", sentence))
    if workers > 1 and settings.storage.scheme == "memory":
        faults.append(("CATALOG_STORAGE__URL", "memory:// lives in one process; take --workers 1, or a store that is shared."))
    if faults:
        raise InvalidSettings(faults)


def _listen(http: HttpSettings) -> socket.socket:
    """Bind the address, here and once, so that a port in use is told in one sentence."""
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    listening = socket.socket(family)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((http.host, http.port))
        listening.listen(2048)
        listening.set_inheritable(True)
    except OSError as error:
        listening.close()
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        message = f"Cannot listen on {http.host}, port {http.port}: {reason}."
        if error.errno == errno.EADDRINUSE:
            message = f"Port {http.port} on {http.host} is in use; stop what listens there, or take another with --port."
        raise CannotBind(message) from error
    return listening


async def _prepare(settings: Settings) -> None:
    """Bring the schema up to date once, before any process serves; what hinders is told here and now."""
    container = Container(settings=settings)
    container.shared_cache()  # raises InvalidSettings where its URL cannot be read
    if settings.storage.migrates:
        async with running(container):
            pass


def _announce(settings: Settings, port: int, workers: int) -> None:
    """Say in three lines what runs, where, on which store."""
    host = f"[{settings.http.host}]" if ":" in settings.http.host else settings.http.host
    processes = f", {workers} processes" if workers > 1 else ""
    lines = (
        f"Catalog {__version__}, environment {settings.environment}{processes}",
        f"http://{host}:{port} (the API below /api/v1, its documentation at /docs)",
        f"Store: {settings.storage.display_url}",
    )
    sys.stdout.write("\n".join(lines) + "\n")
    if settings.identity.mode == "open" and not settings.http.loopback:
        sys.stderr.write(
            "Warning: there is no sign-in, and other machines can reach this: they may read and change everything.\n"
        )
    sys.stdout.flush()
