"""Storage plugins: select the storage adapter by the URL's scheme.

A plugin is a function from StorageOptions to Storage, registered in the entry-point group `catalog.storage` under its URL scheme.
The built-in adapters are registered the same way, in pyproject.toml.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from catalog.ports.storage import Storage, StorageOptions

GROUP = "catalog.storage"

OpenStorage = Callable[[StorageOptions], Storage]


_ALIASES = {"postgres": "postgresql", "sqlite3": "sqlite"}
"""Aliases of the built-in schemes. Heroku, Railway and others provide postgres:// URLs."""


class UnknownScheme(ValueError):
    """No installed adapter handles this storage URL."""


def schemes() -> list[str]:
    """Return the schemes of all installed adapters, sorted."""
    return sorted(_plugins())


def canonical(url: str) -> str:
    """Return the storage URL with the scheme under which its adapter is registered.

    `postgres://` becomes `postgresql://`. A SQLAlchemy driver name (`postgresql+asyncpg://`) is dropped, because Catalog has one
    driver per store. Raises: UnknownScheme, listing the known schemes.
    """
    scheme, separator, rest = url.partition("://")
    for name in (scheme, _base_scheme(scheme)):
        if separator and name in _plugins():
            return f"{name}://{rest}"
    known = ", ".join(f"{name}://" for name in schemes())
    message = (
        f"Unknown storage scheme {scheme!r}. Use one of: {known}."
        if separator
        else (f"A storage URL must start with one of: {known}.")
    )
    raise UnknownScheme(message)


def open_store(options: StorageOptions) -> Storage:
    """Create the store for the URL, importing only its own adapter. Raises: ValueError if the adapter rejects the URL."""
    url = canonical(options.url)
    open_storage: OpenStorage = _plugins()[url.partition("://")[0]].load()
    return open_storage(replace(options, url=url))


def _base_scheme(scheme: str) -> str:
    name = scheme.lower().partition("+")[0]
    return _ALIASES.get(name, name)


@cache
def _plugins() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}
