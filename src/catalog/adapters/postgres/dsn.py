"""Postgres URLs as libpq and hosting providers write them, turned into arguments for asyncpg.

asyncpg reads the URL itself: several hosts, sockets, percent-encoding, TLS, password files, services. It would send a parameter
that it doesn't know to the server as a setting, so unknown ones are refused here, as are values and files that cannot work.
"""

import os
import ssl
from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as ParsingError
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import asyncpg

_FORM = "it has the form postgresql://user:password@host:5432/database"

_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_TLS_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_CHOICES = {
    "sslmode": _SSL_MODES,
    "sslnegotiation": ("postgres", "direct"),
    "ssl_min_protocol_version": _TLS_VERSIONS,
    "ssl_max_protocol_version": _TLS_VERSIONS,
    "target_session_attrs": ("any", "read-write", "primary"),  # the others name servers that cannot be written to
}
_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile")
_TLS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslcrl", "ssl_min_protocol_version")

_AWAY = ("08", "28", "3D", "53", "57")
"""Classes of errors that mean the same while connecting as later (see the flavour)."""

# asyncpg reads these, or sends them to the server as libpq does.
_PASSED_ON = frozenset(
    {
        *_FILES,
        *_TLS,
        "application_name",
        "database",
        "dbname",
        "host",
        "krbsrvname",
        "options",
        "password",
        "port",
        "search_path",
        "service",
        "ssl_max_protocol_version",
        "sslnegotiation",
        "target_session_attrs",
        "user",
    }
)

# These are read here. libpq knows them, asyncpg does not.
_READ_HERE = frozenset({"channel_binding", "client_encoding", "connect_timeout", "gssencmode", "ssl", "sslcompression"})

PARAMETERS = tuple(sorted(_PASSED_ON | _READ_HERE))
"""The parameters that a Postgres URL may have."""


@dataclass(frozen=True, slots=True)
class Dsn:
    """A Postgres URL that has been checked: SQLAlchemy's connect arguments for asyncpg, and what the URL says beyond them."""

    arguments: Mapping[str, Any] = field(repr=False)  # it has the password
    application_name: str | None = None
    connect_timeout: float | None = None


class SessionRefused(ConnectionError):
    """The server or the driver does not take what the URL asks for: an option, a kind of server, a password file."""


def read_dsn(url: str) -> Dsn:
    """Read a URL. Raises ValueError, in words without secrets, for one that cannot be connected with."""
    credentials, hosts, database, parameters = _split(url)
    _refuse_unknown(parameters)
    timeout = _connect_timeout(parameters.pop("connect_timeout", None))
    _drop_defaults(parameters)
    _check_ports(hosts, parameters)
    _check_service(parameters)
    for name, choices in _CHOICES.items():
        if parameters.get(name, choices[0]) not in choices:
            message = f"{name} is one of {', '.join(choices)}"
            raise ValueError(message)
    if parameters.get("sslnegotiation") == "direct" and parameters.get("sslmode") not in _SSL_MODES[3:]:
        message = f"sslnegotiation=direct needs sslmode={', '.join(_SSL_MODES[3:-1])} or {_SSL_MODES[-1]}"
        raise ValueError(message)
    arguments: dict[str, Any] = {"async_creator_fn": _connect}
    if parameters.get("sslrootcert") == "system":
        arguments["ssl"] = _system_tls(parameters)
    _check_tls(parameters)
    query = f"?{urlencode(parameters, quote_via=quote)}" if parameters else ""
    arguments["dsn"] = f"postgresql://{credentials}{hosts}{'/' if database else ''}{database}{query}"
    return Dsn(arguments, parameters.get("application_name"), timeout)


async def _connect(**arguments: Any) -> Any:  # noqa: ANN401 - asyncpg's arguments and connection
    """Connect, and report whatever keeps a connection from being made as one that cannot be made. SQLAlchemy calls this."""
    try:
        return await asyncpg.connect(**arguments)
    except (OSError, TimeoutError):
        raise
    except Exception as error:
        if (getattr(error, "sqlstate", None) or "")[:2] in _AWAY:
            raise
        raise SessionRefused(str(error)) from error


def _split(url: str) -> tuple[str, str, str, dict[str, str]]:
    """Split a URL into credentials (with their @), hosts, database and parameters. Raises ValueError."""
    rest = url.partition("://")[2]
    try:
        parts = urlsplit(f"postgresql://{rest}")
    except ValueError:
        message = f"The URL cannot be read; {_FORM}"
        raise ValueError(message) from None
    misplaced = "@" in parts.path or ("@" in parts.query and "@" not in parts.netloc)
    if misplaced or "#" in rest or "/" in parts.path[1:]:
        message = f"The URL cannot be read; {_FORM}. In a user name or password write # as %23, / as %2F, ? as %3F, % as %25"
        raise ValueError(message)
    # The last @ ends the password: people write one there without encoding it.
    written, at, hosts = parts.netloc.rpartition("@")
    user, colon, password = written.partition(":")
    credentials = f"{_encoded(user)}{colon}{_encoded(password)}{at}"
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(parts.query):
        several = name in ("host", "port") and name in parameters
        parameters[name] = f"{parameters[name]},{value}" if several else value
    return credentials, hosts, parts.path[1:], parameters


def _encoded(text: str) -> str:
    """Percent-encode a user name or password that may be encoded already."""
    return quote(unquote(text), safe="")


def _refuse_unknown(parameters: Mapping[str, str]) -> None:
    unknown = sorted(name for name in parameters if name not in PARAMETERS)
    if unknown:
        message = (
            f"The URL has the parameter {', '.join(unknown)}, which is unknown; there are {', '.join(PARAMETERS)}. "
            "Server settings go into options, for example options=-c%20search_path=shop"
        )
        raise ValueError(message)


def _connect_timeout(text: str | None) -> float | None:
    """Read a number of seconds; as for libpq, 0 means no limit of its own."""
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()):
        message = "connect_timeout is a whole number of seconds"
        raise ValueError(message)
    return float(text[:9]) or None


def _drop_defaults(parameters: dict[str, str]) -> None:
    """Remove parameters that ask for what is done anyway, and refuse them where they ask for something else."""
    if parameters.pop("channel_binding", "prefer") not in ("prefer", "disable"):
        message = "channel_binding=require is not supported by the driver (asyncpg); leave it out, and set sslmode=verify-full"
        raise ValueError(message)
    if parameters.pop("gssencmode", "prefer") not in ("prefer", "disable"):
        message = "gssencmode=require is not supported by the driver (asyncpg); use sslmode"
        raise ValueError(message)
    if parameters.pop("client_encoding", "utf8").lower().replace("-", "") not in ("utf8", "auto"):
        message = "client_encoding is always UTF8; leave it out"
        raise ValueError(message)
    parameters.pop("sslcompression", None)
    mode = parameters.pop("ssl", None)  # as other drivers (JDBC, node-postgres, asyncpg's own argument) call it
    if mode is not None:
        meant = {"true": "require", "1": "require", "false": "disable", "0": "disable"}.get(mode, mode)
        parameters.setdefault("sslmode", meant)


def _check_ports(hosts: str, parameters: Mapping[str, str]) -> None:
    """Refuse ports that are no numbers."""
    named = [one.rpartition(":")[2] for one in hosts.split(",") if ":" in one.rpartition("]")[2]]
    named += parameters["port"].split(",") if "port" in parameters else []
    if any(port and not (port.isascii() and port.isdecimal() and 0 < int(port[:6]) < 2**16) for port in named):
        message = f"A port is a number from 1 to 65535; the URL cannot be read; {_FORM}"
        raise ValueError(message)


def _check_service(parameters: Mapping[str, str]) -> None:
    """Refuse a service that is not in the service file: asyncpg would pass over it, and connect to the default host."""
    if "service" not in parameters:
        return
    file = Path(os.environ.get("PGSERVICEFILE") or "~/.pg_service.conf").expanduser()
    services = ConfigParser()  # as asyncpg reads it
    name = parameters["service"]
    try:
        services.read(file)
        found = name in services and dict(services[name])
    except (ParsingError, UnicodeDecodeError, OSError):
        message = f"service: {file} cannot be read; write % as %%"
        raise ValueError(message) from None
    if found is False:
        message = f"service: there is no [{name}] in {file}"
        raise ValueError(message)


def _system_tls(parameters: dict[str, str]) -> ssl.SSLContext:
    """Make the TLS context for sslrootcert=system: the CAs of the operating system, and nothing weaker than verify-full."""
    if parameters.get("sslmode", "verify-full") != "verify-full":
        message = "sslrootcert=system needs sslmode=verify-full"
        raise ValueError(message)
    _check_files(parameters)
    context = ssl.create_default_context()
    context.set_alpn_protocols(["postgresql"])
    if "sslcert" in parameters:
        _load_client(context, parameters)
    for name in _TLS:
        parameters.pop(name, None)
    return context


def _check_tls(parameters: Mapping[str, str]) -> None:
    """Load the files that TLS is told to use, so that a wrong one is a bad setting and not a failure of each connection."""
    _check_files(parameters)
    authority = parameters.get("sslrootcert") or os.environ.get("PGSSLROOTCERT")
    if parameters.get("sslmode", "").startswith("verify") and not authority and not _default_authority().exists():
        message = (
            f"sslmode={parameters['sslmode']} needs the authority's certificate: add sslrootcert=FILE, or sslrootcert=system "
            "for those that the operating system trusts"
        )
        raise ValueError(message)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for name in ("sslrootcert", "sslcrl"):
        if name in parameters:
            try:
                context.load_verify_locations(cafile=parameters[name])
            except ssl.SSLError:
                message = f"{name}: {parameters[name]} has no certificate in PEM form"
                raise ValueError(message) from None
    if "sslcert" in parameters and "sslkey" in parameters:
        _load_client(context, parameters)


def _check_files(parameters: Mapping[str, str]) -> None:
    for name in _FILES:
        if name in parameters and (name, parameters[name]) != ("sslrootcert", "system"):
            try:
                with Path(parameters[name]).open("rb"):
                    pass
            except OSError as error:
                message = f"{name}: {parameters[name]} cannot be read ({(error.strerror or 'unknown reason').lower()})"
                raise ValueError(message) from None


def _load_client(context: ssl.SSLContext, parameters: Mapping[str, str]) -> None:
    try:
        context.load_cert_chain(
            parameters["sslcert"], parameters.get("sslkey"), password=lambda: parameters.get("sslpassword", "")
        )
    except ssl.SSLError:
        message = "sslcert and sslkey are no certificate with its key in PEM form, or sslpassword is not the key's"
        raise ValueError(message) from None


def _default_authority() -> Path:
    """Where libpq and asyncpg look for the authority's certificate."""
    return Path("~/.postgresql/root.crt").expanduser()
