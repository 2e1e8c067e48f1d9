"""Categories: the tree stays valid, even when categories are moved concurrently."""

import asyncio
import random
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.adapters.memory.storage import MemoryStorage
from catalog.application.categories.categories import Categories
from catalog.application.items.items import Items
from catalog.domain.categories.category import Category
from catalog.domain.categories.tree import MAX_DEPTH, Tree
from catalog.domain.change import Change
from catalog.domain.changes.log import AnyChange, ChangeSet, Committed
from catalog.domain.errors import (
    CategoryCycle,
    CategoryInUse,
    CategoryNotFound,
    CategoryTooDeep,
    InvalidQuery,
    SlugTaken,
    StaleVersion,
    UnknownCategory,
)
from catalog.domain.queries.item_query import ItemQuery
from catalog.ports.storage import Storage
from tests.making import (
    NOON,
    TESTER,
    CountedIds,
    FixedClock,
    category,
    certain,
    commit,
    create_categories,
    create_items,
    creation,
    item,
    names,
    removal,
    revision,
)


def move(before: Category, parent: str | None, position: int = 0) -> Change[Category]:
    """Return the change that moves a category."""
    return certain(before.update({"parent": parent, "position": position}, default_position=0, now=NOON))


async def categories_by_slug(storage: Storage) -> dict[str, Category]:
    """Return the existing categories by slug."""
    return {category.slug: category for category in await storage.categories()}


def category_use_cases(storage: Storage) -> Categories:
    """Return the use cases for categories."""
    return Categories(storage, FixedClock(), CountedIds())


async def test_committed_categories_can_be_read(storage: Storage) -> None:
    """Committed categories are returned in their lineages and in the log."""
    garden = category("garden", name="Garten „東京“", position=7)
    chairs = category("chairs", "garden")
    await commit(storage, garden, chairs)
    assert await categories_by_slug(storage) == {"garden": garden.subject, "chairs": chairs.subject}
    assert await storage.lineages(["chairs", "garden", "nope"]) == {
        "chairs": (garden.subject, chairs.subject),
        "garden": (garden.subject,),
    }
    deleted = chairs.subject.delete(now=NOON + timedelta(seconds=1))
    renamed = certain(garden.subject.update({"name": "Garden"}, default_position=0, now=NOON))
    await commit(storage, deleted, renamed)
    assert await categories_by_slug(storage) == {"garden": renamed.subject}
    assert [entry.change for entry in (await storage.changes(after=0, limit=9)).entries] == [garden, chairs, deleted, renamed]


async def test_each_conflict_has_its_own_error(storage: Storage) -> None:
    """Each conflict has its own error, and a refused change writes nothing."""
    await create_categories(storage, "a/b/c")
    await commit(storage, creation(1, category="c"))
    existing = await categories_by_slug(storage)
    uncommitted = move(existing["b"], None).subject
    unknown = Category(id=existing["a"].id, slug="zz", name="zz", version=1)
    cases: list[tuple[AnyChange, type]] = [
        (category("a"), SlugTaken),
        (category("d", "nope"), UnknownCategory),
        (move(existing["a"], "c"), CategoryCycle),
        (move(existing["c"], "nope"), UnknownCategory),
        (move(uncommitted, "a"), StaleVersion),
        (unknown.delete(now=NOON), CategoryNotFound),
        (existing["c"].delete(now=NOON), CategoryInUse),
        (existing["a"].delete(now=NOON), CategoryInUse),
        (creation(2, category="nope"), UnknownCategory),
        (revision(item(1, category="c"), category="nope"), UnknownCategory),
    ]
    for change, error in cases:
        (outcome,) = await commit(storage, change)
        assert type(outcome) is error, change
    assert await categories_by_slug(storage) == existing
    assert (await storage.head()).seq == 4


async def test_a_batch_can_use_its_own_categories(storage: Storage) -> None:
    """A batch can create items in a new category, and delete a category once it is empty. The slug can be reused immediately."""
    created = creation(1, category="b")
    outcomes = await storage.commit(
        [
            ChangeSet((category("a"), category("b", "a"), created), TESTER),
            ChangeSet((category("b").subject.delete(now=NOON),), TESTER),
            ChangeSet((removal(created.subject), category("b", "a").subject.delete(now=NOON)), TESTER),
            ChangeSet((creation(2, category="b"),), TESTER),
            ChangeSet((category("b", generation=2), creation(3, category="b")), TESTER),
        ]
    )
    assert [type(outcome) for outcome in outcomes] == [Committed, CategoryInUse, Committed, UnknownCategory, Committed]
    assert {slug: node.parent for slug, node in (await categories_by_slug(storage)).items()} == {"a": None, "b": None}
    assert await storage.category_counts() == {"b": 1}


async def test_the_slug_of_a_deleted_category_can_be_reused(storage: Storage) -> None:
    """Another category can take the slug of a deleted one in the same batch."""
    await create_categories(storage, "a")
    new = Category(id=item(9).id, slug="a", name="Other", version=1)
    existing = (await categories_by_slug(storage))["a"]
    outcomes = await commit(storage, existing.delete(now=NOON), Change("category.created", None, new, NOON))
    assert [type(outcome) for outcome in outcomes] == [Committed, Committed]
    assert await categories_by_slug(storage) == {"a": new}


async def test_the_depth_of_the_tree_is_limited(storage: Storage) -> None:
    """Neither creating nor moving a category can exceed the maximum depth."""
    slugs = [f"l{number}" for number in range(MAX_DEPTH)]
    await create_categories(storage, "/".join(slugs), "x/y")
    assert [type(outcome) for outcome in await commit(storage, category("z", slugs[-1]))] == [CategoryTooDeep]
    existing = await categories_by_slug(storage)
    too_deep, deep_enough = move(existing["x"], slugs[-2]), move(existing["x"], slugs[-3])
    assert [type(outcome) for outcome in await commit(storage, too_deep, deep_enough)] == [CategoryTooDeep, Committed]
    assert len((await storage.lineages(["y"]))["y"]) == MAX_DEPTH


async def test_a_category_filter_includes_descendants(storage: Storage) -> None:
    """A category filter includes items of descendants; the item count of a category does not."""
    await create_categories(storage, "a/b/c", "a/d", "e")
    for number, slug in enumerate(["a", "b", "c", "d", "e", "e", None], 1):
        await commit(storage, creation(number, category=slug, name=str(number)))
    for parameters, expected in {
        "category=a": "1234",
        "category=b": "23",
        "category=nope": "",
        "category__ne=b": "1456",
        "category__ne=nope": "123456",
        "category__in=c,e": "356",
        "category__exists=false": "7",
    }.items():
        name, _, value = parameters.partition("=")
        assert "".join(sorted(await names(storage, **{name: value}))) == expected, parameters
    assert await storage.category_counts() == {"a": 1, "b": 1, "c": 1, "d": 1, "e": 2}
    assert (await storage.list_items(ItemQuery.parse({"category": ["c", "d"], "sort": "sku"}))).items[0].sku == "S-3"


async def test_a_category_can_be_created_moved_and_renamed(storage: Storage) -> None:
    """A created or moved category comes after its siblings, unless a position is given."""
    categories = category_use_cases(storage)
    await create_categories(storage, "garden")
    first = await categories.create({"name": "Stühle & Bänke", "parent": "garden"}, TESTER)
    second = await categories.create({"slug": "tables", "name": "Tables", "parent": "garden"}, TESTER)
    assert (first.slug, first.position, second.position) == ("stuhle-banke", 0, 1)
    lamps = await categories.create({"slug": "lamps", "name": "Lamps", "position": 0}, TESTER)
    moved = await categories.update("lamps", {"parent": "garden"}, TESTER, {(lamps.id, 1)})
    assert (moved.parent, moved.position, moved.version) == ("garden", 2, 2)
    assert await categories.update("lamps", {"parent": "garden", "name": "Lamps"}, TESTER) == moved
    renamed = await categories.update("lamps", {"position": 0, "name": "Lights"}, TESTER)
    assert [node.name for node in await categories.tree()] == ["Garden", "Lights", "Stühle & Bänke", "Tables"]
    assert [node.slug for node in await categories.lineage("lamps")] == ["garden", "lamps"]
    with pytest.raises(StaleVersion, match="The category"):
        await categories.update("lamps", {"name": "x"}, TESTER, {(lamps.id, 1)})
    with pytest.raises(CategoryNotFound):
        await categories.update("nope", {"name": "x"}, TESTER)
    with pytest.raises(UnknownCategory, match="did you mean tables"):
        await categories.update("lamps", {"parent": "tabels"}, TESTER)
    assert await categories.get("lamps") == renamed


async def test_deleting_a_category_can_move_its_contents(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Items and children are moved in as many commits as necessary. Each item gets a new version."""
    monkeypatch.setattr("catalog.application.categories.categories.MOVE_BATCH", 2)
    categories = category_use_cases(storage)
    await create_categories(storage, "a/b/c", "a/z", "e/f")
    await create_items(storage, 1, 2, 3, category="b")
    with pytest.raises(CategoryInUse, match=r"children: 1, items: 3"):
        await categories.delete("b", TESTER)
    for target in ("b", "c", "nope"):
        with pytest.raises(InvalidQuery):
            await categories.delete("b", TESTER, move_to=target)
    with pytest.raises(StaleVersion):
        await categories.delete("b", TESTER, {((await categories.get("b")).id, 7)}, "e")
    assert await categories.delete("b", TESTER, {((await categories.get("b")).id, 1)}, "e") == 3
    assert {slug: (node.parent, node.position) for slug, node in (await categories_by_slug(storage)).items()} == {
        "a": (None, 0),
        "z": ("a", 0),
        "e": (None, 0),
        "f": ("e", 0),
        "c": ("e", 1),
    }
    assert await storage.category_counts() == {"e": 3}
    assert {item.version for item in (await storage.list_items(ItemQuery.parse({}))).items} == {2}
    assert await categories.delete("z", TESTER, move_to="e") == 0
    with pytest.raises(CategoryNotFound):
        await categories.delete("z", TESTER)


async def test_an_unknown_category_is_refused_with_a_suggestion(storage: Storage) -> None:
    """The error names the field, and suggests a slug if one is similar."""
    items = Items(storage, FixedClock(), CountedIds())
    await create_categories(storage, "garden-chairs")
    with pytest.raises(UnknownCategory, match="did you mean garden-chairs") as caught:
        await items.create({"name": "x", "category": "garden-chair"}, TESTER)
    assert (caught.value.errors[0].path, caught.value.errors[0].code) == (("category",), "unknown_category")
    with pytest.raises(UnknownCategory, match="create it first"):
        await items.create({"name": "x", "category": "zzz"}, TESTER)


def check_tree(categories: list[Category]) -> None:
    """Check that every category can be reached from a root, and that no lineage is too long."""
    tree = Tree(categories)
    assert {node.slug for node in tree} == {node.slug for node in categories}
    assert max((len(tree.lineage(node.slug)) for node in categories), default=0) <= MAX_DEPTH


async def test_concurrent_moves_leave_a_valid_tree(storage: Storage) -> None:
    """Moves that are decided from outdated trees create no cycle, exceed no depth limit and lose no category."""
    rng = random.Random(7)
    slugs = [f"c{number}" for number in range(24)]
    await create_categories(storage, "/".join(slugs[:12]), "/".join(slugs[12:]))

    async def run_rival() -> list[str]:
        results = []
        for _ in range(12):
            existing = await categories_by_slug(storage)
            current = existing[rng.choice(slugs)]
            patch = {"parent": rng.choice([None, *slugs]), "position": rng.randint(0, 3)}
            if patch["parent"] == current.slug:
                continue
            change = current.update(patch, default_position=0, now=NOON)
            await asyncio.sleep(0)
            if change is not None:
                (outcome,) = await commit(storage, change)
                results.append(type(outcome).__name__)
        return results

    outcomes = {name for rival_outcomes in await asyncio.gather(*(run_rival() for _ in range(8))) for name in rival_outcomes}
    assert outcomes >= {"Committed", "StaleVersion", "CategoryCycle"}
    existing = list((await categories_by_slug(storage)).values())
    assert {node.slug for node in existing} == set(slugs)
    check_tree(existing)
    for entry in (await storage.changes(after=0, limit=1000)).entries:
        assert isinstance(entry.change.subject, Category)


_EXAMPLES = count(1)
_SLUGS = st.sampled_from("abcde")
_STEPS = st.lists(
    st.tuples(st.sampled_from(["create", "move", "delete", "create item", "delete item"]), _SLUGS, st.one_of(st.none(), _SLUGS)),
    min_size=4,
    max_size=30,
)


def decide_step(action: str, slug: str, parent: str | None, existing: dict[str, Category], number: int) -> AnyChange | None:
    """Return the change for a random step, given the existing categories. Return None if it would change nothing."""
    if action == "create item":
        return creation(number, category=slug)
    if action == "delete item":
        return removal(item(number - 1, category=slug))
    if action == "create" or slug not in existing:
        return category(slug, None if parent == slug else parent, number)
    if action == "delete":
        return existing[slug].delete(now=NOON)
    return None if parent == slug else existing[slug].update({"parent": parent}, default_position=0, now=NOON)


@settings(max_examples=40)
@given(steps=_STEPS, size=st.integers(1, 4))
async def test_stores_agree_on_trees(storage: Storage, steps: list[tuple[str, str, str | None]], size: int) -> None:
    """Random steps in batches have the same outcomes in every store, and give the same tree."""
    await commit(storage, *map(removal, (await storage.list_items(ItemQuery.parse({"limit": "200"}))).items))
    for node in reversed(list(Tree(await storage.categories()))):
        await commit(storage, node.delete(now=NOON))
    start = 1_000 * next(_EXAMPLES)  # so that no two examples use the same ids
    memory = MemoryStorage()
    for first in range(0, len(steps), size):
        existing = await categories_by_slug(memory)
        decided = [decide_step(*step, existing, start + number) for number, step in enumerate(steps[first : first + size], first)]
        batch = [ChangeSet((change,), TESTER) for change in decided if change is not None]
        expected = await memory.commit(batch)
        assert [type(outcome) for outcome in await storage.commit(batch)] == [type(outcome) for outcome in expected]
        assert await categories_by_slug(storage) == await categories_by_slug(memory)
        check_tree(list(await storage.categories()))
    assert await storage.category_counts() == await memory.category_counts()
