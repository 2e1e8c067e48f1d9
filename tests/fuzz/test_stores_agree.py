"""The same requests to a memory store, SQLite and Postgres get the same responses, byte for byte.

Each store has its own deterministic clock and ids, so only the log's id (in the ETags of lists) and the rate of an import may
differ.
"""

import asyncio
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from catalog.entrypoints.container import Container, running
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.sections import StorageSettings
from tests.conftest import STORES, Databases
from tests.http.making import CATEGORIES, ITEMS, cache_of
from tests.making import CountedIds, FixedClock

SAME_HEADERS = ("content-type", "content-disposition", "etag", "location", "link", "preference-applied", "idempotency-replayed")

SKUS = st.sampled_from(["A", "a", "B", "CHAIR-1", "KT-INS114", "iPhone15", "no such"])
SLUGS = st.sampled_from(["garden", "chairs", "tables", "chairs", "tables", "attic", "nowhere", "Bad Slug"])
WORDS = [
    "Garden",
    "chair",
    "Stühle",
    "ßen",
    "Łódź",
    "東京タワー",
    "sofa",
    "100%",
    "a_b",
    "İstanbul",
    "ﬁne",
    "x" * 60,
    "🙂",
    "o'clock",
    '"',
]
NAMES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
TEXTS = NAMES | st.sampled_from(["", " ", "\u00ad", "tab\there", "line\nbreak"]) | st.text(max_size=8)
AMOUNTS = st.sampled_from(["0", "1.2", "12.50", "1e3", "-1", "92233720368547758.07", "92233720368547758.08", 3, 4.5, None, "x"])
CURRENCIES = st.sampled_from(["EUR", "JPY", "KWD", "usd", "XXX", None])
VALID_PRICES = st.sampled_from([{"amount": "12.50", "currency": "EUR"}, {"amount": 9, "currency": "JPY"}, None])
PRICES = VALID_PRICES | st.fixed_dictionaries({"amount": AMOUNTS, "currency": CURRENCIES})
VALUES: st.SearchStrategy[Any] = st.sampled_from(
    ["green", "Green", "10", "", True, False, 10, -1, 4.5, 1e300, 2**63 - 1, -(2**63), 2**63, 0, -0.0, None, []]
)
VALID_VALUES: st.SearchStrategy[Any] = st.sampled_from(["green", "Green", "10", True, 10, 4.5, 1e300, -(2**63)])
VALID_ATTRIBUTES = st.dictionaries(st.sampled_from(["colour", "size", "new"]), VALID_VALUES, max_size=3)
ATTRIBUTES = (
    VALID_ATTRIBUTES | st.dictionaries(st.sampled_from(["colour", "size", "new", "Bad Name"]), VALUES, max_size=3) | st.none()
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "sku": SKUS,
    "description": TEXTS | st.none(),
    "category": SLUGS | st.none(),
    "price": PRICES,
    "attributes": ATTRIBUTES,
}
VALID_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "description": NAMES | st.none(),
    "category": st.sampled_from(["garden", "chairs", "tables", None]),
    "price": VALID_PRICES,
    "attributes": VALID_ATTRIBUTES,
}
DRAFTS = st.fixed_dictionaries({"name": NAMES}, optional={"sku": SKUS, **VALID_FIELDS}) | st.fixed_dictionaries(
    {"name": NAMES | TEXTS}, optional=FIELDS
)
PATCHES = st.fixed_dictionaries({}, optional={"name": NAMES, **VALID_FIELDS}) | st.fixed_dictionaries(
    {}, optional={"name": NAMES | TEXTS, **FIELDS}
)
CATEGORY_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "parent": SLUGS | st.none(),
    "position": st.sampled_from([0, 1, 2, 3, -1]),
}
OPERATIONS = st.one_of(
    st.fixed_dictionaries({"op": st.just("create"), "item": DRAFTS}),
    st.fixed_dictionaries({"op": st.just("upsert"), "item": DRAFTS}, optional={"if_version": st.integers(0, 3)}),
    st.fixed_dictionaries({"op": st.just("update"), "key": SKUS, "patch": PATCHES}, optional={"if_version": st.integers(0, 3)}),
    st.fixed_dictionaries({"op": st.just("reprice"), "key": SKUS, "price": PRICES}),
    st.fixed_dictionaries({"op": st.just("delete"), "key": SKUS}),
)
QUERIES = st.fixed_dictionaries(
    {},
    optional={
        "q": st.lists(st.sampled_from(WORDS).map(lambda word: word[:4]), min_size=1, max_size=2).map(" ".join) | TEXTS,
        "sort": st.sampled_from(["name", "-name", "price,-sku", "-updated_at", "category,name", "-version", "nonsense"]),
        "limit": st.sampled_from(["1", "2", "3", "50", "0"]),
        "offset": st.sampled_from(["0", "1", "2"]),
        "sku": SKUS,
        "category": SLUGS,
        "currency": st.sampled_from(["EUR", "JPY", "nix"]),
        "price_min": st.sampled_from(["1", "12.5", "x"]),
        "version__gte": st.sampled_from(["1", "2", "9223372036854775808"]),
        "created_after": st.sampled_from(["2026-11-20", "2026-11-20T12:00:30Z", "9999-12-31T23:59:59-12:00"]),
        "attr.colour": st.sampled_from(["green", "Green", '"10"', "10"]),
        "attr.size__gt": st.sampled_from(["0", "-1", "4.5", "1e300", "true"]),
        "price__exists": st.sampled_from(["true", "false"]),
        "category__ne": SLUGS,
        "count": st.just("exact"),
        "facet": st.sampled_from(["category", "currency,attr.colour", "attr.size,attr.new"]),
        "highlight": st.just("true"),
        "include": st.just("category"),
        "fields": st.sampled_from(["sku", "sku,name,price", "attributes"]),
    },
)
KEYS = SKUS | st.integers(4, 12).map(lambda number: f"{{id{number}}}")


# Failures are not shrunk: setting up three stores for each attempt would take many minutes.
SETTINGS = settings(max_examples=12, stateful_step_count=30, phases=[Phase.explicit, Phase.generate], report_multiple_bugs=False)

_NO_BODY = object()


class Store:
    """One store's application, called in this process."""

    def __init__(self, client: httpx.AsyncClient, clock: FixedClock, ids: CountedIds) -> None:
        """Wrap a client of the application, with its clock and ids."""
        self.client = client
        self.clock = clock
        self.ids = ids

    async def send(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> tuple[Any, ...]:
        """Send a request, and return the parts of the response that must be the same on every store."""
        self.clock.move(seconds=1)
        response = await self.client.request(method, path, headers=headers, content=body)
        headers_to_compare = {name: response.headers[name] for name in SAME_HEADERS if name in response.headers}
        if headers_to_compare.get("etag", "").startswith("W/"):
            headers_to_compare["etag"] = "of a list"
        return response.status_code, headers_to_compare, re.sub(rb'"rate":[0-9.]+', b'"rate":0', response.content)


class Agreement(RuleBasedStateMachine):
    """Sends requests to every store. `open_stores` is set by each test."""

    open_stores: Any = None

    def __init__(self) -> None:
        """Open a fresh store of each kind."""
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.number = 0
        self.tags: list[str] = []
        self.cursors: list[str] = []
        self.stores: dict[str, Store] = self.runner.run(type(self).open_stores(self.stack))

    def teardown(self) -> None:
        """Close the stores."""
        self.runner.run(self.stack.aclose())
        self.runner.close()

    def send(self, method: str, path: str, body: object = _NO_BODY, media: str = "application/json", **headers: str) -> None:
        """Send a request to every store, and compare the responses."""
        self.number += 1
        request_headers = {name.replace("_", "-"): value for name, value in headers.items()} | {
            "X-Request-ID": f"r-{self.number}"
        }
        content = None if body is _NO_BODY else json.dumps(body).encode()
        if content is not None:
            request_headers["Content-Type"] = media

        async def send_to_all() -> list[tuple[Any, ...]]:
            return [await store.send(method, path, request_headers, content) for store in self.stores.values()]

        responses = self.runner.run(send_to_all())
        for name, response in zip(self.stores, responses, strict=True):
            assert response == responses[0], (
                f"{method} {path} {content!r}: {name} returns {response}, {next(iter(self.stores))} {responses[0]}"
            )
        status, response_headers, content = responses[0]
        assert status < 500, responses[0]
        if '"' in response_headers.get("etag", ""):
            self.tags.append(response_headers["etag"])
        self.cursors += re.findall(r'"(?:next|prev)_cursor":"([^"]+)"', content.decode())

    def conditions(self, chosen: int) -> dict[str, str]:
        """Return an If-Match with an ETag of an earlier response, or nothing if `chosen` is 0."""
        return {"If_Match": self.tags[chosen % len(self.tags)]} if self.tags and chosen else {}

    def path(self, key: str) -> str:
        """Return the path of an item."""
        number = re.fullmatch(r"\{id(\d+)\}", key)
        return f"{ITEMS}/{_id(int(number[1])) if number else quote(key)}"

    @initialize()
    def fill(self) -> None:
        """Create a few categories and items, so that most requests find something."""
        for slug, parent in (("garden", None), ("chairs", "garden"), ("tables", "garden")):
            self.send("POST", CATEGORIES, {"slug": slug, "name": slug, "parent": parent})
        for sku, name, category, amount in (
            ("A", "Garden chair", "chairs", "12.50"),
            ("CHAIR-1", "Stühle 東京タワー", "tables", "3"),
        ):
            price = {"amount": amount, "currency": "EUR"}
            attributes = {"colour": "green", "size": 4.5}
            self.send("POST", ITEMS, {"sku": sku, "name": name, "category": category, "price": price, "attributes": attributes})
        self.send("POST", ITEMS, {"sku": "KT-INS114", "name": "sofa"})

    @rule(draft=DRAFTS, key=st.sampled_from(["", "", "k1", "k2"]), prefer=st.sampled_from(["", "return=minimal"]))
    def create(self, draft: object, key: str, prefer: str) -> None:
        """Create an item, sometimes with an Idempotency-Key."""
        headers = ({"Idempotency_Key": key} if key else {}) | ({"Prefer": prefer} if prefer else {})
        self.send("POST", ITEMS, draft, **headers)

    @rule(key=KEYS, draft=DRAFTS, chosen=st.integers(0, 5), absent=st.booleans())
    def put(self, key: str, draft: object, chosen: int, absent: bool) -> None:  # noqa: FBT001 - Hypothesis passes it by name
        """Create or replace an item."""
        self.send("PUT", self.path(key), draft, **({"If_None_Match": "*"} if absent else self.conditions(chosen)))

    @rule(key=KEYS, patch=PATCHES, chosen=st.integers(0, 5))
    def update(self, key: str, patch: object, chosen: int) -> None:
        """Update an item."""
        self.send("PATCH", self.path(key), patch, "application/merge-patch+json", **self.conditions(chosen))

    @rule(key=KEYS, price=PRICES)
    def reprice(self, key: str, price: object) -> None:
        """Change the price of an item."""
        self.send("PATCH", f"{self.path(key)}/price", price)

    @rule(key=KEYS, chosen=st.integers(0, 5))
    def delete(self, key: str, chosen: int) -> None:
        """Delete an item."""
        self.send("DELETE", self.path(key), **self.conditions(chosen))

    @rule(key=KEYS, version=st.integers(0, 4))
    def restore_and_revert(self, key: str, version: int) -> None:
        """Restore an item, and revert it to an earlier version."""
        self.send("POST", f"{self.path(key)}/restore")
        self.send("POST", f"{self.path(key)}/revert", {"version": version})

    @rule(operations=st.lists(OPERATIONS, min_size=1, max_size=4), atomic=st.booleans(), dry=st.booleans())
    def batch(self, operations: object, atomic: bool, dry: bool) -> None:  # noqa: FBT001 - Hypothesis passes it by name
        """Execute several operations in one batch."""
        self.send("POST", f"{ITEMS}/batch", {"operations": operations, "atomic": atomic, "dry_run": dry})

    @rule(
        rows=st.lists(DRAFTS, min_size=1, max_size=4),
        conflict=st.sampled_from(["fail", "skip", "update"]),
        mode=st.sampled_from(["per_row", "all_or_nothing"]),
        options=st.sampled_from(["", "&create_categories=true", "&dry_run=true"]),
    )
    def import_rows(self, rows: object, conflict: str, mode: str, options: str) -> None:
        """Import rows."""
        self.send("POST", f"{ITEMS}/import?on_conflict={conflict}&mode={mode}{options}", rows)

    @rule(slug=SLUGS, fields=st.fixed_dictionaries({"name": NAMES}, optional=CATEGORY_FIELDS))
    def create_category(self, slug: str, fields: dict[str, object]) -> None:
        """Create a category."""
        self.send("POST", CATEGORIES, {"slug": slug} | fields)

    @rule(slug=SLUGS, fields=st.fixed_dictionaries({}, optional={"name": NAMES, **CATEGORY_FIELDS}), chosen=st.integers(0, 5))
    def update_category(self, slug: str, fields: object, chosen: int) -> None:
        """Rename or move a category."""
        self.send("PATCH", f"{CATEGORIES}/{quote(slug)}", fields, **self.conditions(chosen))

    @rule(slug=SLUGS, move_to=SLUGS | st.none())
    def delete_category(self, slug: str, move_to: str | None) -> None:
        """Delete a category."""
        self.send("DELETE", f"{CATEGORIES}/{quote(slug)}" + ("" if move_to is None else f"?{urlencode({'move_to': move_to})}"))

    @rule(query=QUERIES)
    def search(self, query: dict[str, str]) -> None:
        """List or search items, in all categories and in one. A cached response must equal the one from the store."""
        self.send("GET", f"{ITEMS}?{urlencode(query)}")
        self.send("GET", f"{ITEMS}?{urlencode(query)}")
        self.send("GET", f"{CATEGORIES}/garden/items?{urlencode(query)}")

    @rule(query=QUERIES)
    def search_by_one_parameter(self, query: dict[str, str]) -> None:
        """Search with a single parameter, so that few searches are refused, then read the page at a returned cursor."""
        parameters = dict(sorted(query.items())[:1]) | {"limit": "1"}
        self.cursors.clear()
        self.send("GET", f"{ITEMS}?{urlencode(parameters)}")
        for cursor in self.cursors[:1]:
            self.send("GET", f"{ITEMS}?{urlencode(parameters | {'cursor': cursor})}")

    @rule(key=KEYS)
    def read(self, key: str) -> None:
        """Read an item, its history and its prices."""
        self.send("GET", self.path(key))
        self.send("GET", f"{self.path(key)}?include=category&fields=sku,category")
        self.send("GET", f"{self.path(key)}/history?limit=3")
        self.send("GET", f"{self.path(key)}/prices")

    @rule(query=QUERIES, export_format=st.sampled_from(["csv", "json", "jsonl"]))
    def export(self, query: dict[str, str], export_format: str) -> None:
        """Export all items and some of them."""
        filters = {name: value for name, value in query.items() if name in ("q", "sku", "category", "sort")}
        self.send("GET", f"{ITEMS}/export?{urlencode({'format': export_format})}")
        self.send("GET", f"{ITEMS}/export?{urlencode({'format': export_format} | filters)}")

    @rule()
    def read_categories_and_log(self) -> None:
        """Read the category tree and the change log."""
        self.send("GET", f"{CATEGORIES}?as=tree&counts=true")
        self.send("GET", f"{CATEGORIES}/garden?counts=true")
        self.send("GET", "/api/v1/changes?limit=1000")
        self.send("GET", "/api/v1/changes?after=9223372036854775807&kind=item.created")


def _id(number: int) -> str:
    ids = CountedIds()
    ids.count = number - 1
    return str(ids.new_id())


async def _open_stores(stack: AsyncExitStack, urls: dict[str, str]) -> dict[str, Store]:
    """Open an application on each store."""
    stores = {}
    for name, url in urls.items():
        clock, ids = FixedClock(), CountedIds()
        container = Container(settings=Settings(storage=StorageSettings(url=url)))
        container.clock.override(clock)
        container.ids.override(ids)
        storage = await stack.enter_async_context(running(container))
        await stack.enter_async_context(cache_of(container).running(storage))
        transport = httpx.ASGITransport(app=create_app(container))
        client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://localhost"))
        stores[name] = Store(client, clock, ids)
    return stores


@pytest.fixture
def agreement(
    databases: Databases, postgres_template: str, sqlite_template: Path, tmp_path: Path
) -> Iterator[type[RuleBasedStateMachine]]:
    """The state machine, with fresh stores for each run."""
    database_names: list[str] = []

    async def open_stores(stack: AsyncExitStack) -> dict[str, Store]:
        database = await databases.create(postgres_template)
        database_names.append(database)
        stack.push_async_callback(databases.drop, database)
        file = tmp_path / f"{len(database_names)}.db"
        shutil.copy(sqlite_template, file)
        return await _open_stores(
            stack, dict(zip(STORES, ("memory://", f"sqlite:///{file}", databases.url(database)), strict=True))
        )

    yield type("Agreement", (Agreement,), {"open_stores": staticmethod(open_stores)})
    for file in tmp_path.glob("*.db*"):
        file.unlink()


def test_every_store_gives_the_same_responses(agreement: type[RuleBasedStateMachine]) -> None:
    """Random sequences of writes, reads, searches, exports, imports and reads of the log give the same responses."""
    run_state_machine_as_test(agreement, settings=SETTINGS)
