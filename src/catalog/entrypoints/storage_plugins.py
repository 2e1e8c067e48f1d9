"""Which adapter keeps the catalog: by the scheme of the storage URL, ours or one of another package.

An adapter is a function from StorageOptions to a Storage, registered under the entry-point group `catalog.storage`
with its scheme as the name. Ours are registered there like any other (pyproject.toml).
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from catalog.ports.storage import Storage, StorageOptions

GROUP = "catalog.storage"

OpenStorage = Callable[[StorageOptions], Storage]


_ALIASES = {"postgres": "postgresql", "sqlite3": "sqlite"}
"""Other names of our schemes. Heroku, Railway and others hand out postgres:// URLs."""


class UnknownScheme(ValueError):
    """A storage URL that no installed adapter is for."""


def schemes() -> list[str]:
    """Return the schemes that there are adapters for."""
    return sorted(_plugins())


def canonical(url: str) -> str:
    """Return a storage URL with the scheme that its adapter is registered under.

    `postgres://` becomes `postgresql://`, and a driver as SQLAlchemy writes it (`postgresql+asyncpg://`) is left out: Catalog has
    one for each store. Raises UnknownScheme, naming the known ones, when no adapter is for this URL.
    """
    scheme, separator, rest = url.partition("://")
    for name in (scheme, _base_scheme(scheme)):
        if separator and name in _plugins():
            return f"{name}://{rest}"
    known = ", ".join(f"{name}://" for name in schemes())
    message = (
        f"no store is known for {scheme!r}; the URL begins with one of {known}"
        if separator
        else (f"a storage URL begins with one of {known}")
    )
    raise UnknownScheme(message)


def open_store(options: StorageOptions) -> Storage:
    """Make the store that the URL asks for; its package is imported now, and no other. Raises ValueError."""
    url = canonical(options.url)
    opened: OpenStorage = _plugins()[url.partition("://")[0]].load()
    return opened(replace(options, url=url))


def _base_scheme(scheme: str) -> str:
    name = scheme.lower().partition("+")[0]
    return _ALIASES.get(name, name)


@cache
def _plugins() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}
