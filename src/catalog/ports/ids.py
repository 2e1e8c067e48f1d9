"""The port for new ids and SKUs."""

from typing import Protocol
from uuid import UUID


class Ids(Protocol):
    """Generates unique ids and SKUs."""

    def new_id(self) -> UUID:
        """Return a new UUIDv7 (RFC 9562, section 5.7)."""

    def sku(self) -> str:
        """Return a new SKU: `I-` and 13 random characters of Crockford's base 32."""
