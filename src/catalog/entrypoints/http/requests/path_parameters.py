"""The parameters of paths."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from catalog.entrypoints.http.requests.parameters import Parameter
from catalog.entrypoints.representations.fields import KEY_PATTERN, Slug

KEY = Parameter(
    "key",
    "The id or SKU of the item. SKUs are case-insensitive.",
    Annotated[str, Meta(pattern=rf"^\s*{KEY_PATTERN}\s*$", examples=["CHAIR-1"])],
    "path",
)
SLUG = Parameter("slug", "The slug of the category.", Slug, "path")
IMPORT_ID = Parameter("id", "The id of the import.", UUID, "path")

PATH_PARAMETERS = (KEY, SLUG, IMPORT_ID)
