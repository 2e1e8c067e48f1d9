"""Tests of settings that are refused, and of those that weaken security."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from catalog.adapters.memory.limits import MemoryFailureCounter, MemoryRateLimiter
from catalog.adapters.oidc.foreign_tokens import OidcTokens
from catalog.adapters.redis.limits import RedisFailureCounter, RedisRateLimiter
from catalog.entrypoints.container import Container
from catalog.entrypoints.http.app import from_environment
from catalog.entrypoints.settings.loading import load_settings
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.problems import InvalidSettings
from catalog.entrypoints.settings.safety import PRODUCTION, refused, weaknesses
from tests.planted_secrets import MARK, planted

ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - an address under test
ISSUER = "https://issuer.example"


def loaded(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> Settings:
    """Return the settings with these variables, without their prefix."""
    for name, value in variables.items():
        monkeypatch.setenv(f"CATALOG_{name}", value)
    return load_settings()


@pytest.mark.parametrize("environment", PRODUCTION)
@pytest.mark.parametrize("mode", ["local", "open"])
def test_production_needs_sign_in(environment: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names what to set. CATALOG_IDENTITY__ALLOW_INSECURE allows it, but it stays a weakness."""
    settings = loaded(monkeypatch, {"ENVIRONMENT": environment, "IDENTITY__MODE": mode})
    ((variable, message),) = refused(settings)
    assert variable == "CATALOG_IDENTITY__MODE"
    assert "CATALOG_IDENTITY__MODE=required" in message
    assert "CATALOG_IDENTITY__ALLOW_INSECURE=true" in message
    with pytest.raises(InvalidSettings, match="CATALOG_IDENTITY__MODE"):
        from_environment()
    settings = loaded(monkeypatch, {"IDENTITY__ALLOW_INSECURE": "true"})
    assert not [*refused(settings)]
    assert "CATALOG_IDENTITY__ALLOW_INSECURE" in dict(weaknesses(settings))
    assert not [*refused(loaded(monkeypatch, {"IDENTITY__MODE": "required"}))]


@pytest.mark.parametrize("environment", ["local", "dev", "test"])
@pytest.mark.parametrize("mode", ["local", "open", "required"])
def test_other_environments_have_every_mode(environment: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On loopback, and only `open` is warned of."""
    settings = loaded(monkeypatch, {"ENVIRONMENT": environment, "IDENTITY__MODE": mode})
    assert not [*refused(settings)]
    assert [*dict(weaknesses(settings))] == (["CATALOG_IDENTITY__MODE"] if mode == "open" else [])


def test_only_loopback_goes_without_a_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Local mode is refused on other addresses."""
    settings = loaded(monkeypatch, {"HTTP__HOST": ANY_ADDRESS})
    ((variable, message),) = refused(settings)
    assert variable == "CATALOG_HTTP__HOST"
    assert "CATALOG_IDENTITY__MODE=required" in message
    for mode in ("open", "required"):
        assert not [*refused(loaded(monkeypatch, {"IDENTITY__MODE": mode}))]
    monkeypatch.setenv("CATALOG_HTTP__HOST", "::1")
    assert not [*refused(loaded(monkeypatch, {"IDENTITY__MODE": "local"}))]


@pytest.mark.parametrize("environment", PRODUCTION)
@pytest.mark.parametrize("host", ["127.0.0.1", ANY_ADDRESS])
def test_production_needs_https(environment: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy may provide it, also one on this machine. The message says what to set."""
    settings = loaded(monkeypatch, {"ENVIRONMENT": environment, "IDENTITY__MODE": "required", "HTTP__HOST": host})
    ((variable, message),) = refused(settings)
    assert variable == "CATALOG_HTTP__TLS"
    assert "CATALOG_HTTP__TLS=true" in message
    assert "CATALOG_IDENTITY__ALLOW_INSECURE=true" in message
    with pytest.raises(InvalidSettings, match="CATALOG_HTTP__TLS"):
        from_environment()
    assert not [*refused(loaded(monkeypatch, {"IDENTITY__ALLOW_INSECURE": "true"}))]
    assert not [*refused(loaded(monkeypatch, {"IDENTITY__ALLOW_INSECURE": "false", "HTTP__TLS": "true"}))]


def test_a_memory_store_in_production_needs_a_signing_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would forget its own. Stores that persist data keep one."""
    settings = loaded(
        monkeypatch, {"ENVIRONMENT": "prod", "IDENTITY__MODE": "required", "HTTP__TLS": "true", "STORAGE__URL": "memory://"}
    )
    assert [*dict(refused(settings))] == ["CATALOG_IDENTITY__SIGNING_KEY"]
    assert not [*refused(loaded(monkeypatch, {"IDENTITY__SIGNING_KEY": "x"}))]
    monkeypatch.delenv("CATALOG_IDENTITY__SIGNING_KEY")
    assert not [*refused(loaded(monkeypatch, {"STORAGE__URL": "postgresql://h/d"}))]
    assert not [*refused(loaded(monkeypatch, {"ENVIRONMENT": "dev", "STORAGE__URL": "memory://"}))]


@pytest.mark.parametrize(
    ("variables", "weak"),
    [
        ({"HTTP__ALLOWED_HOSTS": "*"}, ["CATALOG_HTTP__ALLOWED_HOSTS"]),
        ({"HTTP__CORS_ORIGINS": "*"}, ["CATALOG_HTTP__CORS_ORIGINS"]),
        (
            {"HTTP__ALLOWED_HOSTS": "a.example,*", "HTTP__CORS_ORIGINS": "*", "IDENTITY__MODE": "required"},
            ["CATALOG_HTTP__ALLOWED_HOSTS", "CATALOG_HTTP__CORS_ORIGINS"],
        ),
        ({"HTTP__TRUSTED_PROXIES": "10.0.0.1,0.0.0.0/0"}, ["CATALOG_HTTP__TRUSTED_PROXIES"]),
        ({"HTTP__TRUSTED_PROXIES": "::/0", "IDENTITY__MODE": "required"}, ["CATALOG_HTTP__TRUSTED_PROXIES"]),
        ({"HTTP__TRUSTED_PROXIES": "10.0.0.0/8,fd00::/8"}, []),
        ({"HTTP__HOST": ANY_ADDRESS, "IDENTITY__MODE": "required"}, ["CATALOG_HTTP__TLS"]),
        ({"HTTP__HOST": ANY_ADDRESS, "IDENTITY__MODE": "required", "HTTP__TLS": "true"}, []),
        ({"ENVIRONMENT": "prod", "IDENTITY__MODE": "required", "IDENTITY__ALLOW_INSECURE": "true"}, ["CATALOG_HTTP__TLS"]),
        ({"HTTP__HOST": ANY_ADDRESS, "IDENTITY__MODE": "open"}, ["CATALOG_IDENTITY__MODE"]),
    ],
)
def test_weak_settings_are_found(variables: Mapping[str, str], weak: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name of the variable."""
    assert [*dict(weaknesses(loaded(monkeypatch, variables)))] == weak


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ("IDENTITY__ADMIN_USERNAME", "CATALOG_IDENTITY__ADMIN_PASSWORD"),
        ("IDENTITY__ADMIN_PASSWORD", "CATALOG_IDENTITY__ADMIN_USERNAME"),
        ("IDENTITY__OIDC__ISSUER", "CATALOG_IDENTITY__OIDC__AUDIENCE"),
        ("IDENTITY__OIDC__AUDIENCE", "CATALOG_IDENTITY__OIDC__ISSUER"),
    ],
)
def test_settings_that_need_each_other(given: str, missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The missing one is named. An empty one is as good as none."""
    with pytest.raises(InvalidSettings) as caught:
        loaded(monkeypatch, {given: planted("secret")})
    assert [variable for variable, _ in caught.value.problems] == [missing]
    assert MARK not in str(caught.value)
    loaded(monkeypatch, {given: ""})


def test_another_issuer_is_trusted_if_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an audience. Mistakes are named."""
    assert Container(settings=load_settings()).foreign_tokens() is None
    variables = {
        "IDENTITY__OIDC__ISSUER": ISSUER,
        "IDENTITY__OIDC__AUDIENCE": "catalog",
        "IDENTITY__OIDC__ROLE_CLAIM": "realm_access.roles",
        "IDENTITY__OIDC__ROLE_MAP": '{"staff": "editor"}',
    }
    settings = loaded(monkeypatch, variables)
    assert isinstance(Container(settings=settings).foreign_tokens(), OidcTokens)
    assert settings.identity.oidc.role_claim == "realm_access.roles"
    for variable, value in (("ROLE_MAP", '{"staff": "boss"}'), ("ISSUER", "http://issuer.example")):
        with monkeypatch.context() as patch, pytest.raises(InvalidSettings, match=f"CATALOG_IDENTITY__OIDC__{variable}"):
            Container(settings=loaded(patch, {f"IDENTITY__OIDC__{variable}": value})).foreign_tokens()


def test_secrets_come_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those of groups within groups. Their values are in no repr."""
    for name, value in {
        "ADMIN_USERNAME": "root",
        "ADMIN_PASSWORD": "planted-password\n",
        "SIGNING_KEY": "planted-key",
        "OIDC__ISSUER": ISSUER,
        "OIDC__AUDIENCE": "shop",
    }.items():
        (tmp_path / f"CATALOG_IDENTITY__{name}").write_text(value)
    monkeypatch.setenv("CATALOG_SECRETS_DIR", str(tmp_path))
    settings = load_settings()
    identity = settings.identity
    assert identity.admin_password is not None
    assert (identity.admin_password.get_secret_value(), identity.oidc.issuer) == ("planted-password", ISSUER)
    assert "planted" not in f"{settings!r} {settings}"


async def test_counts_are_shared_where_a_shared_cache_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if responses are not cached. Closing the limiter closes the connection."""
    container = Container(settings=load_settings())
    assert isinstance(container.rate_limiter(), MemoryRateLimiter)
    assert isinstance(container.failure_counter(), MemoryFailureCounter)
    container = Container(settings=loaded(monkeypatch, {"CACHE__URL": "redis://127.0.0.1:1/0", "CACHE__TTL_SECONDS": "0"}))
    assert isinstance(container.rate_limiter(), RedisRateLimiter)
    assert isinstance(container.failure_counter(), RedisFailureCounter)
    await container.rate_limiter().close()
    container = Container(settings=loaded(monkeypatch, {"CACHE__URL": "redis://host:port/0"}))
    with pytest.raises(InvalidSettings, match="CATALOG_CACHE__URL"):
        container.rate_limiter()
