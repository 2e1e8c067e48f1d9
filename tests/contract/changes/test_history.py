"""Putting, restoring and reverting items, and reading their history from the log."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

import pytest

from catalog.application.changes.history import History, LogRequest
from catalog.application.changes.pruning import Pruning
from catalog.application.items.items import Items
from catalog.domain.changes.commit_plan import Outcome
from catalog.domain.changes.log import ChangeSet
from catalog.domain.errors import (
    AlreadyPresent,
    InvalidInput,
    InvalidQuery,
    ItemNotFound,
    LogPruned,
    NotDeleted,
    NotPresent,
    SkuTaken,
    StaleVersion,
    TooManyConflicts,
    UnknownCategory,
    VersionNotFound,
)
from catalog.domain.items.item import Item
from catalog.entrypoints.representations.changes import encode_lines
from catalog.ports.storage import Storage
from tests.making import NOON, TESTER, CountedIds, FixedClock, as_item, category, commit, create_categories, create_items, removal

EUR = {"amount": "10", "currency": "EUR"}


@pytest.fixture
def clock() -> FixedClock:
    """A clock with a fixed time."""
    return FixedClock()


@pytest.fixture
def items(storage: Storage, clock: FixedClock) -> Items:
    """The use cases for items."""
    return Items(storage, clock, CountedIds())


@pytest.fixture
def history(storage: Storage, clock: FixedClock) -> History:
    """The use cases for reading the log."""
    return History(storage, clock)


async def test_put_creates_and_replaces(items: Items, storage: Storage) -> None:
    """Putting an item clears omitted fields. A request that changes nothing creates no version."""
    fields = {"name": "Chair", "description": "Folds", "price": EUR, "attributes": {"a": 1}}
    original, created = await items.put("ch-1", fields, TESTER)
    assert (original.sku, original.version, created) == ("CH-1", 1, True)
    unchanged, created = await items.put("CH-1", {**fields, "sku": "ch-1"}, TESTER)
    assert (unchanged, created) == (original, False)
    replaced, created = await items.put("ch-1", {"name": "Chair"}, TESTER)
    assert (replaced.version, replaced.description, replaced.price, dict(replaced.attributes.items()), created) == (
        2,
        None,
        None,
        {},
        False,
    )
    assert replaced.created_at == original.created_at
    assert (await storage.head()).seq == 2
    renamed, _ = await items.put(str(original.id), {"name": "Chair", "sku": "OTHER"}, TESTER)
    assert (renamed.id, renamed.sku) == (original.id, "OTHER")
    replaced_by_id, _ = await items.put(str(original.id), {"name": "Stool"}, TESTER)
    assert replaced_by_id.sku == "OTHER"


async def test_put_checks_its_preconditions(items: Items) -> None:
    """Putting an item can require that it is absent, that it exists, or that it has one of some versions."""
    item, _ = await items.put("A", {"name": "A"}, TESTER, must_not_exist=True)
    with pytest.raises(AlreadyPresent):
        await items.put("A", {"name": "B"}, TESTER, must_not_exist=True)
    with pytest.raises(AlreadyPresent):
        await items.put(str(item.id), {"name": "B"}, TESTER, must_not_exist=True)
    with pytest.raises(NotPresent):
        await items.put("B", {"name": "B"}, TESTER, must_exist=True)
    with pytest.raises(ItemNotFound):
        await items.put(str(uuid4()), {"name": "B"}, TESTER)
    with pytest.raises(StaleVersion):
        await items.put("A", {"name": "B"}, TESTER, {(item.id, 2)}, must_exist=True)
    assert (await items.put("A", {"name": "B"}, TESTER, {(item.id, 1)}, must_exist=True))[0].version == 2
    with pytest.raises(InvalidInput, match="does not match A, the SKU of the request"):
        await items.put("A", {"name": "B", "sku": "B"}, TESTER)
    for key, fields in (("A", {"name": "B", "sku": 5}), ("no\tkey", {"name": "B"}), ("A", {})):
        with pytest.raises(InvalidInput):
            await items.put(key, fields, TESTER)
    await items.put("B", {"name": "B"}, TESTER)
    with pytest.raises(SkuTaken):
        await items.put(str(item.id), {"name": "A", "sku": "B"}, TESTER)


async def test_a_deleted_item_can_be_restored(items: Items, storage: Storage, clock: FixedClock) -> None:
    """A deleted item is restored in a new version, unless its SKU or category is no longer available."""
    await create_categories(storage, "lamps")
    item, _ = await items.put("A", {"name": "A", "price": EUR, "category": "lamps"}, TESTER)
    with pytest.raises(NotDeleted):
        await items.restore(str(item.id), TESTER)
    await items.delete("A", TESTER)
    clock.move(hours=1)
    restored = await items.restore(str(item.id), TESTER)
    assert restored == await items.get("A")
    assert (restored.id, restored.version, restored.price, restored.created_at, restored.updated_at) == (
        item.id,
        3,
        item.price,
        item.created_at,
        NOON + timedelta(hours=1),
    )
    await items.delete("A", TESTER, {(item.id, 3)})
    await items.put("A", {"name": "Another"}, TESTER)
    with pytest.raises(SkuTaken):
        await items.restore(str(item.id), TESTER)
    await items.delete("A", TESTER)
    (lamps,) = await storage.categories()
    await commit(storage, lamps.delete(now=NOON))
    with pytest.raises(UnknownCategory):
        await items.restore(str(item.id), TESTER)
    assert (await items.restore("a", TESTER)).name == "Another"
    for key in (str(uuid4()), "B", str(lamps.id)):
        with pytest.raises(ItemNotFound):
            await items.restore(key, TESTER)


async def test_an_item_can_be_reverted_to_an_earlier_version(items: Items) -> None:
    """Reverting creates a new version, unless it changes nothing."""
    original, _ = await items.put("A", {"name": "One", "attributes": {"a": 1}}, TESTER)
    await items.update("A", {"name": "Two", "sku": "B", "attributes": {"a": None, "b": 2}}, TESTER)
    reverted = await items.revert("b", 1, TESTER, {(original.id, 2)})
    assert (reverted.sku, reverted.name, reverted.attributes, reverted.version) == ("A", "One", original.attributes, 3)
    assert await items.revert("a", 1, TESTER) == reverted
    with pytest.raises(StaleVersion):
        await items.revert("a", 2, TESTER, {(original.id, 2)})
    with pytest.raises(VersionNotFound):
        await items.revert("a", 4, TESTER)
    for version in (0, -1, True, "1", 1.0, None, 2**63):
        with pytest.raises(InvalidInput):
            await items.revert("a", version, TESTER)
    await items.delete("a", TESTER)
    with pytest.raises(ItemNotFound):
        await items.revert("a", 1, TESTER)


async def test_a_history_is_found_by_id_and_by_sku(items: Items, history: History) -> None:
    """A SKU refers to the existing item, or else to the item that was deleted last."""
    first, _ = await items.put("A", {"name": "One"}, TESTER)
    await items.delete("A", TESTER)
    second, _ = await items.put("A", {"name": "Two"}, TESTER)
    assert [entry.subject_id for entry in (await history.item_history("a", LogRequest())).page.entries] == [second.id]
    await items.delete("A", TESTER)
    by_sku = await history.item_history("a", LogRequest())
    assert [(entry.seq, entry.change.kind) for entry in by_sku.page.entries] == [(3, "item.created"), (4, "item.removed")]
    assert by_sku.known_since is None
    by_id = await history.item_history(str(first.id), LogRequest(limit=1))
    assert ([entry.seq for entry in by_id.page.entries], by_id.page.next_after) == ([1], 1)
    next_page = await history.item_history(str(first.id), LogRequest(after=1))
    assert ([entry.seq for entry in next_page.page.entries], next_page.page.next_after, next_page.known_since) == (
        [2],
        None,
        None,
    )
    for key in ("NONE", "no key", str(uuid4())):
        with pytest.raises(ItemNotFound):
            await history.item_history(key, LogRequest())
        with pytest.raises(ItemNotFound):
            await history.prices(key)


async def test_a_category_has_no_item_history(history: History, storage: Storage) -> None:
    """The history of a category's id raises ItemNotFound."""
    lamps = category("lamps")
    await commit(storage, lamps)
    with pytest.raises(ItemNotFound):
        await history.item_history(str(lamps.subject.id), LogRequest())


async def test_prices_can_be_read_for_now_and_for_a_past_time(
    items: Items, history: History, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prices are returned for all periods, or for a given time. The log is read in as many batches as necessary."""
    monkeypatch.setattr("catalog.application.changes.history._BATCH_SIZE", 1)
    await items.put("A", {"name": "A", "price": EUR}, TESTER)
    clock.move(days=1)
    await items.reprice("A", {"amount": "8", "currency": "EUR"}, TESTER)
    clock.move(days=1)
    current = await history.prices("a")
    assert [period.price.amount for period in current.prices] == ["10.00", "8.00"]
    assert [period and period.price.amount for period in (current.lowest, current.before_reduction)] == ["8.00", "10.00"]
    at_noon = await history.prices("a", NOON)
    assert [period.price.amount for period in at_noon.prices] == ["10.00"]
    assert [period and period.price.amount for period in (at_noon.lowest, at_noon.before_reduction)] == ["10.00", None]
    before_creation = await history.prices("a", NOON - timedelta(days=1))
    assert (before_creation.prices, before_creation.lowest) == ([], None)


async def test_a_pruned_history_reports_since_when_it_is_known(
    items: Items, history: History, storage: Storage, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pruned history says since when it is known. Reading pruned entries raises an error; existing items can still be read."""
    monkeypatch.setattr("catalog.application.changes.pruning.BATCH_SIZE", 1)
    await items.put("OLD", {"name": "Old", "price": EUR}, TESTER)
    deleted, _ = await items.put("GONE", {"name": "Gone"}, TESTER)
    await items.delete("GONE", TESTER)
    clock.move(days=10)
    await items.put("NEW", {"name": "New"}, TESTER)
    pruning = Pruning(storage)
    assert await pruning.last_before(NOON) == 0
    assert len(b"".join([piece async for piece in pruning.archive(4, encode_lines)]).splitlines()) == 5
    assert await pruning.last_before(NOON + timedelta(days=99)) == 4
    last_seq = await pruning.last_before(NOON + timedelta(days=1))
    assert last_seq == 3
    lines = b"".join([piece async for piece in pruning.archive(last_seq, encode_lines)]).splitlines()
    assert (len(lines), lines[3][:25]) == (4, b'{"_end": {"rows": 3, "sha')
    await pruning.prune(last_seq, TESTER)
    assert (await history.item_history("new", LogRequest())).known_since is None
    old = await history.item_history("old", LogRequest())
    assert (old.page.entries, old.known_since) == ((), clock.time)
    prices = await history.prices("old")
    assert [(period.price.amount, period.since, period.seq) for period in prices.prices] == [("10.00", NOON, None)]
    assert prices.known_since == clock.time
    await items.update("OLD", {"description": "x"}, TESTER)
    assert [period.price.amount for period in (await history.prices("old")).prices] == ["10.00"]
    with pytest.raises(ItemNotFound):
        await history.item_history(str(deleted.id), LogRequest())
    with pytest.raises(ItemNotFound):
        await items.restore(str(deleted.id), TESTER)
    with pytest.raises(VersionNotFound):
        await items.revert("OLD", 1, TESTER)
    with pytest.raises(LogPruned):
        await history.changes(LogRequest(after=2))
    assert [entry.seq for entry in (await history.changes(LogRequest(after=3))).entries] == [4, 5]
    assert [entry.seq for entry in (await history.changes(LogRequest())).entries] == [4, 5]
    assert [entry.seq for entry in (await history.changes(LogRequest(item="old"))).entries] == [5]
    await storage.prune(5)
    assert await pruning.last_before(clock.time) == 0
    assert (await history.item_history("old", LogRequest())).known_since == clock.time


def test_log_requests_are_parsed_strictly() -> None:
    """Every invalid parameter of a log request is reported."""
    assert LogRequest.parse({"after": "3", "limit": "2", "kind": "item.created,item.removed", "item": "A"}) == LogRequest(
        3, 2, frozenset({"item.created", "item.removed"}), "A"
    )
    with pytest.raises(InvalidQuery) as caught:
        LogRequest.parse({"after": "-1", "limit": "1001", "kind": "item.flown", "x": ""})
    assert [error.path for error in caught.value.errors] == [("x",), ("after",), ("limit",), ("kind",)]


class Rival:
    """A store in which a rival restores or creates the same item just before each commit."""

    def __init__(self, storage: Storage, *, restoring: bool) -> None:
        """Wrap a store. The rival restores the item if `restoring` is set, and creates it otherwise."""
        self._storage = storage
        self._restoring = restoring

    def __getattr__(self, name: str) -> object:
        """Return the attribute of the wrapped store."""
        return getattr(self._storage, name)

    async def commit(self, batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:
        """Let the rival commit first: it restores the item and deletes it again, or creates it and deletes it afterwards."""
        (change,) = batch[0].changes
        subject = as_item(change.subject)
        if self._restoring:
            deletion = subject.delete(now=NOON + timedelta(days=1))
            await commit(self._storage, change, deletion)
            return await self._storage.commit(batch, prepared)
        rival_creation = Item.create({"sku": subject.sku, "name": "Rival"}, item_id=uuid4(), default_sku="", now=NOON)
        await commit(self._storage, rival_creation)
        outcomes = await self._storage.commit(batch, prepared)
        await commit(self._storage, removal(rival_creation.subject))
        return outcomes


@pytest.mark.parametrize("store", ["memory"])
async def test_restoring_and_putting_give_up_after_many_conflicts(storage: Storage, clock: FixedClock) -> None:
    """Restoring and putting raise TooManyConflicts after a limited number of attempts."""
    (item,) = await create_items(storage, 1)
    await commit(storage, removal(item))
    with pytest.raises(TooManyConflicts):
        await Items(Rival(storage, restoring=True), clock, CountedIds()).restore(str(item.id), TESTER)  # type: ignore[arg-type]
    with pytest.raises(TooManyConflicts):
        await Items(Rival(storage, restoring=False), clock, CountedIds()).put("A", {"name": "A"}, TESTER)  # type: ignore[arg-type]


async def test_a_price_that_another_clock_dates_ahead_is_in_force(items: Items, history: History, clock: FixedClock) -> None:
    """The order of the log decides which price is in force, even if a clock was a day ahead. An item's times never go back."""
    await items.create({"sku": "A", "name": "A", "price": {"amount": "10", "currency": "EUR"}}, TESTER)
    clock.move(days=1)
    await items.reprice("A", {"amount": "12", "currency": "EUR"}, TESTER)
    clock.move(days=-1)
    await items.reprice("A", {"amount": "8", "currency": "EUR"}, TESTER)
    prices = await history.prices("A")
    assert [(period.price.amount, period.seq) for period in prices.prices] == [("10.00", 1), ("12.00", 2), ("8.00", 3)]
    assert all(period.until is None or period.since <= period.until for period in prices.prices)
    assert prices.lowest is not None
    assert prices.lowest.price.amount == "8.00"
    assert prices.before_reduction is not None
    assert prices.before_reduction.price.amount == "10.00"
    item = await items.get("A")
    assert item.created_at <= item.updated_at


async def test_the_prior_price_counts_even_if_its_period_is_empty(items: Items, history: History, clock: FixedClock) -> None:
    """The price from the creation, dated a day ahead, is the prior price."""
    clock.move(days=1)
    await items.create({"sku": "A", "name": "A", "price": {"amount": "12", "currency": "EUR"}}, TESTER)
    clock.move(days=-1)
    await items.reprice("A", {"amount": "8", "currency": "EUR"}, TESTER)
    prior = (await history.prices("A")).before_reduction
    assert prior is not None
    assert prior.price.amount == "12.00"


async def test_the_log_is_in_commit_order_regardless_of_the_clocks(items: Items, storage: Storage, clock: FixedClock) -> None:
    """Log numbers never go back. Times may, because they come from the process that decided the change."""
    for day in (0, 1, -2, 0):
        clock.move(days=day)
        await items.create({"name": "x"}, TESTER)
    page = await storage.changes(after=0, limit=10)
    assert [entry.seq for entry in page.entries] == [1, 2, 3, 4]
    assert page.entries[2].at < page.entries[0].at
