"""The search for secrets in what the tests print finds them, wherever they are printed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.planted_secrets import MARK
from tests.printed_secrets import FORMS, PrintedSecrets

ROOT = Path(__file__).parents[2]

CONFTEST = "from tests.printed_secrets import pytest_configure\n"

TESTS = f"""
import asyncio, logging, subprocess, sys
import click, pytest
from click.testing import CliRunner
from catalog.application.identity.random_secrets import new_secret

SECRET = "{MARK}"
CODE = [sys.executable, "-c", f"print('{{SECRET}}')"]

@pytest.fixture
def loud():
    print(SECRET)
    yield
    sys.stderr.write(SECRET)

def test_stdout(): print("password", SECRET)
def test_stderr(): sys.stderr.write(SECRET)
def test_log_record(): logging.getLogger("catalog").error("wrong: %s", SECRET)
def test_fixture(loud): pass
def test_captured(capsys):
    print(SECRET)
    capsys.readouterr()
def test_command():
    @click.command()
    def command(): click.echo(SECRET)
    CliRunner().invoke(command, [])
def test_child(): subprocess.run(CODE)
def test_captured_child(): subprocess.run(CODE, capture_output=True)
def test_read_child():
    with subprocess.Popen(CODE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline()
def test_read_lines_of_child():
    with subprocess.Popen(CODE, stdout=subprocess.PIPE, text=True) as child:
        assert [*child.stdout]
def test_child_with_a_log(tmp_path):
    with (tmp_path / "log").open("w") as log:
        subprocess.run(CODE, stdout=log)
def test_asynchronous_child():
    async def run():
        child = await asyncio.create_subprocess_exec(*CODE, stdout=subprocess.PIPE)
        await child.communicate()
    asyncio.run(run())
def test_random(): print(new_secret())
def test_nothing(): print("no secret")
@pytest.mark.prints_secrets("planted secret")
def test_declared(): print(SECRET)
"""


@pytest.mark.prints_secrets("planted secret")
@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_printed_secret_fails_the_test_that_prints_it(tmp_path: Path, workers: str) -> None:
    """Standard output, logs, commands, child processes and their files are searched; in each worker, too."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_printing.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib -p no:cacheprovider --strict-markers\n")
    command = [sys.executable, "-m", "pytest", "-rE", "-n", workers, "test_printing.py"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(ROOT)])}
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    failed = {line.split("::")[1].split()[0] for line in result.stdout.splitlines() if line.startswith("ERROR test_")}
    expected = {part.split("(")[0] for part in TESTS.split("\ndef ")[1:] if part.startswith("test_")}
    assert failed == expected - {"test_nothing", "test_declared"}, result.stdout
    assert "Secrets were printed during test_printing.py::test_stdout:" in result.stdout
    assert "planted secret, in Captured stdout call: 'password" in result.stdout
    assert "planted secret, in log: " in result.stdout


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("planted secret", f"postgresql://me:p%20{MARK}@host/db"),
        ("API key", f"key cat_{'0' * 32}_{'a' * 43}"),
        ("access token", f"Bearer eyJ{'a' * 20}.eyJ{'b' * 20}.{'c' * 86}"),
        ("refresh token", '{"refresh_token": "' + "a" * 43 + '"}'),
        ("refresh token", f"refresh_token={'a' * 43}"),
        ("cookie", f"__Host-catalog_session={'a' * 43}; Secure"),
        ("setup token", f"http://localhost:8000/#setup={'a' * 43}"),
        ("private key", "-----BEGIN PRIVATE KEY-----"),
        ("private key", '{"kty":"OKP","crv":"Ed25519","d":"' + "a" * 43 + '"}'),
    ],
)
def test_secrets_are_known_by_their_form(kind: str, text: str) -> None:
    """Each is of one kind."""
    assert [found for found, _, _ in PrintedSecrets().secrets_in(text)] == [kind]
    assert kind in FORMS
