"""The import contracts hold, and a planted violation breaks each of them."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "catalog"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the code in a folder."""
    program = Path(sys.executable).parent / "lint-imports"
    return subprocess.run(
        [program, "--no-cache", "--config", "pyproject.toml"],
        cwd=folder,
        env={"PYTHONPATH": str(folder / "src"), "PATH": "/usr/bin:/bin", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code to plant violations in."""
    folder = tmp_path_factory.mktemp("planted")
    shutil.copytree(SOURCE, folder / "src" / "catalog", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_the_import_contracts_hold(planted: Path) -> None:
    """The code as it is breaks no contract."""
    result = lint(planted)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("domain/values/money.py", "import catalog.ports.clock"),
        ("domain/text/normalization.py", "import catalog.application.items.items"),
        ("domain/items/item.py", "import msgspec"),
        ("domain/queries/item_query.py", "import uuid_utils"),
        ("domain/search/search.py", "import structlog"),
        ("ports/storage/storage.py", "import catalog.application.items.items"),
        ("ports/clock.py", "import catalog.adapters.system"),
        ("ports/ids.py", "import sqlalchemy"),
        ("application/items/items.py", "import catalog.adapters.memory.storage"),
        ("application/files/readers.py", "import catalog.entrypoints.settings.model"),
        ("application/imports/pipeline.py", "import msgspec"),
        ("application/imports/pipeline.py", "import python_calamine"),
        ("adapters/memory/storage.py", "import catalog.application.items.items"),
        ("adapters/memory/storage.py", "import catalog.adapters.sql.row_mapping"),
        ("adapters/memory/storage.py", "import sqlalchemy"),
        ("adapters/sql/storage.py", "import catalog.adapters.sqlite.dialect"),
        ("adapters/sql/storage.py", "import asyncpg"),
        ("adapters/sqlite/dialect.py", "import catalog.adapters.postgres.dialect"),
        ("adapters/postgres/storage.py", "import catalog.entrypoints.settings.model"),
        ("adapters/postgres/storage.py", "import redis"),
        ("adapters/redis/cache.py", "import catalog.adapters.memory.cache"),
        ("adapters/redis/cache.py", "import structlog"),
        ("adapters/redis/limits.py", "import catalog.adapters.memory.limits"),
        ("adapters/redis/limits.py", "import sqlalchemy"),
        ("adapters/redis/limits.py", "import jwt"),
        ("adapters/memory/limits.py", "import redis"),
        ("adapters/argon2/password_hasher.py", "import cryptography"),
        ("adapters/jwt/token_signer.py", "import catalog.adapters.oidc.foreign_tokens"),
        ("adapters/jwt/token_signer.py", "import httpx"),
        ("adapters/jwt/token_signer.py", "import argon2"),
        ("adapters/oidc/issuer_keys.py", "import redis"),
        ("adapters/oidc/issuer_keys.py", "import zxcvbn"),
        ("application/identity/passwords.py", "import argon2"),
        ("application/identity/passwords.py", "import zxcvbn"),
        ("application/identity/authenticator.py", "import jwt"),
        ("application/identity/authenticator.py", "import catalog.adapters.oidc.foreign_tokens"),
        ("domain/identity/session.py", "import cryptography"),
        ("entrypoints/http/app.py", "import httpx"),
        ("entrypoints/http/app.py", "import jwt"),
        ("application/caching/cached_reads.py", "import catalog.adapters.memory.cache"),
        ("entrypoints/http/middleware/response_cache.py", "import catalog.adapters.redis.cache"),
        ("adapters/system.py", "import dependency_injector"),
        ("entrypoints/http/controllers/items.py", "import catalog.adapters.system"),
        ("entrypoints/http/controllers/items.py", "import catalog.entrypoints.cli.exit_codes"),
        ("entrypoints/http/controllers/items.py", "import dependency_injector"),
        ("entrypoints/http/middleware/request.py", "import rich_click"),
        ("entrypoints/cli/commands/items.py", "import catalog.adapters.sql.row_mapping"),
        ("entrypoints/cli/commands/items.py", "import catalog.entrypoints.http.requests.bodies"),
        ("entrypoints/cli/commands/items.py", "import litestar"),
        ("entrypoints/settings/model.py", "import dependency_injector"),
        ("entrypoints/server/server.py", "import litestar"),
        ("entrypoints/http/app.py", "import sqlalchemy"),
        ("domain/change.py", "import catalog.domain.items.item"),
        ("nowhere.py", "import catalog.entrypoints.http.app"),
        ("adapters/newcomer/__init__.py", "import catalog.application.items.items"),
    ],
)
def test_a_planted_violation_breaks_a_contract(planted: Path, module: str, line: str) -> None:
    """import-linter fails when this line is added to this module."""
    path = planted / "src" / "catalog" / module
    original = path.read_text() if path.exists() else None
    path.parent.mkdir(exist_ok=True)
    path.write_text((original or '"""Planted."""\n') + f"\n{line}\n")
    try:
        result = lint(planted)
    finally:
        if original is None:
            path.unlink()
            if path.parent.name == "newcomer":
                path.parent.rmdir()
        else:
            path.write_text(original)
    assert result.returncode == 1, result.stdout + result.stderr


def test_every_dependency_is_restricted_by_a_contract() -> None:
    """Every dependency is named by a contract, unless it is run as a program instead of imported."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    restricted = {
        package for contract in project["tool"]["importlinter"]["contracts"] for package in contract.get("forbidden_modules", ())
    }
    run_as_programs = {"alembic", "uvloop", "httptools"}
    import_names = {
        "aiosqlite": "aiosqlite",
        "alembic": "alembic",
        "argon2-cffi": "argon2",
        "asyncpg": "asyncpg",
        "backports.zstd": "backports",
        "charset-normalizer": "charset_normalizer",
        "dependency-injector": "dependency_injector",
        "httpx": "httpx",
        "litestar": "litestar",
        "msgspec": "msgspec",
        "multipart": "multipart",
        "pydantic-settings": "pydantic_settings",
        "pyjwt": "jwt",
        "python-calamine": "python_calamine",
        "python-dotenv": "dotenv",
        "redis": "redis",
        "rich-click": "rich_click",
        "sqlalchemy": "sqlalchemy",
        "structlog": "structlog",
        "swagger-ui-py": "swagger_ui",
        "uuid-utils": "uuid_utils",
        "uvicorn": "uvicorn",
        "xlsxwriter": "xlsxwriter",
        "zxcvbn": "zxcvbn",
    }
    names = {requirement.partition(">")[0].partition("[")[0] for requirement in project["project"]["dependencies"]}
    assert names == set(import_names)
    assert set(import_names.values()) - run_as_programs <= restricted
