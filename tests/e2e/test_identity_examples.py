"""Runs the curl examples of identity in the documents against a service whose callers sign in."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.test_process import Server, serving
from tests.http.identity.test_grid import ENDPOINTS

ROOT = Path(__file__).parents[2]
PRELUDE = """set -euo pipefail
curl() { command curl --silent --show-error --fail-with-body "$@" || { echo "failed: curl $*" >&2; return 1; }; }
"""
PATHS = re.compile(r"/api/v1/(auth|users|api-keys)\b|/\.well-known/")


def block_after(page: str, heading: str) -> str:
    """Return the first block of shell commands below a heading."""
    text = (ROOT / page).read_text()
    match = re.search(r"^```sh\n(.*?)^```", text[text.index(f"\n{heading}\n") :], re.MULTILINE | re.DOTALL)
    assert match is not None
    return match[1]


def run(script: str, server: Server, folder: Path) -> str:
    """Run a script with bash, with the address of the server, and return what it prints."""
    text = PRELUDE + script.replace("http://127.0.0.1:8000", server.url)
    printed = subprocess.run(["/bin/bash", "-c", text], cwd=folder, env=os.environ, capture_output=True, text=True, check=False)
    assert printed.returncode == 0, printed.stdout + printed.stderr
    return printed.stdout


def documented_operations() -> set[tuple[str, str]]:
    """Return the methods and paths of identity."""
    return {(endpoint.method.upper(), endpoint.path) for endpoint in ENDPOINTS if PATHS.match(endpoint.path)}


@pytest.mark.prints_secrets("setup token", "API key", "access token", "refresh token")
def test_the_reference_has_a_working_example_of_every_path(tmp_path: Path) -> None:
    """The log shows which were called, and that each was successful."""
    with serving(tmp_path, "sqlite:///catalog.db", CATALOG_IDENTITY__MODE="required") as server:
        (token,) = re.findall(r"#setup=([\w-]{43})", server.log.read_text())
        printed = run(
            block_after("docs/reference/api.md", "### With curl").replace("SETUP=…", f"SETUP={token}"), server, tmp_path
        )
        assert server.stop() == 0
        lines = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    assert '"username":"root"' in printed
    requests = [line for line in lines if line["event"] == "request"]
    called = {(line["method"], line["path"]) for line in requests if line["status"] < 400}
    missing = {
        (method, path)
        for method, path in documented_operations()
        if not any(name == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), actual) for name, actual in called)
    }
    assert missing == set()
    assert [line for line in requests if line["status"] >= 400 and "/health/" not in line["path"]] == []


@pytest.mark.prints_secrets("setup token", "access token", "refresh token")
def test_the_readme_signs_in(tmp_path: Path) -> None:
    """As it says: an admin, a token, and a request with it."""
    heading = "## Let callers sign in"
    commands = block_after("README.md", heading).splitlines()
    assert commands[0] == "export CATALOG_IDENTITY__MODE=required"
    assert commands[2] == "catalog serve"
    with serving(tmp_path, "sqlite:///catalog.db", CATALOG_IDENTITY__MODE="required") as server:
        environment = os.environ | {"CATALOG_STORAGE__URL": "sqlite:///catalog.db"}
        create = [str(Path(sys.executable).parent / "catalog"), *commands[1].split()[1:]]
        subprocess.run(
            create, input=b"correct horse battery\n", cwd=tmp_path, env=environment, check=True, stdout=subprocess.PIPE
        )
        text = (ROOT / "README.md").read_text()
        blocks = re.findall(r"^```sh\n(.*?)^```", text[text.index(heading) : text.index("## Features")], re.MULTILINE | re.DOTALL)
        sign_in, token, use = blocks[1].splitlines()
        sign_in = sign_in.partition("   #")[0]
        assert token == "TOKEN=eyJ…"
        definitions = re.search(r"^API=http://127.*$", text, re.MULTILINE)
        assert definitions is not None
        taken = f"""TOKEN=$({sign_in} | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')"""
        assert '"items":[]' in run(f"{definitions[0]}\n{taken}\n{use}\n", server, tmp_path)
