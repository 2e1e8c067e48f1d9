"""Run the HTTP application: one socket, one or more processes, and a graceful shutdown."""

import asyncio
import contextlib
import errno
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Iterator
from multiprocessing import resource_tracker
from types import FrameType
from typing import Any, Protocol

import uvicorn
from uvicorn.supervisors import ChangeReload, multiprocess

from catalog import __version__
from catalog.entrypoints.container import Container, running
from catalog.entrypoints.gc_tuning import reduce_collections
from catalog.entrypoints.identity_start import preparing_later, start_identity
from catalog.entrypoints.server.http_protocol import ConnectionMonitor, HttpConnection, MonitoredState
from catalog.entrypoints.settings.loading import export_to_environment
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.problems import InvalidSettings
from catalog.entrypoints.settings.safety import refused, weaknesses
from catalog.entrypoints.settings.sections import HttpSettings

APPLICATION = "catalog.entrypoints.http.app:from_environment"

_RESERVED_FILES = 100
"""Open files reserved for everything except connections: stores, logs, uploads."""

_LINGER_SECONDS = 1.0
"""Seconds that connections stay open after the listener is closed, for requests that are just arriving on them."""

_MODES = {
    "local": "no sign-in, everybody on this machine is the local admin",
    "open": "no sign-in, everybody who reaches the address is an admin",
    "required": "callers sign in",
}
"""What the first line says about the modes of identity."""


class CannotBind(Exception):
    """The server cannot listen on the address."""


class _Shutdown(Protocol):
    """The part of catalog.entrypoints.http.shutdown.ShutdownState that the server uses."""

    drain: float

    def begin(self) -> None:
        """Report not ready."""

    def close(self) -> None:
        """Close each connection after its response."""


def serve(settings: Settings, *, workers: int = 1, reload: bool = False) -> None:
    """Serve until a stop signal. Raises, before anything is served: InvalidSettings, CannotBind, Unavailable."""
    _check_settings(settings, workers)
    with _listen(settings.http) as listener, contextlib.suppress(KeyboardInterrupt):
        # Server processes load their settings from the environment, so options of the command line must be exported.
        port = listener.getsockname()[1]
        export_to_environment({"CATALOG_HTTP__HOST": settings.http.host, "CATALOG_HTTP__PORT": port})
        bound = settings.model_copy(update={"http": settings.http.model_copy(update={"port": port})})
        is_prepared = asyncio.run(_prepare(bound))
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
            # Only the request middleware trusts proxies, by CATALOG_HTTP__TRUSTED_PROXIES.
            proxy_headers=False,
            http=HttpConnection,
            ws="none",
            timeout_keep_alive=settings.http.keep_alive_seconds,
            timeout_graceful_shutdown=max(1, round(settings.http.shutdown_timeout_seconds)),
        )
        with contextlib.nullcontext() if is_prepared else preparing_later(bound):
            _run(config, listener, workers=workers, reload=reload)


def _run(config: uvicorn.Config, listener: socket.socket, *, workers: int, reload: bool) -> None:
    """Serve on a socket, in this process or in several ones that this process starts."""
    if reload:
        _Reload(config, target=Server(config).run, sockets=[listener]).run()
    elif workers > 1:
        multiprocess.Process = _Worker  # type: ignore[misc] # uvicorn has no other hook for a custom server class
        multiprocess.Multiprocess(config, sockets=[listener]).run()
    else:
        Server(config).run(sockets=[listener])


class Server(uvicorn.Server):
    """A uvicorn server that shuts down in three steps.

    After the first signal, the service reports not ready but still accepts requests, so that load balancers can notice. After
    the drain time, each response closes its connection. Then the listener is closed, requests in progress are finished, and the
    process exits. (uvicorn alone would close connections on which a request has just arrived.) A second signal skips the waiting.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        """Serve the application that `config` names."""
        super().__init__(config)
        self.server_state: MonitoredState = MonitoredState()
        self._signalled_at: float | None = None
        self._closing = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start serving."""
        http: HttpSettings = self._application.settings
        monitor = self.server_state.monitor = ConnectionMonitor(
            http, min(http.max_connections, _raise_file_limit() - _RESERVED_FILES)
        )
        monitor.now = asyncio.get_running_loop().time()
        await super().startup(sockets)
        reduce_collections()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Record the signal; `on_tick` acts on it."""
        if self._signalled_at is None:
            self._signalled_at = time.monotonic()
        else:
            self.should_exit = self.force_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Check connection deadlines and advance the shutdown, if one was requested. Called every tenth of a second."""
        self.server_state.monitor.tick(asyncio.get_running_loop().time(), self.server_state.connections)
        if self._signalled_at is not None:
            self._shutdown.begin()
            if self._closing:
                self.should_exit = True
            elif time.monotonic() >= self._signalled_at + self._shutdown.drain:
                self._closing = True
                self._shutdown.close()
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listener first, and read requests that are just arriving before idle connections are closed.

        Each response now closes its connection, so connections in use end by themselves.
        """
        self._shutdown.close()
        pending = [connection for listener in sockets or () for connection in _accept_pending(listener)]
        for server in self.servers:
            server.close()
        for connection in pending:
            await asyncio.get_running_loop().connect_accepted_socket(self._make_protocol, connection)
        deadline = time.monotonic() + _LINGER_SECONDS
        while self.server_state.connections and not self.force_exit and time.monotonic() < deadline:  # noqa: ASYNC110 - see below
            await asyncio.sleep(0.05)  # uvicorn has no event for the end of a connection
        await super().shutdown(sockets)

    def _make_protocol(self) -> asyncio.Protocol:
        """Return a protocol for a new connection, as uvicorn does."""
        protocol_class: Any = self.config.http_protocol_class
        protocol: asyncio.Protocol = protocol_class(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol

    @property
    def _application(self) -> Any:  # noqa: ANN401 - RequestMiddleware, which is not imported here because it imports the whole framework
        app: Any = self.config.loaded_app
        while not hasattr(app, "stopping"):  # uvicorn wraps the application in its own middleware
            app = app.app
        return app

    @property
    def _shutdown(self) -> _Shutdown:
        state: _Shutdown = self._application.stopping
        return state


def _raise_file_limit() -> int:
    """Raise the limit of open files as far as the system allows, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):  # macOS reports an infinite limit but accepts less
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def _accept_pending(listener: socket.socket) -> Iterator[socket.socket]:
    """Accept the connections in the backlog: closing the listener would reset them."""
    listener.setblocking(False)
    with contextlib.suppress(OSError):  # the backlog is empty
        while True:
            connection, _ = listener.accept()
            yield connection


@contextlib.contextmanager
def _starting_processes() -> Iterator[None]:
    """Block SIGINT, for processes that are started meanwhile and inherit that. Here it takes effect when the block ends.

    A terminal sends Ctrl-C to all processes. Those that serve must not notice: they would print tracebacks while they load, and
    take the SIGTERM that they get from this process for a second signal, which skips the waiting.
    """
    resource_tracker.ensure_running()  # starting it with the first process would unblock SIGINT
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Reload(ChangeReload):  # type: ignore[misc,valid-type]  # uvicorn chooses the class when it is imported
    """Restarts the server process when the code changes."""

    def startup(self) -> None:
        """Start the server process."""
        with _starting_processes():
            super().startup()

    def restart(self) -> None:
        """Replace the server process."""
        with _starting_processes():
            super().restart()


class _Worker(multiprocess.Process):
    """One of several server processes."""

    def start(self) -> None:
        """Start the process."""
        with _starting_processes():
            super().start()

    @property
    def server(self) -> uvicorn.Server:
        """Create the server, in the process that it runs in."""
        if self._server is None:
            self._server = Server(self.config)
        return self._server


def _check_settings(settings: Settings, workers: int) -> None:
    """Reject unsafe settings, and a memory store with several processes."""
    errors = [*refused(settings)]
    if workers > 1 and settings.storage.scheme == "memory":
        errors.append(("CATALOG_STORAGE__URL", "Processes cannot share memory://; use --workers 1, or another store."))
    if errors:
        raise InvalidSettings(errors)


def _listen(http: HttpSettings) -> socket.socket:
    """Bind the address once, before any process starts. Raises CannotBind."""
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((http.host, http.port))
        listener.listen(2048)
        listener.set_inheritable(True)
    except OSError as error:
        listener.close()
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        message = f"Cannot listen on {http.host}, port {http.port}: {reason}."
        if error.errno == errno.EADDRINUSE:
            message = f"Port {http.port} on {http.host} is in use; stop the program that uses it, or choose another with --port."
        raise CannotBind(message) from error
    return listener


async def _prepare(settings: Settings) -> bool:
    """Do once what must be done before any process serves: check the cache URL, migrate the schema, prepare identity.

    Return False if identity must be prepared later, because the store is away. Raises InvalidSettings, Unavailable.
    """
    container = Container(settings=settings)
    container.shared_cache()  # raises InvalidSettings if its URL is invalid
    if settings.storage.migrates:
        async with running(container):
            pass
    return await start_identity(container)


def _announce(settings: Settings, port: int, workers: int) -> None:
    """Print the version, who may call, the URL, the store, and a warning of each weak setting."""
    host = f"[{settings.http.host}]" if ":" in settings.http.host else settings.http.host
    processes = f", {workers} processes" if workers > 1 else ""
    lines = (
        f"Catalog {__version__}, environment {settings.environment}{processes}; {_MODES[settings.identity.mode]}",
        f"http://{host}:{port} (API: /api/v1, documentation: /docs)",
        f"Store: {settings.storage.display_url}",
    )
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
    for variable, reason in weaknesses(settings):
        sys.stderr.write(f"Warning: {variable}={reason}\n")
