"""What every store promises of categories: a tree that stays one, whoever moves what."""

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


def moved(before: Category, parent: str | None, position: int = 0) -> Change[Category]:
    """Decide to move a category."""
    return certain(before.update({"parent": parent, "position": position}, default_position=0, now=NOON))


async def there(storage: Storage) -> dict[str, Category]:
    """Return the categories that are there."""
    return {each.slug: each for each in await storage.categories()}


def work(storage: Storage) -> Categories:
    """Work on the categories of a store."""
    return Categories(storage, FixedClock(), CountedIds())


async def test_what_was_committed_comes_back(storage: Storage) -> None:
    """By its lineage, and in the log."""
    garden = category("garden", name="Garten „東京“", position=7)
    chairs = category("chairs", "garden")
    await commit(storage, garden, chairs)
    assert await there(storage) == {"garden": garden.subject, "chairs": chairs.subject}
    assert await storage.lineages(["chairs", "garden", "nope"]) == {
        "chairs": (garden.subject, chairs.subject),
        "garden": (garden.subject,),
    }
    gone = chairs.subject.delete(now=NOON + timedelta(seconds=1))
    renamed = certain(garden.subject.update({"name": "Garden"}, default_position=0, now=NOON))
    await commit(storage, gone, renamed)
    assert await there(storage) == {"garden": renamed.subject}
    assert [entry.change for entry in (await storage.changes(after=0, limit=9)).entries] == [garden, chairs, gone, renamed]


async def test_each_conflict_has_its_error(storage: Storage) -> None:
    """And nothing of a refused change is written."""
    await create_categories(storage, "a/b/c")
    await commit(storage, creation(1, category="c"))
    known = await there(storage)
    newer = moved(known["b"], None).subject
    again = Category(id=known["a"].id, slug="zz", name="zz", version=1)
    cases: list[tuple[AnyChange, type]] = [
        (category("a"), SlugTaken),
        (category("d", "nope"), UnknownCategory),
        (moved(known["a"], "c"), CategoryCycle),
        (moved(known["c"], "nope"), UnknownCategory),
        (moved(newer, "a"), StaleVersion),
        (again.delete(now=NOON), CategoryNotFound),
        (known["c"].delete(now=NOON), CategoryInUse),
        (known["a"].delete(now=NOON), CategoryInUse),
        (creation(2, category="nope"), UnknownCategory),
        (revision(item(1, category="c"), category="nope"), UnknownCategory),
    ]
    for change, error in cases:
        (outcome,) = await commit(storage, change)
        assert type(outcome) is error, change
    assert await there(storage) == known
    assert (await storage.head()).seq == 4


async def test_a_batch_sees_its_own_categories(storage: Storage) -> None:
    """Items go in beside them, and a category goes as soon as nothing is in it; its slug can be taken again at once."""
    born = creation(1, category="b")
    outcomes = await storage.commit(
        [
            ChangeSet((category("a"), category("b", "a"), born), TESTER),
            ChangeSet((category("b").subject.delete(now=NOON),), TESTER),
            ChangeSet((removal(born.subject), category("b", "a").subject.delete(now=NOON)), TESTER),
            ChangeSet((creation(2, category="b"),), TESTER),
            ChangeSet((category("b", generation=2), creation(3, category="b")), TESTER),
        ]
    )
    assert [type(outcome) for outcome in outcomes] == [Committed, CategoryInUse, Committed, UnknownCategory, Committed]
    assert {slug: each.parent for slug, each in (await there(storage)).items()} == {"a": None, "b": None}
    assert await storage.category_counts() == {"b": 1}


async def test_a_slug_that_is_given_up_can_be_taken_up(storage: Storage) -> None:
    """By another category, in one batch."""
    await create_categories(storage, "a")
    other = Category(id=item(9).id, slug="a", name="Other", version=1)
    old = (await there(storage))["a"]
    outcomes = await commit(storage, old.delete(now=NOON), Change("category.created", None, other, NOON))
    assert [type(outcome) for outcome in outcomes] == [Committed, Committed]
    assert await there(storage) == {"a": other}


async def test_the_tree_is_so_deep_and_no_deeper(storage: Storage) -> None:
    """By making and by moving."""
    slugs = [f"l{number}" for number in range(MAX_DEPTH)]
    await create_categories(storage, "/".join(slugs), "x/y")
    assert [type(outcome) for outcome in await commit(storage, category("z", slugs[-1]))] == [CategoryTooDeep]
    known = await there(storage)
    too_deep, just_right = moved(known["x"], slugs[-2]), moved(known["x"], slugs[-3])
    assert [type(outcome) for outcome in await commit(storage, too_deep, just_right)] == [CategoryTooDeep, Committed]
    assert len((await storage.lineages(["y"]))["y"]) == MAX_DEPTH


async def test_items_are_found_in_a_category_and_all_below_it(storage: Storage) -> None:
    """And counted where they stand."""
    await create_categories(storage, "a/b/c", "a/d", "e")
    for number, slug in enumerate(["a", "b", "c", "d", "e", "e", None], 1):
        await commit(storage, creation(number, category=slug, name=str(number)))
    for parameters, found in {
        "category=a": "1234",
        "category=b": "23",
        "category=nope": "",
        "category__ne=b": "1456",
        "category__ne=nope": "123456",
        "category__in=c,e": "356",
        "category__exists=false": "7",
    }.items():
        name, _, value = parameters.partition("=")
        assert "".join(sorted(await names(storage, **{name: value}))) == found, parameters
    assert await storage.category_counts() == {"a": 1, "b": 1, "c": 1, "d": 1, "e": 2}
    assert (await storage.list_items(ItemQuery.parse({"category": ["c", "d"], "sort": "sku"}))).items[0].sku == "S-3"


async def test_a_category_is_created_moved_and_renamed(storage: Storage) -> None:
    """At the end of its siblings, unless a position is given."""
    categories = work(storage)
    await create_categories(storage, "garden")
    first = await categories.create({"name": "Stühle & Bänke", "parent": "garden"}, TESTER)
    second = await categories.create({"slug": "tables", "name": "Tables", "parent": "garden"}, TESTER)
    assert (first.slug, first.position, second.position) == ("stuhle-banke", 0, 1)
    lamps = await categories.create({"slug": "lamps", "name": "Lamps", "position": 0}, TESTER)
    below = await categories.update("lamps", {"parent": "garden"}, TESTER, {(lamps.id, 1)})
    assert (below.parent, below.position, below.version) == ("garden", 2, 2)
    assert await categories.update("lamps", {"parent": "garden", "name": "Lamps"}, TESTER) == below
    ahead = await categories.update("lamps", {"position": 0, "name": "Lights"}, TESTER)
    assert [each.name for each in await categories.tree()] == ["Garden", "Lights", "Stühle & Bänke", "Tables"]
    assert [each.slug for each in await categories.lineage("lamps")] == ["garden", "lamps"]
    with pytest.raises(StaleVersion, match="The category"):
        await categories.update("lamps", {"name": "x"}, TESTER, {(lamps.id, 1)})
    with pytest.raises(CategoryNotFound):
        await categories.update("nope", {"name": "x"}, TESTER)
    with pytest.raises(UnknownCategory, match="did you mean tables"):
        await categories.update("lamps", {"parent": "tabels"}, TESTER)
    assert await categories.get("lamps") == ahead


async def test_what_is_in_a_category_goes_elsewhere_with_it(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Items and children, in as many commits as it takes; the items' histories say so."""
    monkeypatch.setattr("catalog.application.categories.categories.MOVE_BATCH", 2)
    categories = work(storage)
    await create_categories(storage, "a/b/c", "a/z", "e/f")
    await create_items(storage, 1, 2, 3, category="b")
    with pytest.raises(CategoryInUse, match=r"children: 1, items: 3"):
        await categories.delete("b", TESTER)
    for nowhere in ("b", "c", "nope"):
        with pytest.raises(InvalidQuery):
            await categories.delete("b", TESTER, move_to=nowhere)
    with pytest.raises(StaleVersion):
        await categories.delete("b", TESTER, {((await categories.get("b")).id, 7)}, "e")
    assert await categories.delete("b", TESTER, {((await categories.get("b")).id, 1)}, "e") == 3
    assert {slug: (each.parent, each.position) for slug, each in (await there(storage)).items()} == {
        "a": (None, 0),
        "z": ("a", 0),
        "e": (None, 0),
        "f": ("e", 0),
        "c": ("e", 1),
    }
    assert await storage.category_counts() == {"e": 3}
    assert {one.version for one in (await storage.list_items(ItemQuery.parse({}))).items} == {2}
    assert await categories.delete("z", TESTER, move_to="e") == 0
    with pytest.raises(CategoryNotFound):
        await categories.delete("z", TESTER)


async def test_an_unknown_category_is_refused_with_the_nearest(storage: Storage) -> None:
    """At the field; and without a guess when none is near."""
    items = Items(storage, FixedClock(), CountedIds())
    await create_categories(storage, "garden-chairs")
    with pytest.raises(UnknownCategory, match="did you mean garden-chairs") as caught:
        await items.create({"name": "x", "category": "garden-chair"}, TESTER)
    assert (caught.value.errors[0].path, caught.value.errors[0].code) == (("category",), "unknown_category")
    with pytest.raises(UnknownCategory, match="create it first"):
        await items.create({"name": "x", "category": "zzz"}, TESTER)


def whole(categories: list[Category]) -> None:
    """Every category can be reached from a root, on a way that is not too long."""
    tree = Tree(categories)
    assert {each.slug for each in tree} == {each.slug for each in categories}
    assert max((len(tree.lineage(each.slug)) for each in categories), default=0) <= MAX_DEPTH


async def test_racing_moves_leave_a_tree(storage: Storage) -> None:
    """Many at once, each decided from a tree that may be old: no cycle, none too deep, nothing lost."""
    chance = random.Random(7)
    slugs = [f"c{number}" for number in range(24)]
    await create_categories(storage, "/".join(slugs[:12]), "/".join(slugs[12:]))

    async def rival() -> list[str]:
        done = []
        for _ in range(12):
            known = await there(storage)
            first = known[chance.choice(slugs)]
            patch = {"parent": chance.choice([None, *slugs]), "position": chance.randint(0, 3)}
            if patch["parent"] == first.slug:
                continue
            change = first.update(patch, default_position=0, now=NOON)
            await asyncio.sleep(0)
            if change is not None:
                (outcome,) = await commit(storage, change)
                done.append(type(outcome).__name__)
        return done

    outcomes = {name for names_ in await asyncio.gather(*(rival() for _ in range(8))) for name in names_}
    assert outcomes >= {"Committed", "StaleVersion", "CategoryCycle"}
    known = list((await there(storage)).values())
    assert {each.slug for each in known} == set(slugs)
    whole(known)
    for entry in (await storage.changes(after=0, limit=1000)).entries:
        assert isinstance(entry.change.subject, Category)


_EXAMPLES = count(1)
_SLUGS = st.sampled_from("abcde")
_STEPS = st.lists(
    st.tuples(st.sampled_from(["create", "move", "remove", "item", "leave"]), _SLUGS, st.one_of(st.none(), _SLUGS)),
    min_size=4,
    max_size=30,
)


def step(verb: str, slug: str, other: str | None, known: dict[str, Category], number: int) -> AnyChange | None:
    """Decide a step from what is known; None when nothing would change."""
    if verb == "item":
        return creation(number, category=slug)
    if verb == "leave":
        return removal(item(number - 1, category=slug))
    if verb == "create" or slug not in known:
        return category(slug, None if other == slug else other, number)
    if verb == "remove":
        return known[slug].delete(now=NOON)
    return None if other == slug else known[slug].update({"parent": other}, default_position=0, now=NOON)


@settings(max_examples=40)
@given(steps=_STEPS, size=st.integers(1, 4))
async def test_stores_agree_on_trees(storage: Storage, steps: list[tuple[str, str, str | None]], size: int) -> None:
    """Random steps in batches: the same outcomes, and the same tree."""
    await commit(storage, *map(removal, (await storage.list_items(ItemQuery.parse({"limit": "200"}))).items))
    for each in reversed(list(Tree(await storage.categories()))):
        await commit(storage, each.delete(now=NOON))
    start = 1_000 * next(_EXAMPLES)  # the ids of one example are not used again by the next
    memory = MemoryStorage()
    for first in range(0, len(steps), size):
        known = await there(memory)
        decided = [step(*each, known, start + number) for number, each in enumerate(steps[first : first + size], first)]
        batch = [ChangeSet((change,), TESTER) for change in decided if change is not None]
        expected = await memory.commit(batch)
        assert [type(outcome) for outcome in await storage.commit(batch)] == [type(outcome) for outcome in expected]
        assert await there(storage) == await there(memory)
        whole(list(await storage.categories()))
    assert await storage.category_counts() == await memory.category_counts()
