"""A pytest plugin that fails each test during which a secret is printed.

It searches what the test and its fixtures print, log, and write to standard output in child processes, or to files that are
the standard output of child processes. Secrets that tests choose have a mark (`planted_secrets`). Those that the service
makes are known by their form, or remembered when they are made in this process.

A test that has to print a secret says so, with the kind of the secret: `@pytest.mark.prints_secrets("API key")`.
"""

import asyncio.subprocess
import re
import subprocess
from collections.abc import Callable, Generator, Iterator, Mapping
from functools import wraps
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import pytest
from click.testing import CliRunner

from catalog.application.identity import random_secrets
from tests.planted_secrets import MARK

FORMS: Mapping[str, re.Pattern[str]] = {
    "planted secret": re.compile(MARK),
    "API key": re.compile(r"cat_[0-9a-f]{32}_[A-Za-z0-9_-]{43}"),
    "access token": re.compile(r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"),
    "refresh token": re.compile(r'refresh_token"?\s*[:=]\s*"?[\w-]{43}'),
    "cookie": re.compile(r"catalog_session=[\w-]{43}"),
    "setup token": re.compile(r"setup=[\w-]{43}|'\{\"token\": \"[\w-]{43}"),
    "private key": re.compile(r"PRIVATE KEY-----|\"d\"\s*:\s*\"[\w-]{43}\""),
}
"""The kinds of secrets that are known by their form."""

RANDOM = "random secret"
"""The kind of the secrets that are remembered when they are made."""

_MARKER = "prints_secrets"
_LENGTH = 43
_RUN = re.compile(rf"[\w-]{{{_LENGTH},400}}", re.ASCII)
_AROUND = 60
_NAME = "printed_secrets"


class PrintedSecrets:
    """Collects what is printed during a test, and fails the test if a secret is in it."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._texts: list[tuple[str, str]] = []
        self._files: dict[Path, Any] = {}
        self._made: set[str] = set()

    def listen(self, patch: pytest.MonkeyPatch) -> None:
        """Listen to everything that takes output away before pytest reports it, and to what makes secrets."""
        self._listen_to_captures(patch)
        self._listen_to_children(patch)

        def noted_token(size: int) -> str:
            made = token_urlsafe(size)
            self._made.add(made)
            return made

        patch.setattr(random_secrets, "token_urlsafe", noted_token)

    def _listen_to_captures(self, patch: pytest.MonkeyPatch) -> None:
        read, invoke = pytest.CaptureFixture.readouterr, CliRunner.invoke

        def readouterr(fixture: pytest.CaptureFixture[Any]) -> Any:  # noqa: ANN401 - pytest's result, of text or bytes
            captured = read(fixture)
            self._note("what the test captured", *captured)
            return captured

        @wraps(invoke)
        def noted_invoke(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as click has it
            result = invoke(*arguments, **options)
            self._note("the output of a command", result.output)
            return result

        patch.setattr(pytest.CaptureFixture, "readouterr", readouterr)
        patch.setattr(CliRunner, "invoke", noted_invoke)

    def _listen_to_children(self, patch: pytest.MonkeyPatch) -> None:
        start, communicate = subprocess.Popen.__init__, subprocess.Popen.communicate
        protocol = asyncio.subprocess.SubprocessStreamProtocol
        receive = protocol.pipe_data_received

        @wraps(start)
        def noted_start(process: Any, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - as subprocess has it
            start(process, *arguments, **options)
            for name in ("stdout", "stderr"):
                if isinstance(path := getattr(options.get(name), "name", None), str):
                    self._files[Path(path)] = process
                if (pipe := getattr(process, name)) is not None:
                    setattr(process, name, _Pipe(pipe, self._note_child))

        @wraps(communicate)
        def noted_communicate(process: Any, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - likewise
            printed = communicate(process, *arguments, **options)
            self._note_child(*printed)
            return printed

        def pipe_data_received(reader: Any, number: int, data: bytes) -> None:  # noqa: ANN401 - asyncio's protocol
            if not _is_browser_driver(reader):
                self._note_child(data)
            receive(reader, number, data)

        patch.setattr(subprocess.Popen, "__init__", noted_start)
        patch.setattr(subprocess.Popen, "communicate", noted_communicate)
        patch.setattr(protocol, "pipe_data_received", pipe_data_received)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Search everything when the test's fixtures have ended, and report the first place of each kind of secret."""
        report = yield
        if report.when == "teardown":
            allowed = {kind for marker in item.iter_markers(_MARKER) for kind in marker.args}
            found = [line for kind, line in self._found(report.sections) if kind not in allowed]
            if found and report.outcome == "passed":
                report.outcome = "failed"
                report.longrepr = "\n".join([f"Secrets were printed during {item.nodeid}:", *found])
        return report

    def _found(self, sections: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        """Yield the kind and the place of each secret, and forget what was printed."""
        texts = [*sections, *self._texts, *((path.name, _content(path)) for path in self._files)]
        self._texts.clear()
        # Servers that run on, for other tests, write to the same file.
        self._files = {path: process for path, process in self._files.items() if process.returncode is None and path.exists()}
        for place, text in texts:
            for kind, start, end in self.secrets_in(text):
                around = text[max(start - _AROUND, 0) : end + _AROUND]
                yield kind, f"- {kind}, in {place}: {around!r}"

    def secrets_in(self, text: str) -> Iterator[tuple[str, int, int]]:
        """Yield kind, start and end of the first secret of each kind."""
        for kind, form in FORMS.items():
            if match := form.search(text):
                yield kind, *match.span()
                text = form.sub(lambda found: "." * len(found[0]), text)  # what is in a key is not another secret
        for run in _RUN.finditer(text):
            for start in range(run.start(), run.end() - _LENGTH + 1):
                if text[start : start + _LENGTH] in self._made:
                    yield RANDOM, start, start + _LENGTH
                    return

    def _note_child(self, *printed: str | bytes | None) -> None:
        """Note what a child process printed."""
        self._note("the output of a child process", *printed)

    def _note(self, place: str, *printed: str | bytes | None) -> None:
        """Note what was printed."""
        for text in printed:
            if text:
                self._texts.append((place, text if isinstance(text, str) else text.decode(errors="replace")))


class _Pipe:
    """The reading end of a pipe, which notes what is read."""

    def __init__(self, stream: Any, note: Callable[[Any], None]) -> None:  # noqa: ANN401 - of text or bytes
        """Wrap a stream."""
        self._stream = stream
        self._note = note

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        """Return what the stream has, and note what its methods read."""
        value = getattr(self._stream, name)
        if name not in ("read", "readline", "readlines", "read1"):
            return value

        def read(*arguments: object) -> Any:  # noqa: ANN401 - text or bytes
            got = value(*arguments)
            for data in got if isinstance(got, list) else [got]:
                self._note(data)
            return got

        return read

    def __iter__(self) -> Iterator[Any]:
        for line in self._stream:
            self._note(line)
            yield line

    def __enter__(self) -> Any:  # noqa: ANN401 - itself
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


def _is_browser_driver(reader: Any) -> bool:  # noqa: ANN401 - asyncio's protocol
    """Return whether a process is Playwright's. What it writes is for the tests only: all that they see and type."""
    return "playwright" in str(reader._transport.get_extra_info("subprocess").args[0])


def pytest_configure(config: pytest.Config) -> None:
    """Start to listen."""
    config.addinivalue_line("markers", f"{_MARKER}(*kinds): the test prints secrets of these kinds, which is what it is about")
    plugin, patch = PrintedSecrets(), pytest.MonkeyPatch()
    plugin.listen(patch)
    config.pluginmanager.register(plugin, _NAME)
    config.add_cleanup(patch.undo)


def _content(path: Path) -> str:
    """Return the content of a file, which may have been deleted since."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
