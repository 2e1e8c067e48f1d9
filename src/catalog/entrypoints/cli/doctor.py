"""The checks of `catalog doctor`."""

import getpass
import os
import platform
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog import __version__
from catalog.domain.errors import Unavailable
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.problems import InvalidSettings
from catalog.entrypoints.settings.safety import refused, weaknesses
from catalog.ports.cache import Cache
from catalog.ports.identity.storage import IdentityStorage
from catalog.ports.storage import SchemaState, Storage

_MAX_CAUSE = 300
"""Maximum number of characters shown of a driver's message."""

# First and last SQLite version with the WAL-reset bug. It does not affect Catalog processes (ADR 19), only other programs.
_WAL_RESET_BUG = ((3, 7, 0), (3, 51, 2))


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check: subject, whether it passed, what was found, and how to fix it."""

    subject: str
    ok: bool
    message: str
    remedy: str = ""
    unavailable: bool = False


async def run_checks(container: Any) -> list[Check]:  # noqa: ANN401 - a Container
    """Run every check. If the store is unavailable, the checks that need it are skipped."""
    settings: Settings = container.settings()
    storage: Storage = container.storage()
    checks = [
        Check("catalog", ok=True, message=f"{__version__} on Python {platform.python_version()}"),
        Check("environment", ok=True, message=settings.environment),
        _check_network(settings),
        *_check_identity(container, settings),
        await _check_cache(settings, container.shared_cache()),
        Check("store", ok=True, message=settings.storage.display_url),
    ]
    try:
        versions = await storage.versions()
        schema = await storage.schema()
    except Unavailable as error:
        return [*checks, _connection_failure(error, settings)]
    checks += [*_check_versions(versions), _check_schema(schema, settings)]
    if schema.current:
        checks += [check async for check in _check_users(container, settings)]
    return checks


def _check_network(settings: Settings) -> Check:
    """Check who can reach the service."""
    address = f"{settings.http.host}:{settings.http.port}"
    if settings.http.loopback:
        return Check("address", ok=True, message=f"{address}, this machine only")
    if settings.identity.signs_in:
        return Check("address", ok=True, message=f"{address}, callers sign in")
    if settings.identity.mode == "open":
        return Check("address", ok=True, message=f"{address}, open: anyone who can reach it may read and change everything")
    remedy = "Listen on 127.0.0.1, or set CATALOG_IDENTITY__MODE=open to allow access without sign-in."
    return Check(
        "address", ok=False, message=f"{address} is reachable from other machines; `catalog serve` will not start", remedy=remedy
    )


def _check_identity(container: Any, settings: Settings) -> Iterator[Check]:  # noqa: ANN401 - a Container
    """Check who may call the service. Secrets are set or not set, and never shown."""
    identity = settings.identity
    guests = "guests may read" if identity.public_read else "guests may not read"
    modes = {
        "local": "local; everybody on this machine is the local admin",
        "open": "open; everybody is an admin",
        "required": f"required; {guests}",
    }
    yield Check("identity", ok=True, message=modes[identity.mode])
    for variable, message in refused(settings):
        if variable != "CATALOG_HTTP__HOST":
            yield Check("identity", ok=False, message="`catalog serve` will not start", remedy=f"{variable}: {message}")
    for variable, message in weaknesses(settings):
        yield Check("identity", ok=True, message=f"{variable}={message}")
    if not identity.signs_in:
        return
    yield _check_signing_keys(container)
    yield Check(
        "first admin", ok=True, message=f"{identity.admin_username}, password set" if identity.admin_username else "not set"
    )
    oidc = identity.oidc
    yield Check("other issuer", ok=True, message=f"{oidc.issuer}, for {oidc.audience}" if oidc.issuer else "not set")
    counted = "for all processes" if settings.cache.url else "by each process"
    yield Check("limits", ok=True, message=f"requests and failed sign-ins are counted {counted}")


async def _check_users(container: Any, settings: Settings) -> AsyncIterator[Check]:  # noqa: ANN401 - a Container
    """Check whether somebody can sign in."""
    if not settings.identity.signs_in:
        return
    storage: IdentityStorage = container.identity_storage()
    await storage.open()
    try:
        has_users = await storage.has_users()
    finally:
        await storage.close()
    if has_users:
        yield Check("users", ok=True, message="there are users")
    else:
        remedy = "catalog users create NAME --role admin"
        yield Check(
            "users", ok=True, message="none yet; the next start creates the first admin or prints a set-up link", remedy=remedy
        )


def _check_signing_keys(container: Any) -> Check:  # noqa: ANN401 - a Container
    """Check the signing keys in the settings."""
    try:
        count = len(container.keys_from_settings())
    except InvalidSettings as error:
        return Check("signing key", ok=False, message="`catalog serve` will not start", remedy=str(error))
    messages = ("not set; one is kept in the store", "set")
    message = messages[count] if count < len(messages) else f"{count} are set; the first one signs, all verify"
    return Check("signing key", ok=True, message=message)


async def _check_cache(settings: Settings, shared: Cache | None) -> Check:
    """Check the response cache, and whether the shared cache responds."""
    failure = None if shared is None else await shared.failure()
    if shared is not None:
        await shared.close()
    if failure is None:
        return Check("cache", ok=True, message=settings.cache.summary)
    remedy = "Start the cache, or unset CATALOG_CACHE__URL. The service works without it, but puts more load on the store."
    return Check("cache", ok=False, message=f"{settings.cache.summary}, which does not respond ({failure})", remedy=remedy)


def _connection_failure(error: Unavailable, settings: Settings) -> Check:
    """Report why the store is unavailable and which address was tried, with the driver's own message."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    scheme, _, rest = settings.storage.display_url.partition("://")
    remedy = "Start the database or correct CATALOG_STORAGE__URL, then run `catalog doctor` again."
    if scheme == "sqlite":
        problem = _file_problem(Path(rest.removeprefix("/")))
        if problem is not None:
            return Check("connection", ok=False, message=problem[0], remedy=problem[1], unavailable=True)
        message = str(error) if str(cause) in str(error) else f"{error} ({cause})"
    else:
        address = rest.rpartition("@")[2].partition("/")[0] or "the local socket"
        message = f"{error} At {_with_port(address) if scheme == 'postgresql' else address}"
        message += f": {' '.join(str(cause).split())[:_MAX_CAUSE] or type(cause).__name__}" if cause is not error else ""
    return Check("connection", ok=False, message=message, remedy=remedy, unavailable=True)


def _with_port(hosts: str) -> str:
    """Add the default Postgres port to hosts without one."""
    return ",".join(host if ":" in host.rpartition("]")[2] or " " in host else f"{host}:5432" for host in hosts.split(","))


def _file_problem(path: Path) -> tuple[str, str] | None:
    """Return why the database file cannot be read or written, and how to fix it; None if it can."""
    path = path.absolute()
    folder = path.parent
    if not folder.is_dir():
        return f"The folder {folder} does not exist.", f"mkdir -p {folder}, or change CATALOG_STORAGE__URL."
    if path.is_dir():
        return f"{path} is a folder.", "Set CATALOG_STORAGE__URL to a file in it."
    # SQLite writes its log next to the file, so the folder must be writable too.
    for place, mode in ((folder, os.W_OK | os.X_OK), (path, os.R_OK | os.W_OK)):
        if place.exists() and not os.access(place, mode):
            return (
                f"The user {_user()} cannot write to {'the folder ' if place == folder else ''}{place}.",
                "Grant the user access, or change CATALOG_STORAGE__URL.",
            )
    return None


def _user() -> str:
    """Return the name of the current user, or its id."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())


def _check_versions(versions: Mapping[str, str]) -> Iterator[Check]:
    """Report the store's versions, and its JIT and connection pooler modes."""
    for name, version in versions.items():
        numbers = tuple(int(part) for part in version.split(".") if part.isdecimal())
        if name == "SQLite" and _WAL_RESET_BUG[0] <= numbers <= _WAL_RESET_BUG[1]:
            message = f"{version}; safe for several Catalog processes. Do not write to the file with other programs (ADR 19)."
            yield Check("sqlite", ok=True, message=message)
        else:
            yield Check(name.lower(), ok=True, message=version)
        if name == "JIT" and version != "off":
            message = (
                "JIT cannot be turned off for Catalog's sessions behind this pooler; compiling statements slows queries down."
            )
            remedy = (
                "Run ALTER ROLE the_role SET jit = off, or set CATALOG_STORAGE__POOLER=session if the pooler is in session mode."
            )
            yield Check("jit", ok=True, message=message, remedy=remedy)
        if name == "pooler" and version.startswith("found"):
            message = "Transaction mode is assumed: no prepared statements, and other processes' commits are found by polling."
            remedy = "If the pooler is in session mode, set CATALOG_STORAGE__POOLER=session, which is faster."
            yield Check("pooler", ok=True, message=message, remedy=remedy)


def _check_schema(schema: SchemaState, settings: Settings) -> Check:
    """Check whether the schema is up to date."""
    if schema.current:
        return Check("schema", ok=True, message=schema.required_version)
    if settings.storage.migrates:
        return Check(
            "schema",
            ok=True,
            message=f"{schema.current_version or 'none'}; the next start migrates it to {schema.required_version}",
        )
    return Check(
        "schema",
        ok=False,
        message=f"{schema.current_version or 'none'}; {schema.required_version} is required",
        remedy="catalog migrate",
    )
