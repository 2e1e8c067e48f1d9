"""Settings, read from the environment into one frozen object. No other module reads os.environ.

Sources, lowest priority first: the defaults in this module, `.env`, `.env.{environment}`, the secrets directory, the environment.
"""

import io
import json
import os
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from dotenv.parser import parse_stream
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    NestedSecretsSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from catalog.application.changes.feed import MAX_SUBSCRIBERS
from catalog.application.imports.plan import MAX_ATOMIC_ROWS
from catalog.entrypoints.storage_plugins import UnknownScheme, canonical
from catalog.ports.storage import StorageOptions

PREFIX = "CATALOG_"
SECRETS = "/run/secrets"
ENVIRONMENTS = ("local", "dev", "uat", "uatbiz", "sanity", "prod", "test")

_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")


def _split(value: object) -> object:
    """Parse `a, b` or `["a", "b"]` as a list. A value in brackets is not always JSON: it may be an IPv6 address."""
    if not isinstance(value, str):
        return value
    if value.strip().startswith(('["', "['", "[]", "[ ")):
        try:
            parsed = json.loads(value)
        except ValueError:
            parsed = None
        if not isinstance(parsed, list) or not all(isinstance(part, str) for part in parsed):
            message = 'Must be a list: comma-separated (a, b) or JSON (["a", "b"]).'
            raise ValueError(message)
        return parsed
    return [part.strip() for part in value.split(",") if part.strip()]


_ORIGIN = re.compile(r"(https?)://([a-z0-9._-]+|\[[0-9a-f.]*:[0-9a-f:.]*\])(?::([0-9]{1,5}))?/?")
_HOST = re.compile(r"\*|[a-z0-9._-]+|\[[0-9a-f.]*:[0-9a-f:.]*\]")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def _normalize_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    """Normalize origins to the form that browsers send. Raises: ValueError for anything else, because it would never match."""
    normalized = []
    for origin in origins:
        match = _ORIGIN.fullmatch(origin.lower())
        if match is None and origin != "*":
            message = f"{origin[:100]!r} is not an origin. Use https://shop.example or http://localhost:3000, without a path."
            raise ValueError(message)
        scheme, host, port = match.groups() if match else ("", "", None)
        port_suffix = "" if port is None or port == _DEFAULT_PORTS[scheme] else f":{port}"
        normalized.append(f"{scheme}://{host}{port_suffix}" if match else origin)
    return tuple(normalized)


def _check_hosts(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the host names unchanged. Raises: ValueError for anything else, because it would never match."""
    for host in hosts:
        if not _HOST.fullmatch(host.lower()):
            message = f"{host[:100]!r} is not a host name. Use shop.example, without scheme, port or path."
            raise ValueError(message)
    return hosts


def _without_password(url: str) -> str:
    """Return the URL without password and query string, safe to display."""
    scheme, separator, rest = url.partition("://")
    credentials, at, address = rest.rpartition("@")
    user = credentials.partition(":")[0]
    return f"{scheme}{separator}{user}{at}{address.partition('?')[0]}"


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Hosts = Annotated[Names, AfterValidator(_check_hosts)]
Origins = Annotated[Names, AfterValidator(_normalize_origins)]


def _parse_networks(value: object) -> object:
    """Parse addresses and networks. A plain address is a network of one."""
    return tuple(ip_network(part, strict=False) for part in parts) if isinstance(parts := _split(value), list) else parts


Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_parse_networks)]

_PATH_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
_FIELD_NAME = re.compile(r'[^"]*"(\w+)"')

OWN_PATHS = ("/api/", "/docs/", "/redoc/", "/health/", "/openapi.json/")
"""The service's own paths. A proxy prefix that starts with one would be ambiguous."""


def is_prefix(path: str) -> bool:
    """Return whether a proxy may publish the service below this path: well-formed, and not one of the service's own paths."""
    well_formed = _PATH_PREFIX.fullmatch(path) is not None and not {".", ".."} & set(path.split("/"))
    return well_formed and not f"{path}/".startswith(OWN_PATHS)


class Section(BaseModel):
    """A group of settings. Frozen; unknown names are rejected."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StorageSettings(Section):
    """The store and its connections."""

    url: str = Field(
        "sqlite:///catalog.db", description="Storage URL: memory://, sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DB"
    )
    pool_size: int = Field(5, ge=1, le=100, description="Read connections kept open per process")
    pool_overflow: int = Field(5, ge=0, le=100, description="Additional read connections per process, opened under load")
    deadline_seconds: float = Field(
        2.0, gt=0, le=60, description="Timeout for getting a connection and for each statement, in seconds"
    )
    queue: int = Field(1000, ge=1, le=100_000, description="Maximum number of waiting writes per process; further writes get 503")
    pooler: Literal["auto", "session", "transaction"] = Field(
        "auto", description="Mode of a connection pooler in front of Postgres; auto detects one and assumes transaction mode"
    )
    migrate: bool | None = Field(None, description="Migrate the schema at startup (default: only on SQLite)")

    @field_validator("url")
    @classmethod
    def _canonical_url(cls, url: str) -> str:
        """Replace scheme aliases. Raises: ValueError for a scheme without an adapter."""
        try:
            return canonical(url)
        except UnknownScheme as error:
            raise ValueError(str(error)) from None

    @property
    def scheme(self) -> str:
        """The URL's scheme, which selects the adapter."""
        return self.url.partition(":")[0]

    @property
    def migrates(self) -> bool:
        """Whether the schema is migrated at startup."""
        return self.scheme == "sqlite" if self.migrate is None else self.migrate

    @property
    def display_url(self) -> str:
        """The URL without password and query string, safe to display."""
        return _without_password(self.url)

    @property
    def options(self) -> StorageOptions:
        """The options passed to the adapter."""
        return StorageOptions(self.url, self.pool_size, self.pool_overflow, self.deadline_seconds, self.queue, self.pooler)


class HttpSettings(Section):
    """The HTTP server: addresses, limits and timeouts."""

    host: str = Field("127.0.0.1", description="Address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on (0: any free port)")
    allowed_hosts: Hosts = Field((), description="Accepted Host names, comma-separated; * for any (default: localhost)")
    cors_origins: Origins = Field((), description="Origins allowed to call the API (CORS), comma-separated (default: none)")
    root_path: str = Field("", description="Path under which a reverse proxy publishes the service, such as /catalog")
    trusted_proxies: Networks = Field(
        (), description="Addresses or networks of proxies whose X-Forwarded-Prefix is trusted, comma-separated (default: none)"
    )
    tls: bool = Field(default=False, description="The service is reached only over HTTPS: send Strict-Transport-Security")
    max_body_bytes: int = Field(256 * 1024, ge=1024, description="Maximum size of a JSON body, in bytes")
    max_batch_bytes: int = Field(8 * 1024 * 1024, ge=1024, description="Maximum size of a batch body, in bytes")
    max_connections: int = Field(
        2000,
        ge=10,
        le=100_000,
        description="Maximum connections per process; beyond it, the connection idle the longest is closed",
    )
    keep_alive_seconds: int = Field(5, ge=1, le=3600, description="How long an idle connection is kept open, in seconds")
    read_seconds: float = Field(
        10.0, gt=0, le=300, description="Timeout for receiving a request's headers, and for a JSON body, in seconds (408)"
    )
    send_seconds: float = Field(
        30.0, gt=0, le=3600, description="How long a client may stop reading its response before it is disconnected, in seconds"
    )
    require_if_match: bool = Field(default=False, description="Require If-Match on updates and deletes (428 without it)")
    drain_seconds: float | None = Field(
        None, ge=0, le=300, description="How long new requests are accepted after SIGTERM, in seconds (default: 5; 0 on loopback)"
    )
    finish_seconds: float = Field(
        10.0, ge=0, le=300, description="How long requests in progress may take to finish at shutdown, in seconds"
    )

    @field_validator("root_path")
    @classmethod
    def _valid_root_path(cls, path: str) -> str:
        """Strip trailing slashes. Raises: ValueError unless it can be published by a proxy (see is_prefix)."""
        prefix = path.rstrip("/")
        if prefix and not is_prefix(prefix):
            message = (
                "Must be a path like /catalog: letters, digits, . _ ~ - and /, and not one of the service's own (/api, /docs, …)."
            )
            raise ValueError(message)
        return prefix

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")

    @property
    def hosts(self) -> tuple[str, ...]:
        """The accepted Host names; empty means any."""
        return () if "*" in self.allowed_hosts else tuple(name.lower() for name in self.allowed_hosts) or _LOCAL_NAMES

    @property
    def drain(self) -> float:
        """How long new requests are accepted after SIGTERM, in seconds."""
        return self.drain_seconds if self.drain_seconds is not None else 0.0 if self.loopback else 5.0


class CacheSettings(Section):
    """The response cache."""

    ttl_seconds: float = Field(
        60.0,
        ge=0,
        le=86_400,
        description="How long responses to reads are cached, in seconds (0: no cache); changes are visible at once regardless",
    )
    max_bytes: int = Field(32 * 1024 * 1024, ge=65_536, description="Memory for cached responses per process, in bytes")
    url: str | None = Field(None, description="Cache shared by replicas: redis://HOST:6379/0 (Redis or Valkey; default: none)")

    @field_validator("url")
    @classmethod
    def _redis_url(cls, url: str | None) -> str | None:
        """Treat an empty URL as None. Raises: ValueError unless the scheme is redis or rediss."""
        if url and url.partition("://")[0] not in ("redis", "rediss"):
            message = "Must be redis://HOST:PORT/NUMBER, or rediss:// for TLS."
            raise ValueError(message)
        return url or None

    @property
    def summary(self) -> str:
        """A one-line description for people: off, or size, lifetime and shared cache."""
        if not self.ttl_seconds:
            return "off"
        local = f"{self.max_bytes / 1024**2:g} MiB per process, for {self.ttl_seconds:g} s"
        return f"{local}; shared: {_without_password(self.url)}" if self.url else local


class ImportsSettings(Section):
    """Limits for imports."""

    max_bytes: int = Field(1024**3, ge=1024, description="Maximum size of a file imported over HTTP, in bytes")
    max_disk_bytes: int = Field(
        4 * 1024**3, ge=1024, description="Disk space for files waiting to be imported, per process, in bytes"
    )
    max_atomic_rows: int = Field(
        MAX_ATOMIC_ROWS, ge=1, le=100_000, description="Maximum rows of an all-or-nothing import, which is one commit"
    )


class ChangesSettings(Section):
    """The change log: retention and live feed."""

    max_subscribers: int = Field(
        MAX_SUBSCRIBERS,
        ge=0,
        le=100_000,
        description="Maximum live-feed subscribers per process; further subscribers get 503",
    )

    keep_days: float | None = Field(
        None, gt=0, le=36_500, description="Days that `catalog changes prune` keeps (default: none; --before is then required)"
    )


class IdentitySettings(Section):
    """Access control."""

    mode: Literal["local", "open"] = Field(
        "local",
        description="local: listen on loopback only; open: anyone who can reach the address may read and change everything",
    )


class LogSettings(Section):
    """Logging."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Minimum level to log")
    format: Literal["auto", "json", "console"] = Field("auto", description="auto: console on a terminal, otherwise json")

    @field_validator("level", mode="before")
    @classmethod
    def _upper(cls, level: object) -> object:
        """Accept any case."""
        return level.upper() if isinstance(level, str) else level


class Settings(BaseSettings):
    """All settings. Each is an environment variable such as CATALOG_STORAGE__URL."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="ignore", frozen=True)

    environment: Literal["local", "dev", "uat", "uatbiz", "sanity", "prod", "test"] = Field(
        "local", description="Name of the environment; selects the file .env.{environment}"
    )
    storage: StorageSettings = StorageSettings()
    http: HttpSettings = HttpSettings()
    cache: CacheSettings = CacheSettings()
    imports: ImportsSettings = ImportsSettings()
    changes: ChangesSettings = ChangesSettings()
    identity: IdentitySettings = IdentitySettings()
    log: LogSettings = LogSettings()

    @field_validator("environment", mode="before")
    @classmethod
    def _lower(cls, environment: object) -> object:
        """Accept any case and surrounding spaces."""
        return environment.strip().lower() if isinstance(environment, str) else environment

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings' signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources, highest priority first."""
        secrets = NestedSecretsSettingsSource(
            file_secret_settings, secrets_dir_missing="ok", secrets_nested_delimiter="__", secrets_prefix=PREFIX
        )
        return init_settings, env_settings, secrets, dotenv_settings

    @classmethod
    def load(cls, folder: Path | None = None) -> Self:
        """Load the settings, with `.env` files from `folder` (default: the working directory).

        Raises: InvalidSettings, listing every problem.
        """
        directory = folder or Path()
        files = [directory / ".env"]
        names = _names_in(files[0])
        environment = (os.environ.get("CATALOG_ENVIRONMENT") or _environment_of(files[0]) or "").strip().lower()
        if environment in ENVIRONMENTS:
            files.append(directory / f".env.{environment}")
            names |= _names_in(files[1])
        secrets = os.environ.get("CATALOG_SECRETS_DIR", SECRETS)
        problems = [(name, _unknown_setting(name)) for name in unknown_variables({*os.environ, *names, *_files_in(secrets)})]
        try:
            settings = cls(_env_file=files, _env_file_encoding=_ENCODING, _secrets_dir=secrets)
        except ValidationError as error:
            all_problems = dict(_problem(details) for details in error.errors()) | dict(problems)
            raise InvalidSettings(sorted(all_problems.items())) from None
        except SettingsError as error:
            raise InvalidSettings([_group_problem(error), *problems]) from None
        if problems:
            raise InvalidSettings(problems)
        return settings


class InvalidSettings(Exception):
    """One or more settings are invalid; `problems` lists all of them as (variable, message)."""

    def __init__(self, problems: Iterable[tuple[str, str]]) -> None:
        """Store the problems."""
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{variable}: {message}" for variable, message in self.problems))


def describe_settings() -> dict[str, str]:
    """Return every variable with its description."""
    variables: dict[str, str] = {}
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            for inner_name, inner_field in section.model_fields.items():
                variables[_variable((name, inner_name))] = inner_field.description or ""
        else:
            variables[_variable((name,))] = field.description or ""
    return variables


def unknown_variables(names: Iterable[str]) -> list[str]:
    """Return the variables that look like settings but do not exist: most likely typos."""
    known = {*describe_settings(), "CATALOG_SECRETS_DIR"}
    return sorted({name.upper() for name in names if name.upper().startswith(PREFIX) and "__" in name} - known)


def export_to_environment(values: Mapping[str, object]) -> None:
    """Set environment variables, so that worker processes inherit settings given on the command line."""
    os.environ.update({name: str(value) for name, value in values.items()})


_ENCODING = "utf-8-sig"
"""UTF-8 with or without a byte order mark, which some Windows editors write."""


def _names_in(file: Path) -> set[str]:
    """Return the names set in a `.env` file. Raises: InvalidSettings, with the line, if the file cannot be parsed."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise InvalidSettings([(str(file), f"Cannot read the file: {(error.strerror or str(error)).lower()}.")]) from None
    if b"\0" in data:
        message = "The file is UTF-16 (the encoding of PowerShell's >) or not text. Save it as UTF-8."
        raise InvalidSettings([(str(file), message)])
    try:
        text = data.decode(_ENCODING)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidSettings([(f"{file}, line {line}", "The line is not valid UTF-8. Save the file as UTF-8.")]) from None
    names = set()
    problems = []
    for binding in parse_stream(io.StringIO(text)):
        if binding.error or (binding.key is not None and binding.value is None):
            problems.append((f"{file}, line {binding.original.line}", "The line is not NAME=VALUE. Comments start with #."))
        elif binding.key is not None:
            names.add(binding.key)
    if problems:
        raise InvalidSettings(problems)
    return names


def _files_in(folder: str) -> list[str]:
    """Return the file names in the secrets directory; empty if it does not exist."""
    try:
        return [file.name for file in Path(folder).iterdir()]
    except OSError:
        return []


def _environment_of(file: Path) -> str | None:
    """Return the environment that a `.env` file sets."""
    source = DotEnvSettingsSource(Settings, env_file=file, env_file_encoding=_ENCODING, env_prefix=PREFIX)
    return source.env_vars.get("catalog_environment")


_MESSAGES = {
    "int_parsing": "Must be a whole number.",
    "int_from_float": "Must be a whole number.",
    "int_parsing_size": "The number is too large.",
    "float_parsing": "Must be a number.",
    "finite_number": "Must be a finite number.",
    "bool_parsing": "Must be true or false.",
    "greater_than": "Must be greater than {gt:g}.",
    "greater_than_equal": "Must be at least {ge:g}.",
    "less_than": "Must be less than {lt:g}.",
    "less_than_equal": "Must be at most {le:g}.",
    "model_type": "This is a group of settings. Set its members instead, such as {example}.",
}
"""Messages by pydantic's error type."""


def _problem(error: Any) -> tuple[str, str]:  # noqa: ANN401 - pydantic's ErrorDetails
    """Return the invalid variable and a message. The message omits the value, which may be a secret."""
    error_type, variable, context = error["type"], _variable(error["loc"]), error.get("ctx", {})
    if error_type == "extra_forbidden":
        return variable, _unknown_setting(variable)
    if error_type == "literal_error":
        return variable, f"Must be one of {context['expected'].replace(chr(39), '').replace(' or ', ', ')}."
    if error_type in _MESSAGES:
        return variable, _MESSAGES[error_type].format(**context, example=_example(variable))
    return variable, str(error["msg"]).removeprefix("Value error, ")


def _group_problem(error: SettingsError) -> tuple[str, str]:
    """Return the group of settings that was set as one variable, and a message."""
    match = _FIELD_NAME.match(str(error))
    variable = _variable([match[1]]) if match else "settings"
    return variable, _MESSAGES["model_type"].format(example=_example(variable))


def _example(group: str) -> str:
    """Return one variable of the group."""
    return next((name for name in describe_settings() if name.startswith(f"{group}__")), "CATALOG_STORAGE__URL")


def _unknown_setting(variable: str) -> str:
    """Return the message for an unknown variable, with the closest match if there is one."""
    matches = get_close_matches(variable, describe_settings(), n=1, cutoff=0.8)
    return f"Unknown setting. Did you mean {matches[0]}?" if matches else "Unknown setting. See .env.example for all settings."


def _variable(path: Iterable[object]) -> str:
    return PREFIX + "__".join(str(part).upper() for part in path)
