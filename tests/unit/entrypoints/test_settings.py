"""Tests of settings: sources, precedence, validation and error messages."""

import re
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from catalog.adapters.memory.storage import MemoryStorage
from catalog.entrypoints import storage_plugins
from catalog.entrypoints.container import Container
from catalog.entrypoints.settings.loading import load_settings
from catalog.entrypoints.settings.model import Settings, all_settings
from catalog.entrypoints.settings.problems import RENAMED, InvalidSettings, unknown_variables
from catalog.entrypoints.settings.sections import HttpSettings, StorageSettings
from tests.planted_secrets import planted

ROOT = Path(__file__).parents[3]


def test_the_defaults_are_a_local_sqlite_file_on_loopback() -> None:
    """They apply if no variable is set and no file exists."""
    settings = load_settings()
    assert (settings.environment, settings.storage.url, settings.http.host, settings.http.port) == (
        "local",
        "sqlite:///catalog.db",
        "127.0.0.1",
        8000,
    )
    assert (settings.storage.migrates, settings.http.drain, settings.http.loopback) == (True, 0.0, True)


def test_sources_override_each_other_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order is `.env`, `.env.{environment}`, the secrets directory, the environment; the last one wins."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (tmp_path / ".env").write_text(
        "CATALOG_ENVIRONMENT=dev\nCATALOG_HTTP__PORT=1\nCATALOG_STORAGE__MAX_PENDING_WRITES=1\nOTHER=x\n"
    )
    (tmp_path / ".env.dev").write_text("CATALOG_HTTP__PORT=2\nCATALOG_STORAGE__POOL_SIZE=2\nCATALOG_STORAGE__URL=memory://\n")
    (tmp_path / ".env.prod").write_text("CATALOG_HTTP__PORT=9\n")
    (secrets / "CATALOG_STORAGE__URL").write_text("postgresql://u:p@h/d\n")
    (secrets / "catalog_storage__pool_size").write_text("3")
    monkeypatch.setenv("CATALOG_SECRETS_DIR", str(secrets))
    monkeypatch.setenv("CATALOG_STORAGE__POOL_SIZE", "4")
    settings = load_settings()
    assert (settings.environment, settings.http.port) == ("dev", 2)
    assert (settings.storage.max_pending_writes, settings.storage.pool_size, settings.storage.url) == (
        1,
        4,
        "postgresql://u:p@h/d",
    )
    monkeypatch.setenv("CATALOG_ENVIRONMENT", "prod")
    assert load_settings().http.port == 9


def test_lists_are_comma_separated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spaces and a trailing comma are ignored."""
    monkeypatch.setenv("CATALOG_HTTP__ALLOWED_HOSTS", "a.example, B.example,")
    monkeypatch.setenv("CATALOG_HTTP__CORS_ORIGINS", "https://a.example")
    http = load_settings().http
    assert (http.hosts, http.cors_origins) == (("a.example", "b.example"), ("https://a.example",))


def test_every_problem_is_reported_by_variable_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value may be a secret."""
    invalid = {
        "CATALOG_ENVIRONMENT": "moon",
        "CATALOG_STORAGE__URL": f"mysql://u:{planted('secret')}@h/d",
        "CATALOG_STORAGE__POOL_SIZE": "0",
        "CATALOG_HTTP__PORT": "http",
        "CATALOG_LOG__LEVEL": "loud",
        "CATALOG_STORAGE__NOPE": "1",
    }
    for name, value in invalid.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettings) as caught:
        load_settings()
    assert {variable for variable, _ in caught.value.problems} == set(invalid)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://me:p@ss@host:5/db?password=x", "postgresql://me@host:5/db"),
        ("sqlite:///a.db", "sqlite:///a.db"),
        ("memory://", "memory://"),
    ],
)
def test_the_display_url_has_no_password(url: str, expected: str) -> None:
    """It has no query string either."""
    assert StorageSettings(url=url).display_url == expected


def test_only_sqlite_migrates_at_startup_by_default() -> None:
    """The `migrate` setting overrides the default."""
    assert [StorageSettings(url=url).migrates for url in ("sqlite:///a", "postgresql://h/d", "memory://")] == [True, False, False]
    assert StorageSettings(url="postgresql://h/d", migrate=True).migrates
    assert not StorageSettings(migrate=False).migrates


def test_the_drain_time_depends_on_who_can_reach_it() -> None:
    """Load balancers get five seconds to notice; loopback needs none."""
    assert [HttpSettings(host=host).drain for host in ("127.0.0.1", "::1", "localhost", "10.0.0.1")] == [0, 0, 0, 5]
    assert HttpSettings(host="10.0.0.1", drain_seconds=1).drain == 1


def test_unknown_variables_are_found() -> None:
    """Variables without a section are ignored: Kubernetes sets CATALOG_PORT and others for a service named catalog."""
    variables = {"CATALOG_STORAGE__URI": "x", "catalog_http__port": "1", "CATALOG_PORT": "tcp://x", "PATH": "x"}
    assert unknown_variables(variables) == ["CATALOG_STORAGE__URI"]


@pytest.mark.parametrize("place", ["environment", ".env", ".env.dev", "secrets"])
def test_a_typo_in_a_setting_is_rejected(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every source is checked. The message suggests the correct name."""
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
        load_settings()
    assert caught.value.problems == (
        ("CATALOG_HTP__PORT", "Unknown setting. Did you mean CATALOG_HTTP__PORT?"),
        ("CATALOG_HTTP__PORT", "Must be a whole number."),
    )


@pytest.mark.parametrize("case", ["PROD", "Prod", " prod "])
def test_the_environment_is_accepted_in_any_case(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of its file is lower-case."""
    (tmp_path / ".env").write_text(f"CATALOG_ENVIRONMENT={case}\n", encoding="utf-8-sig")
    (tmp_path / ".env.prod").write_text("CATALOG_HTTP__PORT=9\n")
    settings = load_settings()
    assert (settings.environment, settings.http.port) == ("prod", 9)


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        ("A=1\n".encode("utf-16"), [(".env", "The file is UTF-16")]),
        ("A=1\n".encode("utf-16-le"), [(".env", "The file is UTF-16")]),
        (b"A=1\nB=\xff\n", [(".env, line 2", "The line is not valid UTF-8")]),
        (b"A=1\nhello world\nC\n'x\n", [(f".env, line {line}", "The line is not NAME=VALUE") for line in (2, 3, 4)]),
    ],
)
def test_an_invalid_env_file_is_reported_with_the_line(content: bytes, problems: list[tuple[str, str]], tmp_path: Path) -> None:
    """The message does not quote the content."""
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(InvalidSettings) as caught:
        load_settings()
    assert [
        (place, message[: len(start)]) for (place, message), (_, start) in zip(caught.value.problems, problems, strict=True)
    ] == problems


def test_env_files_support_the_full_dotenv_syntax(tmp_path: Path) -> None:
    """This includes comments, quotes, `export` and multi-line values. A directory named `.env` is an error."""
    (tmp_path / ".env").write_text(
        "# x\n\nexport CATALOG_HTTP__PORT='9'\nOTHER=\"a\nb\" # x\nCATALOG_HTTP__HOST=\n", encoding="utf-8"
    )
    (tmp_path / ".env.local").mkdir()
    assert load_settings().http.port == 9
    (tmp_path / ".env").unlink()
    (tmp_path / ".env").mkdir()
    with pytest.raises(InvalidSettings, match="Cannot read the file: is a directory"):
        load_settings()


@pytest.mark.parametrize(
    ("text", "origins"),
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
def test_origins_are_normalized_to_the_form_that_browsers_send(
    text: str, origins: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list may be comma-separated or JSON."""
    monkeypatch.setenv("CATALOG_HTTP__CORS_ORIGINS", text)
    assert load_settings().http.cors_origins == origins


@pytest.mark.parametrize("variable", ["CATALOG_HTTP__CORS_ORIGINS", "CATALOG_HTTP__ALLOWED_HOSTS"])
@pytest.mark.parametrize("text", ["https://a/b", '["a"', "[1]", "ftp://a", "a b", "a:80", '["https://a", "x y"]', "*.a"])
def test_list_entries_that_would_never_match_are_rejected(variable: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the setting."""
    monkeypatch.setenv(variable, text)
    with pytest.raises(InvalidSettings) as caught:
        load_settings()
    assert [name for name, _ in caught.value.problems] == [variable]


def test_hosts_may_be_a_json_list_or_ip_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value in brackets may be an IPv6 address instead of JSON."""
    for text, hosts in (('["a.example", "*"]', ()), ("[::1],A", ("[::1]", "a")), ('["[::1]"]', ("[::1]",))):
        monkeypatch.setenv("CATALOG_HTTP__ALLOWED_HOSTS", text)
        assert load_settings().http.hosts == hosts


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("CATALOG_HTTP__PORT", "1.5", "Must be a whole number."),
        ("CATALOG_HTTP__PORT", "-1", "Must be at least 0."),
        ("CATALOG_HTTP__PORT", "65536", "Must be at most 65535."),
        ("CATALOG_HTTP__TLS", "maybe", "Must be true or false."),
        ("CATALOG_STORAGE__TIMEOUT_SECONDS", "soon", "Must be a number."),
        ("CATALOG_STORAGE__TIMEOUT_SECONDS", "0", "Must be greater than 0."),
        ("CATALOG_STORAGE__TIMEOUT_SECONDS", "nan", "Must be at most 60."),
        ("CATALOG_LOG__FORMAT", "xml", "Must be one of auto, json, console."),
        ("CATALOG_STORAGE", "5", "This is a group of settings. Set its members instead, such as CATALOG_STORAGE__URL."),
        ("CATALOG_HTTP", "{x", "This is a group of settings. Set its members instead, such as CATALOG_HTTP__HOST."),
    ],
)
def test_problems_have_plain_messages(variable: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pydantic's own messages are not shown."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(InvalidSettings) as caught:
        load_settings()
    assert caught.value.problems == ((variable, message),)


def test_a_storage_plugin_is_selected_by_its_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin here is the memory store, registered under another scheme."""
    plugin = EntryPoint("other", "catalog.adapters.memory.storage:open_memory", storage_plugins.GROUP)
    plugins = storage_plugins._plugins() | {"other": plugin}
    monkeypatch.setattr(storage_plugins, "_plugins", lambda: plugins)
    settings = Settings(storage=StorageSettings(url="other://somewhere"))
    assert isinstance(Container(settings=settings).storage(), MemoryStorage)
    with pytest.raises(ValueError, match="memory://, other://, postgresql://, sqlite://"):
        StorageSettings(url="nope://x")


def test_a_url_that_the_adapter_rejects_is_an_invalid_setting() -> None:
    """The error names the variable."""
    with pytest.raises(InvalidSettings, match="CATALOG_STORAGE__URL: SQLite needs a file"):
        Container(settings=Settings(storage=StorageSettings(url="sqlite://"))).storage()


def test_every_setting_is_described_and_in_the_example_file() -> None:
    """`.env.example` lists exactly the existing settings, commented out."""
    variables = all_settings()
    assert all(variables.values())
    example = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"^# ?(CATALOG_\w+)=", example, re.MULTILINE)) == set(variables)


@pytest.mark.parametrize(
    ("former", "name"),
    [
        ("CATALOG_STORAGE__DEADLINE_SECONDS", "CATALOG_STORAGE__TIMEOUT_SECONDS"),
        ("CATALOG_STORAGE__QUEUE", "CATALOG_STORAGE__MAX_PENDING_WRITES"),
        ("CATALOG_HTTP__READ_SECONDS", "CATALOG_HTTP__READ_TIMEOUT_SECONDS"),
        ("CATALOG_HTTP__SEND_SECONDS", "CATALOG_HTTP__SEND_TIMEOUT_SECONDS"),
        ("CATALOG_HTTP__FINISH_SECONDS", "CATALOG_HTTP__SHUTDOWN_TIMEOUT_SECONDS"),
        ("CATALOG_CHANGES__KEEP_DAYS", "CATALOG_CHANGES__RETENTION_DAYS"),
    ],
)
def test_a_renamed_setting_names_its_new_name(former: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The former name is an error, so that nobody runs with a limit that is silently ignored."""
    monkeypatch.setenv(former, "5")
    with pytest.raises(InvalidSettings) as caught:
        load_settings()
    assert caught.value.problems == ((former, f"This setting was renamed. Use {name}."),)


def test_a_typo_in_the_name_of_a_group_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if nothing else is wrong: pydantic ignores a group that does not exist."""
    monkeypatch.setenv("CATALOG_HTP__PORT", "9000")
    with pytest.raises(InvalidSettings, match=r"CATALOG_HTP__PORT: Unknown setting\. Did you mean CATALOG_HTTP__PORT\?"):
        load_settings()


def test_renamed_settings_lead_to_existing_ones() -> None:
    """The new names exist, the former ones do not."""
    assert set(RENAMED.values()) <= set(all_settings())
    assert not set(RENAMED) & set(all_settings())
