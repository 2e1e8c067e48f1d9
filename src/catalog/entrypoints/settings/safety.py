"""Which settings are refused because they are unsafe, and which weaken security but are allowed."""

from collections.abc import Iterator

from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.sections import HttpSettings

PRODUCTION = ("uat", "uatbiz", "sanity", "prod")
"""Environments in which everybody has to sign in by HTTPS, unless CATALOG_IDENTITY__ALLOW_INSECURE says otherwise."""

Finding = tuple[str, str]
"""A variable, and what is wrong with it."""


def incomplete(settings: Settings) -> Iterator[Finding]:
    """Yield each setting that is missing beside another one."""
    identity = settings.identity
    name, password = identity.admin_username, identity.admin_password
    if name is None and password is not None:
        yield "CATALOG_IDENTITY__ADMIN_USERNAME", "Set it too, or unset CATALOG_IDENTITY__ADMIN_PASSWORD."
    if name is not None and password is None:
        yield "CATALOG_IDENTITY__ADMIN_PASSWORD", "Set it too, or unset CATALOG_IDENTITY__ADMIN_USERNAME."
    oidc = identity.oidc
    if oidc.issuer is None and oidc.audience is not None:
        yield "CATALOG_IDENTITY__OIDC__ISSUER", "Set it too, or unset CATALOG_IDENTITY__OIDC__AUDIENCE."
    if oidc.issuer is not None and oidc.audience is None:
        yield "CATALOG_IDENTITY__OIDC__AUDIENCE", "Set it too: the audience that the issuer's tokens for Catalog have."


def refused(settings: Settings) -> Iterator[Finding]:
    """Yield each setting with which the service does not start."""
    identity, http = settings.identity, settings.http
    is_production = settings.environment in PRODUCTION
    if identity.mode == "local" and not http.loopback:
        message = (
            f"Other machines can reach {http.host}, and nobody has to sign in: anyone could read and change all data. "
            "Listen on 127.0.0.1, or let callers sign in with CATALOG_IDENTITY__MODE=required, "
            "or allow it with CATALOG_IDENTITY__MODE=open."
        )
        yield "CATALOG_HTTP__HOST", message
    if is_production and not identity.signs_in and not identity.allow_insecure:
        message = (
            f"The environment {settings.environment} needs CATALOG_IDENTITY__MODE=required; with {identity.mode}, nobody has to "
            "sign in. To allow that, set CATALOG_IDENTITY__ALLOW_INSECURE=true."
        )
        yield "CATALOG_IDENTITY__MODE", message
    if is_production and identity.signs_in and not http.tls and not identity.allow_insecure:
        message = (
            f"The environment {settings.environment} needs CATALOG_HTTP__TLS=true, which says that clients reach the service by "
            "HTTPS only: passwords and tokens must not cross a network without it. Let a proxy provide HTTPS, and set this. "
            "To allow HTTP, set CATALOG_IDENTITY__ALLOW_INSECURE=true."
        )
        yield "CATALOG_HTTP__TLS", message
    if is_production and identity.signs_in and settings.storage.scheme == "memory" and identity.signing_key is None:
        yield (
            "CATALOG_IDENTITY__SIGNING_KEY",
            f"In the environment {settings.environment} a key is required with memory://, which forgets its own at each start.",
        )


def weaknesses(settings: Settings) -> Iterator[Finding]:
    """Yield each setting that weakens security, although the service starts."""
    identity, http = settings.identity, settings.http
    is_production = settings.environment in PRODUCTION
    if identity.mode == "open":
        who = "anyone on this machine" if http.loopback else "other machines can reach this address, and anyone"
        yield "CATALOG_IDENTITY__MODE", f"open: {who} can read and change all data without signing in."
    if is_production and not identity.signs_in:
        yield (
            "CATALOG_IDENTITY__ALLOW_INSECURE",
            f"true: nobody has to sign in, although the environment is {settings.environment}.",
        )
    yield from _weak_http(http, signs_in=identity.signs_in)
    if identity.signs_in and not http.tls and (is_production or not http.loopback):
        yield (
            "CATALOG_HTTP__TLS",
            "false: passwords and tokens must not cross a network without TLS. If a proxy provides it, set this to true.",
        )


def _weak_http(http: HttpSettings, *, signs_in: bool) -> Iterator[Finding]:
    """Yield each setting by which anybody is believed or let in."""
    if "*" in http.allowed_hosts:
        yield "CATALOG_HTTP__ALLOWED_HOSTS", "*: any page that a browser here visits may reach the service by DNS rebinding."
    if "*" in http.cors_origins:
        may = "call the API, with any token that it has" if signs_in else "read and change all data"
        yield "CATALOG_HTTP__CORS_ORIGINS", f"*: any page that a browser here visits may {may}."
    for network in http.trusted_proxies:
        if network.prefixlen == 0:
            yield (
                "CATALOG_HTTP__TRUSTED_PROXIES",
                f"{network}: every client is trusted, and can choose the address that limits count and the audit shows.",
            )
