"""Admission decides alike for every store: here against a model that writes one change after the other."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from catalog.domain.categories.category import Category
from catalog.domain.change import Change
from catalog.domain.changes.commit_plan import (
    CategoryNode,
    CommitPlan,
    Insert,
    ReadSet,
    StoredState,
    WorkingState,
    plan_commit,
    read_set,
)
from catalog.domain.changes.log import ChangeSet, Committed
from catalog.domain.errors import CatalogError, CategoryInUse, ItemExists, ItemNotFound, SkuTaken, StaleVersion
from catalog.domain.items.item import Item
from tests.making import NOON, TESTER, as_item, category, certain, creation, item, item_id, removal, revision, sets

NOTHING = StoredState(0, {}, {})


def standing(*items: Item, head: int = 10) -> StoredState:
    """Say that these items are in the store."""
    return StoredState(head, {one.id: one.version for one in items}, {one.sku: one.id for one in items})


def codes(admission: CommitPlan) -> list[str]:
    """Return what became of each change set."""
    return ["ok" if isinstance(outcome, Committed) else outcome.code for outcome in admission.outcomes]


def test_a_birth_is_admitted_and_numbered_on_from_the_head() -> None:
    """Its row is tied to the entry that brought it."""
    admission = plan_commit(sets(creation(1), creation(2)), standing(head=10))
    assert [entry.seq for entry in admission.entries] == [11, 12]
    assert admission.inserted == (Insert(11, item(1)), Insert(12, item(2)))
    assert admission.outcomes == tuple(Committed((entry,)) for entry in admission.entries)
    assert (admission.entries[0].subject_id, admission.entries[0].at) == (item_id(1), item(1).created_at)


def test_each_conflict_has_its_error() -> None:
    """And nothing of a refused change is written."""
    there = item(1)
    newer = revision(there, name="x").subject
    cases: list[tuple[Change[Item], type]] = [
        (creation(1, sku="OTHER"), ItemExists),
        (creation(2, sku="S-1"), SkuTaken),
        (revision(item(3), name="x"), ItemNotFound),
        (revision(newer, name="y"), StaleVersion),
        (removal(newer), StaleVersion),
        (removal(item(3)), ItemNotFound),
    ]
    for change, error in cases:
        admission = plan_commit(sets(change), standing(there))
        assert [type(outcome) for outcome in admission.outcomes] == [error]
        assert admission == CommitPlan(admission.outcomes)


def test_the_first_of_two_rivals_wins() -> None:
    """For a SKU, and for a version."""
    there = item(1)
    assert codes(plan_commit(sets(creation(2, sku="X"), creation(3, sku="X")), NOTHING)) == ["ok", "sku_taken"]
    assert codes(plan_commit(sets(revision(there, name="a"), revision(there, name="b")), standing(there))) == [
        "ok",
        "stale_version",
    ]
    assert codes(plan_commit(sets(removal(there), revision(there, name="b")), standing(there))) == ["ok", "item_not_found"]


def test_a_change_set_is_taken_whole_or_not_at_all() -> None:
    """What it took before its fault is free again."""
    there = item(1)
    broken = ChangeSet((creation(2, sku="X"), removal(there), creation(3, sku="X")), TESTER)
    admission = plan_commit([broken, *sets(creation(4, sku="X"), revision(there, name="a"))], standing(there))
    assert codes(admission) == ["sku_taken", "ok", "ok"]
    assert [entry.seq for entry in admission.entries] == [11, 12]


def test_a_sku_that_is_given_up_can_be_taken_up_in_the_same_batch() -> None:
    """By renaming and by removing; even two items may swap theirs, by way of a third."""
    one, two = item(1), item(2)
    away = revision(one, sku="T")
    over = revision(two, sku="S-1")
    back = certain(away.subject.update({"sku": "S-2"}, now=one.updated_at))
    admission = plan_commit(sets(away, over, back), standing(one, two))
    assert codes(admission) == ["ok", "ok", "ok"]
    assert set(admission.changed_skus) == {one.id, two.id}
    assert {net.subject.id: net.subject.sku for net in admission.updated} == {one.id: "S-2", two.id: "S-1"}
    assert codes(plan_commit(sets(removal(one), creation(3, sku="S-1")), standing(one))) == ["ok", "ok"]


def test_many_changes_of_an_item_are_one_row() -> None:
    """And one that came and went is none; the log has all of them."""
    first = creation(1)
    second = revision(first.subject, name="b")
    gone = removal(second.subject)
    admission = plan_commit(sets(first, second), NOTHING)
    assert admission.inserted == (Insert(1, second.subject),)
    admission = plan_commit(sets(first, second, gone), NOTHING)
    assert (admission.inserted, admission.updated, admission.deleted, len(admission.entries)) == ((), (), (), 3)
    there = item(1)
    again = plan_commit(sets(revision(there, name="b"), removal(revision(there, name="b").subject)), standing(there))
    assert (again.deleted, again.updated) == ((there,), ())


def test_a_batch_names_the_items_and_skus_that_decide_on_it() -> None:
    """A store reads the standing of no others."""
    batch = sets(creation(1), removal(item(2)), revision(item(3), sku="NEW"))
    assert read_set(batch) == ReadSet({item_id(1), item_id(2), item_id(3)}, {"S-1", "NEW"})


class Model:
    """The catalog as the simplest program would keep it."""

    def __init__(self) -> None:
        """Begin empty."""
        self.items: dict[object, Item] = {}

    def write(self, change_set: ChangeSet) -> bool:
        """Write a change set, or nothing of it."""
        kept = dict(self.items)
        for change in change_set.changes:
            there = kept.get(change.subject.id)
            if (there and there.version) != (change.before and change.before.version):
                return False
            after = change.after and as_item(change.after)
            if after and any(one.sku == after.sku and one.id != after.id for one in kept.values()):
                return False
            kept.pop(change.subject.id, None)
            if after:
                kept[after.id] = after
        self.items = kept
        return True


steps = st.tuples(
    st.integers(1, 4), st.sampled_from(["create", "revise", "rename", "remove"]), st.sampled_from("ABC"), st.integers(0, 3)
)


def decided(step: tuple[int, str, str, int], seen: list[dict[object, Item]]) -> Change[Item]:
    """Decide a step from one of the states that somebody saw, a stale one perhaps."""
    number, verb, letter, age = step
    before = seen[max(0, len(seen) - 1 - age)].get(item_id(number))
    if verb == "create" or before is None:
        return creation(number, sku=letter)
    if verb == "remove":
        return removal(before)
    return revision(before, **({"sku": letter} if verb == "rename" and before.sku != letter else {"name": f"v{before.version}"}))


@given(st.lists(st.lists(st.lists(steps, min_size=1, max_size=3), max_size=4), max_size=5))
def test_batches_are_decided_as_if_written_one_by_one(batches: list[list[list[tuple[int, str, str, int]]]]) -> None:
    """The same outcomes, the same items, a log without a gap; whatever the batches."""
    model = Model()
    stored: dict[object, Item] = {}
    seen = [dict(stored)]
    head = 0
    for batch in batches:
        change_sets = [ChangeSet(tuple(decided(step, seen) for step in steps_), TESTER) for steps_ in batch]
        admission = plan_commit(
            change_sets,
            StoredState(head, {one.id: one.version for one in stored.values()}, {one.sku: one.id for one in stored.values()}),
        )
        assert [isinstance(outcome, Committed) for outcome in admission.outcomes] == [model.write(one) for one in change_sets]
        assert [entry.seq for entry in admission.entries] == list(range(head + 1, head + 1 + len(admission.entries)))
        head += len(admission.entries)
        for gone in admission.deleted:
            assert stored.pop(gone.id).sku == gone.sku
        for born in admission.inserted:
            assert born.item.id not in stored
            stored[born.item.id] = born.item
        for net in admission.updated:
            assert (net.before and net.before.sku) == stored[net.subject.id].sku
            stored[net.subject.id] = net.subject
        assert stored == model.items
        seen.append(dict(stored))


class Counting(dict[str, CategoryNode | None]):
    """Places that count how many of them were looked at, one by one or all together."""

    looked_at = 0

    def __getitem__(self, slug: str) -> CategoryNode | None:
        """Count one."""
        self.looked_at += 1
        return super().__getitem__(slug)

    def get(self, slug: str, default: Any = None) -> Any:  # noqa: ANN401 - as a dict has it
        """Count one."""
        self.looked_at += 1
        return super().get(slug, default)

    def items(self) -> Any:  # noqa: ANN401 - likewise
        """Count all."""
        self.looked_at += len(self)
        return super().items()


def rooted(count: int) -> tuple[list[Category], WorkingState, Counting]:
    """Make a root with so many children, and a register of them that counts."""
    categories = [category("root").subject, *(category(f"child-{number}", "root").subject for number in range(count))]
    stand = {one.slug: CategoryNode(one.id, one.version, one.parent) for one in categories}
    register = WorkingState(StoredState(0, {}, {}, stand))
    register.categories = places = Counting(stand)
    return categories, register, places


def test_renaming_a_category_looks_at_no_other() -> None:
    """However many there are below it: it stays where it is."""
    (root, *_), register, places = rooted(20_000)
    for turn in range(100):
        renamed = certain(root.update({"name": f"Name {turn}"}, default_position=0, now=NOON))
        assert register.apply((renamed,)) is None
        root = renamed.subject
    assert places.looked_at <= 100 * 3


def test_moving_and_removing_categories_goes_through_the_tree_once() -> None:
    """A batch of many moves builds one index of children, and keeps it up to date."""
    (_, *children), register, places = rooted(20_000)
    moves = [certain(child.update({"parent": "child-0"}, default_position=0, now=NOON)) for child in children[1:1_001]]
    for move in moves:
        assert register.apply((move,)) is None
    refusal: CatalogError | None = register.apply((children[0].delete(now=NOON),))
    assert isinstance(refusal, CategoryInUse)
    assert refusal.children == 1_000
    for child in children[1_001:2_001]:
        assert register.apply((child.delete(now=NOON),)) is None
    assert places.looked_at <= 20_001 + 20 * 2_001


def test_what_is_refused_leaves_the_index_of_children_as_it_was() -> None:
    """A set that is refused at its end takes its moves back."""
    (root, *children), register, _ = rooted(3)
    assert register.apply((children[2].delete(now=NOON),)) is None
    move = certain(children[1].update({"parent": "child-0"}, default_position=0, now=NOON))
    deeper = category("deeper", "child-0")
    refused: CatalogError | None = register.apply((move, deeper, children[0].delete(now=NOON)))
    assert isinstance(refused, CategoryInUse)
    assert refused.children == 2
    assert register.apply((children[0].delete(now=NOON),)) is None
    again: CatalogError | None = register.apply((root.delete(now=NOON),))
    assert isinstance(again, CategoryInUse)
    assert again.children == 1
