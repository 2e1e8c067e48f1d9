"""Which adapter keeps the catalog: by the scheme of the storage URL, ours or one of another package.

An adapter is a function from StorageOptions to a Storage, registered under the entry-point group `catalog.storage`
with its scheme as the name. Ours are registered there like any other (pyproject.toml).
"""

from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from catalog.ports.storage import Storage, StorageOptions

GROUP = "catalog.storage"

OpenStorage = Callable[[StorageOptions], Storage]


class UnknownScheme(ValueError):
    """A storage URL that no installed adapter is for."""


def schemes() -> list[str]:
    """Return the schemes that there are adapters for."""
    return sorted(_adapters())


def check_scheme(url: str) -> None:
    """Raise UnknownScheme, naming the known ones, when no adapter is for this URL."""
    scheme, separator, _ = url.partition("://")
    if not separator or scheme not in _adapters():
        known = ", ".join(f"{name}://" for name in schemes())
        message = f"no store is known for {scheme!r}; the URL begins with one of {known}"
        raise UnknownScheme(message)


def open_store(options: StorageOptions) -> Storage:
    """Make the store that the URL asks for; its package is imported now, and no other. Raises ValueError."""
    check_scheme(options.url)
    opened: OpenStorage = _adapters()[options.url.partition("://")[0]].load()
    return opened(options)


@cache
def _adapters() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}
