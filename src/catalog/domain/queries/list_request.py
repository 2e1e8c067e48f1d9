"""List requests: which items to return (catalog.domain.queries.item_query), and what to return with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

from catalog.domain.errors import shorten
from catalog.domain.items.item import FIELDS
from catalog.domain.queries.facets import parse_facets
from catalog.domain.queries.filters import Filters, field_of
from catalog.domain.queries.item_query import PARAMETERS as QUERY_PARAMETERS
from catalog.domain.queries.item_query import ItemQuery, Parameters
from catalog.domain.validation import FieldErrors

CountKind = Literal["none", "estimated", "exact"]

COUNTS: tuple[CountKind, ...] = ("none", "estimated", "exact")

ITEM_FIELDS = ("id", *FIELDS, "version", "created_at", "updated_at")
"""The fields of an item in responses, in order."""

PRESENTATION_PARAMETERS = ("fields", "include")
"""Parameters that select what is returned of an item."""

PARAMETERS = ("count", "facet", "highlight", *PRESENTATION_PARAMETERS)
"""The parameters of a list request, besides those of its query."""

EVERYTHING = (*QUERY_PARAMETERS, *PARAMETERS)
"""All parameters of a list that the documentation lists individually."""


@dataclass(frozen=True, slots=True)
class Presentation:
    """What is returned of each item: these fields (None: all) and, if requested, its category."""

    fields: tuple[str, ...] | None = None
    with_category: bool = False

    @classmethod
    def parse(cls, parameters: Mapping[str, str], errors: FieldErrors) -> Self:
        """Parse `fields` and `include`."""
        if parameters.get("include", "category") != "category":
            errors.add(("include",), "unknown_inclusion", "The parameter include must be category; nothing else can be included.")
        fields = _parse_fields(parameters["fields"], errors) if "fields" in parameters else None
        return cls(fields, "include" in parameters)


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A query, and what to return besides its items: a count, facets, highlights, selected fields."""

    query: ItemQuery
    count: CountKind = "none"
    facets: tuple[str, ...] = ()
    highlight: bool = False
    presentation: Presentation = Presentation()

    @property
    def depends_on_tree(self) -> bool:
        """Whether the response depends on the category tree."""
        return self.query.depends_on_tree or self.presentation.with_category

    @property
    def membership_fields(self) -> frozenset[str]:
        """The item fields that the response depends on, also for items that are not on the page."""
        return self.query.membership_fields | {field_of(name) for name in self.facets}

    @classmethod
    def parse(cls, parameters: Parameters, errors: FieldErrors | None = None, base_filters: Filters = ()) -> Self:
        """Parse the parameters of a list. Arguments and exceptions are those of ItemQuery.parse."""
        errors = FieldErrors() if errors is None else errors
        own = {name: value if isinstance(value, str) else value[-1] for name, value in parameters.items() if name in PARAMETERS}
        own = {name: value for name, value in own.items() if value}
        count = next((kind for kind in COUNTS if kind == own.get("count", "none")), None)
        if count is None:
            errors.add(("count",), "invalid_choice", f"The parameter count must be {' or '.join(COUNTS)}.")
        if own.get("highlight", "false") not in ("true", "false"):
            errors.add(("highlight",), "invalid_boolean", "The parameter highlight must be true or false.")
        facets = parse_facets(own["facet"], errors) if "facet" in own else ()
        presentation = Presentation.parse(own, errors)
        query = ItemQuery.parse(
            {name: value for name, value in parameters.items() if name not in PARAMETERS}, errors, base_filters, EVERYTHING
        )
        return cls(query, count or "none", facets, own.get("highlight") == "true", presentation)


def _parse_fields(raw: str, errors: FieldErrors) -> tuple[str, ...]:
    """Parse `name,price`. The id is always included."""
    names = [part.strip() for part in raw.split(",")]
    for name in names:
        if name not in ITEM_FIELDS:
            message = f"Unknown field {shorten(name)!r}."
            note = f"The fields of an item: {', '.join(ITEM_FIELDS)}."
            errors.add_unknown(("fields",), "unknown_field", message, ITEM_FIELDS, note, name)
    return tuple(name for name in ITEM_FIELDS if name == "id" or name in names)
