"""What `catalog doctor` looks at."""

import getpass
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog import __version__
from catalog.domain.errors import Unavailable
from catalog.entrypoints.settings import Settings
from catalog.ports.cache import Cache
from catalog.ports.storage import SchemaState, Storage

_MOST_CAUSE = 300
"""Characters of a driver's message that are shown."""

# SQLite versions with the WAL-reset bug. Catalog's own processes are safe from it (ADR 19), other programs are not.
_WAL_RESET = ((3, 7, 0), (3, 51, 2))


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: whether all is well with it, what was seen, and what to do."""

    subject: str
    ok: bool
    message: str
    remedy: str = ""
    unavailable: bool = False


async def run_checks(container: Any) -> list[Check]:  # noqa: ANN401 - a Container
    """Look at everything."""
    settings: Settings = container.settings()
    storage: Storage = container.storage()
    findings = [
        Check("catalog", ok=True, message=f"{__version__} on Python {platform.python_version()}"),
        Check("environment", ok=True, message=settings.environment),
        _check_network(settings),
        await _check_cache(settings, container.shared_cache()),
        Check("store", ok=True, message=settings.storage.shown),
    ]
    try:
        versions = await storage.versions()
        schema = await storage.schema()
    except Unavailable as error:
        return [*findings, _unavailable(error, settings)]
    return [*findings, *_check_versions(versions), _check_schema(schema, settings)]


def _check_network(settings: Settings) -> Check:
    """Say who can reach the service."""
    address = f"{settings.http.host}:{settings.http.port}"
    if settings.http.loopback:
        return Check("address", ok=True, message=f"{address}, this machine only")
    if settings.identity.mode == "open":
        return Check("address", ok=True, message=f"{address}, open: whoever reaches it may read and change everything")
    remedy = "Listen on 127.0.0.1, or say that it is wanted: CATALOG_IDENTITY__MODE=open"
    return Check("address", ok=False, message=f"{address} would be open to other machines; serve refuses", remedy=remedy)


async def _check_cache(settings: Settings, shared: Cache | None) -> Check:
    """Say what is kept of answers, and where."""
    fault = None if shared is None else await shared.failure()
    if shared is not None:
        await shared.close()
    if fault is None:
        return Check("cache", ok=True, message=settings.cache.shown)
    remedy = "Start it, or take CATALOG_CACHE__URL away; the service works without it, and the store has more to do."
    return Check("cache", ok=False, message=f"{settings.cache.shown}, which does not answer ({fault})", remedy=remedy)


def _unavailable(error: Unavailable, settings: Settings) -> Check:
    """Say why the store does not answer, and where it was looked for. For operators: the driver's own words are in it."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    scheme, _, rest = settings.storage.shown.partition("://")
    remedy = "Start the database, or mend CATALOG_STORAGE__URL; then look again."
    if scheme == "sqlite":
        where = _file_fault(Path(rest.removeprefix("/")))
        if where is not None:
            return Check("answers", ok=False, message=where[0], remedy=where[1], unavailable=True)
        says = str(error) if str(cause) in str(error) else f"{error} ({cause})"
    else:
        address = rest.rpartition("@")[2].partition("/")[0] or "the local socket"
        says = f"{error} At {_with_port(address) if scheme == 'postgresql' else address}"
        says += f": {' '.join(str(cause).split())[:_MOST_CAUSE] or type(cause).__name__}" if cause is not error else ""
    return Check("answers", ok=False, message=says, remedy=remedy, unavailable=True)


def _with_port(hosts: str) -> str:
    """Add Postgres' port to the hosts that have none."""
    return ",".join(host if ":" in host.rpartition("]")[2] or " " in host else f"{host}:5432" for host in hosts.split(","))


def _file_fault(path: Path) -> tuple[str, str] | None:
    """Say what keeps a file from being read and written, and what to do; None if nothing does."""
    path = path.absolute()
    folder = path.parent
    if not folder.is_dir():
        return f"The folder {folder} does not exist.", f"mkdir -p {folder}, or change CATALOG_STORAGE__URL."
    if path.is_dir():
        return f"{path} is a folder.", "Name a file in it in CATALOG_STORAGE__URL."
    # SQLite writes its log beside the file, so the folder must be writable too.
    for place, mode in ((folder, os.W_OK | os.X_OK), (path, os.R_OK | os.W_OK)):
        if place.exists() and not os.access(place, mode):
            return (
                f"{'The folder ' if place == folder else ''}{place} cannot be written to by the user {_user()}.",
                "Give that user the right to, or change CATALOG_STORAGE__URL.",
            )
    return None


def _user() -> str:
    """Return who runs this."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())


def _check_versions(versions: Mapping[str, str]) -> Iterator[Check]:
    """Say what the store runs on."""
    for name, version in versions.items():
        numbers = tuple(int(part) for part in version.split(".") if part.isdecimal())
        if name == "SQLite" and _WAL_RESET[0] <= numbers <= _WAL_RESET[1]:
            says = (
                f"{version}; safe with several Catalog processes. Don't write to the file with other programs meanwhile (ADR 19)."
            )
            yield Check("sqlite", ok=True, message=says)
        else:
            yield Check(name.lower(), ok=True, message=version)
        if name == "JIT" and version != "off":
            says = "A pooler keeps JIT from being turned off for our sessions; the server may compile statements, which is slow."
            remedy = (
                "ALTER ROLE the_role SET jit = off; or CATALOG_STORAGE__POOLER=session, where the pooler works in session mode."
            )
            yield Check("jit", ok=True, message=says, remedy=remedy)
        if name == "pooler" and version.startswith("found"):
            says = "Nothing is prepared, and other processes' commits are polled for, as a pooler in transaction mode needs it."
            remedy = "Set CATALOG_STORAGE__POOLER=session, where the pooler works in session mode: it is faster."
            yield Check("pooler", ok=True, message=says, remedy=remedy)


def _check_schema(schema: SchemaState, settings: Settings) -> Check:
    """Say whether the schema is the one that is wanted."""
    if schema.current:
        return Check("schema", ok=True, message=schema.required_version)
    if settings.storage.migrates:
        return Check(
            "schema", ok=True, message=f"{schema.current_version or 'none'}; {schema.required_version} comes with the next start"
        )
    return Check(
        "schema",
        ok=False,
        message=f"{schema.current_version or 'none'}, wanted is {schema.required_version}",
        remedy="catalog migrate",
    )
