"""Settings: where they come from, which wins, and what is said of bad ones."""

import re
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from catalog.adapters.memory.storage import MemoryStorage
from catalog.entrypoints import storage_plugins
from catalog.entrypoints.container import Container
from catalog.entrypoints.settings import (
    HttpSettings,
    InvalidSettings,
    Settings,
    StorageSettings,
    describe_settings,
    unknown_variables,
)

ROOT = Path(__file__).parents[3]


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
    assert {variable for variable, _ in caught.value.problems} == set(bad)
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
    """Mistyped ones, most likely; Kubernetes sets CATALOG_PORT and its like for a service of this name."""
    given = {"CATALOG_STORAGE__URI": "x", "catalog_http__port": "1", "CATALOG_PORT": "tcp://x", "PATH": "x"}
    assert unknown_variables(given) == ["CATALOG_STORAGE__URI"]


@pytest.mark.parametrize("place", ["environment", ".env", ".env.dev", "secrets"])
def test_a_typo_in_a_group_of_settings_is_refused(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it is written, with the name that is meant."""
    monkeypatch.setenv("CATALOG_ENVIRONMENT", "DEV")
    monkeypatch.setenv("CATALOG_SECRETS_DIR", str(tmp_path / "secrets"))
    (tmp_path / "secrets").mkdir()
    if place == "environment":
        monkeypatch.setenv("CATALOG_HTP__PORT", "9000")
    elif place == "secrets":
        (tmp_path / "secrets" / "catalog_htp__port").write_text("9000")
    else:
        (tmp_path / place).write_text("CATALOG_HTP__PORT=9000\n")
    monkeypatch.setenv("CATALOG_HTTP__PORT", "http")
    with pytest.raises(InvalidSettings) as caught:
        Settings.load()
    assert caught.value.problems == (
        ("CATALOG_HTP__PORT", "There is no such setting; did you mean CATALOG_HTTP__PORT?"),
        ("CATALOG_HTTP__PORT", "It must be a whole number."),
    )


@pytest.mark.parametrize("case", ["PROD", "Prod", " prod "])
def test_an_environment_is_taken_in_any_case(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file has the name in small letters."""
    (tmp_path / ".env").write_text(f"CATALOG_ENVIRONMENT={case}\n", encoding="utf-8-sig")
    (tmp_path / ".env.prod").write_text("CATALOG_HTTP__PORT=9\n")
    settings = Settings.load()
    assert (settings.environment, settings.http.port) == ("prod", 9)


@pytest.mark.parametrize(
    ("content", "faults"),
    [
        ("A=1\n".encode("utf-16"), [(".env", "The file is in UTF-16")]),
        ("A=1\n".encode("utf-16-le"), [(".env", "The file is in UTF-16")]),
        (b"A=1\nB=\xff\n", [(".env, line 2", "The line is not in UTF-8")]),
        (b"A=1\nhello world\nC\n'x\n", [(f".env, line {line}", "The line is not NAME=VALUE") for line in (2, 3, 4)]),
    ],
)
def test_a_file_of_settings_that_cannot_be_read_is_told_with_its_line(
    content: bytes, faults: list[tuple[str, str]], tmp_path: Path
) -> None:
    """In one sentence, and without what it holds."""
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(InvalidSettings) as caught:
        Settings.load()
    assert [
        (place, sentence[: len(told)]) for (place, sentence), (_, told) in zip(caught.value.problems, faults, strict=True)
    ] == faults


def test_a_file_of_settings_may_have_all_that_dotenv_knows(tmp_path: Path) -> None:
    """Comments, quotes, export, several lines."""
    (tmp_path / ".env").write_text(
        "# x\n\nexport CATALOG_HTTP__PORT='9'\nOTHER=\"a\nb\" # x\nCATALOG_HTTP__HOST=\n", encoding="utf-8"
    )
    (tmp_path / ".env.local").mkdir()
    assert Settings.load().http.port == 9
    (tmp_path / ".env").unlink()
    (tmp_path / ".env").mkdir()
    with pytest.raises(InvalidSettings, match="cannot be read: is a directory"):
        Settings.load()


@pytest.mark.parametrize(
    ("given", "origins"),
    [
        ('["http://localhost:3000", "https://a.example"]', ("http://localhost:3000", "https://a.example")),
        (
            "https://A.example/, http://b:80,https://c:443,http://[::1]:3000",
            ("https://a.example", "http://b", "https://c", "http://[::1]:3000"),
        ),
        ("*", ("*",)),
        ("[]", ()),
        ("", ()),
    ],
)
def test_origins_are_written_as_browsers_send_them(given: str, origins: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """From commas or JSON."""
    monkeypatch.setenv("CATALOG_HTTP__CORS_ORIGINS", given)
    assert Settings.load().http.cors_origins == origins


@pytest.mark.parametrize("variable", ["CATALOG_HTTP__CORS_ORIGINS", "CATALOG_HTTP__ALLOWED_HOSTS"])
@pytest.mark.parametrize("given", ["https://a/b", '["a"', "[1]", "ftp://a", "a b", "a:80", '["https://a", "x y"]', "*.a"])
def test_entries_of_lists_that_would_never_match_are_refused(variable: str, given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told by the setting."""
    monkeypatch.setenv(variable, given)
    with pytest.raises(InvalidSettings) as caught:
        Settings.load()
    assert [name for name, _ in caught.value.problems] == [variable]


def test_hosts_may_be_json_and_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Brackets are not always JSON."""
    for given, hosts in (('["a.example", "*"]', ()), ("[::1],A", ("[::1]", "a")), ('["[::1]"]', ("[::1]",))):
        monkeypatch.setenv("CATALOG_HTTP__ALLOWED_HOSTS", given)
        assert Settings.load().http.hosts == hosts


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("CATALOG_HTTP__PORT", "1.5", "It must be a whole number."),
        ("CATALOG_HTTP__PORT", "-1", "It must be at least 0."),
        ("CATALOG_HTTP__PORT", "65536", "It must be at most 65535."),
        ("CATALOG_HTTP__TLS", "maybe", "It must be true or false."),
        ("CATALOG_STORAGE__DEADLINE_SECONDS", "soon", "It must be a number."),
        ("CATALOG_STORAGE__DEADLINE_SECONDS", "0", "It must be more than 0."),
        ("CATALOG_STORAGE__DEADLINE_SECONDS", "nan", "It must be at most 60."),
        ("CATALOG_LOG__FORMAT", "xml", "It must be one of auto, json, console."),
        ("CATALOG_STORAGE", "5", "This is a group of settings. Set the single ones, like CATALOG_STORAGE__URL."),
        ("CATALOG_HTTP", "{x", "This is a group of settings. Set the single ones, like CATALOG_HTTP__HOST."),
    ],
)
def test_faults_are_told_in_plain_words(variable: str, value: str, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in those of the library."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidSettings) as caught:
        Settings.load()
    assert caught.value.problems == ((variable, sentence),)


def test_a_store_of_another_package_is_found_by_its_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registered under the entry-point group; here the memory store under another name."""
    other = EntryPoint("other", "catalog.adapters.memory.storage:open_memory", storage_plugins.GROUP)
    known = storage_plugins._plugins() | {"other": other}
    monkeypatch.setattr(storage_plugins, "_plugins", lambda: known)
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
    variables = describe_settings()
    assert all(variables.values())
    example = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"^# ?(CATALOG_\w+)=", example, re.MULTILINE)) == set(variables)
