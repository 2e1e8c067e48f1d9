"""What the log tells: all changes, those of one item, and its prices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from catalog.domain.categories import category
from catalog.domain.changes.log import MAX_SEQ, LogEntry, LogFilter, LogPage
from catalog.domain.changes.price_history import (
    PricePeriod,
    lowest_prices,
    price_periods,
    prices_before_reduction,
    prices_in_force,
)
from catalog.domain.errors import InvalidQuery, ItemNotFound, LogPruned, shorten
from catalog.domain.items import item
from catalog.domain.items.item import Item
from catalog.domain.queries.operands import parse_whole_number, refuse_unknown
from catalog.domain.validation import FieldErrors
from catalog.domain.values.fields import parse_key
from catalog.ports.clock import Clock
from catalog.ports.storage import Storage

_BATCH_SIZE = 1_000

MAX_ENTRIES = 1_000
DEFAULT_ENTRIES = 100

KINDS = (*item.KINDS, *category.KINDS)
"""What the log tells of."""

PARAMETERS = ("after", "limit", "kind", "item")


@dataclass(frozen=True, slots=True)
class LogRequest:
    """A question for the log as callers put it; `item` is a key, `after` is None for the log's beginning."""

    after: int | None = None
    limit: int = DEFAULT_ENTRIES
    kinds: frozenset[str] = frozenset()
    item: str | None = None

    @classmethod
    def parse(cls, parameters: Mapping[str, str], errors: FieldErrors | None = None, allowed: Sequence[str] = PARAMETERS) -> Self:
        """Read parameters; an empty one is as good as absent. Raises InvalidQuery with every fault."""
        errors = FieldErrors() if errors is None else errors
        refuse_unknown(parameters, allowed, errors)
        parameters = {name: value for name, value in parameters.items() if value}
        after = parse_whole_number(parameters, "after", range(MAX_SEQ), None, errors)
        limit = parse_whole_number(parameters, "limit", range(1, MAX_ENTRIES + 1), DEFAULT_ENTRIES, errors)
        kinds = frozenset(parameters["kind"].split(",")) if "kind" in parameters else frozenset()
        for kind in sorted(kinds - {*KINDS}):
            note = f"The kinds are {', '.join(KINDS)}."
            errors.add_unknown(("kind",), "unknown_kind", f"There is no kind {shorten(kind)!r}.", KINDS, note, kind)
        errors.raise_if_any(InvalidQuery)
        return cls(after, limit, kinds, parameters.get("item"))


@dataclass(frozen=True, slots=True)
class ItemHistory:
    """A stretch of an item's history; `known_since` is when the log begins, where that is later than the item."""

    page: LogPage
    known_since: datetime | None


@dataclass(frozen=True, slots=True)
class PriceHistory:
    """The prices of an item, with the lowest of the last 30 days, and the lowest of the 30 days before the price was reduced."""

    prices: Sequence[PricePeriod]
    lowest: PricePeriod | None
    before_reduction: PricePeriod | None
    known_since: datetime | None


class History:
    """Reads the log. `key` is an id or a SKU, as text; a SKU stands for the item that has it, else for the last that had."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        """Read from this."""
        self._storage = storage
        self._clock = clock

    async def find_item_id(self, key: str) -> UUID:
        """Return the id of an item that is there, or was. Raises ItemNotFound."""
        parsed = parse_key(key)
        if isinstance(parsed, UUID):
            return parsed
        if parsed is not None:
            living = (await self._storage.items_by_sku((parsed,))).get(parsed)
            if living is not None:
                return living.id
            removal = await self._storage.last_deletion(parsed)
            if removal is not None:
                return removal.subject_id
        raise ItemNotFound(key)

    async def log_filter(self, request: LogRequest) -> LogFilter:
        """Return which entries are asked for. Raises ItemNotFound."""
        return LogFilter(request.kinds, None if request.item is None else await self.find_item_id(request.item))

    async def changes(self, request: LogRequest) -> LogPage:
        """Return a stretch of the log. Raises ItemNotFound; LogPruned when it does not reach back so far."""
        after = request.after
        page = await self._storage.changes(after=after or 0, limit=request.limit, wanted=await self.log_filter(request))
        if after is not None and after < page.floor:
            raise LogPruned(after, page.floor)
        return page

    async def item_history(self, key: str, request: LogRequest) -> ItemHistory:
        """Return a stretch of an item's history, oldest first. Raises ItemNotFound."""
        subject = await self.find_item_id(key)
        after = request.after or 0
        page = await self._storage.changes(after=after, limit=request.limit, wanted=LogFilter(subject=subject))
        first = page.entries[0] if page.entries and not after else await self._first_entry(subject)
        await self._require_known(subject, first, key)
        return ItemHistory(page, await self._known_since(page, first))

    async def prices(self, key: str, as_of: datetime | None = None) -> PriceHistory:
        """Return all prices of an item, or the one that was in force at a moment. Raises ItemNotFound."""
        subject = await self.find_item_id(key)
        wanted = LogFilter(subject=subject)
        page = await self._storage.changes(after=0, limit=_BATCH_SIZE, wanted=wanted)
        entries = list(page.entries)
        while page.next_after is not None:
            page = await self._storage.changes(after=page.next_after, limit=_BATCH_SIZE, wanted=wanted)
            entries += page.entries
        await self._require_known(subject, entries[0] if entries else None, key)
        before = entries[0].change.before if entries else (await self._storage.items_by_id((subject,))).get(subject)
        found = price_periods(before if isinstance(before, Item) else None, entries)
        # The clock of the process that wrote the last price may be ahead of ours; that price is in force all the same.
        moment = as_of or max((self._clock.now(), *(one.since for one in found[-1:])))
        now = prices_in_force(found, moment)
        shown = found if as_of is None else [] if now is None else [now]
        known_since = await self._known_since(page, entries[0] if entries else None)
        return PriceHistory(shown, lowest_prices(found, moment), prices_before_reduction(found, moment), known_since)

    async def _first_entry(self, subject: UUID) -> LogEntry | None:
        page = await self._storage.changes(after=0, limit=1, wanted=LogFilter(subject=subject))
        return page.entries[0] if page.entries else None

    async def _require_known(self, subject: UUID, first: LogEntry | None, key: str) -> None:
        """Raise ItemNotFound unless there is such an item, or was as far as the log reaches."""
        if first is None:
            known = subject in await self._storage.items_by_id((subject,))
        else:
            known = isinstance(first.change.subject, Item)
        if not known:
            raise ItemNotFound(key)

    async def _known_since(self, page: LogPage, first: LogEntry | None) -> datetime | None:
        """Say when the log begins, if an item is older."""
        if not page.floor or (first is not None and first.change.before is None):
            return None
        oldest = await self._storage.changes(after=page.floor, limit=1)
        return oldest.entries[0].at if oldest.entries else self._clock.now()
