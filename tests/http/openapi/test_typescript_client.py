"""The types that openapi-typescript generates from the OpenAPI document compile, and describe requests and responses."""

import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

BIN = Path(sys.executable).parent
INSTALLED = BIN.parent / "typescript"
"""Where `make test` installs the generator and the compiler."""

SOURCE = Path(__file__).parent / "typescript" / "client.ts"

pytestmark = pytest.mark.skipif(not (INSTALLED / ".installed").exists(), reason="run `make test` to install the compiler")


@pytest.fixture
def store() -> str:
    """The document is the same for every store."""
    return "memory"


@pytest.fixture
async def folder(client: httpx.AsyncClient, tmp_path: Path) -> Path:
    """A folder with the generated types and the client that uses them."""
    (tmp_path / "openapi.json").write_bytes((await client.get("/openapi.json")).content)
    generated = run_node(tmp_path, "openapi-typescript/bin/cli.js", "openapi.json", "--output", "catalog.ts")
    assert generated.returncode == 0, generated.stdout + generated.stderr
    shutil.copy(SOURCE, tmp_path)
    return tmp_path


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
    ("right", "wrong"),
    [
        ('price__lt: "50"', 'price__below: "50"'),
        ('amount: "39.90"', "amount: null"),
        ("item.name ?? item.id", "item.title"),
        ("status.refused", "status.rejected"),
    ],
)
async def test_mistakes_in_a_typescript_client_do_not_compile(folder: Path, right: str, wrong: str) -> None:
    """The types are precise: an unknown parameter, a wrong type and an unknown member are errors."""
    client = folder / "client.ts"
    text = client.read_text()
    assert right in text
    client.write_text(text.replace(right, wrong))
    assert compile_client(folder).returncode != 0
