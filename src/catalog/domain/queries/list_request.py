"""A question for a list as callers put it: which items (catalog.domain.queries.item_query), and what is to be told of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self

from catalog.domain.errors import shorten
from catalog.domain.items.item import FIELDS
from catalog.domain.queries.facets import parse_facets
from catalog.domain.queries.filters import Filters, field_of
from catalog.domain.queries.item_query import PARAMETERS as OF_QUERIES
from catalog.domain.queries.item_query import ItemQuery, Parameters
from catalog.domain.validation import FieldErrors

CountKind = Literal["none", "estimated", "exact"]

COUNTS: tuple[CountKind, ...] = ("none", "estimated", "exact")

ITEM_FIELDS = ("id", *FIELDS, "version", "created_at", "updated_at")
"""The fields of an item that answers have, in their order."""

PRESENTATION_PARAMETERS = ("fields", "include")
"""Parameters that say how an item is shown."""

PARAMETERS = ("count", "facet", "highlight", *PRESENTATION_PARAMETERS)
"""What can be said beside what a query says."""

EVERYTHING = (*OF_QUERIES, *PARAMETERS)
"""Every parameter of a list that documents name one by one."""


@dataclass(frozen=True, slots=True)
class Presentation:
    """How items are shown: with these fields (None: all), and with their categories."""

    fields: tuple[str, ...] | None = None
    with_category: bool = False

    @classmethod
    def parse(cls, said: Mapping[str, str], faults: FieldErrors) -> Self:
        """Read `fields` and `include`."""
        if said.get("include", "category") != "category":
            faults.add(("include",), "unknown_inclusion", "The parameter include is category; nothing else can be included.")
        return cls(_fields(said["fields"], faults) if "fields" in said else None, "include" in said)


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A query, and what is to be told beside its items."""

    query: ItemQuery
    count: CountKind = "none"
    facets: tuple[str, ...] = ()
    highlight: bool = False
    presentation: Presentation = Presentation()

    @property
    def depends_on_tree(self) -> bool:
        """Whether the answer depends on the tree of categories."""
        return self.query.depends_on_tree or self.presentation.with_category

    @property
    def membership_fields(self) -> frozenset[str]:
        """The fields of items, on the page or not, that the answer depends on."""
        return self.query.membership_fields | {field_of(name) for name in self.facets}

    @classmethod
    def parse(cls, said: Parameters, faults: FieldErrors | None = None, within: Filters = ()) -> Self:
        """Read the parameters; see ItemQuery.parse, which this takes its arguments from. Raises what that raises."""
        faults = FieldErrors() if faults is None else faults
        own = {name: value if isinstance(value, str) else value[-1] for name, value in said.items() if name in PARAMETERS}
        own = {name: value for name, value in own.items() if value}
        count = next((kind for kind in COUNTS if kind == own.get("count", "none")), None)
        if count is None:
            faults.add(("count",), "invalid_choice", f"The parameter count is {' or '.join(COUNTS)}.")
        if own.get("highlight", "false") not in ("true", "false"):
            faults.add(("highlight",), "invalid_boolean", "The parameter highlight is true or false.")
        facets = parse_facets(own["facet"], faults) if "facet" in own else ()
        presentation = Presentation.parse(own, faults)
        query = ItemQuery.parse(
            {name: value for name, value in said.items() if name not in PARAMETERS}, faults, within, EVERYTHING
        )
        return cls(query, count or "none", facets, own.get("highlight") == "true", presentation)


def _fields(raw: str, faults: FieldErrors) -> tuple[str, ...]:
    """Read `name,price`; the id is always among them."""
    named = [part.strip() for part in raw.split(",")]
    for name in named:
        if name not in ITEM_FIELDS:
            message = f"An item has no field {shorten(name)!r}."
            faults.add_unknown(
                ("fields",), "unknown_field", message, ITEM_FIELDS, f"An item has the fields {', '.join(ITEM_FIELDS)}.", name
            )
    return tuple(name for name in ITEM_FIELDS if name == "id" or name in named)
