"""Ctrl-C at any time: the program ends without a traceback, and what is under way is finished."""

import os
import signal
import socket
import subprocess
import sys
import tomllib
from contextlib import ExitStack
from pathlib import Path

import httpx

from tests.servers import free_port, wait_until

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
ITEMS = "/api/v1/items"

INTERRUPTED = """
import signal, sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                if not {ignored}:
                    raise

sys.meta_path.insert(0, Interrupt())
"""
"""Presses Ctrl-C when a module is imported. The import may ignore it, as that of pydantic does at some points."""


def program() -> str:
    """Return the code that the installed program `catalog` runs."""
    module, _, function = tomllib.loads(PROJECT.read_text())["project"]["scripts"]["catalog"].partition(":")
    return f"from {module} import {function}\n{function}()"


def run(code: str, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Run Python code with these arguments and settings."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=False, timeout=60)


def test_an_interrupt_while_the_program_loads() -> None:
    """It ends at once, with the status of a program that was interrupted."""
    result = run(INTERRUPTED.format(module="catalog.entrypoints.cli.main", ignored=False) + program(), "items", "list")
    assert (result.returncode, result.stdout, result.stderr) == (-signal.SIGINT, "", "")


def test_a_background_job_that_ignores_interrupts_goes_on() -> None:
    """As shells make them."""
    ignoring = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    result = run(ignoring + INTERRUPTED.format(module="catalog.entrypoints.cli.main", ignored=False) + program(), "--version")
    assert (result.returncode, result.stdout[:7]) == (0, "catalog")


def test_an_interrupt_while_the_server_loads() -> None:
    """It is not lost, even if the import during which it comes ignores exceptions. Nothing is served."""
    code = INTERRUPTED.format(module="catalog.entrypoints.settings.model", ignored=True) + program()
    result = run(code, "serve", "--port", "0", CATALOG_ENVIRONMENT="prod")  # which the start would refuse with another status
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.strip() == "Aborted."


def test_an_interrupt_of_all_processes_finishes_the_requests_under_way(tmp_path: Path) -> None:
    """A terminal sends Ctrl-C to each process. Only the first one acts on it, and stops the others gently."""
    port, log = free_port(), tmp_path / "log"
    url = f"http://127.0.0.1:{port}"
    settings = {"CATALOG_STORAGE__URL": f"sqlite:///{tmp_path / 'catalog.db'}"}

    def is_ready() -> bool:
        try:
            return httpx.get(f"{url}/health/ready").status_code == 200
        except httpx.TransportError:
            return False

    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", program(), "serve", "--workers", "2", "--port", str(port)],
            env=os.environ | settings,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until(is_ready)
        body = b'{"name": "Garden chair"}'
        head = (
            f"POST {ITEMS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with ExitStack() as stack:
            connections = [
                stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20)) for _ in range(20)
            ]  # so many that each process has some
            for connection in connections:
                connection.sendall(head.encode() + body[:10])
            os.killpg(process.pid, signal.SIGINT)
            wait_until(lambda: not is_ready())
            for connection in connections:
                connection.sendall(body[10:])
            assert all(connection.recv(4096).startswith(b"HTTP/1.1 201 ") for connection in connections)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait(30)
    assert "Traceback" not in log.read_text()
