"""The settings, in sections, with their defaults and limits."""

import re
from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from catalog.application.changes.feed import MAX_SUBSCRIBERS
from catalog.application.imports.plan import MAX_ATOMIC_ROWS
from catalog.domain.identity.session import MAX_ACCESS_LIFE
from catalog.entrypoints.settings.values import Hosts, Networks, Origins, is_prefix, without_password
from catalog.entrypoints.storage_plugins import UnknownScheme, canonical
from catalog.ports.storage import StorageOptions

_LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
_KEY_PREFIX = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Section(BaseModel):
    """A group of settings. Frozen; unknown names are rejected."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StorageSettings(Section):
    """The store and its connections."""

    url: str = Field(
        "sqlite:///catalog.db",
        repr=False,  # it may have a password
        description="Storage URL: memory://, sqlite:///FILE (four slashes for an absolute path) or "
        "postgresql://USER:PASSWORD@HOST/DB, with the same parameters as psql",
    )
    pool_size: int = Field(5, ge=1, le=100, description="Read connections kept open per process")
    pool_overflow: int = Field(5, ge=0, le=100, description="Additional read connections per process, opened under load")
    timeout_seconds: float = Field(
        2.0, gt=0, le=60, description="Timeout for getting a connection and for each statement, in seconds"
    )
    max_pending_writes: int = Field(
        1000, ge=1, le=100_000, description="Maximum number of waiting writes per process; further writes get 503"
    )
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
        return without_password(self.url)

    @property
    def options(self) -> StorageOptions:
        """The options passed to the adapter."""
        return StorageOptions(
            self.url, self.pool_size, self.pool_overflow, self.timeout_seconds, self.max_pending_writes, self.pooler
        )


class HttpSettings(Section):
    """The HTTP server: addresses, limits and timeouts."""

    host: str = Field(
        "127.0.0.1", description="Address to listen on; any but loopback requires sign-in, or CATALOG_IDENTITY__MODE=open"
    )
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on (0: any free port)")
    allowed_hosts: Hosts = Field((), description="Accepted Host names, comma-separated; * for any (default: localhost)")
    cors_origins: Origins = Field((), description="Origins allowed to call the API (CORS), comma-separated (default: none)")
    root_path: str = Field("", description="Path under which a reverse proxy publishes the service, such as /catalog")
    trusted_proxies: Networks = Field(
        (),
        description="Addresses or networks of proxies whose X-Forwarded-For, Forwarded and X-Forwarded-Prefix are trusted, "
        "comma-separated (default: none)",
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
    keep_alive_seconds: int = Field(
        5,
        ge=1,
        le=3600,
        description="How long an idle connection is kept open, in seconds; use more than the idle timeout of your proxy",
    )
    read_timeout_seconds: float = Field(
        10.0,
        gt=0,
        le=300,
        description="Timeout for receiving a request's headers, and for a JSON body, in seconds (408); "
        "a body gets 1 s more per 16 KiB",
    )
    send_timeout_seconds: float = Field(
        30.0, gt=0, le=3600, description="How long a client may stop reading its response before it is disconnected, in seconds"
    )
    require_if_match: bool = Field(default=False, description="Require If-Match on updates and deletes (428 without it)")
    drain_seconds: float | None = Field(
        None, ge=0, le=300, description="How long new requests are accepted after SIGTERM, in seconds (default: 5; 0 on loopback)"
    )
    shutdown_timeout_seconds: float = Field(
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
    url: str | None = Field(
        None,
        repr=False,
        description="Cache shared by replicas, and counts of requests and failed sign-ins: redis://HOST:6379/0 "
        "(Redis or Valkey; default: none)",
    )
    key_prefix: str = Field(
        "catalog", description="Beginning of the names of all keys there; deployments that share a server need different ones"
    )

    @field_validator("url")
    @classmethod
    def _redis_url(cls, url: str | None) -> str | None:
        """Treat an empty URL as None. Raises: ValueError unless the scheme is redis or rediss."""
        if url and url.partition("://")[0] not in ("redis", "rediss"):
            message = "Must be redis://HOST:PORT/NUMBER, or rediss:// for TLS."
            raise ValueError(message)
        return url or None

    @field_validator("key_prefix")
    @classmethod
    def _valid_key_prefix(cls, prefix: str) -> str:
        """Return the prefix. Raises: ValueError for one with a colon, which ends it, or a sign that patterns of keys use."""
        if not _KEY_PREFIX.fullmatch(prefix):
            message = "Must be 1 to 64 letters, digits, and . _ -"
            raise ValueError(message)
        return prefix

    @property
    def summary(self) -> str:
        """A one-line description for people: off, or size, lifetime and shared cache."""
        if not self.ttl_seconds:
            return "off"
        local = f"{self.max_bytes / 1024**2:g} MiB per process, for {self.ttl_seconds:g} s"
        return f"{local}; shared: {without_password(self.url)}" if self.url else local


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

    retention_days: float | None = Field(
        None, gt=0, le=36_500, description="Days that `catalog changes prune` keeps (default: none; --before is then required)"
    )


class AuditSettings(Section):
    """The security log: retention."""

    retention_days: float | None = Field(
        None, gt=0, le=36_500, description="Days that `catalog audit prune` keeps (default: none; --before is then required)"
    )


class OidcSettings(Section):
    """Another issuer whose access tokens are accepted (OpenID Connect)."""

    issuer: str | None = Field(
        None,
        description="Another issuer (OpenID Connect) whose access tokens are accepted, as in their claim iss (default: none)",
    )
    audience: str | None = Field(None, description="Audience that the other issuer's tokens must have, their claim aud")
    role_claim: str = Field(
        "roles",
        min_length=1,
        max_length=200,
        description="Claim with the roles; dots separate nested claims: realm_access.roles",
    )
    role_map: str = Field(
        "{}",
        description='Role for each value of that claim, as JSON: {"staff": "editor"}; if several match, the last in the order '
        "user, editor, auditor, admin counts (an auditor may not write, unlike an editor); none is 403",
    )

    @field_validator("issuer", "audience")
    @classmethod
    def _none_if_empty(cls, text: str | None) -> str | None:
        """Treat an empty value as unset, as files that set every variable need it."""
        return text or None


class IdentitySettings(Section):
    """Access control: who may call the service, and how long tokens and sessions last."""

    mode: Literal["local", "open", "required"] = Field(
        "local",
        description="local: listen on loopback only; required: callers sign in; "
        "open: anyone who can reach the address may read and change everything",
    )
    public_read: bool = Field(default=False, description="Whether guests may read items; with CATALOG_IDENTITY__MODE=required")
    admin_username: str | None = Field(None, description="Name of the first admin, who is created at a start without users")
    admin_password: SecretStr | None = Field(None, description="Password of the first admin")
    signing_key: SecretStr | None = Field(
        None,
        description="Ed25519 keys of access tokens: PKCS#8 PEMs one after the other, a private JWK, or a JWK Set; "
        "the first one signs, all verify (default: one is kept in the store)",
    )
    issuer_name: str = Field("catalog", min_length=1, max_length=200, description="Issuer of access tokens, their claim iss")
    audience_name: str = Field("catalog", min_length=1, max_length=200, description="Audience of access tokens, their claim aud")
    access_minutes: int = Field(
        10, ge=1, le=MAX_ACCESS_LIFE // timedelta(minutes=1), description="How long an access token is valid, in minutes"
    )
    refresh_idle_days: int = Field(7, ge=1, le=365, description="How long a session lasts without being used, in days")
    refresh_days: int = Field(30, ge=1, le=365, description="How long a session lasts at most, in days")
    allow_insecure: bool = Field(
        default=False, description="Allow modes local and open, and HTTP without TLS, in uat, uatbiz, sanity and prod"
    )
    oidc: OidcSettings = OidcSettings()

    @field_validator("admin_username", "admin_password", "signing_key")
    @classmethod
    def _none_if_empty(cls, value: str | SecretStr | None) -> str | SecretStr | None:
        """Treat an empty value as unset, as files that set every variable need it."""
        return value if value is not None and len(value) else None

    @property
    def signs_in(self) -> bool:
        """Whether callers have to sign in."""
        return self.mode == "required"


class RateLimitSettings(Section):
    """Rate limits, which apply with CATALOG_IDENTITY__MODE=required."""

    requests: int = Field(600, ge=1, description="Maximum requests of a caller in the window: of a user, or else of an address")
    window_seconds: int = Field(60, ge=1, le=86_400, description="Length of the window, in seconds")
    sign_in_requests: int = Field(20, ge=1, description="Maximum sign-ins from an address, and with a name, in their window")
    sign_in_window_seconds: int = Field(60, ge=1, le=86_400, description="Length of the window of sign-ins, in seconds")


class LogSettings(Section):
    """Logging."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Minimum level to log")
    format: Literal["auto", "json", "console"] = Field("auto", description="auto: console on a terminal, otherwise json")

    @field_validator("level", mode="before")
    @classmethod
    def _upper(cls, level: object) -> object:
        """Accept any case."""
        return level.upper() if isinstance(level, str) else level
