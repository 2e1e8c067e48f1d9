"""The same requests, sent to a memory store, SQLite and Postgres side by side, get the same answers, byte for byte.

Clock and ids are counted in each, so that only the log's own id (in the ETags of lists) and the rate of an import may differ.
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
from catalog.entrypoints.settings import Settings, StorageSettings
from tests.conftest import STORES, Databases
from tests.http.conftest import caching_of
from tests.making import CountedIds, FixedClock

ITEMS = "/api/v1/items"
CATEGORIES = "/api/v1/categories"

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
GOOD_PRICES = st.sampled_from([{"amount": "12.50", "currency": "EUR"}, {"amount": 9, "currency": "JPY"}, None])
PRICES = GOOD_PRICES | st.fixed_dictionaries({"amount": AMOUNTS, "currency": CURRENCIES})
VALUES: st.SearchStrategy[Any] = st.sampled_from(
    ["green", "Green", "10", "", True, False, 10, -1, 4.5, 1e300, 2**63 - 1, -(2**63), 2**63, 0, -0.0, None, []]
)
GOOD_VALUES: st.SearchStrategy[Any] = st.sampled_from(["green", "Green", "10", True, 10, 4.5, 1e300, -(2**63)])
GOOD_ATTRIBUTES = st.dictionaries(st.sampled_from(["colour", "size", "new"]), GOOD_VALUES, max_size=3)
ATTRIBUTES = (
    GOOD_ATTRIBUTES | st.dictionaries(st.sampled_from(["colour", "size", "new", "Bad Name"]), VALUES, max_size=3) | st.none()
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "sku": SKUS,
    "description": TEXTS | st.none(),
    "category": SLUGS | st.none(),
    "price": PRICES,
    "attributes": ATTRIBUTES,
}
GOOD_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "description": NAMES | st.none(),
    "category": st.sampled_from(["garden", "chairs", "tables", None]),
    "price": GOOD_PRICES,
    "attributes": GOOD_ATTRIBUTES,
}
DRAFTS = st.fixed_dictionaries({"name": NAMES}, optional={"sku": SKUS, **GOOD_FIELDS}) | st.fixed_dictionaries(
    {"name": NAMES | TEXTS}, optional=FIELDS
)
PATCHES = st.fixed_dictionaries({}, optional={"name": NAMES, **GOOD_FIELDS}) | st.fixed_dictionaries(
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
QUESTIONS = st.fixed_dictionaries(
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


# A failure is not made smaller: with three stores to set up for each try that takes many minutes.
SETTINGS = settings(max_examples=12, stateful_step_count=30, phases=[Phase.explicit, Phase.generate], report_multiple_bugs=False)

_NO_BODY = object()


class Side:
    """One store's application, asked in this process."""

    def __init__(self, client: httpx.AsyncClient, clock: FixedClock, ids: CountedIds) -> None:
        """Ask it with this client."""
        self.client = client
        self.clock = clock
        self.ids = ids

    async def ask(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> tuple[Any, ...]:
        """Return what must be alike of the answer."""
        self.clock.move(seconds=1)
        answer = await self.client.request(method, path, headers=headers, content=body)
        kept = {name: answer.headers[name] for name in SAME_HEADERS if name in answer.headers}
        if kept.get("etag", "").startswith("W/"):
            kept["etag"] = "of a list"
        return answer.status_code, kept, re.sub(rb'"rate":[0-9.]+', b'"rate":0', answer.content)


class Agreement(RuleBasedStateMachine):
    """Sends requests to every store; `open_sides` is set for each test."""

    open_sides: Any = None

    def __init__(self) -> None:
        """Open a fresh store of each kind."""
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.number = 0
        self.tags: list[str] = []
        self.cursors: list[str] = []
        self.sides: dict[str, Side] = self.runner.run(type(self).open_sides(self.stack))

    def teardown(self) -> None:
        """Close them."""
        self.runner.run(self.stack.aclose())
        self.runner.close()

    def ask(self, method: str, path: str, body: object = _NO_BODY, media: str = "application/json", **headers: str) -> None:
        """Send a request to every store and compare the answers."""
        self.number += 1
        sent = {name.replace("_", "-"): value for name, value in headers.items()} | {"X-Request-ID": f"r-{self.number}"}
        content = None if body is _NO_BODY else json.dumps(body).encode()
        if content is not None:
            sent["Content-Type"] = media

        async def every() -> list[tuple[Any, ...]]:
            return [await side.ask(method, path, sent, content) for side in self.sides.values()]

        answers = self.runner.run(every())
        for name, answer in zip(self.sides, answers, strict=True):
            assert answer == answers[0], (
                f"{method} {path} {content!r}: {name} answers {answer}, {next(iter(self.sides))} {answers[0]}"
            )
        status, kept, content = answers[0]
        assert status < 500, answers[0]
        if '"' in kept.get("etag", ""):
            self.tags.append(kept["etag"])
        self.cursors += re.findall(r'"(?:next|prev)_cursor":"([^"]+)"', content.decode())

    def conditions(self, chosen: int) -> dict[str, str]:
        """Return an If-Match with a tag that was seen, for some numbers."""
        return {"If_Match": self.tags[chosen % len(self.tags)]} if self.tags and chosen else {}

    def path(self, key: str) -> str:
        """Return the path of an item."""
        number = re.fullmatch(r"\{id(\d+)\}", key)
        return f"{ITEMS}/{_id(int(number[1])) if number else quote(key)}"

    @initialize()
    def fill(self) -> None:
        """Have a few categories and items, so that most requests find something."""
        for slug, parent in (("garden", None), ("chairs", "garden"), ("tables", "garden")):
            self.ask("POST", CATEGORIES, {"slug": slug, "name": slug, "parent": parent})
        for sku, name, category, amount in (
            ("A", "Garden chair", "chairs", "12.50"),
            ("CHAIR-1", "Stühle 東京タワー", "tables", "3"),
        ):
            price = {"amount": amount, "currency": "EUR"}
            attributes = {"colour": "green", "size": 4.5}
            self.ask("POST", ITEMS, {"sku": sku, "name": name, "category": category, "price": price, "attributes": attributes})
        self.ask("POST", ITEMS, {"sku": "KT-INS114", "name": "sofa"})

    @rule(draft=DRAFTS, key=st.sampled_from(["", "", "k1", "k2"]), prefer=st.sampled_from(["", "return=minimal"]))
    def create(self, draft: object, key: str, prefer: str) -> None:
        """Create an item, some with an Idempotency-Key."""
        headers = ({"Idempotency_Key": key} if key else {}) | ({"Prefer": prefer} if prefer else {})
        self.ask("POST", ITEMS, draft, **headers)

    @rule(key=KEYS, draft=DRAFTS, chosen=st.integers(0, 5), absent=st.booleans())
    def put(self, key: str, draft: object, chosen: int, absent: bool) -> None:  # noqa: FBT001 - drawn by name
        """Create or replace an item."""
        self.ask("PUT", self.path(key), draft, **({"If_None_Match": "*"} if absent else self.conditions(chosen)))

    @rule(key=KEYS, patch=PATCHES, chosen=st.integers(0, 5))
    def revise(self, key: str, patch: object, chosen: int) -> None:
        """Change an item."""
        self.ask("PATCH", self.path(key), patch, "application/merge-patch+json", **self.conditions(chosen))

    @rule(key=KEYS, price=PRICES)
    def reprice(self, key: str, price: object) -> None:
        """Give it another price."""
        self.ask("PATCH", f"{self.path(key)}/price", price)

    @rule(key=KEYS, chosen=st.integers(0, 5))
    def remove(self, key: str, chosen: int) -> None:
        """Remove an item."""
        self.ask("DELETE", self.path(key), **self.conditions(chosen))

    @rule(key=KEYS, version=st.integers(0, 4))
    def bring_back(self, key: str, version: int) -> None:
        """Restore an item, or make it what it was."""
        self.ask("POST", f"{self.path(key)}/restore")
        self.ask("POST", f"{self.path(key)}/revert", {"version": version})

    @rule(operations=st.lists(OPERATIONS, min_size=1, max_size=4), atomic=st.booleans(), dry=st.booleans())
    def batch(self, operations: object, atomic: bool, dry: bool) -> None:  # noqa: FBT001 - drawn by name
        """Do several things at once."""
        self.ask("POST", f"{ITEMS}/batch", {"operations": operations, "atomic": atomic, "dry_run": dry})

    @rule(
        rows=st.lists(DRAFTS, min_size=1, max_size=4),
        conflict=st.sampled_from(["fail", "skip", "update"]),
        mode=st.sampled_from(["per_row", "all_or_nothing"]),
        more=st.sampled_from(["", "&create_categories=true", "&dry_run=true"]),
    )
    def import_rows(self, rows: object, conflict: str, mode: str, more: str) -> None:
        """Import rows."""
        self.ask("POST", f"{ITEMS}/import?on_conflict={conflict}&mode={mode}{more}", rows)

    @rule(slug=SLUGS, fields=st.fixed_dictionaries({"name": NAMES}, optional=CATEGORY_FIELDS))
    def create_category(self, slug: str, fields: dict[str, object]) -> None:
        """Create a category."""
        self.ask("POST", CATEGORIES, {"slug": slug} | fields)

    @rule(slug=SLUGS, fields=st.fixed_dictionaries({}, optional={"name": NAMES, **CATEGORY_FIELDS}), chosen=st.integers(0, 5))
    def revise_category(self, slug: str, fields: object, chosen: int) -> None:
        """Rename or move a category."""
        self.ask("PATCH", f"{CATEGORIES}/{quote(slug)}", fields, **self.conditions(chosen))

    @rule(slug=SLUGS, to=SLUGS | st.none())
    def remove_category(self, slug: str, to: str | None) -> None:
        """Remove a category."""
        self.ask("DELETE", f"{CATEGORIES}/{quote(slug)}" + ("" if to is None else f"?{urlencode({'move_to': to})}"))

    @rule(question=QUESTIONS)
    def search(self, question: dict[str, str]) -> None:
        """List or search, in all and in a category; an answer of the cache is the same as one from the store."""
        self.ask("GET", f"{ITEMS}?{urlencode(question)}")
        self.ask("GET", f"{ITEMS}?{urlencode(question)}")
        self.ask("GET", f"{CATEGORIES}/garden/items?{urlencode(question)}")

    @rule(question=QUESTIONS)
    def search_simply(self, question: dict[str, str]) -> None:
        """With one parameter, so that it is seldom refused; then go on from a cursor that such a question gave."""
        one = dict(sorted(question.items())[:1]) | {"limit": "1"}
        self.cursors.clear()
        self.ask("GET", f"{ITEMS}?{urlencode(one)}")
        for cursor in self.cursors[:1]:
            self.ask("GET", f"{ITEMS}?{urlencode(one | {'cursor': cursor})}")

    @rule(key=KEYS)
    def read(self, key: str) -> None:
        """Read an item and what the log says of it."""
        self.ask("GET", self.path(key))
        self.ask("GET", f"{self.path(key)}?include=category&fields=sku,category")
        self.ask("GET", f"{self.path(key)}/history?limit=3")
        self.ask("GET", f"{self.path(key)}/prices")

    @rule(question=QUESTIONS, form=st.sampled_from(["csv", "json", "jsonl"]))
    def export(self, question: dict[str, str], form: str) -> None:
        """Export everything, or some."""
        some = {name: value for name, value in question.items() if name in ("q", "sku", "category", "sort")}
        self.ask("GET", f"{ITEMS}/export?{urlencode({'format': form})}")
        self.ask("GET", f"{ITEMS}/export?{urlencode({'format': form} | some)}")

    @rule()
    def read_the_rest(self) -> None:
        """Read the tree and the log."""
        self.ask("GET", f"{CATEGORIES}?as=tree&counts=true")
        self.ask("GET", f"{CATEGORIES}/garden?counts=true")
        self.ask("GET", "/api/v1/changes?limit=1000")
        self.ask("GET", "/api/v1/changes?after=9223372036854775807&kind=item.created")


def _id(number: int) -> str:
    ids = CountedIds()
    ids.count = number - 1
    return str(ids.item_id())


async def _open(stack: AsyncExitStack, urls: dict[str, str]) -> dict[str, Side]:
    """Open an application on each store."""
    sides = {}
    for name, url in urls.items():
        clock, ids = FixedClock(), CountedIds()
        container = Container(settings=Settings(storage=StorageSettings(url=url)))
        container.clock.override(clock)
        container.ids.override(ids)
        storage = await stack.enter_async_context(running(container))
        await stack.enter_async_context(caching_of(container).running(storage))
        transport = httpx.ASGITransport(app=create_app(container))
        client = await stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url="http://localhost"))
        sides[name] = Side(client, clock, ids)
    return sides


@pytest.fixture
def agreement(
    databases: Databases, postgres_template: str, sqlite_template: Path, tmp_path: Path
) -> Iterator[type[RuleBasedStateMachine]]:
    """The machine, on stores that are fresh each time it begins."""
    made: list[str] = []

    async def open_sides(stack: AsyncExitStack) -> dict[str, Side]:
        database = await databases.create(postgres_template)
        made.append(database)
        stack.push_async_callback(databases.drop, database)
        file = tmp_path / f"{len(made)}.db"
        shutil.copy(sqlite_template, file)
        return await _open(stack, dict(zip(STORES, ("memory://", f"sqlite:///{file}", databases.url(database)), strict=True)))

    yield type("Agreement", (Agreement,), {"open_sides": staticmethod(open_sides)})
    for file in tmp_path.glob("*.db*"):
        file.unlink()


def test_any_sequence_of_requests_is_answered_alike_by_every_store(agreement: type[RuleBasedStateMachine]) -> None:
    """Writes, reads, searches, exports, imports and the log."""
    run_state_machine_as_test(agreement, settings=SETTINGS)
