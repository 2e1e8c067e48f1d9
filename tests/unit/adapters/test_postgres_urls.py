"""Postgres URLs: the forms that hosting providers use are accepted, and invalid ones are reported without secrets."""

from pathlib import Path

import pytest

from catalog.adapters.postgres.dsn import PARAMETERS, read_dsn
from catalog.entrypoints.container import Container
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.problems import InvalidSettings
from catalog.entrypoints.settings.sections import StorageSettings
from catalog.entrypoints.storage_plugins import canonical

TLS = Path(__file__).parents[2] / "data" / "tls"


@pytest.mark.parametrize(
    ("url", "dsn"),
    [
        ("postgresql://u:p@h/d", "postgresql://u:p@h/d"),
        ("postgresql://h", "postgresql://h"),
        ("postgresql://h/", "postgresql://h"),
        ("postgresql:///d", "postgresql:///d"),
        ("postgresql://u@[::1]:5433/d", "postgresql://u@[::1]:5433/d"),
        ("postgresql://u:p@ss@h/d", "postgresql://u:p%40ss@h/d"),
        ("postgresql://u:p%40s%23s%2F%25@h/d", "postgresql://u:p%40s%23s%2F%25@h/d"),
        (
            "postgresql://h1:5432,h2:5433/d?target_session_attrs=primary",
            "postgresql://h1:5432,h2:5433/d?target_session_attrs=primary",
        ),
        ("postgresql://h/d?host=a:1&host=b:2", "postgresql://h/d?host=a%3A1%2Cb%3A2"),
        ("postgresql:///d?host=/var/run/postgresql", "postgresql:///d?host=%2Fvar%2Frun%2Fpostgresql"),
        ("postgresql://%2Fvar%2Frun%2Fpostgresql/d", "postgresql://%2Fvar%2Frun%2Fpostgresql/d"),
        ("postgresql://h/d?sslmode=require", "postgresql://h/d?sslmode=require"),
        ("postgresql://h/d?ssl=true", "postgresql://h/d?sslmode=require"),
        ("postgresql://h/d?ssl=verify-full&sslmode=disable", "postgresql://h/d?sslmode=disable"),
        ("postgresql://h/d?channel_binding=prefer&gssencmode=disable&sslcompression=0&client_encoding=UTF-8", "postgresql://h/d"),
        ("postgresql://h/d?options=-c%20search_path%3Dshop", "postgresql://h/d?options=-c%20search_path%3Dshop"),
        ("postgresql://h/d?sslmode=", "postgresql://h/d"),
    ],
)
def test_a_url_is_passed_to_the_driver(url: str, dsn: str) -> None:
    """Unsupported parameters are removed and the rest is in the form that the driver parses."""
    assert read_dsn(url).arguments["dsn"] == dsn


def test_the_connect_timeout_and_application_name_are_returned() -> None:
    """The driver does not support the timeout, and our default name must not replace the one in the URL."""
    dsn = read_dsn("postgresql://h/d?connect_timeout=10&application_name=shop")
    assert (dsn.connect_timeout, dsn.application_name) == (10, "shop")
    assert dsn.arguments["dsn"] == "postgresql://h/d?application_name=shop"
    assert read_dsn("postgresql://h/d?connect_timeout=0").connect_timeout is None


def test_every_allowed_parameter_is_accepted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No allowed parameter is rejected, alone or with the parameters that it needs."""
    (tmp_path / "services").write_text("[x]\n")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    values = dict.fromkeys(PARAMETERS, "x") | {
        "sslmode": "verify-full",
        "sslrootcert": str(TLS / "ca.pem"),
        "sslcrl": str(TLS / "ca.pem"),
        "sslcert": str(TLS / "client.pem"),
        "sslkey": str(TLS / "client.key"),
        "passfile": str(TLS / "ca.pem"),
        "sslnegotiation": "direct",
        "ssl_min_protocol_version": "TLSv1.2",
        "ssl_max_protocol_version": "TLSv1.3",
        "target_session_attrs": "any",
        "channel_binding": "prefer",
        "gssencmode": "prefer",
        "client_encoding": "utf8",
        "connect_timeout": "3",
        "port": "5432",
    }
    for name in PARAMETERS:
        needed = {"sslmode", "sslrootcert", "sslcert", name} if name.startswith("ssl") else {name}
        read_dsn("postgresql://h/d?" + "&".join(f"{parameter}={values[parameter]}" for parameter in sorted(needed)))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://h/d?sslmod=require", r"Unknown parameter sslmod in the URL\. Allowed: application_name, .*sslmode"),
        ("postgresql://h/d?sslmode=yes", "sslmode must be one of disable, allow, prefer, require, verify-ca, verify-full"),
        ("postgresql://h/d?target_session_attrs=standby", "target_session_attrs must be one of any, read-write, primary"),
        ("postgresql://h/d?ssl_min_protocol_version=1", "ssl_min_protocol_version must be one of TLSv1,"),
        ("postgresql://h/d?sslnegotiation=direct", "sslnegotiation=direct needs sslmode=require"),
        ("postgresql://h/d?connect_timeout=soon", "connect_timeout must be a whole number"),
        ("postgresql://h/d?channel_binding=require", "channel_binding=require is not supported"),
        ("postgresql://h/d?gssencmode=require", "gssencmode=require is not supported"),
        ("postgresql://h/d?client_encoding=latin1", "client_encoding is always UTF8"),
        ("postgresql://h/d?sslmode=verify-full", "sslmode=verify-full needs a CA certificate"),
        ("postgresql://h/d?sslrootcert=/nowhere/ca.pem", r"sslrootcert: /nowhere/ca.pem cannot be read \(no such file"),
        ("postgresql://h/d?passfile=/nowhere", "passfile: /nowhere cannot be read"),
        (f"postgresql://h/d?sslrootcert={__file__}", "contains no PEM certificate"),
        (
            f"postgresql://h/d?sslcert={TLS}/client.pem&sslkey={TLS}/server.key",
            "sslcert and sslkey are not a matching PEM certificate and key",
        ),
        ("postgresql://h/d?sslrootcert=system&sslmode=require", "sslrootcert=system needs sslmode=verify-full"),
        ("postgresql://u:secret@h:port/d", "a port must be a number"),
        ("postgresql://h/d?port=99999", "a port must be a number"),
        ("postgresql://u:secret#x@h/d", "write # as %23"),
        ("postgresql://u:secret/x@h/d", "write # as %23"),
        ("postgresql://u:sec?ret=x@h/d", "write # as %23"),
        ("postgresql://[::1/d", "Invalid Postgres URL"),
    ],
)
def test_an_invalid_url_is_an_invalid_setting(url: str, expected: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error names the setting, comes before any connection attempt, and never contains the password."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(InvalidSettings, match=f"CATALOG_STORAGE__URL: .*{expected}") as caught:
        Container(settings=Settings(storage=StorageSettings(url=url))).storage()
    assert "secret" not in str(caught.value)
    assert "ret=" not in str(caught.value)


def test_a_missing_service_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The driver would ignore it and connect to the default host."""
    file = tmp_path / "services"
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    with pytest.raises(ValueError, match=r"service: \[shop\] not found in "):
        read_dsn("postgresql://?service=shop")
    file.write_text("[shop]\nhost=h\npassword=a%%b\n")
    assert read_dsn("postgresql://?service=shop").arguments["dsn"] == "postgresql://?service=shop"
    for broken in ("host=h\n", "[shop]\npassword=a%b\n"):
        file.write_text(broken)
        with pytest.raises(ValueError, match=r"service: .* cannot be read"):
            read_dsn("postgresql://?service=shop")


def test_the_certificate_authorities_of_the_operating_system_can_be_trusted() -> None:
    """With sslrootcert=system, as in libpq since version 16; it also verifies the host name."""
    context = read_dsn("postgresql://h/d?sslrootcert=system").arguments["ssl"]
    assert (context.check_hostname, context.verify_mode.name) == (True, "CERT_REQUIRED")
    url = f"postgresql://h/d?sslrootcert=system&sslmode=verify-full&sslcert={TLS}/client.pem&sslkey={TLS}/client.key"
    assert read_dsn(url).arguments["dsn"] == "postgresql://h/d"


def test_the_repr_of_a_dsn_has_no_password() -> None:
    """Tracebacks may print it."""
    assert "secret" not in repr(read_dsn("postgresql://u:secret@h/d"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres://h/d", "postgresql://h/d"),
        ("POSTGRES://h/D", "postgresql://h/D"),
        ("postgresql+asyncpg://h/d", "postgresql://h/d"),
        ("postgresql+psycopg://h/d", "postgresql://h/d"),
        ("postgres+psycopg2://h/d", "postgresql://h/d"),
        ("sqlite+aiosqlite:///a.db", "sqlite:///a.db"),
        ("sqlite3:///a.db", "sqlite:///a.db"),
        ("memory://", "memory://"),
    ],
)
def test_common_names_of_schemes_are_accepted(url: str, expected: str) -> None:
    """Hosting providers and SQLAlchemy use other names than we do."""
    assert canonical(url) == expected
    assert StorageSettings(url=url).url == expected
