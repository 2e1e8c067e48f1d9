"""Items: creating, updating, restoring, and what is rejected."""

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


def errors_of(invalid: InvalidInput) -> set[tuple[str, str]]:
    """Return the path and code of each field error."""
    return {("/".join(map(str, error.path)), error.code) for error in invalid.errors}


def test_a_new_item_has_version_1_and_the_current_time() -> None:
    """It has the given fields and no others."""
    change = creation(1, sku=" chair-1 ", price={"amount": "5", "currency": "EUR"}, attributes={"b": 1, "a": "x"})
    created = change.subject
    assert (change.kind, change.before, change.version, change.at) == ("item.created", None, 1, NOON)
    assert (created.id, created.sku, created.version, created.created_at, created.updated_at) == (
        item_id(1),
        "CHAIR-1",
        1,
        NOON,
        NOON,
    )
    assert (created.price, list(created.attributes)) == (Money(500, "EUR"), ["a", "b"])
    assert (created.description, created.category) == (None, None)


def test_without_a_sku_the_default_one_is_used() -> None:
    """On create, null is treated as absent."""
    for fields in ({"name": "x"}, {"name": "x", "sku": None, "price": None, "attributes": None}):
        assert Item.create(fields, item_id=item_id(1), default_sku="I-1", now=NOON).subject.sku == "I-1"


def test_every_error_of_an_input_is_reported() -> None:
    """Unknown and read-only fields are reported too."""
    fields = {
        "id": "x",
        "colour": "red",
        "sku": "a\tb",
        "category": "A",
        "description": 5,
        "price": {"amount": "1.234", "currency": "EUR"},
        "attributes": {"A": 1},
    }
    with pytest.raises(InvalidInput) as caught:
        Item.create(fields, item_id=item_id(1), default_sku="I-1", now=NOON)
    assert errors_of(caught.value) == {
        ("id", "read_only"),
        ("colour", "unknown_field"),
        ("sku", "invalid_sku"),
        ("name", "required"),
        ("category", "invalid_slug"),
        ("description", "wrong_type"),
        ("price/amount", "too_many_decimals"),
        ("attributes/A", "invalid_name"),
    }


def test_a_patch_replaces_clears_and_keeps_fields() -> None:
    """A value replaces a field, null clears it, and an omitted field stays."""
    before = item(1, description="old", category="a", price={"amount": "1", "currency": "EUR"})
    change = certain(before.update({"name": "New", "description": None}, now=LATER))
    after = change.subject
    assert (change.kind, change.before, change.version) == ("item.revised", before, 2)
    assert (after.name, after.description, after.category, after.price) == ("New", None, "a", before.price)
    assert (after.version, after.created_at, after.updated_at) == (2, NOON, LATER)


def test_prices_and_attributes_merge_member_by_member() -> None:
    """By RFC 7396, null removes a member and omitted members stay."""
    before = item(1, price={"amount": "12", "currency": "EUR"}, attributes={"a": 1, "b": 2})
    after = certain(before.update({"price": {"currency": "USD"}, "attributes": {"a": None, "c": True}}, now=LATER)).subject
    assert (after.price, dict(after.attributes)) == (Money(1200, "USD"), {"b": 2, "c": True})
    assert dict(certain(before.update({"attributes": None}, now=LATER)).subject.attributes) == {}
    assert certain(before.update({"price": None}, now=LATER)).subject.price is None
    assert certain(item(1).update({"price": {"amount": 3, "currency": "EUR"}}, now=LATER)).subject.price == Money(300, "EUR")


@pytest.mark.parametrize(
    ("patch", "error"),
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
def test_an_invalid_patch_is_rejected(patch: dict[str, Any], error: tuple[str, str]) -> None:
    """The error has the path of the field."""
    with pytest.raises(InvalidInput) as caught:
        item(1, price={"amount": "1", "currency": "EUR"}).update(patch, now=LATER)
    assert errors_of(caught.value) == {error}


def test_a_change_that_changes_nothing_is_none() -> None:
    """No new version and no log entry is created."""
    before = item(1, price={"amount": "1", "currency": "EUR"}, attributes={"a": 1})
    assert before.update({}, now=LATER) is None
    assert before.update({"name": " Item 1 ", "attributes": {"a": 1}, "description": ""}, now=LATER) is None
    assert before.reprice({"amount": "1.00", "currency": "eur"}, now=LATER) is None
    assert before.update({"attributes": {"a": True}}, now=LATER) is not None


def test_a_new_price_needs_an_amount_and_a_currency() -> None:
    """A partial price is rejected."""
    change = certain(item(1).reprice({"amount": "2.50", "currency": "EUR"}, now=LATER))
    assert (change.kind, change.subject.price) == ("item.repriced", Money(250, "EUR"))
    with pytest.raises(InvalidInput) as caught:
        item(1).reprice({"amount": "2"}, now=LATER)
    assert errors_of(caught.value) == {("currency", "required")}


def test_a_deletion_creates_the_last_version() -> None:
    """So versions have no gaps."""
    change = item(1).delete(now=LATER)
    assert (change.kind, change.after, change.version, change.at) == ("item.removed", None, 2, LATER)


def test_update_times_never_decrease() -> None:
    """This holds even if the clock is set back."""
    earlier = NOON - timedelta(days=1)
    assert certain(item(1).update({"name": "x"}, now=earlier)).subject.updated_at == NOON
    assert item(1).delete(now=earlier).at == NOON


def test_an_invalid_item_cannot_be_constructed() -> None:
    """The constructor checks the invariants."""
    valid = item(1)
    with pytest.raises(ValueError, match="Invalid item"):
        Item(id=valid.id, sku="S", name="", attributes=valid.attributes, version=1, created_at=NOON, updated_at=NOON)


def test_a_change_without_before_and_after_has_no_subject() -> None:
    """Such a change is a bug."""
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
    """Merge a patch; a literal translation of the pseudocode in RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def document(source: Item) -> dict[str, Any]:
    """Return an item as a caller would send it."""
    fields: dict[str, Any] = {name: getattr(source, name) for name in FIELDS if getattr(source, name) is not None}
    if source.price is not None:
        fields["price"] = {"amount": source.price.amount, "currency": source.price.currency}
    fields["attributes"] = dict(source.attributes)
    return fields


@given(documents, st.lists(documents, max_size=4))
def test_a_merge_patch_equals_creating_the_merged_document(first: dict[str, Any], patches: list[dict[str, Any]]) -> None:
    """For any item and any sequence of patches, both give the same item, or both are rejected."""
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


def response(source: Item) -> dict[str, Any]:
    """Return an item as a response contains it."""
    return {
        "id": str(source.id),
        "sku": source.sku,
        "name": source.name,
        "version": source.version,
        "created_at": "2026-11-20T12:00:00.123456Z",
        "updated_at": source.updated_at.isoformat(),
    }


def test_read_only_fields_may_be_sent_back_unchanged() -> None:
    """Replacing and updating accept them, in any spelling of the same value."""
    current = item(1)
    respelled = {"id": current.id.hex.upper(), "created_at": "2026-11-20T14:00:00.1234569+02:00"}
    for fields in (response(current), response(current) | respelled):
        assert current.replace(fields, now=LATER) is None
        assert current.update(fields, now=LATER) is None
        assert certain(current.replace(fields | {"name": "Other"}, now=LATER)).version == 2


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
def test_read_only_fields_cannot_be_changed(name: str, value: object) -> None:
    """They cannot be set on create either."""
    current = item(1)
    for change in (current.replace, current.update):
        with pytest.raises(InvalidInput, match=f"{name} is read-only; leave it out or send its current value") as caught:
            change(response(current) | {name: value}, now=LATER)
        assert errors_of(caught.value) == {(name, "read_only")}
    with pytest.raises(InvalidInput, match=f"{name} is read-only; leave it out\\."):
        Item.create({"name": "A", name: value}, item_id=item_id(1), default_sku="A", now=NOON)


@pytest.mark.parametrize("sku", ["batch", "Import", " EXPORT "])
def test_reserved_skus_are_rejected(sku: str) -> None:
    """An existing item that has one keeps it."""
    with pytest.raises(InvalidInput) as created:
        creation(1, sku=sku)
    with pytest.raises(InvalidInput) as updated:
        item(1).update({"sku": sku}, now=LATER)
    assert errors_of(created.value) == errors_of(updated.value) == {("sku", "reserved_sku")}
    old = replace(item(1), sku=sku.strip().upper())
    assert certain(old.update({"sku": sku, "name": "Other"}, now=LATER)).subject.sku == old.sku
    assert certain(old.replace({"name": "Other"}, now=LATER)).subject.sku == old.sku
    assert certain(old.update({"sku": "B"}, now=LATER)).subject.sku == "B"


def test_an_attribute_that_is_null_is_absent() -> None:
    """It does not count towards the limit either."""
    many = {f"a{number}": number for number in range(64)} | {"none": None}
    assert len(creation(1, attributes=many).subject.attributes) == 64
    assert dict(creation(1, attributes={"a": None, "b": 1}).subject.attributes) == {"b": 1}


@pytest.mark.parametrize(
    "text", ["2026-11-20T12:00:00.123456789Z", "2026-11-20t14:00:00.123456+02:00", "20261120T120000.123456Z"]
)
def test_provenance_accepts_any_form_of_a_time(text: str) -> None:
    """The time may be in RFC 3339 or another form of ISO 8601 with an offset."""
    errors = FieldErrors()
    fields = {"id": str(item_id(1)), "version": "1", "created_at": text, "updated_at": NOON.isoformat()}
    provenance = Provenance.parse(fields, errors)
    assert provenance is not None
    assert provenance.created_at == NOON


def test_a_time_that_is_too_long_is_rejected() -> None:
    """Its length is limited, even if it would be a valid time."""
    errors = FieldErrors()
    text = "2026-11-20T12:00:00." + "0" * 10_000 + "Z"
    Provenance.parse({"id": str(item_id(1)), "version": "1", "created_at": text, "updated_at": NOON.isoformat()}, errors)
    assert [(error.path, error.code) for error in errors.found] == [(("created_at",), "invalid_time")]
