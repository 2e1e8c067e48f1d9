"""The parameters of paths.

A SKU can contain a slash, which is percent-encoded in a path. `encode_slashes` keeps it that way for the router, and `item_key`
decodes it.
"""

from typing import Annotated
from urllib.parse import unquote
from uuid import UUID

from msgspec import Meta

from catalog.domain.identity.usernames import USERNAME_PATTERN
from catalog.domain.values.sku import SKU_PATTERN
from catalog.entrypoints.http.requests.parameters import Parameter
from catalog.entrypoints.representations.fields import Slug

KEY = Parameter(
    "key",
    "The id or SKU of the item, percent-encoded: a slash is %2F. ASCII letters are case-insensitive.",
    Annotated[str, Meta(pattern=rf"^\s*{SKU_PATTERN}\s*$", examples=["CHAIR-1"])],
    "path",
)
SLUG = Parameter("slug", "The slug of the category.", Slug, "path")
IMPORT_ID = Parameter("id", "The id of the import.", UUID, "path")

USER = Parameter(
    "user",
    "The id or name of the user. ASCII letters are case-insensitive.",
    Annotated[str, Meta(pattern=rf"^\s*{USERNAME_PATTERN}\s*$", examples=["anna"])],
    "path",
    key="user_key",
)
SESSION_ID = Parameter("session_id", "The id of the session.", UUID, "path")
KEY_ID = Parameter("key_id", "The id of the API key.", UUID, "path")

PATH_PARAMETERS = (KEY, SLUG, IMPORT_ID, USER, SESSION_ID, KEY_ID)


def encode_slashes(raw_path: bytes) -> str:
    """Decode a path but for the slashes and percent signs in its segments, which stay percent-encoded.

    Decoded, a slash could not be told apart from those between segments.
    """
    segments = map(unquote, raw_path.decode("latin-1").split("/"))
    return "/".join(segment.replace("%", "%25").replace("/", "%2F") for segment in segments)


def item_key(segment: str) -> str:
    """Return the item's key in a segment of a path that `encode_slashes` returned."""
    return segment.replace("%2F", "/").replace("%25", "%") if "%" in segment else segment
