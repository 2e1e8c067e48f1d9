"""Putting, restoring, reverting, and what the log tells of an item."""

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
    """A clock that stands."""
    return FixedClock()


@pytest.fixture
def items(storage: Storage, clock: FixedClock) -> Items:
    """The use cases."""
    return Items(storage, clock, CountedIds())


@pytest.fixture
def history(storage: Storage, clock: FixedClock) -> History:
    """The log's reader."""
    return History(storage, clock)


async def test_put_creates_and_replaces(items: Items, storage: Storage) -> None:
    """What is absent is taken away; nothing new leaves no trace."""
    fields = {"name": "Chair", "description": "Folds", "price": EUR, "attributes": {"a": 1}}
    made, created = await items.put("ch-1", fields, TESTER)
    assert (made.sku, made.version, created) == ("CH-1", 1, True)
    same, created = await items.put("CH-1", {**fields, "sku": "ch-1"}, TESTER)
    assert (same, created) == (made, False)
    bare, created = await items.put("ch-1", {"name": "Chair"}, TESTER)
    assert (bare.version, bare.description, bare.price, dict(bare.attributes.items()), created) == (2, None, None, {}, False)
    assert bare.created_at == made.created_at
    assert (await storage.head()).seq == 2
    renamed, _ = await items.put(str(made.id), {"name": "Chair", "sku": "OTHER"}, TESTER)
    assert (renamed.id, renamed.sku) == (made.id, "OTHER")
    kept, _ = await items.put(str(made.id), {"name": "Stool"}, TESTER)
    assert kept.sku == "OTHER"


async def test_put_has_conditions(items: Items) -> None:
    """Only what is absent, only what is there, only some versions."""
    made, _ = await items.put("A", {"name": "A"}, TESTER, must_not_exist=True)
    with pytest.raises(AlreadyPresent):
        await items.put("A", {"name": "B"}, TESTER, must_not_exist=True)
    with pytest.raises(AlreadyPresent):
        await items.put(str(made.id), {"name": "B"}, TESTER, must_not_exist=True)
    with pytest.raises(NotPresent):
        await items.put("B", {"name": "B"}, TESTER, must_exist=True)
    with pytest.raises(ItemNotFound):
        await items.put(str(uuid4()), {"name": "B"}, TESTER)
    with pytest.raises(StaleVersion):
        await items.put("A", {"name": "B"}, TESTER, {(made.id, 2)}, must_exist=True)
    assert (await items.put("A", {"name": "B"}, TESTER, {(made.id, 1)}, must_exist=True))[0].version == 2
    with pytest.raises(InvalidInput, match="does not match A, the SKU of the request"):
        await items.put("A", {"name": "B", "sku": "B"}, TESTER)
    for key, fields in (("A", {"name": "B", "sku": 5}), ("no key", {"name": "B"}), ("A", {})):
        with pytest.raises(InvalidInput):
            await items.put(key, fields, TESTER)
    await items.put("B", {"name": "B"}, TESTER)
    with pytest.raises(SkuTaken):
        await items.put(str(made.id), {"name": "A", "sku": "B"}, TESTER)


async def test_what_was_deleted_is_restored(items: Items, storage: Storage, clock: FixedClock) -> None:
    """As it was at its end, in a version that nobody has seen; unless it lives, or others took its place."""
    await create_categories(storage, "lamps")
    made, _ = await items.put("A", {"name": "A", "price": EUR, "category": "lamps"}, TESTER)
    with pytest.raises(NotDeleted):
        await items.restore(str(made.id), TESTER)
    await items.delete("A", TESTER)
    clock.move(hours=1)
    back = await items.restore(str(made.id), TESTER)
    assert back == await items.get("A")
    assert (back.id, back.version, back.price, back.created_at, back.updated_at) == (
        made.id,
        3,
        made.price,
        made.created_at,
        NOON + timedelta(hours=1),
    )
    await items.delete("A", TESTER, {(made.id, 3)})
    await items.put("A", {"name": "Another"}, TESTER)
    with pytest.raises(SkuTaken):
        await items.restore(str(made.id), TESTER)
    await items.delete("A", TESTER)
    (planted,) = await storage.categories()
    await commit(storage, planted.delete(now=NOON))
    with pytest.raises(UnknownCategory):
        await items.restore(str(made.id), TESTER)
    assert (await items.restore("a", TESTER)).name == "Another"
    for key in (str(uuid4()), "B", str(planted.id)):
        with pytest.raises(ItemNotFound):
            await items.restore(key, TESTER)


async def test_an_item_is_reverted_to_what_it_was(items: Items) -> None:
    """As a new version; what it is already leaves no trace."""
    made, _ = await items.put("A", {"name": "One", "attributes": {"a": 1}}, TESTER)
    await items.update("A", {"name": "Two", "sku": "B", "attributes": {"a": None, "b": 2}}, TESTER)
    back = await items.revert("b", 1, TESTER, {(made.id, 2)})
    assert (back.sku, back.name, back.attributes, back.version) == ("A", "One", made.attributes, 3)
    assert await items.revert("a", 1, TESTER) == back
    with pytest.raises(StaleVersion):
        await items.revert("a", 2, TESTER, {(made.id, 2)})
    with pytest.raises(VersionNotFound):
        await items.revert("a", 4, TESTER)
    for version in (0, -1, True, "1", 1.0, None, 2**63):
        with pytest.raises(InvalidInput):
            await items.revert("a", version, TESTER)
    await items.delete("a", TESTER)
    with pytest.raises(ItemNotFound):
        await items.revert("a", 1, TESTER)


async def test_a_history_is_told_by_id_and_by_sku(items: Items, history: History) -> None:
    """A SKU is that of the living item, else of the one that was deleted last."""
    first, _ = await items.put("A", {"name": "One"}, TESTER)
    await items.delete("A", TESTER)
    second, _ = await items.put("A", {"name": "Two"}, TESTER)
    assert [entry.subject_id for entry in (await history.item_history("a", LogRequest())).page.entries] == [second.id]
    await items.delete("A", TESTER)
    life = await history.item_history("a", LogRequest())
    assert [(entry.seq, entry.change.kind) for entry in life.page.entries] == [(3, "item.created"), (4, "item.removed")]
    assert life.known_since is None
    exact = await history.item_history(str(first.id), LogRequest(limit=1))
    assert ([entry.seq for entry in exact.page.entries], exact.page.next_after) == ([1], 1)
    more = await history.item_history(str(first.id), LogRequest(after=1))
    assert ([entry.seq for entry in more.page.entries], more.page.next_after, more.known_since) == ([2], None, None)
    for key in ("NONE", "no key", str(uuid4())):
        with pytest.raises(ItemNotFound):
            await history.item_history(key, LogRequest())
        with pytest.raises(ItemNotFound):
            await history.prices(key)


async def test_a_category_has_no_items_history(history: History, storage: Storage) -> None:
    """Its id is no item's."""
    planted = category("lamps")
    await commit(storage, planted)
    with pytest.raises(ItemNotFound):
        await history.item_history(str(planted.subject.id), LogRequest())


async def test_prices_are_told_as_they_are_and_as_they_were(
    items: Items, history: History, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them, or that of a moment; read in as many parts as it takes."""
    monkeypatch.setattr("catalog.application.changes.history._BATCH_SIZE", 1)
    await items.put("A", {"name": "A", "price": EUR}, TESTER)
    clock.move(days=1)
    await items.reprice("A", {"amount": "8", "currency": "EUR"}, TESTER)
    clock.move(days=1)
    found = await history.prices("a")
    assert [one.price.amount for one in found.prices] == ["10.00", "8.00"]
    assert [one and one.price.amount for one in (found.lowest, found.before_reduction)] == ["8.00", "10.00"]
    then = await history.prices("a", NOON)
    assert [one.price.amount for one in then.prices] == ["10.00"]
    assert [one and one.price.amount for one in (then.lowest, then.before_reduction)] == ["10.00", None]
    never = await history.prices("a", NOON - timedelta(days=1))
    assert (never.prices, never.lowest) == ([], None)


async def test_a_pruned_history_says_since_when_it_is_known(
    items: Items, history: History, storage: Storage, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log's readers tell what is missing; what lives is there all the same."""
    monkeypatch.setattr("catalog.application.changes.pruning.BATCH_SIZE", 1)
    await items.put("OLD", {"name": "Old", "price": EUR}, TESTER)
    gone, _ = await items.put("GONE", {"name": "Gone"}, TESTER)
    await items.delete("GONE", TESTER)
    clock.move(days=10)
    await items.put("NEW", {"name": "New"}, TESTER)
    pruning = Pruning(storage)
    assert await pruning.last_before(NOON) == 0
    assert len(b"".join([piece async for piece in pruning.archive(4, encode_lines)]).splitlines()) == 5
    assert await pruning.last_before(NOON + timedelta(days=99)) == 4
    upto = await pruning.last_before(NOON + timedelta(days=1))
    assert upto == 3
    lines = b"".join([piece async for piece in pruning.archive(upto, encode_lines)]).splitlines()
    assert (len(lines), lines[3][:25]) == (4, b'{"_end": {"rows": 3, "sha')
    await pruning.prune(upto)
    assert (await history.item_history("new", LogRequest())).known_since is None
    old = await history.item_history("old", LogRequest())
    assert (old.page.entries, old.known_since) == ((), clock.time)
    prices = await history.prices("old")
    assert [(one.price.amount, one.since, one.seq) for one in prices.prices] == [("10.00", NOON, None)]
    assert prices.known_since == clock.time
    await items.update("OLD", {"description": "x"}, TESTER)
    assert [one.price.amount for one in (await history.prices("old")).prices] == ["10.00"]
    with pytest.raises(ItemNotFound):
        await history.item_history(str(gone.id), LogRequest())
    with pytest.raises(ItemNotFound):
        await items.restore(str(gone.id), TESTER)
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


def test_a_question_for_the_log_is_read_strictly() -> None:
    """Every fault is told."""
    assert LogRequest.parse({"after": "3", "limit": "2", "kind": "item.created,item.removed", "item": "A"}) == LogRequest(
        3, 2, frozenset({"item.created", "item.removed"}), "A"
    )
    with pytest.raises(InvalidQuery) as refused:
        LogRequest.parse({"after": "-1", "limit": "1001", "kind": "item.flown", "x": ""})
    assert [fault.path for fault in refused.value.errors] == [("x",), ("after",), ("limit",), ("kind",)]


class Thief:
    """Takes what is to be restored or put, each time before it is committed."""

    def __init__(self, storage: Storage, *, restoring: bool) -> None:
        """Steal in this store."""
        self._storage = storage
        self._restoring = restoring

    def __getattr__(self, name: str) -> object:
        """Be the store in all else."""
        return getattr(self._storage, name)

    async def commit(self, batch: Sequence[ChangeSet], prepared: Sequence[object] = ()) -> Sequence[Outcome]:
        """Be quicker: bring the item back and remove it again, or create it and remove it after."""
        (change,) = batch[0].changes
        subject = as_item(change.subject)
        if self._restoring:
            end = subject.delete(now=NOON + timedelta(days=1))
            await commit(self._storage, change, end)
            return await self._storage.commit(batch, prepared)
        rival = Item.create({"sku": subject.sku, "name": "Rival"}, item_id=uuid4(), default_sku="", now=NOON)
        await commit(self._storage, rival)
        outcomes = await self._storage.commit(batch, prepared)
        await commit(self._storage, removal(rival.subject))
        return outcomes


@pytest.mark.parametrize("store", ["memory"])
async def test_nobody_restores_or_puts_for_ever(storage: Storage, clock: FixedClock) -> None:
    """After many rivals it is given up."""
    (made,) = await create_items(storage, 1)
    await commit(storage, removal(made))
    with pytest.raises(TooManyConflicts):
        await Items(Thief(storage, restoring=True), clock, CountedIds()).restore(str(made.id), TESTER)  # type: ignore[arg-type]
    with pytest.raises(TooManyConflicts):
        await Items(Thief(storage, restoring=False), clock, CountedIds()).put("A", {"name": "A"}, TESTER)  # type: ignore[arg-type]


async def test_a_price_that_another_clock_dates_ahead_is_in_force(items: Items, history: History, clock: FixedClock) -> None:
    """A replica's clock was a day ahead, or was put back since; the log's order counts, and no time goes back in a life."""
    await items.create({"sku": "A", "name": "A", "price": {"amount": "10", "currency": "EUR"}}, TESTER)
    clock.move(days=1)
    await items.reprice("A", {"amount": "12", "currency": "EUR"}, TESTER)
    clock.move(days=-1)
    await items.reprice("A", {"amount": "8", "currency": "EUR"}, TESTER)
    found = await history.prices("A")
    assert [(one.price.amount, one.seq) for one in found.prices] == [("10.00", 1), ("12.00", 2), ("8.00", 3)]
    assert all(one.until is None or one.since <= one.until for one in found.prices)
    assert found.lowest is not None
    assert found.lowest.price.amount == "8.00"
    assert found.before_reduction is not None
    assert found.before_reduction.price.amount == "10.00"
    item = await items.get("A")
    assert item.created_at <= item.updated_at


async def test_the_price_before_counts_also_where_clocks_give_it_no_time(
    items: Items, history: History, clock: FixedClock
) -> None:
    """There is no other prior price than that of the creation, a day ahead."""
    clock.move(days=1)
    await items.create({"sku": "A", "name": "A", "price": {"amount": "12", "currency": "EUR"}}, TESTER)
    clock.move(days=-1)
    await items.reprice("A", {"amount": "8", "currency": "EUR"}, TESTER)
    prior = (await history.prices("A")).before_reduction
    assert prior is not None
    assert prior.price.amount == "12.00"


async def test_the_log_is_in_the_order_of_commits_whatever_the_clocks_say(
    items: Items, storage: Storage, clock: FixedClock
) -> None:
    """Numbers never go back; times may, for they are those of the process that decided."""
    for day in (0, 1, -2, 0):
        clock.move(days=day)
        await items.create({"name": "x"}, TESTER)
    page = await storage.changes(after=0, limit=10)
    assert [entry.seq for entry in page.entries] == [1, 2, 3, 4]
    assert page.entries[2].at < page.entries[0].at
