"""Settings: where they come from, which wins, and what is said of bad ones."""

import re
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from catalog.adapters.memory.storage import MemoryStorage
from catalog.entrypoints import stores
from catalog.entrypoints.container import Container
from catalog.entrypoints.settings import HttpSettings, InvalidSettings, Settings, StorageSettings, described, unknown

ROOT = Path(__file__).parents[2]


def test_without_anything_set_it_is_local_on_one_file() -> None:
    """The defaults."""
    settings = Settings.load()
    assert (settings.environment, settings.storage.url, settings.http.host, settings.http.port) == (
        "local",
        "sqlite:///catalog.db",
        "127.0.0.1",
        8000,
    )
    assert (settings.storage.migrates, settings.http.drain, settings.http.loopback) == (True, 0.0, True)


def test_later_sources_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`.env`, `.env.{environment}`, the secrets, the environment."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (tmp_path / ".env").write_text("CATALOG_ENVIRONMENT=dev\nCATALOG_HTTP__PORT=1\nCATALOG_STORAGE__QUEUE=1\nOTHER=x\n")
    (tmp_path / ".env.dev").write_text("CATALOG_HTTP__PORT=2\nCATALOG_STORAGE__POOL_SIZE=2\nCATALOG_STORAGE__URL=memory://\n")
    (tmp_path / ".env.prod").write_text("CATALOG_HTTP__PORT=9\n")
    (secrets / "CATALOG_STORAGE__URL").write_text("postgresql://u:p@h/d\n")
    (secrets / "catalog_storage__pool_size").write_text("3")
    monkeypatch.setenv("CATALOG_SECRETS_DIR", str(secrets))
    monkeypatch.setenv("CATALOG_STORAGE__POOL_SIZE", "4")
    settings = Settings.load()
    assert (settings.environment, settings.http.port) == ("dev", 2)
    assert (settings.storage.queue, settings.storage.pool_size, settings.storage.url) == (1, 4, "postgresql://u:p@h/d")
    monkeypatch.setenv("CATALOG_ENVIRONMENT", "prod")
    assert Settings.load().http.port == 9


def test_lists_are_parted_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """As people write them."""
    monkeypatch.setenv("CATALOG_HTTP__ALLOWED_HOSTS", "a.example, B.example,")
    monkeypatch.setenv("CATALOG_HTTP__CORS_ORIGINS", "https://a.example")
    http = Settings.load().http
    assert (http.hosts, http.cors_origins) == (("a.example", "b.example"), ("https://a.example",))


def test_all_faults_are_told_by_variable_and_without_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a value may be a secret."""
    bad = {
        "CATALOG_ENVIRONMENT": "moon",
        "CATALOG_STORAGE__URL": "mysql://u:secret@h/d",
        "CATALOG_STORAGE__POOL_SIZE": "0",
        "CATALOG_HTTP__PORT": "http",
        "CATALOG_LOG__LEVEL": "loud",
        "CATALOG_STORAGE__NOPE": "1",
    }
    for name, value in bad.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettings) as caught:
        Settings.load()
    assert {variable for variable, _ in caught.value.faults} == set(bad)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:p@ss@host:5/db?password=x", "postgresql://me@host:5/db"),
        ("sqlite:///a.db", "sqlite:///a.db"),
        ("memory://", "memory://"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    """Nor what stands behind the question mark."""
    assert StorageSettings(url=url).shown == shown


def test_only_sqlite_migrates_by_itself() -> None:
    """Unless it is said otherwise."""
    assert [StorageSettings(url=url).migrates for url in ("sqlite:///a", "postgresql://h/d", "memory://")] == [True, False, False]
    assert StorageSettings(url="postgresql://h/d", migrate=True).migrates
    assert not StorageSettings(migrate=False).migrates


def test_the_drain_time_depends_on_who_can_reach_it() -> None:
    """Five seconds for load balancers to notice, none on loopback."""
    assert [HttpSettings(host=host).drain for host in ("127.0.0.1", "::1", "localhost", "10.0.0.1")] == [0, 0, 0, 5]
    assert HttpSettings(host="10.0.0.1", drain_seconds=1).drain == 1


def test_names_that_are_no_settings_are_found() -> None:
    """Mistyped ones, most likely."""
    given = {"CATALOG_STORAGE__URI": "x", "CATALOG_HTTP__PORT": "1", "CATALOG_PORT": "tcp://x", "PATH": "x"}
    assert unknown(given) == ["CATALOG_STORAGE__URI"]


def test_a_store_of_another_package_is_found_by_its_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registered under the entry-point group; here the memory store under another name."""
    other = EntryPoint("other", "catalog.adapters.memory.storage:open_memory", stores.GROUP)
    known = stores._adapters() | {"other": other}
    monkeypatch.setattr(stores, "_adapters", lambda: known)
    settings = Settings(storage=StorageSettings(url="other://somewhere"))
    assert isinstance(Container(settings=settings).storage(), MemoryStorage)
    with pytest.raises(ValueError, match="memory://, other://, postgresql://, sqlite://"):
        StorageSettings(url="nope://x")


def test_a_url_that_its_adapter_cannot_read_is_a_bad_setting() -> None:
    """Told by its variable."""
    with pytest.raises(InvalidSettings, match="CATALOG_STORAGE__URL: SQLite needs a file"):
        Container(settings=Settings(storage=StorageSettings(url="sqlite://"))).storage()


def test_every_setting_is_described_and_stands_in_the_example() -> None:
    """`.env.example` has all, as comments, and no others."""
    variables = described()
    assert all(variables.values())
    example = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"^# ?(CATALOG_\w+)=", example, re.MULTILINE)) == set(variables)
