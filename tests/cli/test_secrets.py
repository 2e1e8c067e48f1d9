"""Secrets in settings and on the command line are printed by no command, whatever goes wrong."""

import contextlib
import json
from pathlib import Path

import pytest

from catalog.entrypoints.settings.loading import load_settings
from catalog.entrypoints.settings.problems import InvalidSettings
from tests.cli.conftest import Command
from tests.planted_secrets import ANOTHER_PASSWORD, MARK, PASSWORD, planted
from tests.servers import free_port

VALUES = ("{}", "[{}]", '"{}"', "{{", "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", '{{"kty":"OKP","d":"{}"}}')
"""Forms in which a setting may be wrong."""

DATABASES = (
    "postgresql://me:{}@127.0.0.1:{port}/db",
    "postgresql://127.0.0.1:{port}/db?user=me&password={}",
    "postgresql://me:{}@127.0.0.1:port/db",
    "postgresql://me:{}@127.0.0.1:{port}/db?sslmode={}",
    "postgresql://me:{}@127.0.0.1:{port}/db?nope={}",
    "postgresql://me:{}@[::1/db",
    "postgresql+psycopg://me:{}@127.0.0.1/db",
    "mysql://me:{}@127.0.0.1/db",
    "me:{}@127.0.0.1/db",
    "sqlite://me:{}@127.0.0.1/db",
)


@pytest.mark.parametrize("url", DATABASES)
@pytest.mark.parametrize(
    "command",
    [("doctor",), ("items", "list"), ("migrate",), ("users", "list"), ("audit", "verify")],
    ids=" ".join,
)
def test_a_password_in_a_url_is_not_printed(
    catalog: Command, monkeypatch: pytest.MonkeyPatch, url: str, command: tuple[str, ...]
) -> None:
    """Neither when the database cannot be reached nor when the URL is wrong."""
    secret = planted("p")
    monkeypatch.setenv("CATALOG_STORAGE__URL", url.replace("{}", secret).replace("{port}", str(free_port())))
    result = catalog.run(*command)
    assert result.exit_code in (1, 2, 3)
    assert isinstance(result.exception, SystemExit)
    assert MARK not in result.output


@pytest.mark.parametrize("form", VALUES)
@pytest.mark.parametrize(
    "variable",
    [
        "CATALOG_IDENTITY",
        "CATALOG_IDENTITY__ADMIN_PASSWORD",
        "CATALOG_IDENTITY__SIGNING_KEY",
        "CATALOG_IDENTITY__OIDC",
        "CATALOG_IDENTITY__OIDC__ROLE_MAP",
        "CATALOG_IDENTITY__ADMIN_PASWORD",
        "CATALOG_STORAGE",
        "CATALOG_STORAGE__POOL_SIZE",
        "CATALOG_CACHE__URL",
        "CATALOG_LOG__LEVEL",
    ],
)
@pytest.mark.parametrize("place", ["environment", "file", "secrets"])
def test_an_invalid_setting_is_not_quoted(
    catalog: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str, variable: str, form: str
) -> None:
    """Somebody may have put a secret into the wrong variable, or have broken it."""
    value = form.format(MARK)
    if place == "environment":
        monkeypatch.setenv(variable, value)
    elif place == "file":
        (tmp_path / ".env").write_text(f"{variable}='{value}'\n")
    else:
        (tmp_path / "secrets").mkdir()
        (tmp_path / "secrets" / variable).write_text(value)
        monkeypatch.setenv("CATALOG_SECRETS_DIR", str(tmp_path / "secrets"))
    monkeypatch.setenv("CATALOG_IDENTITY__MODE", "required")
    monkeypatch.setenv("CATALOG_IDENTITY__OIDC__ISSUER", "https://issuer.example")
    with contextlib.suppress(InvalidSettings):
        assert MARK not in f"{load_settings()!r}"
    for command in (("doctor",), ("migrate",), ("signing-keys", "list")):
        result = catalog.run(*command)
        assert isinstance(result.exception, SystemExit) or result.exit_code == 0
        assert MARK not in result.output


@pytest.mark.prints_secrets("API key")
def test_the_audit_has_no_secrets(catalog: Command, store_url: str, tmp_path: Path) -> None:
    """Neither as a table nor as JSON or a file. The same holds for all lists. Only the new API key is printed, once."""
    catalog("users", "create", "anna", "--role", "admin", stdin=PASSWORD)
    catalog("users", "password", "anna", stdin=ANOTHER_PASSWORD)
    key = catalog.json("keys", "create", "--user", "anna", "--name", "backup", "--scope", "items:read")["key"]
    catalog("signing-keys", "rotate")
    catalog("audit", "export", str(tmp_path / "audit.jsonl"))
    printed = (tmp_path / "audit.jsonl").read_text()
    assert "key.created" in printed
    for command in (("audit", "list"), ("audit", "export"), ("users", "list"), ("keys", "list"), ("signing-keys", "list")):
        printed += catalog(*command).output
    for command in (("audit", "list"), ("users", "list"), ("keys", "list"), ("signing-keys", "list")):
        printed += json.dumps(catalog.json(*command))
    for secret in (MARK, key.rpartition("_")[2], "argon2", "PRIVATE"):
        assert secret not in printed
