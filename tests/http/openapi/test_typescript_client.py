"""The types that openapi-typescript generates from the OpenAPI document compile, and describe requests and responses."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

BIN = Path(sys.executable).parent
INSTALLED = BIN.parent / "typescript"
"""Where `make test` installs the generator and the compiler."""

PACKAGE = Path(__file__).parent / "typescript"
LOCK = PACKAGE / "package-lock.json"


@pytest.fixture
def store() -> str:
    """The document is the same for every store."""
    return "memory"


@pytest.fixture
async def folder(client: httpx.AsyncClient, tmp_path: Path) -> Path:
    """A folder with the generated types and the client that uses them."""
    require_compiler(INSTALLED)
    (tmp_path / "openapi.json").write_bytes((await client.get("/openapi.json")).content)
    generated = run_node(tmp_path, "openapi-typescript/bin/cli.js", "openapi.json", "--output", "catalog.ts")
    assert generated.returncode == 0, generated.stdout + generated.stderr
    shutil.copy(PACKAGE / "client.ts", tmp_path)
    return tmp_path


def require_compiler(installed: Path) -> None:
    """Skip the test if the compiler is not installed. In CI, fail it."""
    if not (installed / ".installed").exists():
        message = "The TypeScript compiler is not installed: `make test` installs it if npm packages can be reached."
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)


def run_node(folder: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script of an installed package."""
    command = [str(BIN / "node"), str(INSTALLED / "node_modules" / script), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def compile_client(folder: Path) -> subprocess.CompletedProcess[str]:
    """Compile the client and the generated types, with every check of the compiler."""
    options = ("--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--noEmit", "--target", "es2022")
    return run_node(folder, "typescript/bin/tsc", *options, "--moduleResolution", "bundler", "--module", "es2022", "client.ts")


async def test_a_typescript_client_compiles(folder: Path) -> None:
    """A client reads and writes items, filters a list, reads a history, imports and handles problems."""
    compiled = compile_client(folder)
    assert compiled.returncode == 0, compiled.stdout


@pytest.mark.parametrize(
    ("right", "wrong", "error"),
    [
        ('price__lt: "50"', 'price__below: "50"', "TS2353"),
        ('amount: "39.90"', "amount: null", "TS2322"),
        ("item.name ?? item.id", "item.title", "TS2339"),
        ("status.refused", "status.rejected", "TS2339"),
    ],
)
async def test_mistakes_in_a_typescript_client_do_not_compile(folder: Path, right: str, wrong: str, error: str) -> None:
    """The types are precise: an unknown parameter, a wrong type and an unknown member are errors, and the only ones."""
    client = folder / "client.ts"
    text = client.read_text()
    assert right in text
    client.write_text(text.replace(right, wrong))
    compiled = compile_client(folder)
    assert compiled.returncode != 0
    assert re.findall(r"error (TS\d+)", compiled.stdout) == [error], compiled.stdout


def test_without_the_compiler_the_tests_are_skipped_but_fail_in_ci(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that never runs in CI proves nothing."""
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="not installed"):
        require_compiler(tmp_path)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="not installed"):
        require_compiler(tmp_path)


def test_the_lock_file_has_hashes_and_no_addresses() -> None:
    """Every registry can serve the packages, and none can change them. `make lock` writes it so."""
    text = LOCK.read_text()
    assert "://" not in text
    packages = json.loads(text)["packages"]
    assert all(package.get("integrity", "").startswith("sha512-") for name, package in packages.items() if name)
