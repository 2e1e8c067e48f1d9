"""The item decides, purely, how it may change."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.domain.errors import InvalidInput
from catalog.domain.items.item import FIELDS, Item, Provenance
from catalog.domain.validation import FieldErrors
from catalog.domain.values.money import Money
from tests.making import NOON, certain, creation, item, item_id

LATER = NOON + timedelta(seconds=5)


def faults_of(error: InvalidInput) -> set[tuple[str, str]]:
    """Return where the faults are, and which."""
    return {("/".join(map(str, fault.path)), fault.code) for fault in error.errors}


def test_a_new_item_is_version_1_and_born_now() -> None:
    """With everything that was given, and nothing else."""
    change = creation(1, sku=" chair-1 ", price={"amount": "5", "currency": "EUR"}, attributes={"b": 1, "a": "x"})
    born = change.subject
    assert (change.kind, change.before, change.version, change.at) == ("item.created", None, 1, NOON)
    assert (born.id, born.sku, born.version, born.created_at, born.updated_at) == (item_id(1), "CHAIR-1", 1, NOON, NOON)
    assert (born.price, list(born.attributes), born.description, born.category) == (Money(500, "EUR"), ["a", "b"], None, None)


def test_without_a_sku_the_spare_one_is_taken() -> None:
    """Absent and null are the same on create."""
    for fields in ({"name": "x"}, {"name": "x", "sku": None, "price": None, "attributes": None}):
        assert Item.create(fields, item_id=item_id(1), default_sku="I-1", now=NOON).subject.sku == "I-1"


def test_every_fault_of_an_input_is_told_at_once() -> None:
    """Unknown and read-only fields included."""
    fields = {
        "id": "x",
        "colour": "red",
        "sku": "a b",
        "category": "A",
        "description": 5,
        "price": {"amount": "1.234", "currency": "EUR"},
        "attributes": {"A": 1},
    }
    with pytest.raises(InvalidInput) as caught:
        Item.create(fields, item_id=item_id(1), default_sku="I-1", now=NOON)
    assert faults_of(caught.value) == {
        ("id", "read_only"),
        ("colour", "unknown_field"),
        ("sku", "invalid_sku"),
        ("name", "required"),
        ("category", "invalid_slug"),
        ("description", "wrong_type"),
        ("price/amount", "too_many_decimals"),
        ("attributes/A", "invalid_name"),
    }


def test_a_patch_replaces_takes_away_and_leaves() -> None:
    """A value, null, and absence are three things."""
    before = item(1, description="old", category="a", price={"amount": "1", "currency": "EUR"})
    change = certain(before.update({"name": "New", "description": None}, now=LATER))
    after = change.subject
    assert (change.kind, change.before, change.version) == ("item.revised", before, 2)
    assert (after.name, after.description, after.category, after.price) == ("New", None, "a", before.price)
    assert (after.version, after.created_at, after.updated_at) == (2, NOON, LATER)


def test_prices_and_attributes_merge_member_by_member() -> None:
    """As RFC 7396 has it: null takes one away, another stays."""
    before = item(1, price={"amount": "12", "currency": "EUR"}, attributes={"a": 1, "b": 2})
    after = certain(before.update({"price": {"currency": "USD"}, "attributes": {"a": None, "c": True}}, now=LATER)).subject
    assert (after.price, dict(after.attributes)) == (Money(1200, "USD"), {"b": 2, "c": True})
    assert dict(certain(before.update({"attributes": None}, now=LATER)).subject.attributes) == {}
    assert certain(before.update({"price": None}, now=LATER)).subject.price is None
    assert certain(item(1).update({"price": {"amount": 3, "currency": "EUR"}}, now=LATER)).subject.price == Money(300, "EUR")


@pytest.mark.parametrize(
    ("patch", "fault"),
    [
        ({"sku": None}, ("sku", "required")),
        ({"name": None}, ("name", "required")),
        ({"price": {"amount": None}}, ("price/amount", "required")),
        ({"price": "5"}, ("price", "wrong_type")),
        ({"attributes": {"a": {"b": 1}}}, ("attributes/a", "wrong_type")),
        ({"version": 3}, ("version", "read_only")),
        ({"names": "x"}, ("names", "unknown_field")),
    ],
)
def test_a_patch_that_breaks_a_rule_is_refused(patch: dict[str, Any], fault: tuple[str, str]) -> None:
    """With the fault's place."""
    with pytest.raises(InvalidInput) as caught:
        item(1, price={"amount": "1", "currency": "EUR"}).update(patch, now=LATER)
    assert faults_of(caught.value) == {fault}


def test_a_change_that_changes_nothing_is_none() -> None:
    """No new version, nothing for the log."""
    before = item(1, price={"amount": "1", "currency": "EUR"}, attributes={"a": 1})
    assert before.update({}, now=LATER) is None
    assert before.update({"name": " Item 1 ", "attributes": {"a": 1}, "description": ""}, now=LATER) is None
    assert before.reprice({"amount": "1.00", "currency": "eur"}, now=LATER) is None
    assert before.update({"attributes": {"a": True}}, now=LATER) is not None


def test_a_new_price_is_given_whole() -> None:
    """An amount and a currency."""
    change = certain(item(1).reprice({"amount": "2.50", "currency": "EUR"}, now=LATER))
    assert (change.kind, change.subject.price) == ("item.repriced", Money(250, "EUR"))
    with pytest.raises(InvalidInput) as caught:
        item(1).reprice({"amount": "2"}, now=LATER)
    assert faults_of(caught.value) == {("currency", "required")}


def test_a_removal_is_the_last_version_of_a_life() -> None:
    """So that its versions have no gap."""
    change = item(1).delete(now=LATER)
    assert (change.kind, change.after, change.version, change.at) == ("item.removed", None, 2, LATER)


def test_time_never_runs_backwards_in_an_items_life() -> None:
    """Even when the clock does."""
    earlier = NOON - timedelta(days=1)
    assert certain(item(1).update({"name": "x"}, now=earlier)).subject.updated_at == NOON
    assert item(1).delete(now=earlier).at == NOON


def test_an_item_that_cannot_be_is_not_made() -> None:
    """The constructor holds the invariants."""
    valid = item(1)
    with pytest.raises(ValueError, match="No such item"):
        Item(id=valid.id, sku="S", name="", attributes=valid.attributes, version=1, created_at=NOON, updated_at=NOON)


def test_a_change_without_before_and_after_has_no_subject() -> None:
    """It is a fault of the program."""
    change = creation(1)
    broken = type(change)("x", None, None, NOON)
    with pytest.raises(ValueError, match="before or an after"):
        _ = broken.subject


documents = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["A", "B", None, ""]),
        "description": st.sampled_from(["x", "", None]),
        "category": st.sampled_from(["a", "b-c", None, "B"]),
        "price": st.sampled_from(
            [None, {"amount": "1"}, {"currency": "JPY"}, {"amount": "2.5", "currency": "USD"}, {"amount": None}]
        ),
        "attributes": st.one_of(st.none(), st.dictionaries(st.sampled_from("abc"), st.sampled_from([1, 1.0, True, "x", None]))),
    },
)


def merge(target: object, patch: object) -> object:
    """Merge as RFC 7396 writes it down, word by word."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def document(of: Item) -> dict[str, Any]:
    """Write an item down as a caller would."""
    written: dict[str, Any] = {name: getattr(of, name) for name in FIELDS if getattr(of, name) is not None}
    if of.price is not None:
        written["price"] = {"amount": of.price.amount, "currency": of.price.currency}
    written["attributes"] = dict(of.attributes)
    return written


@given(documents, st.lists(documents, max_size=4))
def test_a_merge_patch_gives_what_creating_the_merged_document_gives(
    first: dict[str, Any], patches: list[dict[str, Any]]
) -> None:
    """For any item and any run of patches: the same item, or a refusal in both."""
    try:
        current = creation(1, **first).subject
    except InvalidInput:
        return
    for patch in patches:
        merged = merge(document(current), patch)
        assert isinstance(merged, dict)
        try:
            expected = creation(1, **{"name": None, **merged}).subject
        except InvalidInput:
            with pytest.raises(InvalidInput):
                current.update(patch, now=LATER)
            continue
        change = current.update(patch, now=LATER)
        after = current if change is None else change.subject
        assert document(after) == document(expected)
        assert after.attributes == expected.attributes
        assert after.version == current.version + (change is not None)
        current = after


def shown(one: Item) -> dict[str, Any]:
    """Show an item as an answer does."""
    return {
        "id": str(one.id),
        "sku": one.sku,
        "name": one.name,
        "version": one.version,
        "created_at": "2026-11-20T12:00:00.123456Z",
        "updated_at": one.updated_at.isoformat(),
    }


def test_what_is_kept_by_us_may_be_sent_back_as_it_is() -> None:
    """In a whole and in a patch; by any way to write it."""
    one = item(1)
    for sent in (shown(one), shown(one) | {"id": one.id.hex.upper(), "created_at": "2026-11-20T14:00:00.1234569+02:00"}):
        assert one.replace(sent, now=LATER) is None
        assert one.update(sent, now=LATER) is None
        assert certain(one.replace(sent | {"name": "Other"}, now=LATER)).version == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", str(item_id(2))),
        ("id", 5),
        ("version", 2),
        ("version", True),
        ("version", "1"),
        ("version", 10**4000),
        ("created_at", "2026-11-20T12:00:00Z"),
        ("created_at", None),
        ("updated_at", "9" * 5000),
        ("updated_at", 5),
    ],
)
def test_what_is_kept_by_us_cannot_be_changed(name: str, value: object) -> None:
    """Nor be given to a new item."""
    one = item(1)
    for change in (one.replace, one.update):
        with pytest.raises(InvalidInput, match=f"{name} is kept by the catalog and cannot be changed") as caught:
            change(shown(one) | {name: value}, now=LATER)
        assert faults_of(caught.value) == {(name, "read_only")}
    with pytest.raises(InvalidInput, match="leave it out"):
        Item.create({"name": "A", name: value}, item_id=item_id(1), default_sku="A", now=NOON)


@pytest.mark.parametrize("sku", ["batch", "Import", " EXPORT "])
def test_paths_of_ours_are_no_skus(sku: str) -> None:
    """Unless an item has one of old; that keeps it."""
    with pytest.raises(InvalidInput) as born:
        creation(1, sku=sku)
    with pytest.raises(InvalidInput) as revised:
        item(1).update({"sku": sku}, now=LATER)
    assert faults_of(born.value) == faults_of(revised.value) == {("sku", "reserved_sku")}
    old = replace(item(1), sku=sku.strip().upper())
    assert certain(old.update({"sku": sku, "name": "Other"}, now=LATER)).subject.sku == old.sku
    assert certain(old.replace({"name": "Other"}, now=LATER)).subject.sku == old.sku
    assert certain(old.update({"sku": "B"}, now=LATER)).subject.sku == "B"


def test_an_attribute_that_is_null_is_absent() -> None:
    """It does not count either."""
    many = {f"a{number}": number for number in range(64)} | {"none": None}
    assert len(creation(1, attributes=many).subject.attributes) == 64
    assert dict(creation(1, attributes={"a": None, "b": 1}).subject.attributes) == {"b": 1}


@pytest.mark.parametrize(
    "text", ["2026-11-20T12:00:00.123456789Z", "2026-11-20t14:00:00.123456+02:00", "20261120T120000.123456Z"]
)
def test_a_life_is_read_with_any_time_of_its_moment(text: str) -> None:
    """RFC 3339, or what else names an offset."""
    faults = FieldErrors()
    life = Provenance.parse({"id": str(item_id(1)), "version": "1", "created_at": text, "updated_at": NOON.isoformat()}, faults)
    assert life is not None
    assert life.created_at == NOON


def test_a_time_that_is_too_long_is_not_read() -> None:
    """However it goes on: only so many characters can name a time."""
    faults = FieldErrors()
    text = "2026-11-20T12:00:00." + "0" * 10_000 + "Z"
    Provenance.parse({"id": str(item_id(1)), "version": "1", "created_at": text, "updated_at": NOON.isoformat()}, faults)
    assert [(fault.path, fault.code) for fault in faults.found] == [(("created_at",), "invalid_time")]
