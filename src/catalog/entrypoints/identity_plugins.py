"""Identity plugins: select the identity storage by the scheme of the storage's URL.

A plugin is a function from StorageOptions to IdentityStorage, registered in the entry-point group `catalog.identity` under its
URL scheme, as storage adapters are in `catalog.storage`.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from catalog.entrypoints.storage_plugins import UnknownScheme, canonical
from catalog.ports.identity.storage import IdentityStorage
from catalog.ports.storage import StorageOptions

GROUP = "catalog.identity"

OpenIdentity = Callable[[StorageOptions], IdentityStorage]


def open_identity(options: StorageOptions) -> IdentityStorage:
    """Create the identity storage for the URL, importing only its own adapter.

    Raises: UnknownScheme if the adapter of the storage has none, ValueError if the adapter rejects the URL.
    """
    url = canonical(options.url)
    scheme = url.partition("://")[0]
    plugin = _plugins().get(scheme)
    if plugin is None:
        known = ", ".join(f"{name}://" for name in sorted(_plugins()))
        message = f"The storage {scheme}:// cannot store users. Use one of: {known}, or turn sign-in off."
        raise UnknownScheme(message)
    open_plugin: OpenIdentity = plugin.load()
    return open_plugin(replace(options, url=url))


@cache
def _plugins() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}
