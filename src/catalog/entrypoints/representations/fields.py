"""Types of the fields in requests and responses, with their descriptions, limits and examples.

They are documentation: OpenAPI schemas are generated from them, and encoding ignores them. The domain checks the rules.
"""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from catalog.domain.categories.category import MAX_POSITION
from catalog.domain.items.attributes import MAX_ATTRIBUTES, NAME_PATTERN
from catalog.domain.values.fields import MAX_DESCRIPTION, MAX_NAME, MAX_SLUG, SLUG_PATTERN
from catalog.domain.values.money import INT64_MAX
from catalog.domain.values.sku import SKU_PATTERN

Sku = Annotated[str, Meta(pattern=f"^{SKU_PATTERN}$", examples=["CHAIR-1"])]
NewSku = Annotated[
    str,
    Meta(
        pattern=rf"^\s*{SKU_PATTERN}\s*$",
        description="1 to 64 printable characters. Trimmed, and ASCII letters converted to upper case.",
        examples=["CHAIR-1"],
    ),
]
Key = Annotated[str, Meta(pattern=rf"^\s*{SKU_PATTERN}\s*$", description="The id or SKU of the item.", examples=["CHAIR-1"])]
Name = Annotated[str, Meta(pattern=r"\S", max_length=MAX_NAME, examples=["Garden chair"])]
Description = Annotated[str, Meta(max_length=MAX_DESCRIPTION)]
Slug = Annotated[str, Meta(pattern=f"^{SLUG_PATTERN}$", max_length=MAX_SLUG, examples=["garden-chairs"])]
Position = Annotated[int, Meta(ge=0, le=MAX_POSITION)]
Version = Annotated[int, Meta(ge=1, le=INT64_MAX)]
Count = Annotated[int, Meta(ge=0)]
Timestamp = Annotated[datetime, Meta(tz=True, examples=["2026-11-20T09:30:00.123456Z"])]
Amount = Annotated[str, Meta(description="A decimal number with all decimal places of the currency.", examples=["12.50"])]
Currency = Annotated[str, Meta(description="ISO 4217", examples=["EUR"])]

_ATTRIBUTE_NAMES = "Names have 1 to 64 of a-z, 0-9 and _, starting with a letter."

AttributeName = Annotated[str, Meta(pattern=f"^{NAME_PATTERN}$")]
AttributeValues = Annotated[
    dict[AttributeName, str | int | float | bool],
    Meta(
        title="Attributes",
        description=_ATTRIBUTE_NAMES,
        max_length=MAX_ATTRIBUTES,
        examples=[{"colour": "green", "weight_kg": 4.5}],
    ),
]
NewAttributeValues = Annotated[
    dict[AttributeName, str | int | float | bool | None],
    Meta(
        title="NewAttributes",
        description=f"{_ATTRIBUTE_NAMES} An attribute that is null is absent.",
        max_length=MAX_ATTRIBUTES,
        examples=[{"colour": "green", "weight_kg": 4.5}],
    ),
]
