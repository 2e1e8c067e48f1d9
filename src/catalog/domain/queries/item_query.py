"""The query for a list of items, and the page it returns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Self

from catalog.domain.categories.tree import Tree
from catalog.domain.errors import InvalidCursor, InvalidQuery, shorten
from catalog.domain.items.item import Item
from catalog.domain.queries.cursor import CursorPosition, decode_cursor, encode_cursor
from catalog.domain.queries.filters import (
    FILTER_PARAMETERS,
    OPERATORS,
    OUTSIDE,
    WITHIN,
    Filters,
    field_of,
    is_filter,
    parse_filters,
    without_empty,
)
from catalog.domain.queries.operands import parse_whole_number
from catalog.domain.queries.ordering import (
    FIELD_OF,
    Ordering,
    SortValues,
    by_name,
    nearest_first,
    newest_first,
    parse_sort,
    reverse,
    sort_values,
)
from catalog.domain.search.search import SEARCHED_FIELDS, SearchQuery
from catalog.domain.validation import FieldErrors

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
MAX_OFFSET = 10_000
"""The maximum offset; use a cursor to read further."""

PAGE_PARAMETERS = ("limit", "cursor", "offset", "sort", "q")

PARAMETERS = (*PAGE_PARAMETERS, *FILTER_PARAMETERS)
"""All query parameters, except fields with an operator (catalog.domain.queries.filters)."""

_CONDITION_NAMES = tuple(f"{name}__{operator}" for name, operators in OPERATORS.items() for operator in operators)

Parameters = Mapping[str, str | Sequence[str]]
"""Raw parameters: a text each, or several for a repeated parameter."""


@dataclass(frozen=True, slots=True)
class ItemQuery:
    """A query: which items to return, in which order, from which position, and how many.

    The page starts after the sort values `after` or, with `backwards`, ends before them. `ranked` is false for a search with
    too many matches to rank, which is ordered by name instead.
    """

    search: SearchQuery | None
    ordering: Ordering
    filters: Filters = ()
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    after: SortValues | None = None
    backwards: bool = False
    ranked: bool = True

    @classmethod
    def parse(
        cls,
        raw_parameters: Parameters,
        errors: FieldErrors | None = None,
        base_filters: Filters = (),
        known_names: Sequence[str] = PARAMETERS,
    ) -> Self:
        """Parse the parameters of a query.

        Empty parameters count as absent. `errors` may already hold errors of other parameters. `base_filters` apply in
        addition to the filters among the parameters. `known_names` are the names suggested for an unknown parameter.

        Raises InvalidQuery with all errors, or InvalidCursor if only the cursor is invalid.
        """
        errors = FieldErrors() if errors is None else errors
        all_values = without_empty(
            {name: (value,) if isinstance(value, str) else value for name, value in raw_parameters.items()}
        )
        parameters = {name: values[-1] for name, values in all_values.items()}
        for name in raw_parameters:
            if name not in PAGE_PARAMETERS and not is_filter(name):
                message = f"Unknown parameter {shorten(name)}."
                allowed = (*known_names, *_CONDITION_NAMES)
                errors.add_unknown((name,), "unknown_parameter", message, allowed, _allowed_note(known_names))
        search = SearchQuery.parse(parameters.get("q", ""), errors)
        default_ordering = newest_first() if search is None else nearest_first()
        ordering = parse_sort(parameters["sort"], errors) if "sort" in parameters else default_ordering
        filters = (*base_filters, *parse_filters(all_values, errors))
        limit = parse_whole_number(parameters, "limit", range(1, MAX_LIMIT + 1), DEFAULT_LIMIT, errors)
        offset = parse_whole_number(parameters, "offset", range(MAX_OFFSET + 1), 0, errors)
        errors.raise_if_any(InvalidQuery)
        query = cls(search, ordering, filters, limit, offset)
        if "cursor" not in parameters:
            return query
        if "offset" in parameters:
            message = "Use either cursor or offset, not both."
            raise InvalidCursor(message)
        unranked_ordering = by_name() if query.is_ranked else ordering
        position = decode_cursor(parameters["cursor"], ordering, unranked_ordering, query.fingerprint)
        query = query if position.ranked else query.unranked()
        return replace(query, after=position.sort_values, backwards=position.backwards)

    @property
    def is_ranked(self) -> bool:
        """Whether the query orders by rank: a search without an explicit sort order."""
        return any(sort_key.name == "rank" for sort_key in self.ordering)

    @property
    def scan_order(self) -> Ordering:
        """The order in which a store scans the items, starting at the cursor position: reversed for a backwards page."""
        return reverse(self.ordering) if self.backwards else self.ordering

    def unranked(self) -> Self:
        """Return the same query ordered by name instead of rank."""
        return replace(self, ordering=by_name(), ranked=False) if self.is_ranked else self

    @property
    def membership_fields(self) -> frozenset[str]:
        """The mutable fields of an item that decide whether it is in the list, and at which position."""
        ordered = {FIELD_OF[sort_key.name] for sort_key in self.ordering if sort_key.name in FIELD_OF}
        filtered = {field_of(condition.field) for condition in self.filters}
        return frozenset(ordered | filtered if self.search is None else ordered | filtered | set(SEARCHED_FIELDS))

    @property
    def fingerprint(self) -> str:
        """A hash of search, filters and sort order, but not the limit. A cursor is valid for queries with its fingerprint."""
        ordering = self.ordering if self.ranked else nearest_first()
        return sha256(repr((self.search, self.filters, ordering)).encode()).hexdigest()[:12]

    @property
    def depends_on_tree(self) -> bool:
        """Whether the category tree decides which items are in the list."""
        return any(condition.operator in (WITHIN, OUTSIDE) for condition in self.filters)

    def predicate(self, tree: Tree) -> Callable[[Item], bool]:
        """Return a function that checks whether an item passes all filters. The search is not checked."""
        predicates = [condition.predicate(tree) for condition in self.filters]
        return predicates[0] if len(predicates) == 1 else lambda item: all(predicate(item) for predicate in predicates)

    def page(self, matches: Sequence[tuple[Item, int | None]]) -> "Page":
        """Build a page from matches in `scan_order`, each with its rank (None if the query is not ranked).

        Pass one match more than the limit, if there is one, to indicate that more items follow.
        """
        more = len(matches) > self.limit
        shown = matches[: self.limit][::-1] if self.backwards else matches[: self.limit]
        next_from = shown if more or self.backwards else []
        previous_from = shown if (more if self.backwards else self.after is not None or self.offset) else []
        return Page(
            tuple(item for item, _ in shown),
            self._cursor(*next_from[-1], backwards=False) if next_from else None,
            self._cursor(*previous_from[0], backwards=True) if previous_from else None,
            self.ranked,
        )

    def _cursor(self, item: Item, rank: int | None, *, backwards: bool) -> str:
        return encode_cursor(CursorPosition(sort_values(item, self.ordering, rank), backwards, self.ranked), self.fingerprint)


@dataclass(frozen=True, slots=True)
class Page:
    """Items in order, with the cursors of the next and the previous page, or None if there is no such page.

    `ranked` is false if a search had too many matches to rank.
    """

    items: tuple[Item, ...]
    next_cursor: str | None = None
    prev_cursor: str | None = None
    ranked: bool = True


def _allowed_note(names: Sequence[str]) -> str:
    """Return a sentence that lists the allowed parameters."""
    operators = dict.fromkeys(operator for field_operators in OPERATORS.values() for operator in field_operators)
    conditions = f"attr.NAME, and fields with an operator like version__gte ({', '.join(operators)})"
    return f"Allowed parameters: {', '.join(names)}, {conditions}."
