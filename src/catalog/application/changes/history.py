"""Queries of the change log: all changes, the history of an item, and its prices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from catalog.domain.categories import category
from catalog.domain.changes.log import MAX_SEQ, LogEntry, LogFilter, LogPage
from catalog.domain.changes.price_history import (
    PricePeriod,
    lowest_price,
    price_before_reduction,
    price_in_force,
    price_periods,
)
from catalog.domain.errors import InvalidQuery, ItemNotFound, LogPruned, shorten
from catalog.domain.items import item
from catalog.domain.items.item import Item
from catalog.domain.queries.operands import parse_whole_number, refuse_unknown
from catalog.domain.validation import FieldErrors
from catalog.domain.values.sku import parse_key
from catalog.ports.clock import Clock
from catalog.ports.storage import Storage

_BATCH_SIZE = 1_000

MAX_ENTRIES = 1_000
DEFAULT_ENTRIES = 100

KINDS = (*item.KINDS, *category.KINDS)
"""The kinds of changes in the log."""

PARAMETERS = ("after", "limit", "kind", "item")


@dataclass(frozen=True, slots=True)
class LogRequest:
    """The parameters of a log query. `item` is an id or a SKU; `after` is a seq, or None for the beginning of the log."""

    after: int | None = None
    limit: int = DEFAULT_ENTRIES
    kinds: frozenset[str] = frozenset()
    item: str | None = None

    @classmethod
    def parse(cls, parameters: Mapping[str, str], errors: FieldErrors | None = None) -> Self:
        """Parse query parameters. Empty parameters count as missing.

        Raises: InvalidQuery with every error.
        """
        errors = FieldErrors() if errors is None else errors
        refuse_unknown(parameters, PARAMETERS, errors)
        parameters = {name: value for name, value in parameters.items() if value}
        after = parse_whole_number(parameters, "after", range(MAX_SEQ), None, errors)
        limit = parse_whole_number(parameters, "limit", range(1, MAX_ENTRIES + 1), DEFAULT_ENTRIES, errors)
        kinds = frozenset(parameters["kind"].split(",")) if "kind" in parameters else frozenset()
        for kind in sorted(kinds - {*KINDS}):
            allowed_kinds = f"Allowed kinds: {', '.join(KINDS)}."
            errors.add_unknown(("kind",), "unknown_kind", f"Unknown kind {shorten(kind)!r}.", KINDS, allowed_kinds, kind)
        errors.raise_if_any(InvalidQuery)
        return cls(after, limit, kinds, parameters.get("item"))


@dataclass(frozen=True, slots=True)
class ItemHistory:
    """A page of an item's history. `known_since` is the start of the log if the item is older than that, else None."""

    page: LogPage
    known_since: datetime | None


@dataclass(frozen=True, slots=True)
class PriceHistory:
    """An item's prices, the lowest of the last 30 days, and the lowest of the 30 days before the last price reduction."""

    prices: Sequence[PricePeriod]
    lowest: PricePeriod | None
    before_reduction: PricePeriod | None
    known_since: datetime | None


class History:
    """Queries the log. A `key` is an id or a SKU, as text. A SKU means the item that has it, or else the last one that had it."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        """Read the log of `storage`."""
        self._storage = storage
        self._clock = clock

    async def find_item_id(self, key: str) -> UUID:
        """Return the id of an existing or deleted item.

        Raises: ItemNotFound.
        """
        parsed = parse_key(key)
        if isinstance(parsed, UUID):
            return parsed
        if parsed is not None:
            existing = (await self._storage.items_by_sku((parsed,))).get(parsed)
            if existing is not None:
                return existing.id
            deletion = await self._storage.last_deletion(parsed)
            if deletion is not None:
                return deletion.subject_id
        raise ItemNotFound(key)

    async def log_filter(self, request: LogRequest) -> LogFilter:
        """Return the log filter for a request.

        Raises: ItemNotFound.
        """
        return LogFilter(request.kinds, None if request.item is None else await self.find_item_id(request.item))

    async def changes(self, request: LogRequest) -> LogPage:
        """Return a page of the log.

        Raises: ItemNotFound, LogPruned if the requested entries were pruned.
        """
        after = request.after
        page = await self._storage.changes(after=after or 0, limit=request.limit, log_filter=await self.log_filter(request))
        if after is not None and after < page.floor:
            raise LogPruned(after, page.floor)
        return page

    async def item_history(self, key: str, request: LogRequest) -> ItemHistory:
        """Return a page of an item's history, oldest first.

        Raises: ItemNotFound.
        """
        item_id = await self.find_item_id(key)
        after = request.after or 0
        page = await self._storage.changes(after=after, limit=request.limit, log_filter=LogFilter(subject=item_id))
        first_entry = page.entries[0] if page.entries and not after else await self._first_entry(item_id)
        await self._require_known(item_id, first_entry, key)
        return ItemHistory(page, await self._known_since(page, first_entry))

    async def prices(self, key: str, as_of: datetime | None = None) -> PriceHistory:
        """Return all prices of an item, or the one in force at `as_of`.

        Raises: ItemNotFound.
        """
        item_id = await self.find_item_id(key)
        log_filter = LogFilter(subject=item_id)
        page = await self._storage.changes(after=0, limit=_BATCH_SIZE, log_filter=log_filter)
        entries = list(page.entries)
        while page.next_after is not None:
            page = await self._storage.changes(after=page.next_after, limit=_BATCH_SIZE, log_filter=log_filter)
            entries += page.entries
        await self._require_known(item_id, entries[0] if entries else None, key)
        before = entries[0].change.before if entries else (await self._storage.items_by_id((item_id,))).get(item_id)
        periods = price_periods(before if isinstance(before, Item) else None, entries)
        # The process that wrote the last price may have a clock ahead of ours. Its price is in force anyway.
        moment = as_of or max((self._clock.now(), *(period.since for period in periods[-1:])))
        in_force = price_in_force(periods, moment)
        shown = periods if as_of is None else [] if in_force is None else [in_force]
        known_since = await self._known_since(page, entries[0] if entries else None)
        return PriceHistory(shown, lowest_price(periods, moment), price_before_reduction(periods, moment), known_since)

    async def _first_entry(self, item_id: UUID) -> LogEntry | None:
        page = await self._storage.changes(after=0, limit=1, log_filter=LogFilter(subject=item_id))
        return page.entries[0] if page.entries else None

    async def _require_known(self, item_id: UUID, first_entry: LogEntry | None, key: str) -> None:
        """Check that the item exists or appears in the log.

        Raises: ItemNotFound.
        """
        if first_entry is None:
            known = item_id in await self._storage.items_by_id((item_id,))
        else:
            known = isinstance(first_entry.change.subject, Item)
        if not known:
            raise ItemNotFound(key)

    async def _known_since(self, page: LogPage, first_entry: LogEntry | None) -> datetime | None:
        """Return when the log begins if the item is older than that, else None."""
        if not page.floor or (first_entry is not None and first_entry.change.before is None):
            return None
        oldest = await self._storage.changes(after=page.floor, limit=1)
        return oldest.entries[0].at if oldest.entries else self._clock.now()
