"""Postgres URLs: what hosting providers write is taken, and what cannot work is a bad setting in words without secrets."""

from pathlib import Path

import pytest

from catalog.adapters.postgres.dsn import PARAMETERS, read_dsn
from catalog.entrypoints.container import Container
from catalog.entrypoints.settings import InvalidSettings, Settings, StorageSettings
from catalog.entrypoints.storage_plugins import canonical

TLS = Path(__file__).parents[2] / "data" / "tls"


@pytest.mark.parametrize(
    ("given", "read"),
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
def test_a_url_is_handed_to_the_driver(given: str, read: str) -> None:
    """With what the driver does not know taken out, and written as it reads it."""
    assert read_dsn(given).arguments["dsn"] == read


def test_what_the_driver_does_not_know_is_read_here() -> None:
    """A timeout for connecting, and a name that ours must not replace."""
    dsn = read_dsn("postgresql://h/d?connect_timeout=10&application_name=shop")
    assert (dsn.connect_timeout, dsn.application_name) == (10, "shop")
    assert dsn.arguments["dsn"] == "postgresql://h/d?application_name=shop"
    assert read_dsn("postgresql://h/d?connect_timeout=0").connect_timeout is None


def test_every_parameter_has_a_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """None of them reaches the server as an unknown setting."""
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
        read_dsn("postgresql://h/d?" + "&".join(f"{one}={values[one]}" for one in sorted(needed)))


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://h/d?sslmod=require", "parameter sslmod, which is unknown; there are application_name, .*sslmode"),
        ("postgresql://h/d?sslmode=yes", "sslmode is one of disable, allow, prefer, require, verify-ca, verify-full"),
        ("postgresql://h/d?target_session_attrs=standby", "target_session_attrs is one of any, read-write, primary"),
        ("postgresql://h/d?ssl_min_protocol_version=1", "ssl_min_protocol_version is one of TLSv1,"),
        ("postgresql://h/d?sslnegotiation=direct", "sslnegotiation=direct needs sslmode=require"),
        ("postgresql://h/d?connect_timeout=soon", "connect_timeout is a whole number"),
        ("postgresql://h/d?channel_binding=require", "channel_binding=require is not supported"),
        ("postgresql://h/d?gssencmode=require", "gssencmode=require is not supported"),
        ("postgresql://h/d?client_encoding=latin1", "client_encoding is always UTF8"),
        ("postgresql://h/d?sslmode=verify-full", "sslmode=verify-full needs the authority's certificate"),
        ("postgresql://h/d?sslrootcert=/nowhere/ca.pem", r"sslrootcert: /nowhere/ca.pem cannot be read \(no such file"),
        ("postgresql://h/d?passfile=/nowhere", "passfile: /nowhere cannot be read"),
        (f"postgresql://h/d?sslrootcert={__file__}", "has no certificate in PEM form"),
        (
            f"postgresql://h/d?sslcert={TLS}/client.pem&sslkey={TLS}/server.key",
            "sslcert and sslkey are no certificate with its key",
        ),
        ("postgresql://h/d?sslrootcert=system&sslmode=require", "sslrootcert=system needs sslmode=verify-full"),
        ("postgresql://u:secret@h:port/d", "A port is a number"),
        ("postgresql://h/d?port=99999", "A port is a number"),
        ("postgresql://u:secret#x@h/d", "write # as %23"),
        ("postgresql://u:secret/x@h/d", "write # as %23"),
        ("postgresql://u:sec?ret=x@h/d", "write # as %23"),
        ("postgresql://[::1/d", "The URL cannot be read"),
    ],
)
def test_what_cannot_work_is_a_bad_setting(url: str, told: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By its name, before anything is connected to, and never with a password."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(InvalidSettings, match=f"CATALOG_STORAGE__URL: .*{told}") as caught:
        Container(settings=Settings(storage=StorageSettings(url=url))).storage()
    assert "secret" not in str(caught.value)
    assert "ret=" not in str(caught.value)


def test_a_service_is_looked_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The driver would pass over one that is not there, and connect to the default host."""
    file = tmp_path / "services"
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    with pytest.raises(ValueError, match=r"service: there is no \[shop\] in "):
        read_dsn("postgresql://?service=shop")
    file.write_text("[shop]\nhost=h\npassword=a%%b\n")
    assert read_dsn("postgresql://?service=shop").arguments["dsn"] == "postgresql://?service=shop"
    for broken in ("host=h\n", "[shop]\npassword=a%b\n"):
        file.write_text(broken)
        with pytest.raises(ValueError, match=r"service: .* cannot be read"):
            read_dsn("postgresql://?service=shop")


def test_the_authorities_of_the_operating_system_can_be_trusted() -> None:
    """As libpq does it since 16: sslrootcert=system, which checks the host's name too."""
    context = read_dsn("postgresql://h/d?sslrootcert=system").arguments["ssl"]
    assert (context.check_hostname, context.verify_mode.name) == (True, "CERT_REQUIRED")
    url = f"postgresql://h/d?sslrootcert=system&sslmode=verify-full&sslcert={TLS}/client.pem&sslkey={TLS}/client.key"
    assert read_dsn(url).arguments["dsn"] == "postgresql://h/d"


def test_a_dsn_is_shown_without_its_password() -> None:
    """Also where a traceback prints it."""
    assert "secret" not in repr(read_dsn("postgresql://u:secret@h/d"))


@pytest.mark.parametrize(
    ("given", "taken"),
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
def test_schemes_have_the_names_that_people_use(given: str, taken: str) -> None:
    """Those of hosting providers and of SQLAlchemy."""
    assert canonical(given) == taken
    assert StorageSettings(url=given).url == taken
