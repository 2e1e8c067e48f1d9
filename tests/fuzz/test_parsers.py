"""Parsers accept any text: they return a valid value or raise one of the catalog's errors."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar.exceptions import HTTPException

from catalog.application.changes.history import LogRequest
from catalog.application.exports.export import parse_export
from catalog.application.files.row_source import MalformedRow
from catalog.application.imports.plan import ImportPlan
from catalog.application.strict_json import MAX_DEPTH, read_json
from catalog.domain.errors import CatalogError
from catalog.domain.items.item import Item
from catalog.domain.queries.cursor import CursorPosition, encode_cursor
from catalog.domain.queries.filters import ATTRIBUTE, FILTER_PARAMETERS, OPERATORS
from catalog.domain.queries.item_query import PARAMETERS, ItemQuery
from catalog.domain.queries.list_request import PARAMETERS as LIST_PARAMETERS
from catalog.domain.queries.list_request import ListRequest
from catalog.domain.queries.operands import parse_attribute, parse_moment
from catalog.domain.queries.ordering import newest_first
from catalog.domain.validation import FieldErrors
from catalog.domain.values.decimal_literal import DecimalLiteral
from catalog.domain.values.money import INT64_MAX, Money
from catalog.entrypoints.http.requests.preconditions import etag, is_not_modified, parse_if_match, parse_put_conditions
from catalog.entrypoints.http.responses.preferences import preferences
from tests.making import NOON, creation, item_id
from tests.tables import table

MANY = settings(max_examples=300)

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=40)
"""Any text, including lone surrogates, which represent bytes that are not valid UTF-8."""


def near(*samples: str) -> st.SearchStrategy[str]:
    """Return a strategy of valid texts, of damaged, repeated and joined ones, and of any text at all."""
    sample = st.sampled_from(samples)

    @st.composite
    def damaged(draw: st.DrawFn) -> str:
        text = draw(sample)
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, len(text)))
        return text[:start] + draw(ANY_TEXT | sample) + text[end:]

    repeated = st.tuples(sample, st.integers(2, 3_000)).map(lambda drawn: (drawn[0] * drawn[1])[:20_000])
    return sample | damaged() | st.lists(sample, max_size=4).map("".join) | repeated | ANY_TEXT


@contextmanager
def catalog_errors_only() -> Iterator[None]:
    """Suppress the catalog's own errors, after checking that they are short and have a specific code."""
    caught: CatalogError | None = None
    try:
        yield
    except CatalogError as error:
        caught = error
    assert caught is None or (caught.code != CatalogError.code and len(str(caught)) < 64 * 1024)


FINGERPRINT = ItemQuery.parse({}).fingerprint
CURSOR = encode_cursor(CursorPosition((NOON, item_id(1))), FINGERPRINT)
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=6,
)


def encode_as_cursor(value: object) -> str:
    """Encode a value like a cursor."""
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@MANY
@given(
    near(CURSOR)
    | JSON_VALUES.map(encode_as_cursor)
    | st.tuples(st.sampled_from([">", "<", "~>", "~<", "?"]), st.lists(JSON_VALUES, max_size=3)).map(
        lambda drawn: encode_as_cursor([FINGERPRINT, drawn[0], *drawn[1]])
    )
)
def test_cursors_are_parsed_or_refused(text: str) -> None:
    """A parsed cursor has one value for each sort key."""
    with catalog_errors_only():
        query = ItemQuery.parse({"cursor": text})
        assert query.after is None or len(query.after) == len(newest_first())


NUMBERS = near("0", "10", "-1", "1.5", "1e3", "9223372036854775807", "9223372036854775808", "0" * 50)
TIMES = near(
    "2026-11-20",
    "2026-11-20T12:00:00Z",
    "2026-11-20T12:00:00.123456789+14:00",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59.999999-23:59",
    "2026-02-31",
)
LISTS = near("A,B", "CHAIR-1", '"a,b",c', "garden,chairs", "name,-price", "sku,name", "category,attr.size", "item.created")
PARAMETER_NAMES = st.sampled_from(
    [
        *(*PARAMETERS, *LIST_PARAMETERS, *FILTER_PARAMETERS, "nonsense"),
        *(f"{field}__{operator}" for field, operators in OPERATORS.items() for operator in (*operators, "nonsense")),
        *(f"{ATTRIBUTE}size{operator}" for operator in ("", "__gt", "__in", "__exists", "__x")),
    ]
) | near("attr.size__gte", "price__lt", "__")


@MANY
@given(
    st.dictionaries(
        PARAMETER_NAMES, st.lists(NUMBERS | TIMES | LISTS | near("EUR", "true", 'x"y\\'), min_size=1, max_size=3), max_size=5
    )
)
def test_parameters_of_lists_exports_and_the_log_are_parsed_or_refused(parameters: dict[str, list[str]]) -> None:
    """Any combination of filters and other parameters is either valid or refused."""
    with catalog_errors_only():
        ListRequest.parse(parameters)
    with catalog_errors_only():
        parse_export(parameters)
    with catalog_errors_only():
        LogRequest.parse({name: values[0] for name, values in parameters.items()})


@MANY
@given(near("garden chair", "KT-INS114", "東京タワー", "100% _", "ß ı ø", "a" * 200, "😀\u200d"))
def test_search_queries_are_parsed_or_refused(text: str) -> None:
    """A query of any symbols, scripts, surrogates and length is either valid or refused."""
    with catalog_errors_only():
        ListRequest.parse({"q": text, "highlight": "true"})


@MANY
@given(TIMES)
def test_times_are_parsed_or_refused(text: str) -> None:
    """A parsed time is in UTC."""
    errors = FieldErrors()
    moment = parse_moment(text, "as_of", errors)
    assert (moment is None) is bool(errors.found)
    assert moment is None or moment.tzinfo is UTC


@MANY
@given(near("10", "-0.0", "1e308", "true", '"10"', '"\\ud800"', '"\\u0000"', "-9223372036854775808"))
def test_attribute_operands_are_parsed_or_refused(text: str) -> None:
    """Parsing returns a key or reports an error, never both or neither."""
    errors = FieldErrors()
    assert (parse_attribute(text, "attr.size", errors) is None) is bool(errors.found)


@MANY
@given(
    st.fixed_dictionaries(
        {
            "amount": NUMBERS | NUMBERS.map(DecimalLiteral) | JSON_VALUES,
            "currency": near("EUR", "jpy", "KWD", "XXX") | JSON_VALUES,
        }
    )
    | JSON_VALUES
)
def test_amounts_of_money_are_parsed_or_refused(raw: object) -> None:
    """A parsed amount can be stored, and its string parses to the same amount."""
    errors = FieldErrors()
    money = Money.parse(raw, errors, ("price",))
    assert (money is None) is bool(errors.found)
    if money is not None:
        assert 0 <= money.minor_units <= INT64_MAX
        assert Money.parse({"amount": money.amount, "currency": money.currency}, FieldErrors(), ()) == money


DOCUMENT = '{"name": "Chair", "price": {"amount": 12.50}, "attributes": {"a": [1e3, -0, true, null, "\\u00e9\\ud83d"]}}'


@MANY
@given(
    near(DOCUMENT, "[", "{", '{"a":', "1e999999999", '"\\', "NaN", "[]", "9" * 5_000, '{"a":1,"a":2}', "\ufeff{}")
    | JSON_VALUES.map(json.dumps)
)
def test_json_is_parsed_or_refused(text: str) -> None:
    """The input is text or bytes that are not UTF-8. A parsed document is no deeper than MAX_DEPTH."""
    with catalog_errors_only():
        assert depth(read_json(text.encode(errors="surrogateescape" if is_bytes(text) else "surrogatepass"))) <= MAX_DEPTH


def is_bytes(text: str) -> bool:
    """Return whether every surrogate in a text represents a byte."""
    return not any("\ud800" <= character <= "\udfff" and not "\udc80" <= character <= "\udcff" for character in text)


def depth(value: object) -> int:
    """Return the nesting depth of a document."""
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if children is None else 1 + max(map(depth, children), default=0)


@MANY
@given(
    st.dictionaries(
        st.sampled_from(["sku", "name", "description", "category", "price", "attributes", "id"]), JSON_VALUES | ANY_TEXT
    )
)
def test_item_fields_are_validated(fields: dict[str, object]) -> None:
    """Fields of any type create an item or are refused."""
    with catalog_errors_only():
        Item.create(fields, item_id=item_id(1), default_sku="I-1", now=NOON)


TAG = etag(creation(1).subject)


@MANY
@given(
    near(
        TAG,
        f"W/{TAG}",
        f"{TAG}, {TAG}",
        "*",
        TAG[:-1] + ';0123456789abcdef"',
        TAG[:-1] + '-gzip"',
        '"",',
        f"{'0' * 32}.{'9' * 19}",
    ),
    st.booleans(),
)
def test_preconditions_are_parsed_or_refused(text: str, required: bool) -> None:  # noqa: FBT001 - Hypothesis passes it by name
    """Any Latin-1 text in If-Match or If-None-Match is parsed or refused."""
    value = text.encode("latin-1", errors="replace")
    for name in (b"if-match", b"if-none-match"):
        scope = {"headers": [(name, value)]}
        with catalog_errors_only():
            is_not_modified(scope, TAG)
        for parse in (parse_if_match, parse_put_conditions):
            with catalog_errors_only(), suppress(HTTPException):  # 428
                parse(scope, required=required)


@MANY
@given(near("return=minimal", 'return="representation"', "respond-async, wait=10", "handling=lenient;x=y", ",;=,"))
def test_preferences_are_unique(text: str) -> None:
    """Parsing Prefer returns each preference once."""
    parsed = preferences({"headers": [(b"prefer", text.encode("latin-1", errors="replace"))]})
    names = [preference.partition("=")[0] for preference in parsed]
    assert len(names) == len(set(names))


PAIRS = st.lists(near("name=title", "attr.size=integer", "price=Amount", "=x", "sku="), max_size=3)


@MANY
@given(PAIRS, PAIRS, PAIRS)
def test_import_options_are_parsed_or_refused(maps: list[str], sets: list[str], types: list[str]) -> None:
    """Any text for a mapping, a constant or a type is a valid pair or refused."""
    with catalog_errors_only():
        ImportPlan.parse(maps, sets, types)


ROWS = {
    "csv": near(
        "sku,name,price,currency\nA,Chair,1.50,EUR\n", 'sku,name\nA,"x""y\nz"\n', "name\n", ",", '"', "\0", "a,a\n", "\r\n\r"
    ),
    "json": near('[{"sku": "A", "name": "Chair"}, {"name": "x"}]', "[", "[]", "[1,", "]", '[{"a":', "[" * 500),
    "jsonl": near('{"sku": "A", "name": "Chair"}\n', "{}\n", "\n", '{"a":\n', "[" * 500, "1e999\n"),
}


@pytest.mark.parametrize("kind", ROWS)
@MANY
@given(st.data())
def test_files_are_parsed_or_refused(kind: str, data: st.DataObject) -> None:
    """Each row of a file is parsed or returned as malformed."""
    text = data.draw(ROWS[kind] | st.binary(max_size=80).map(lambda drawn: drawn.decode("utf-8", errors="surrogateescape")))
    content = text.encode(errors="surrogateescape" if is_bytes(text) else "surrogatepass")
    with catalog_errors_only():
        source = table(content, kind)
        try:
            rows = list(source.rows)
        finally:
            source.close()
        assert len(rows) <= len(content) + 1
        assert all(isinstance(row, MalformedRow) or isinstance(row.values, dict) for row in rows)
