"""Categories: what they take, what they refuse, and the tree they make."""

from uuid import UUID

import pytest

from catalog.domain.categories.category import MAX_POSITION, Category, name_from_slug, slug_from_name
from catalog.domain.categories.tree import Tree
from catalog.domain.errors import InvalidInput
from tests.making import NOON, category


def create(**fields: object) -> Category:
    """Create a category."""
    return Category.create(fields, category_id=UUID(int=1), default_position=3, now=NOON).subject


def faults(**fields: object) -> list[tuple[str, str]]:
    """Return where and what is wrong with fields."""
    with pytest.raises(InvalidInput) as caught:
        create(**fields)
    return [(str(fault.path[0]), fault.code) for fault in caught.value.errors]


def test_what_is_left_out_is_made() -> None:
    """The slug from the name, the position by whoever knows the siblings."""
    made = create(name="  Gärten & Höfe ", slug=None)
    assert (made.slug, made.name, made.parent, made.position, made.version) == ("garten-hofe", "Gärten & Höfe", None, 3, 1)
    assert create(name="x", position=0).position == 0
    assert slug_from_name("x" * 99 + " y") == "x" * 99
    assert slug_from_name("!") is None
    assert slug_from_name(5) is None
    assert name_from_slug("garden-chairs") == "Garden chairs"


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Łóżka", "lozka"),
        ("Işıklar", "isiklar"),
        ("Smørrebrød & Øl", "smorrebrod-ol"),
        ("Æbler / Þorskur", "aebler-thorskur"),
        ("Straßenmöbel", "strassenmobel"),
        ("Чайники и чашки", "chainiki-i-chashki"),
        ("Ложь", "lozh"),
        ("ь", None),
        ("Ґудзики її", "gudziki-ii"),
        ("Καρέκλες του κήπου", "karekles-tou-kipou"),
        ("Ευρώ", "euro"),
        ("🪑 Chairs", "chairs"),
        ("soft\u00adhyphen", "softhyphen"),
        ("東京", None),
        ("東京 Lamp 2", None),
        ("Küche 厨房", None),
        ("كراسي", None),
        ("เก้าอี้", None),
        ("كراسي 2", None),
        ("Стол ١٢", None),
    ],
)
def test_a_slug_has_all_letters_of_the_name_or_is_asked_for(name: str, slug: str | None) -> None:
    """No letter is lost: Latin, Greek and Cyrillic are spelled out, and where there are others there is no slug."""
    assert slug_from_name(name) == slug
    if slug is None:
        assert faults(name=name) == [("slug", "required")]
        assert create(name=name, slug="given").slug == "given"


def test_every_fault_is_named() -> None:
    """All at once."""
    assert faults() == [("name", "required"), ("slug", "required")]
    assert faults(name="東京") == [("slug", "required")]
    assert faults(name="x", slug="A", parent="-", position=-1, version=1, colour=1) == [
        ("version", "read_only"),
        ("colour", "unknown_field"),
        ("slug", "invalid_slug"),
        ("parent", "invalid_slug"),
        ("position", "invalid_position"),
    ]
    for position in (True, "1", MAX_POSITION + 1):
        assert faults(name="x", position=position) == [("position", "invalid_position")]
    assert faults(name="x", parent="x") == [("parent", "own_parent")]


def test_a_patch_keeps_what_it_does_not_name() -> None:
    """And leaves no trace where it changes nothing."""
    before = create(name="Chairs", parent="garden")
    assert before.update({"name": "Chairs", "slug": "chairs"}, default_position=9, now=NOON) is None
    change = before.update({"parent": None}, default_position=9, now=NOON)
    assert change is not None
    assert (change.subject.parent, change.subject.position, change.subject.version, change.version) == (None, 9, 2, 2)
    for patch, fault in (
        ({"slug": "other"}, ("slug", "read_only")),
        ({"slug": None}, ("slug", "required")),
        ({"parent": "chairs"}, ("parent", "own_parent")),
        ({"position": None}, ("position", "invalid_position")),
        ({"name": None}, ("name", "required")),
        ({"id": 1}, ("id", "read_only")),
    ):
        with pytest.raises(InvalidInput) as caught:
            before.update(patch, default_position=9, now=NOON)
        assert [(one.path[0], one.code) for one in caught.value.errors][:1] == [fault]


def test_an_impossible_category_is_a_fault_of_the_program() -> None:
    """A store that gives one back is broken."""
    for wrong in ({"slug": ""}, {"name": ""}, {"version": 0}, {"parent": "a"}):
        with pytest.raises(ValueError, match="No such category"):
            Category(**{"id": UUID(int=1), "slug": "a", "name": "A", "version": 1} | wrong)  # type: ignore[arg-type]


def test_a_tree_is_walked_from_the_roots_down() -> None:
    """Siblings by position, then by slug."""
    tree = Tree(
        change.subject
        for change in (
            category("z", position=1),
            category("b", "a", position=2),
            category("a", position=1),
            category("c", "a", position=0),
            category("d", "b"),
            category("e", "a", position=0),
        )
    )
    assert [each.slug for each in tree] == ["a", "c", "e", "b", "d", "z"]
    assert tree.within(["b", "nope", "d"]) == {"b", "d"}
    assert [each.slug for each in tree.lineage("d")] == ["a", "b", "d"]
    assert tree.lineage("nope") == ()
    assert tree.totals({"d": 2, "a": 1, "z": 5}) == {"a": 3, "b": 2, "c": 0, "d": 2, "e": 0, "z": 5}


def test_what_answers_tell_of_a_category_may_be_sent_back() -> None:
    """Ids and versions as they are; what is worked out from others is passed over."""
    made = create(name="Chairs", parent="garden")
    sent = {"id": str(made.id), "version": 1, "slug": "chairs", "name": "Chairs", "path": [], "item_count": 9, "children": []}
    assert made.update(sent, default_position=0, now=NOON) is None
    for name, value in {"id": 5, "version": True, "colour": 1}.items():
        with pytest.raises(InvalidInput) as caught:
            made.update({name: value}, default_position=0, now=NOON)
        assert [fault.code for fault in caught.value.errors] == ["unknown_field" if name == "colour" else "read_only"]
    assert faults(name="x", path=[]) == [("path", "unknown_field")]
