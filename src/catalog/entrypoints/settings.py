"""Settings: from the environment to one frozen object. Nothing else reads os.environ.

Later ones win: the defaults here, `.env`, `.env.{environment}`, a directory of secrets, the environment.
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
    """Read `a, b` or `["a", "b"]` as a list. An IPv6 address is in brackets too, so not everything in them is JSON."""
    if not isinstance(value, str):
        return value
    if value.strip().startswith(('["', "['", "[]", "[ ")):
        try:
            read = json.loads(value)
        except ValueError:
            read = None
        if not isinstance(read, list) or not all(isinstance(part, str) for part in read):
            message = 'It must be a list, with commas (a, b) or as JSON (["a", "b"]).'
            raise ValueError(message)
        return read
    return [part.strip() for part in value.split(",") if part.strip()]


_ORIGIN = re.compile(r"(https?)://([a-z0-9._-]+|\[[0-9a-f.]*:[0-9a-f:.]*\])(?::([0-9]{1,5}))?/?")
_HOST = re.compile(r"\*|[a-z0-9._-]+|\[[0-9a-f.]*:[0-9a-f:.]*\]")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def _as_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    """Write origins as browsers send them. Refuse what is none: it would never match."""
    written = []
    for origin in origins:
        read = _ORIGIN.fullmatch(origin.lower())
        if read is None and origin != "*":
            message = f"{origin[:100]!r} is not an origin; write https://shop.example or http://localhost:3000, without a path."
            raise ValueError(message)
        scheme, host, port = read.groups() if read else ("", "", None)
        shown = "" if port is None or port == _DEFAULT_PORTS[scheme] else f":{port}"
        written.append(f"{scheme}://{host}{shown}" if read else origin)
    return tuple(written)


def _as_hosts(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse what is no host name: it would never match."""
    for host in hosts:
        if not _HOST.fullmatch(host.lower()):
            message = f"{host[:100]!r} is not a host name; write shop.example, without scheme, port or path."
            raise ValueError(message)
    return hosts


def _without_password(url: str) -> str:
    """Show a URL to people."""
    scheme, separator, rest = url.partition("://")
    credentials, at, address = rest.rpartition("@")
    user = credentials.partition(":")[0]
    return f"{scheme}{separator}{user}{at}{address.partition('?')[0]}"


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Hosts = Annotated[Names, AfterValidator(_as_hosts)]
Origins = Annotated[Names, AfterValidator(_as_origins)]


def _networks(value: object) -> object:
    """Read addresses and networks; a network of one address may leave its length out."""
    return tuple(ip_network(part, strict=False) for part in parted) if isinstance(parted := _split(value), list) else parted


Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)]

_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
_FIELD_NAME = re.compile(r'[^"]*"(\w+)"')

OWN_PATHS = ("/api/", "/docs/", "/redoc/", "/health/", "/openapi.json/")
"""Beginnings of the service's own paths; a prefix that looks like one could not be told from it."""


def is_prefix(path: str) -> bool:
    """Whether a proxy may publish the service below this path: plain, and none of the service's own."""
    plain = _PREFIX.fullmatch(path) is not None and not {".", ".."} & set(path.split("/"))
    return plain and not f"{path}/".startswith(OWN_PATHS)


class Section(BaseModel):
    """A group of settings: frozen, and with no names but its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StorageSettings(Section):
    """Where the catalog is kept."""

    url: str = Field(
        "sqlite:///catalog.db", description="The store: memory://, sqlite:///FILE, postgresql://USER:PASSWORD@HOST/DB"
    )
    pool_size: int = Field(5, ge=1, le=100, description="Connections kept open for reads")
    pool_overflow: int = Field(5, ge=0, le=100, description="Further connections for reads, opened under load")
    deadline_seconds: float = Field(2.0, gt=0, le=60, description="The longest wait for a connection, and for a statement")
    queue: int = Field(1000, ge=1, le=100_000, description="Writes that may wait; beyond, they are refused with 503")
    pooler: Literal["auto", "session", "transaction"] = Field(
        "auto", description="The mode of a connection pooler before Postgres; auto: found out"
    )
    migrate: bool | None = Field(None, description="Bring the schema up to date at start (default: on SQLite only)")

    @field_validator("url")
    @classmethod
    def _known(cls, url: str) -> str:
        """Refuse a scheme that no adapter has, and write aliases in one way."""
        try:
            return canonical(url)
        except UnknownScheme as error:
            raise ValueError(str(error)) from None

    @property
    def scheme(self) -> str:
        """The part of the URL that chooses the adapter."""
        return self.url.partition(":")[0]

    @property
    def migrates(self) -> bool:
        """Whether the schema is brought up to date at start."""
        return self.scheme == "sqlite" if self.migrate is None else self.migrate

    @property
    def shown(self) -> str:
        """The URL without its password, for people."""
        return _without_password(self.url)

    @property
    def options(self) -> StorageOptions:
        """What the adapter is opened with."""
        return StorageOptions(self.url, self.pool_size, self.pool_overflow, self.deadline_seconds, self.queue, self.pooler)


class HttpSettings(Section):
    """How the service listens and answers."""

    host: str = Field("127.0.0.1", description="The address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="The port to listen on (0: any free one)")
    allowed_hosts: Hosts = Field((), description="Host names it answers to, with commas; * for any (default: localhost)")
    cors_origins: Origins = Field((), description="Origins of web pages that may call it, with commas (default: none)")
    root_path: str = Field("", description="The path below which a reverse proxy publishes the service, like /catalog")
    trusted_proxies: Networks = Field(
        (), description="Addresses or networks whose X-Forwarded-Prefix counts, with commas (default: none)"
    )
    tls: bool = Field(default=False, description="It is reached by https only: send Strict-Transport-Security")
    max_body_bytes: int = Field(256 * 1024, ge=1024, description="The largest JSON body")
    max_batch_bytes: int = Field(8 * 1024 * 1024, ge=1024, description="The largest body of a batch")
    max_connections: int = Field(
        2000, ge=10, le=100_000, description="Connections to one process; beyond, the longest idle one makes room"
    )
    keep_alive_seconds: int = Field(5, ge=1, le=3600, description="How long a connection without a request is kept open")
    read_seconds: float = Field(
        10.0, gt=0, le=300, description="How long a request's headers, or a JSON body, may take to arrive (408)"
    )
    send_seconds: float = Field(30.0, gt=0, le=3600, description="How long a client may read nothing of its response")
    require_if_match: bool = Field(
        default=False, description="Refuse changes that do not say by If-Match which version they are for (428)"
    )
    drain_seconds: float | None = Field(
        None, ge=0, le=300, description="How long new requests are still taken after SIGTERM (default: 5; 0 on loopback)"
    )
    finish_seconds: float = Field(10.0, ge=0, le=300, description="How long requests that have begun may take to end at a stop")

    @field_validator("root_path")
    @classmethod
    def _rooted(cls, path: str) -> str:
        """Take a plain path that is none of the service's own."""
        plain = path.rstrip("/")
        if plain and not is_prefix(plain):
            message = "a path like /catalog: letters, digits, . _ ~ - and /, and not one of the service's own (/api, /docs, ...)"
            raise ValueError(message)
        return plain

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names it answers to; empty means any."""
        return () if "*" in self.allowed_hosts else tuple(name.lower() for name in self.allowed_hosts) or _LOCAL_NAMES

    @property
    def drain(self) -> float:
        """How long new requests are still taken after SIGTERM, in seconds."""
        return self.drain_seconds if self.drain_seconds is not None else 0.0 if self.loopback else 5.0


class CacheSettings(Section):
    """How long answers are kept, and where."""

    ttl_seconds: float = Field(
        60.0,
        ge=0,
        le=86_400,
        description="How long answers to reads are kept; changes are seen at once all the same (0: no cache)",
    )
    max_bytes: int = Field(32 * 1024 * 1024, ge=65_536, description="How much memory a process gives to answers")
    url: str | None = Field(None, description="A cache that replicas share: redis://HOST:6379/0 (Valkey too; default: none)")

    @field_validator("url")
    @classmethod
    def _known(cls, url: str | None) -> str | None:
        """Take what the driver can read."""
        if url and url.partition("://")[0] not in ("redis", "rediss"):
            message = "a shared cache is reached by redis://HOST:PORT/NUMBER, or rediss:// for TLS"
            raise ValueError(message)
        return url or None

    @property
    def shown(self) -> str:
        """What there is of a cache, for people."""
        if not self.ttl_seconds:
            return "off"
        near = f"in each process, {self.max_bytes / 1024**2:g} MiB, for {self.ttl_seconds:g} s"
        return f"{near}; shared: {_without_password(self.url)}" if self.url else near


class ImportsSettings(Section):
    """What may be imported over HTTP."""

    max_bytes: int = Field(1024**3, ge=1024, description="The largest file that is imported over HTTP")
    max_disk_bytes: int = Field(
        4 * 1024**3, ge=1024, description="Bytes on the disk of all files together that wait to be imported in a process"
    )
    max_atomic_rows: int = Field(
        MAX_ATOMIC_ROWS, ge=1, le=100_000, description="Rows that an import of all or nothing takes: they go in with one commit"
    )


class ChangesSettings(Section):
    """How long the log of changes is kept, and how many may follow it."""

    max_subscribers: int = Field(
        MAX_SUBSCRIBERS,
        ge=0,
        le=100_000,
        description="Readers of the live feed that a process serves at a time; beyond, they get 503",
    )

    keep_days: float | None = Field(
        None, gt=0, le=36_500, description="Days that `catalog changes prune` keeps, unless it is told (default: it must be told)"
    )


class IdentitySettings(Section):
    """Who may do what."""

    mode: Literal["local", "open"] = Field(
        "local", description="local: served on loopback only; open: whoever reaches the address may read and write everything"
    )


class LogSettings(Section):
    """What is logged, and how."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="The least level that is logged")
    format: Literal["auto", "json", "console"] = Field("auto", description="auto: readable on a terminal, JSON lines elsewhere")

    @field_validator("level", mode="before")
    @classmethod
    def _upper(cls, level: object) -> object:
        """Take either case."""
        return level.upper() if isinstance(level, str) else level


class Settings(BaseSettings):
    """Everything that can be set, by environment variables like CATALOG_STORAGE__URL."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="ignore", frozen=True)

    environment: Literal["local", "dev", "uat", "uatbiz", "sanity", "prod", "test"] = Field(
        "local", description="The environment; it chooses the file .env.{environment}"
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
        """Take either case."""
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
        """Put the sources in their order, the strongest first."""
        secrets = NestedSecretsSettingsSource(
            file_secret_settings, secrets_dir_missing="ok", secrets_nested_delimiter="__", secrets_prefix=PREFIX
        )
        return init_settings, env_settings, secrets, dotenv_settings

    @classmethod
    def load(cls, folder: Path | None = None) -> Self:
        """Read the settings; the `.env` files are those of `folder` (default: here). Raises InvalidSettings with every fault."""
        here = folder or Path()
        files = [here / ".env"]
        names = _names_in(files[0])
        environment = (os.environ.get("CATALOG_ENVIRONMENT") or _environment_of(files[0]) or "").strip().lower()
        if environment in ENVIRONMENTS:
            files.append(here / f".env.{environment}")
            names |= _names_in(files[1])
        secrets = os.environ.get("CATALOG_SECRETS_DIR", SECRETS)
        faults = [(name, _no_setting(name)) for name in unknown_variables({*os.environ, *names, *_files_in(secrets)})]
        try:
            settings = cls(_env_file=files, _env_file_encoding=_ENCODING, _secrets_dir=secrets)
        except ValidationError as error:
            found = dict(_fault(one) for one in error.errors()) | dict(faults)
            raise InvalidSettings(sorted(found.items())) from None
        except SettingsError as error:
            raise InvalidSettings([_group_fault(error), *faults]) from None
        if faults:
            raise InvalidSettings(faults)
        return settings


class InvalidSettings(Exception):
    """Settings that cannot be worked with; `faults` has all of them, as (variable, sentence)."""

    def __init__(self, problems: Iterable[tuple[str, str]]) -> None:
        """Keep them all."""
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{variable}: {sentence}" for variable, sentence in self.problems))


def describe_settings() -> dict[str, str]:
    """Return every variable with its description: for docs, doctor and tests."""
    variables: dict[str, str] = {}
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            for inner, its in section.model_fields.items():
                variables[_variable((name, inner))] = its.description or ""
        else:
            variables[_variable((name,))] = field.description or ""
    return variables


def unknown_variables(names: Iterable[str]) -> list[str]:
    """Return variables that look like settings of ours and are none: mistyped ones, most likely."""
    known = {*describe_settings(), "CATALOG_SECRETS_DIR"}
    return sorted({name.upper() for name in names if name.upper().startswith(PREFIX) and "__" in name} - known)


def export_to_environment(values: Mapping[str, object]) -> None:
    """Leave settings of the command line to the processes that a server starts."""
    os.environ.update({name: str(value) for name, value in values.items()})


_ENCODING = "utf-8-sig"
"""UTF-8, with or without the mark that some editors on Windows put first."""


def _names_in(file: Path) -> set[str]:
    """Return the names that a `.env` file sets. Raises InvalidSettings, with the line, if it cannot be read."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return set()
    except OSError as error:
        raise InvalidSettings([(str(file), f"The file cannot be read: {(error.strerror or str(error)).lower()}.")]) from None
    if b"\0" in data:
        sentence = "The file is in UTF-16 (as PowerShell's > writes it), or no text at all. Save it as UTF-8."
        raise InvalidSettings([(str(file), sentence)])
    try:
        text = data.decode(_ENCODING)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidSettings([(f"{file}, line {line}", "The line is not in UTF-8. Save the file as UTF-8.")]) from None
    names = set()
    faults = []
    for one in parse_stream(io.StringIO(text)):
        if one.error or (one.key is not None and one.value is None):
            faults.append((f"{file}, line {one.original.line}", "The line is not NAME=VALUE; comments begin with #."))
        elif one.key is not None:
            names.add(one.key)
    if faults:
        raise InvalidSettings(faults)
    return names


def _files_in(folder: str) -> list[str]:
    """Return the names of the files in a directory of secrets, if there is one."""
    try:
        return [file.name for file in Path(folder).iterdir()]
    except OSError:
        return []


def _environment_of(file: Path) -> str | None:
    """Read which environment a `.env` names."""
    source = DotEnvSettingsSource(Settings, env_file=file, env_file_encoding=_ENCODING, env_prefix=PREFIX)
    return source.env_vars.get("catalog_environment")


_PLAIN = {
    "int_parsing": "It must be a whole number.",
    "int_from_float": "It must be a whole number.",
    "int_parsing_size": "The number is too large.",
    "float_parsing": "It must be a number.",
    "finite_number": "It must be a finite number.",
    "bool_parsing": "It must be true or false.",
    "greater_than": "It must be more than {gt:g}.",
    "greater_than_equal": "It must be at least {ge:g}.",
    "less_than": "It must be less than {lt:g}.",
    "less_than_equal": "It must be at most {le:g}.",
    "model_type": "This is a group of settings. Set the single ones, like {example}.",
}
"""What pydantic's types of errors mean, in plain words."""


def _fault(error: Any) -> tuple[str, str]:  # noqa: ANN401 - pydantic's ErrorDetails
    """Say which variable is wrong and how, without its value: it may be a secret."""
    kind, variable, context = error["type"], _variable(error["loc"]), error.get("ctx", {})
    if kind == "extra_forbidden":
        return variable, _no_setting(variable)
    if kind == "literal_error":
        return variable, f"It must be one of {context['expected'].replace(chr(39), '').replace(' or ', ', ')}."
    if kind in _PLAIN:
        return variable, _PLAIN[kind].format(**context, example=_example(variable))
    return variable, str(error["msg"]).removeprefix("Value error, ")


def _group_fault(error: SettingsError) -> tuple[str, str]:
    """Say which group of settings is no JSON."""
    named = _FIELD_NAME.match(str(error))
    variable = _variable([named[1]]) if named else "settings"
    return variable, _PLAIN["model_type"].format(example=_example(variable))


def _example(group: str) -> str:
    """Return a variable of a group."""
    return next((name for name in describe_settings() if name.startswith(f"{group}__")), "CATALOG_STORAGE__URL")


def _no_setting(variable: str) -> str:
    """Say that there is no such setting, and which one may be meant."""
    meant = get_close_matches(variable, describe_settings(), n=1, cutoff=0.8)
    return f"There is no such setting; did you mean {meant[0]}?" if meant else "There is no such setting; .env.example has all."


def _variable(path: Iterable[object]) -> str:
    return PREFIX + "__".join(str(part).upper() for part in path)
