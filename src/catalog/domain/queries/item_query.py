"""A question for a list of items, and the page that answers it."""

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

PAGE_PARAMETERS = ("limit", "cursor", "offset", "sort", "q")

PARAMETERS = (*PAGE_PARAMETERS, *FILTER_PARAMETERS)
"""What a question may say; beside these, fields with an operator (catalog.domain.queries.filters)."""

_CONDITIONS = tuple(f"{name}__{operator}" for name, operators in OPERATORS.items() for operator in operators)

Parameters = Mapping[str, str | Sequence[str]]
"""Parameters as callers write them: text, or several texts where one may stand several times."""


@dataclass(frozen=True, slots=True)
class ItemQuery:
    """Which items, in which order, from where, how many.

    `after` is the place behind which the page begins; with `backwards`, before which it ends. `ranked` is false where a
    search finds too much to rank, and is in the order of names instead.
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
        cls, said: Parameters, faults: FieldErrors | None = None, within: Filters = (), others: Sequence[str] = PARAMETERS
    ) -> Self:
        """Read the parameters; `faults` holds what was found wrong with them before, `within` is asked for besides.

        An empty parameter is as good as absent. `others` are the names that an unknown one may have been meant to be.
        Raises InvalidQuery with every fault; InvalidCursor when nothing but the cursor is at fault.
        """
        faults = FieldErrors() if faults is None else faults
        every = without_empty({name: (value,) if isinstance(value, str) else value for name, value in said.items()})
        parameters = {name: values[-1] for name, values in every.items()}
        for name in said:
            if name not in PAGE_PARAMETERS and not is_filter(name):
                message = f"There is no parameter {shorten(name)}."
                faults.add_unknown((name,), "unknown_parameter", message, (*others, *_CONDITIONS), _known(others))
        search = SearchQuery.parse(parameters.get("q", ""), faults)
        unsorted = newest_first() if search is None else nearest_first()
        ordering = parse_sort(parameters["sort"], faults) if "sort" in parameters else unsorted
        filters = (*within, *parse_filters(every, faults))
        limit = parse_whole_number(parameters, "limit", range(1, MAX_LIMIT + 1), DEFAULT_LIMIT, faults)
        offset = parse_whole_number(parameters, "offset", range(MAX_OFFSET + 1), 0, faults)
        faults.raise_if_any(InvalidQuery)
        query = cls(search, ordering, filters, limit, offset)
        if "cursor" not in parameters:
            return query
        if "offset" in parameters:
            message = "A list goes on by cursor or by offset, not by both; leave one out."
            raise InvalidCursor(message)
        mark = decode_cursor(parameters["cursor"], ordering, by_name() if query.is_ranked else ordering, query.fingerprint)
        marked = query if mark.ranked else query.unranked()
        return replace(marked, after=mark.sort_values, backwards=mark.backwards)

    @property
    def is_ranked(self) -> bool:
        """Whether items are ranked: a search that asks for no other order."""
        return any(term.name == "rank" for term in self.ordering)

    @property
    def scan_order(self) -> Ordering:
        """The order in which a store goes through the items: from the mark on."""
        return reverse(self.ordering) if self.backwards else self.ordering

    def unranked(self) -> Self:
        """Ask for the same without ranks."""
        return replace(self, ordering=by_name(), ranked=False) if self.is_ranked else self

    @property
    def membership_fields(self) -> frozenset[str]:
        """The fields of an item that decide whether it is in the list, and where; but for those that no change changes."""
        ordered = {FIELD_OF[term.name] for term in self.ordering if term.name in FIELD_OF}
        filtered = {field_of(condition.field) for condition in self.filters}
        return frozenset(ordered | filtered if self.search is None else ordered | filtered | set(SEARCHED_FIELDS))

    @property
    def fingerprint(self) -> str:
        """What a cursor is bound to: filter and sort, not the limit."""
        ordering = self.ordering if self.ranked else nearest_first()
        return sha256(repr((self.search, self.filters, ordering)).encode()).hexdigest()[:12]

    @property
    def depends_on_tree(self) -> bool:
        """Whether the tree of categories decides who is in the list."""
        return any(condition.operator in (WITHIN, OUTSIDE) for condition in self.filters)

    def predicate(self, tree: Tree) -> Callable[[Item], bool]:
        """Tell whether the filters let an item through."""
        tests = [condition.predicate(tree) for condition in self.filters]
        return tests[0] if len(tests) == 1 else lambda item: all(test(item) for test in tests)

    def page(self, found: Sequence[tuple[Item, int | None]]) -> "Page":
        """Make the page from what a store found, each with its rank (None where nothing is ranked), in the order `walked`.

        Up to one more than the limit is given, which only says that there is more.
        """
        more = len(found) > self.limit
        kept = found[: self.limit][::-1] if self.backwards else found[: self.limit]
        ahead = kept if more or self.backwards else []
        behind = kept if (more if self.backwards else self.after is not None or self.offset) else []
        return Page(
            tuple(item for item, _ in kept),
            self._cursor(*ahead[-1], backwards=False) if ahead else None,
            self._cursor(*behind[0], backwards=True) if behind else None,
            self.ranked,
        )

    def _cursor(self, item: Item, rank: int | None, *, backwards: bool) -> str:
        return encode_cursor(CursorPosition(sort_values(item, self.ordering, rank), backwards, self.ranked), self.fingerprint)


@dataclass(frozen=True, slots=True)
class Page:
    """Some items, in order, with the cursors of the next page and of the one before; None where there is none.

    `ranked` is false where a search found too much to rank.
    """

    items: tuple[Item, ...]
    next_cursor: str | None = None
    prev_cursor: str | None = None
    ranked: bool = True


def _known(names: Sequence[str]) -> str:
    """Tell which parameters there are."""
    operators = dict.fromkeys(operator for each in OPERATORS.values() for operator in each)
    conditions = f"attr.NAME, and fields with an operator like version__gte ({', '.join(operators)})"
    return f"The parameters are {', '.join(names)}, {conditions}."
