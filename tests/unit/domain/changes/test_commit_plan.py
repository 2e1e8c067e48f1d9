"""Commit plans, checked by examples and against a model that applies one change after the other."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from catalog.domain.categories.category import Category
from catalog.domain.change import Change
from catalog.domain.changes.commit_plan import CommitPlan, Insert, plan_commit
from catalog.domain.changes.log import ChangeSet, Committed
from catalog.domain.changes.stored_state import CategoryNode, ReadSet, StoredState, read_set
from catalog.domain.changes.working_state import WorkingState
from catalog.domain.errors import CatalogError, CategoryInUse, ItemExists, ItemNotFound, SkuTaken, StaleVersion
from catalog.domain.items.item import Item
from tests.making import NOON, TESTER, as_item, category, certain, creation, item, item_id, removal, revision, sets

EMPTY = StoredState(0, {}, {})


def stored_state(*items: Item, head: int = 10) -> StoredState:
    """Return the state of a store that holds these items."""
    return StoredState(head, {each.id: each.version for each in items}, {each.sku: each.id for each in items})


def codes(plan: CommitPlan) -> list[str]:
    """Return "ok" or the error code of each change set."""
    return ["ok" if isinstance(outcome, Committed) else outcome.code for outcome in plan.outcomes]


def test_new_items_are_numbered_from_the_head() -> None:
    """Each insert has the number of its log entry."""
    plan = plan_commit(sets(creation(1), creation(2)), stored_state(head=10))
    assert [entry.seq for entry in plan.entries] == [11, 12]
    assert plan.inserted == (Insert(11, item(1)), Insert(12, item(2)))
    assert plan.outcomes == tuple(Committed((entry,)) for entry in plan.entries)
    assert (plan.entries[0].subject_id, plan.entries[0].at) == (item_id(1), item(1).created_at)


def test_each_conflict_has_its_error() -> None:
    """Nothing is written for a rejected change."""
    existing = item(1)
    newer = revision(existing, name="x").subject
    cases: list[tuple[Change[Item], type]] = [
        (creation(1, sku="OTHER"), ItemExists),
        (creation(2, sku="S-1"), SkuTaken),
        (revision(item(3), name="x"), ItemNotFound),
        (revision(newer, name="y"), StaleVersion),
        (removal(newer), StaleVersion),
        (removal(item(3)), ItemNotFound),
    ]
    for change, error in cases:
        plan = plan_commit(sets(change), stored_state(existing))
        assert [type(outcome) for outcome in plan.outcomes] == [error]
        assert plan == CommitPlan(plan.outcomes)


def test_the_first_of_two_conflicting_changes_wins() -> None:
    """This holds for SKUs and for versions."""
    existing = item(1)
    assert codes(plan_commit(sets(creation(2, sku="X"), creation(3, sku="X")), EMPTY)) == ["ok", "sku_taken"]
    assert codes(plan_commit(sets(revision(existing, name="a"), revision(existing, name="b")), stored_state(existing))) == [
        "ok",
        "stale_version",
    ]
    assert codes(plan_commit(sets(removal(existing), revision(existing, name="b")), stored_state(existing))) == [
        "ok",
        "item_not_found",
    ]


def test_a_change_set_is_committed_as_a_whole_or_not_at_all() -> None:
    """A SKU that a failed change set used before its error is available again."""
    existing = item(1)
    failing = ChangeSet((creation(2, sku="X"), removal(existing), creation(3, sku="X")), TESTER)
    plan = plan_commit([failing, *sets(creation(4, sku="X"), revision(existing, name="a"))], stored_state(existing))
    assert codes(plan) == ["sku_taken", "ok", "ok"]
    assert [entry.seq for entry in plan.entries] == [11, 12]


def test_a_released_sku_can_be_reused_in_the_same_batch() -> None:
    """Updates and deletions release SKUs; two items may even swap theirs by way of a third SKU."""
    first, second = item(1), item(2)
    to_temporary = revision(first, sku="T")
    to_first = revision(second, sku="S-1")
    to_second = certain(to_temporary.subject.update({"sku": "S-2"}, now=first.updated_at))
    plan = plan_commit(sets(to_temporary, to_first, to_second), stored_state(first, second))
    assert codes(plan) == ["ok", "ok", "ok"]
    assert set(plan.changed_skus) == {first.id, second.id}
    assert {change.subject.id: change.subject.sku for change in plan.updated} == {first.id: "S-2", second.id: "S-1"}
    assert codes(plan_commit(sets(removal(first), creation(3, sku="S-1")), stored_state(first))) == ["ok", "ok"]


def test_several_changes_of_an_item_become_one_row() -> None:
    """An item that is created and deleted in one batch becomes none; the log has every change."""
    first = creation(1)
    second = revision(first.subject, name="b")
    deletion = removal(second.subject)
    plan = plan_commit(sets(first, second), EMPTY)
    assert plan.inserted == (Insert(1, second.subject),)
    plan = plan_commit(sets(first, second, deletion), EMPTY)
    assert (plan.inserted, plan.updated, plan.deleted, len(plan.entries)) == ((), (), (), 3)
    existing = item(1)
    plan = plan_commit(sets(revision(existing, name="b"), removal(revision(existing, name="b").subject)), stored_state(existing))
    assert (plan.deleted, plan.updated) == ((existing,), ())


def test_the_read_set_has_the_items_and_skus_of_a_batch() -> None:
    """It has no others."""
    batch = sets(creation(1), removal(item(2)), revision(item(3), sku="NEW"))
    assert read_set(batch) == ReadSet({item_id(1), item_id(2), item_id(3)}, {"S-1", "NEW"})


class Model:
    """A minimal catalog to compare with."""

    def __init__(self) -> None:
        """Start empty."""
        self.items: dict[object, Item] = {}

    def commit(self, change_set: ChangeSet) -> bool:
        """Commit a change set as a whole or not at all; return whether it was committed."""
        items = dict(self.items)
        for change in change_set.changes:
            current = items.get(change.subject.id)
            if (current and current.version) != (change.before and change.before.version):
                return False
            after = change.after and as_item(change.after)
            if after and any(each.sku == after.sku and each.id != after.id for each in items.values()):
                return False
            items.pop(change.subject.id, None)
            if after:
                items[after.id] = after
        self.items = items
        return True


steps = st.tuples(
    st.integers(1, 4), st.sampled_from(["create", "update", "rename", "delete"]), st.sampled_from("ABC"), st.integers(0, 3)
)


def to_change(step: tuple[int, str, str, int], history: list[dict[object, Item]]) -> Change[Item]:
    """Decide a change from one of the past states, which may be stale."""
    number, verb, letter, age = step
    before = history[max(0, len(history) - 1 - age)].get(item_id(number))
    if verb == "create" or before is None:
        return creation(number, sku=letter)
    if verb == "delete":
        return removal(before)
    return revision(before, **({"sku": letter} if verb == "rename" and before.sku != letter else {"name": f"v{before.version}"}))


@given(st.lists(st.lists(st.lists(steps, min_size=1, max_size=3), max_size=4), max_size=5))
def test_batches_are_decided_as_if_committed_one_by_one(batches: list[list[list[tuple[int, str, str, int]]]]) -> None:
    """For any batches, outcomes and items are those of the model, and the log has no gaps."""
    model = Model()
    stored: dict[object, Item] = {}
    history = [dict(stored)]
    head = 0
    for batch in batches:
        change_sets = [ChangeSet(tuple(to_change(step, history) for step in steps_of_set), TESTER) for steps_of_set in batch]
        plan = plan_commit(
            change_sets,
            StoredState(
                head, {each.id: each.version for each in stored.values()}, {each.sku: each.id for each in stored.values()}
            ),
        )
        assert [isinstance(outcome, Committed) for outcome in plan.outcomes] == [
            model.commit(change_set) for change_set in change_sets
        ]
        assert [entry.seq for entry in plan.entries] == list(range(head + 1, head + 1 + len(plan.entries)))
        head += len(plan.entries)
        for deleted in plan.deleted:
            assert stored.pop(deleted.id).sku == deleted.sku
        for insert in plan.inserted:
            assert insert.item.id not in stored
            stored[insert.item.id] = insert.item
        for change in plan.updated:
            assert (change.before and change.before.sku) == stored[change.subject.id].sku
            stored[change.subject.id] = change.subject
        assert stored == model.items
        history.append(dict(stored))


class CountingNodes(dict[str, CategoryNode | None]):
    """Category nodes that count how many of them are read."""

    read_count = 0

    def __getitem__(self, slug: str) -> CategoryNode | None:
        """Count one node."""
        self.read_count += 1
        return super().__getitem__(slug)

    def get(self, slug: str, default: Any = None) -> Any:  # noqa: ANN401 - the signature of dict
        """Count one node."""
        self.read_count += 1
        return super().get(slug, default)

    def items(self) -> Any:  # noqa: ANN401 - the signature of dict
        """Count all nodes."""
        self.read_count += len(self)
        return super().items()


def state_with_children(count: int) -> tuple[list[Category], WorkingState, CountingNodes]:
    """Return a root with `count` children, their working state, and its counting nodes."""
    categories = [category("root").subject, *(category(f"child-{number}", "root").subject for number in range(count))]
    by_slug = {each.slug: CategoryNode(each.id, each.version, each.parent) for each in categories}
    state = WorkingState(StoredState(0, {}, {}, by_slug))
    state.categories = nodes = CountingNodes(by_slug)
    return categories, state, nodes


def test_renaming_a_category_reads_no_other() -> None:
    """This holds however many categories are below it, because it is not moved."""
    (root, *_), state, nodes = state_with_children(20_000)
    for turn in range(100):
        renamed = certain(root.update({"name": f"Name {turn}"}, default_position=0, now=NOON))
        assert state.apply((renamed,)) is None
        root = renamed.subject
    assert nodes.read_count <= 100 * 3


def test_moving_and_deleting_categories_reads_the_tree_once() -> None:
    """Many moves build the index of children once and keep it up to date."""
    (_, *children), state, nodes = state_with_children(20_000)
    moves = [certain(child.update({"parent": "child-0"}, default_position=0, now=NOON)) for child in children[1:1_001]]
    for move in moves:
        assert state.apply((move,)) is None
    error: CatalogError | None = state.apply((children[0].delete(now=NOON),))
    assert isinstance(error, CategoryInUse)
    assert error.children == 1_000
    for child in children[1_001:2_001]:
        assert state.apply((child.delete(now=NOON),)) is None
    assert nodes.read_count <= 20_001 + 20 * 2_001


def test_a_failed_change_set_leaves_the_index_of_children_unchanged() -> None:
    """A change set that fails at its last change has its moves rolled back."""
    (root, *children), state, _ = state_with_children(3)
    assert state.apply((children[2].delete(now=NOON),)) is None
    move = certain(children[1].update({"parent": "child-0"}, default_position=0, now=NOON))
    deeper = category("deeper", "child-0")
    first_error: CatalogError | None = state.apply((move, deeper, children[0].delete(now=NOON)))
    assert isinstance(first_error, CategoryInUse)
    assert first_error.children == 2
    assert state.apply((children[0].delete(now=NOON),)) is None
    second_error: CatalogError | None = state.apply((root.delete(now=NOON),))
    assert isinstance(second_error, CategoryInUse)
    assert second_error.children == 1
