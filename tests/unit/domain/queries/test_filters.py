"""Filters: how parameters are parsed, which ones are refused, and which items match."""

from datetime import UTC, datetime, timedelta

import pytest

from catalog.domain.categories.tree import Tree
from catalog.domain.errors import InvalidQuery
from catalog.domain.items.attributes import sort_key
from catalog.domain.queries.filters import ALIASES, MAX_CONDITIONS, MAX_VALUES, OPERATORS, Condition
from catalog.domain.queries.item_query import ItemQuery, Parameters
from tests.making import NOON, category, item, revision

TREE = Tree([category("lamps").subject])
DAY = datetime(2026, 11, 20, tzinfo=UTC)


def conditions(**parameters: str | list[str]) -> tuple[Condition, ...]:
    """Parse filters."""
    return ItemQuery.parse(parameters).filters


def errors(parameters: Parameters) -> list[tuple[str, str]]:
    """Return the parameter and code of each error."""
    with pytest.raises(InvalidQuery) as caught:
        ItemQuery.parse(parameters)
    return [(str(error.path[0]), error.code) for error in caught.value.errors]


def test_a_name_without_operator_means_equality_and_a_repeated_one_any_of_its_values() -> None:
    """Values are normalized like the field: SKUs are accepted in any case."""
    assert conditions(sku="chair-1") == (Condition("sku", "eq", ("CHAIR-1",)),)
    assert conditions(sku=["b", "a", "B"]) == (Condition("sku", "in", ("A", "B")),)
    assert conditions(category=["lamps"]) == conditions(category="lamps") == conditions(category__eq="lamps")
    assert conditions(version="3") == (Condition("version", "eq", (3,)),)
    assert conditions(version__in="3,1,3") == (Condition("version", "in", (1, 3)),)


def test_amounts_are_converted_to_minor_units_of_the_given_currency() -> None:
    """`price_min` and `price_max` include the amount itself."""
    assert conditions(currency="eur", price_min="1.5", price_max="2") == (
        Condition("currency", "eq", ("EUR",)),
        Condition("price", "lte", (200,)),
        Condition("price", "gte", (150,)),
    )
    assert conditions(currency="JPY", price__gt="1500")[1] == Condition("price", "gt", (1500,))
    assert conditions(price__exists="false") == (Condition("price", "missing"),)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20T12:00:00.123456Z", NOON),
        ("2026-11-20t12:00:00.123456z", NOON),
        ("2026-11-20T12:00:00.123456789Z", NOON),
        ("2026-11-20T12:00:00.123456" + "9" * 1000 + "Z", NOON),
        ("2026-11-20T14:00:00.1234569+02:00", NOON),
        ("2026-11-19T23:59:60Z", DAY),
        ("2026-11-19T23:59:60.999Z", DAY),
        ("2026-11-20T14:00:00.123456+02:00", NOON),
        ("2026-11-20T14:00:00.123456 02:00", NOON),
        ("2026-11-20T08:30-03:30", DAY + timedelta(hours=12)),
        ("2026-11-20", DAY),
    ],
)
def test_times_are_read_with_their_offset_or_as_days_in_utc(text: str, moment: datetime) -> None:
    """Down to the microsecond."""
    assert conditions(created_after=text) == (Condition("created_at", "gt", (moment,)),)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2026-02-31",
        "2026-11-20T25:00Z",
        "2026-11-20T12:00",
        "0001-01-01T00:00+01:00",
        "2026-11-20T12:00:00.Z",
        "2026-11-20T12:00:61Z",
        "9999-12-31T23:59:60Z",
        "²026-11-20",
    ],
)
def test_an_invalid_time_is_refused(text: str) -> None:
    """The error names the parameter."""
    assert errors({"updated_before": text}) == [("updated_before", "invalid_time")]


def test_all_errors_are_reported_at_once() -> None:
    """Unsupported operators, invalid values, and amounts without a currency."""
    parameters = {
        "version__like": "1",
        "version__gt": "1.5",
        "sku__lt": "A",
        "sku": "no\tsku",
        "category__exists": "yes",
        "price__gt": "1",
        "price_": "1",
        "created_at__exists": "true",
    }
    assert sorted(errors(parameters)) == sorted(
        [
            ("version__like", "unknown_operator"),
            ("version__gt", "invalid_number"),
            ("sku__lt", "unknown_operator"),
            ("sku", "invalid_sku"),
            ("category__exists", "invalid_boolean"),
            ("price__gt", "required"),
            ("price_", "unknown_parameter"),
            ("created_at__exists", "unknown_operator"),
        ]
    )
    assert errors({"currency": "XAU", "price_min": "1"}) == [("currency", "unknown_currency")]
    assert errors({"currency": "EUR", "price_min": "1.234", "price_max": "-1"}) == [
        ("price_max", "negative_amount"),
        ("price_min", "too_many_decimals"),
    ]
    assert errors({"currency": "EUR", "currency__eq": "USD", "price_min": "1"}) == [("price_min", "required")]
    assert errors({"version": "9" * 20}) == errors({"version": str(2**63)}) == [("version", "invalid_number")]
    assert errors({"version__in": "1," * MAX_VALUES + "1"}) == [("version__in", "too_many_values")]


def test_the_error_for_an_unknown_operator_lists_the_supported_ones() -> None:
    """The caller can correct the request without looking them up."""
    with pytest.raises(InvalidQuery) as caught:
        ItemQuery.parse({"version__like": "1"})
    assert "eq, ne, lt, lte, gt, gte, in" in caught.value.errors[0].message


def test_which_items_match_a_condition() -> None:
    """An item without a value matches only `exists=false`."""
    priced = revision(item(1, category="lamps", price={"amount": "2", "currency": "EUR"}), name="Lamp").subject
    plain = item(2)
    expected = {
        "sku=s-1": "1",
        "sku__ne=s-1": "2",
        "sku__in=s-2,s-3": "2",
        "category=lamps": "1",
        "category__ne=lamps": "",
        "category__exists=false": "2",
        "currency=EUR": "1",
        "currency__in=EUR,USD": "1",
        "currency=EUR&price=2": "1",
        "currency=EUR&price__ne=3": "1",
        "currency=EUR&price__lt=2": "",
        "currency=EUR&price__lte=2.00": "1",
        "price__exists=true": "1",
        "version__gte=2": "1",
        "version=1": "2",
        f"created_at={NOON.isoformat()}": "12",
        f"created_after={NOON.isoformat()}": "",
        f"updated_after={NOON.isoformat()}": "1",
        f"updated_at__lte={NOON.isoformat()}": "2",
        "category=lamps&version=1": "",
        "attr.a__exists=false": "12",
    }
    for text, numbers in expected.items():
        query = ItemQuery.parse(dict(part.split("=") for part in text.split("&")))
        matches = "".join(number for number, each in (("1", priced), ("2", plain)) if query.predicate(TREE)(each))
        assert matches == numbers, text


def test_every_alias_names_a_field_and_one_of_its_operators() -> None:
    """Otherwise the alias would always be refused."""
    assert all(operator in OPERATORS[field] for field, operator in ALIASES.values())


def test_a_cursor_belongs_to_its_filters() -> None:
    """The order and spelling of the filters do not matter."""
    query = ItemQuery.parse({"limit": "1", "sku": ["A", "B"]})
    cursor = query.page([(item(1), None), (item(2), None)]).next_cursor
    assert cursor is not None
    assert ItemQuery.parse({"cursor": cursor, "sku": ["b", "a"]}).after is not None
    with pytest.raises(Exception, match="another query"):
        ItemQuery.parse({"cursor": cursor, "sku": "A"})


def test_the_form_of_a_value_determines_the_type_of_an_attribute() -> None:
    """Numbers, booleans and texts are distinct; quoted commas do not split a list."""
    for text, value in (
        ("10", 10),
        ("-0.5", -0.5),
        ("1e3", 1000),
        ("true", True),
        ('"10"', "10"),
        ("red wine", "red wine"),
        ("", ""),
        ('"a\\u0041"', "aA"),
        ("007", "007"),
    ):
        assert conditions(**{"attr.size": text}) == (Condition("attr.size", "eq", (sort_key(value),)),), text
    assert conditions(**{"attr.a__b__gte": "1"})[0].field == "attr.a__b"
    listed = conditions(**{"attr.size__in": 'x,"a,b",1,'})[0]
    assert listed == Condition("attr.size", "in", tuple(sorted([sort_key(1), *map(sort_key, ["x", "a,b", ""])])))
    assert conditions(**{"attr.size__exists": "false"}) == (Condition("attr.size", "missing"),)


def test_invalid_attribute_filters_are_refused() -> None:
    """The errors name the parameters."""
    found = errors(
        {
            "attr.": "1",
            "attr.Size": "1",
            "attr.size__like": "1",
            "attr.size__gt": "1" * 50,
            "attr.size__lt": "1e999",
            "attr.size__gte": str(2**63),
            "attr.size__lte": '"x',
            "attr.size__ne": "\x00",
            "attr.size__eq": '"\\ud800"',
        }
    )
    assert sorted(found) == [
        ("attr.", "invalid_name"),
        ("attr.Size", "invalid_name"),
        ("attr.size__eq", "invalid_text"),
        ("attr.size__gt", "invalid_number"),
        ("attr.size__gte", "invalid_number"),
        ("attr.size__like", "unknown_operator"),
        ("attr.size__lt", "invalid_number"),
        ("attr.size__lte", "invalid_text"),
        ("attr.size__ne", "invalid_text"),
    ]
    many = {f"attr.a{number}": "1" for number in range(MAX_CONDITIONS + 1)}
    assert [code for _, code in errors(many)] == ["too_many_filters"]
