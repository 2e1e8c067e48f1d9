"""What `catalog doctor` looks at."""

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from catalog import __version__
from catalog.domain.errors import Unavailable
from catalog.entrypoints.settings import Settings, unknown
from catalog.ports.cache import Cache
from catalog.ports.storage import SchemaState, Storage

# SQLite versions with the WAL-reset bug. Catalog's own processes are safe from it (ADR 19), other programs are not.
_WAL_RESET = ((3, 7, 0), (3, 51, 2))


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: whether all is well with it, what was seen, and what to do."""

    what: str
    well: bool
    says: str
    remedy: str = ""
    unavailable: bool = False


async def examine(container: Any) -> list[Finding]:  # noqa: ANN401 - a Container
    """Look at everything."""
    settings: Settings = container.settings()
    storage: Storage = container.storage()
    findings = [
        Finding("catalog", well=True, says=f"{__version__} on Python {platform.python_version()}"),
        Finding("environment", well=True, says=settings.environment),
        *_variables(),
        _door(settings),
        await _cache(settings, container.shared_cache()),
        Finding("store", well=True, says=settings.storage.shown),
    ]
    try:
        versions = await storage.versions()
        schema = await storage.schema()
    except Unavailable as error:
        remedy = "Start the database, or mend CATALOG_STORAGE__URL; then look again."
        return [*findings, Finding("answers", well=False, says=str(error), remedy=remedy, unavailable=True)]
    return [*findings, *_versions(versions), _schema(schema, settings)]


def _variables() -> Iterator[Finding]:
    """Name variables that look like settings and are none."""
    for name in unknown():
        yield Finding(
            "settings", well=False, says=f"{name} is no setting.", remedy="Mend its name, or take it away; .env.example has all."
        )


def _door(settings: Settings) -> Finding:
    """Say who can reach the service."""
    address = f"{settings.http.host}:{settings.http.port}"
    if settings.http.loopback:
        return Finding("address", well=True, says=f"{address}, this machine only")
    if settings.identity.mode == "open":
        return Finding("address", well=True, says=f"{address}, open: whoever reaches it may read and change everything")
    remedy = "Listen on 127.0.0.1, or say that it is wanted: CATALOG_IDENTITY__MODE=open"
    return Finding("address", well=False, says=f"{address} would be open to other machines; serve refuses", remedy=remedy)


async def _cache(settings: Settings, shared: Cache | None) -> Finding:
    """Say what is kept of answers, and where."""
    fault = None if shared is None else await shared.fault()
    if shared is not None:
        await shared.close()
    if fault is None:
        return Finding("cache", well=True, says=settings.cache.shown)
    remedy = "Start it, or take CATALOG_CACHE__URL away; the service works without it, and the store has more to do."
    return Finding("cache", well=False, says=f"{settings.cache.shown}, which does not answer ({fault})", remedy=remedy)


def _versions(versions: Mapping[str, str]) -> Iterator[Finding]:
    """Say what the store runs on."""
    for name, version in versions.items():
        numbers = tuple(int(part) for part in version.split(".") if part.isdecimal())
        if name == "SQLite" and _WAL_RESET[0] <= numbers <= _WAL_RESET[1]:
            says = (
                f"{version}; safe with several Catalog processes. Don't write to the file with other programs meanwhile (ADR 19)."
            )
            yield Finding("sqlite", well=True, says=says)
        else:
            yield Finding(name.lower(), well=True, says=version)


def _schema(schema: SchemaState, settings: Settings) -> Finding:
    """Say whether the schema is the one that is wanted."""
    if schema.current:
        return Finding("schema", well=True, says=schema.wanted)
    if settings.storage.migrates:
        return Finding("schema", well=True, says=f"{schema.found or 'none'}; {schema.wanted} comes with the next start")
    return Finding("schema", well=False, says=f"{schema.found or 'none'}, wanted is {schema.wanted}", remedy="catalog migrate")
