"""Converts Postgres URLs, as libpq and hosting providers write them, into arguments for asyncpg.

asyncpg parses the URL itself: several hosts, sockets, percent-encoding, TLS, password files, services. It would send unknown
parameters to the server as settings, so they are rejected here, and so are invalid values and unreadable files.
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

_EXPECTED_FORM = "Expected form: postgresql://user:password@host:5432/database"

_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_TLS_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_CHOICES = {
    "sslmode": _SSL_MODES,
    "sslnegotiation": ("postgres", "direct"),
    "ssl_min_protocol_version": _TLS_VERSIONS,
    "ssl_max_protocol_version": _TLS_VERSIONS,
    "target_session_attrs": ("any", "read-write", "primary"),  # the others select servers that may be read-only
}
_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile")
_TLS_PARAMETERS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslcrl", "ssl_min_protocol_version")

_UNAVAILABLE_CLASSES = ("08", "28", "3D", "53", "57")
"""SQLSTATE classes that mean the same while connecting as later (see the dialect)."""

# asyncpg interprets these, or sends them to the server as libpq does.
_PASSED_TO_DRIVER = frozenset(
    {
        *_FILES,
        *_TLS_PARAMETERS,
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

# This module interprets these. libpq supports them, asyncpg does not.
_INTERPRETED_HERE = frozenset({"channel_binding", "client_encoding", "connect_timeout", "gssencmode", "ssl", "sslcompression"})

PARAMETERS = tuple(sorted(_PASSED_TO_DRIVER | _INTERPRETED_HERE))
"""The parameters that are allowed in a Postgres URL."""


@dataclass(frozen=True, slots=True)
class Dsn:
    """A validated Postgres URL: SQLAlchemy's connect arguments for asyncpg, and settings that are applied separately.

    `connect_timeout` is in seconds.
    """

    arguments: Mapping[str, Any] = field(repr=False)  # contains the password
    application_name: str | None = None
    connect_timeout: float | None = None


class SessionRefused(ConnectionError):
    """The server or the driver rejected something in the URL: an option, a target server type, a password file."""


def read_dsn(url: str) -> Dsn:
    """Parse and validate a URL.

    Raises: ValueError, with a message that contains no secrets, if the URL cannot be used.
    """
    credentials, hosts, database, parameters = _split(url)
    _check_names(parameters)
    timeout = _connect_timeout(parameters.pop("connect_timeout", None))
    _drop_unsupported(parameters)
    _check_ports(hosts, parameters)
    _check_service(parameters)
    for name, choices in _CHOICES.items():
        if parameters.get(name, choices[0]) not in choices:
            message = f"{name} must be one of {', '.join(choices)}"
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
    """Connect; SQLAlchemy calls this.

    Raises: SessionRefused for errors of the driver or server that do not otherwise count as unavailability.
    """
    try:
        return await asyncpg.connect(**arguments)
    except (OSError, TimeoutError):
        raise
    except Exception as error:
        if (getattr(error, "sqlstate", None) or "")[:2] in _UNAVAILABLE_CLASSES:
            raise
        raise SessionRefused(str(error)) from error


def _split(url: str) -> tuple[str, str, str, dict[str, str]]:
    """Split a URL into credentials (with the @), hosts, database and parameters. Raises ValueError if it is invalid."""
    rest = url.partition("://")[2]
    try:
        parts = urlsplit(f"postgresql://{rest}")
    except ValueError:
        message = f"Invalid Postgres URL. {_EXPECTED_FORM}"
        raise ValueError(message) from None
    misplaced = "@" in parts.path or ("@" in parts.query and "@" not in parts.netloc)
    if misplaced or "#" in rest or "/" in parts.path[1:]:
        message = (
            f"Invalid Postgres URL. {_EXPECTED_FORM}. In user names and passwords, write # as %23, / as %2F, ? as %3F, % as %25"
        )
        raise ValueError(message)
    # The last @ ends the credentials, because passwords often contain an unencoded @.
    userinfo, at, hosts = parts.netloc.rpartition("@")
    user, colon, password = userinfo.partition(":")
    credentials = f"{_percent_encode(user)}{colon}{_percent_encode(password)}{at}"
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(parts.query):
        is_repeated = name in ("host", "port") and name in parameters
        parameters[name] = f"{parameters[name]},{value}" if is_repeated else value
    return credentials, hosts, parts.path[1:], parameters


def _percent_encode(text: str) -> str:
    """Percent-encode a user name or password that may already be encoded."""
    return quote(unquote(text), safe="")


def _check_names(parameters: Mapping[str, str]) -> None:
    unknown = sorted(name for name in parameters if name not in PARAMETERS)
    if unknown:
        message = (
            f"Unknown parameter {', '.join(unknown)} in the URL. Allowed: {', '.join(PARAMETERS)}. "
            "Pass server settings in options, for example options=-c%20search_path=shop"
        )
        raise ValueError(message)


def _connect_timeout(text: str | None) -> float | None:
    """Parse a number of seconds. As in libpq, 0 means no separate limit."""
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()):
        message = "connect_timeout must be a whole number of seconds"
        raise ValueError(message)
    return float(text[:9]) or None


def _drop_unsupported(parameters: dict[str, str]) -> None:
    """Remove parameters that asyncpg does not support. Raises ValueError if they ask for more than the default behavior."""
    if parameters.pop("channel_binding", "prefer") not in ("prefer", "disable"):
        message = "channel_binding=require is not supported by the driver (asyncpg); omit it and set sslmode=verify-full"
        raise ValueError(message)
    if parameters.pop("gssencmode", "prefer") not in ("prefer", "disable"):
        message = "gssencmode=require is not supported by the driver (asyncpg); use sslmode"
        raise ValueError(message)
    if parameters.pop("client_encoding", "utf8").lower().replace("-", "") not in ("utf8", "auto"):
        message = "client_encoding is always UTF8; omit it"
        raise ValueError(message)
    parameters.pop("sslcompression", None)
    mode = parameters.pop("ssl", None)  # the name that JDBC, node-postgres and asyncpg's own argument use
    if mode is not None:
        sslmode = {"true": "require", "1": "require", "false": "disable", "0": "disable"}.get(mode, mode)
        parameters.setdefault("sslmode", sslmode)


def _check_ports(hosts: str, parameters: Mapping[str, str]) -> None:
    """Raise ValueError for invalid ports."""
    ports = [host.rpartition(":")[2] for host in hosts.split(",") if ":" in host.rpartition("]")[2]]
    ports += parameters["port"].split(",") if "port" in parameters else []
    if any(port and not (port.isascii() and port.isdecimal() and 0 < int(port[:6]) < 2**16) for port in ports):
        message = f"Invalid Postgres URL: a port must be a number from 1 to 65535. {_EXPECTED_FORM}"
        raise ValueError(message)


def _check_service(parameters: Mapping[str, str]) -> None:
    """Raise ValueError if the service file does not define the service: asyncpg would ignore it and use the default host."""
    if "service" not in parameters:
        return
    file = Path(os.environ.get("PGSERVICEFILE") or "~/.pg_service.conf").expanduser()
    services = ConfigParser()  # as asyncpg parses it
    name = parameters["service"]
    try:
        services.read(file)
        service = name in services and dict(services[name])
    except (ParsingError, UnicodeDecodeError, OSError):
        message = f"service: {file} cannot be read; write % as %%"
        raise ValueError(message) from None
    if service is False:
        message = f"service: [{name}] not found in {file}"
        raise ValueError(message)


def _system_tls(parameters: dict[str, str]) -> ssl.SSLContext:
    """Return the TLS context for sslrootcert=system: the operating system's CAs, and always verify-full."""
    if parameters.get("sslmode", "verify-full") != "verify-full":
        message = "sslrootcert=system needs sslmode=verify-full"
        raise ValueError(message)
    _check_files(parameters)
    context = ssl.create_default_context()
    context.set_alpn_protocols(["postgresql"])
    if "sslcert" in parameters:
        _load_client_certificate(context, parameters)
    for name in _TLS_PARAMETERS:
        parameters.pop(name, None)
    return context


def _check_tls(parameters: Mapping[str, str]) -> None:
    """Load the TLS files, so that a bad file is reported as an invalid setting and not as a failure of every connection."""
    _check_files(parameters)
    root_certificate = parameters.get("sslrootcert") or os.environ.get("PGSSLROOTCERT")
    if parameters.get("sslmode", "").startswith("verify") and not root_certificate and not _default_root_certificate().exists():
        message = (
            f"sslmode={parameters['sslmode']} needs a CA certificate: add sslrootcert=FILE, or sslrootcert=system "
            "for the CAs that the operating system trusts"
        )
        raise ValueError(message)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for name in ("sslrootcert", "sslcrl"):
        if name in parameters:
            try:
                context.load_verify_locations(cafile=parameters[name])
            except ssl.SSLError:
                message = f"{name}: {parameters[name]} contains no PEM certificate"
                raise ValueError(message) from None
    if "sslcert" in parameters and "sslkey" in parameters:
        _load_client_certificate(context, parameters)


def _check_files(parameters: Mapping[str, str]) -> None:
    for name in _FILES:
        if name in parameters and (name, parameters[name]) != ("sslrootcert", "system"):
            try:
                with Path(parameters[name]).open("rb"):
                    pass
            except OSError as error:
                message = f"{name}: {parameters[name]} cannot be read ({(error.strerror or 'unknown reason').lower()})"
                raise ValueError(message) from None


def _load_client_certificate(context: ssl.SSLContext, parameters: Mapping[str, str]) -> None:
    try:
        context.load_cert_chain(
            parameters["sslcert"], parameters.get("sslkey"), password=lambda: parameters.get("sslpassword", "")
        )
    except ssl.SSLError:
        message = "sslcert and sslkey are not a matching PEM certificate and key, or sslpassword is wrong"
        raise ValueError(message) from None


def _default_root_certificate() -> Path:
    """Return the path where libpq and asyncpg look for the root certificate."""
    return Path("~/.postgresql/root.crt").expanduser()
