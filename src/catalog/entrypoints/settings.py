"""Settings: from the environment to one frozen object. Nothing else reads os.environ.

Later ones win: the defaults here, `.env`, `.env.{environment}`, a directory of secrets, the environment.
"""

import os
import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    NestedSecretsSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from catalog.application.import_plan import MOST_ATOMIC
from catalog.entrypoints.stores import UnknownScheme, check_scheme
from catalog.ports.storage import StorageOptions

PREFIX = "CATALOG_"
SECRETS = "/run/secrets"
ENVIRONMENTS = ("local", "dev", "uat", "uatbiz", "sanity", "prod", "test")

_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")


def _parted(value: object) -> object:
    """Read `a, b` as a list."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _without_password(url: str) -> str:
    """Show a URL to people."""
    scheme, separator, rest = url.partition("://")
    credentials, at, address = rest.rpartition("@")
    user = credentials.partition(":")[0]
    return f"{scheme}{separator}{user}{at}{address.partition('?')[0]}"


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_parted)]


def _networks(value: object) -> object:
    """Read addresses and networks; a network of one address may leave its length out."""
    return tuple(ip_network(part, strict=False) for part in parted) if isinstance(parted := _parted(value), list) else parted


Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)]

PREFIX_PATTERN = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)+")
"""A path below which a proxy may publish the service."""

OWN_PATHS = ("/api/", "/docs/", "/redoc/", "/health/", "/openapi.json/")
"""Beginnings of the service's own paths; a prefix that looks like one could not be told from it."""


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
    migrate: bool | None = Field(None, description="Bring the schema up to date at start (default: on SQLite only)")

    @field_validator("url")
    @classmethod
    def _known(cls, url: str) -> str:
        """Refuse a scheme that no adapter has."""
        try:
            check_scheme(url)
        except UnknownScheme as error:
            raise ValueError(str(error)) from None
        return url

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
        return StorageOptions(self.url, self.pool_size, self.pool_overflow, self.deadline_seconds, self.queue)


class HttpSettings(Section):
    """How the service listens and answers."""

    host: str = Field("127.0.0.1", description="The address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="The port to listen on (0: any free one)")
    allowed_hosts: Names = Field((), description="Host names it answers to, with commas; * for any (default: localhost)")
    cors_origins: Names = Field((), description="Origins of web pages that may call it, with commas (default: none)")
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
        if plain and (not PREFIX_PATTERN.fullmatch(plain) or f"{plain}/".startswith(OWN_PATHS)):
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
    max_atomic_rows: int = Field(
        MOST_ATOMIC, ge=1, le=100_000, description="Rows that an import of all or nothing takes: they go in with one commit"
    )


class ChangesSettings(Section):
    """How long the log of changes is kept."""

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
        environment = os.environ.get("CATALOG_ENVIRONMENT") or _environment_of(files[0])
        if environment:
            files.append(here / f".env.{environment}")
        secrets = os.environ.get("CATALOG_SECRETS_DIR", SECRETS)
        try:
            return cls(_env_file=files, _env_file_encoding="utf-8", _secrets_dir=secrets)
        except ValidationError as error:
            raise InvalidSettings([_fault(one) for one in error.errors()]) from None
        except SettingsError as error:
            raise InvalidSettings([("settings", str(error))]) from None


class InvalidSettings(Exception):
    """Settings that cannot be worked with; `faults` has all of them, as (variable, sentence)."""

    def __init__(self, faults: Iterable[tuple[str, str]]) -> None:
        """Keep them all."""
        self.faults = tuple(faults)
        super().__init__("\n".join(f"{variable}: {sentence}" for variable, sentence in self.faults))


def described() -> dict[str, str]:
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


def unknown(environment: Mapping[str, str] | None = None) -> list[str]:
    """Return variables that look like settings of ours and are none: mistyped ones, most likely."""
    known = {*described(), "CATALOG_SECRETS_DIR"}
    given = os.environ if environment is None else environment
    return sorted(name for name in given if name.startswith(PREFIX) and "__" in name and name.upper() not in known)


def hand_down(values: Mapping[str, object]) -> None:
    """Leave settings of the command line to the processes that a server starts."""
    os.environ.update({name: str(value) for name, value in values.items()})


def _environment_of(file: Path) -> str | None:
    """Read which environment a `.env` names."""
    source = DotEnvSettingsSource(Settings, env_file=file, env_prefix=PREFIX)
    value = source.env_vars.get("catalog_environment")
    return value or None


def _fault(error: Any) -> tuple[str, str]:  # noqa: ANN401 - pydantic's ErrorDetails
    """Say which variable is wrong and how, without its value: it may be a secret."""
    if error["type"] == "extra_forbidden":
        return _variable(error["loc"]), "There is no such setting; .env.example has all."
    return _variable(error["loc"]), str(error["msg"]).removeprefix("Value error, ")


def _variable(path: Iterable[object]) -> str:
    return PREFIX + "__".join(str(part).upper() for part in path)
