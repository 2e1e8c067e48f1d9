"""The storage port: where items, categories and the change log are stored. tests/contract checks every adapter against it.

`Storage` is the sum of small protocols, one per role. What an adapter must write is in `lifecycle`, `items`, `categories`,
`change_log` and `commits`. What follows from that, and is written only to be faster, is in `optional`; `StorageDefaults`
implements it for every adapter.
"""

from catalog.ports.storage.defaults import StorageDefaults
from catalog.ports.storage.lifecycle import StorageOptions
from catalog.ports.storage.optional import Count, SchemaState
from catalog.ports.storage.storage import Storage

__all__ = ["Count", "SchemaState", "Storage", "StorageDefaults", "StorageOptions"]
