"""Exports in the columns of other systems: imported by the same profile, the items are as they were."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catalog.adapters.memory.storage import MemoryStorage
from catalog.application.exports.formats import ExportOptions, parse_format
from catalog.application.imports.plain_text import plain_text, to_html
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.profiles import NAMES, Profile, load_profile
from catalog.domain.errors import InvalidQuery
from catalog.ports.storage import Storage
from tests.contract.exports.exporting import all_items, contents, exported, imported, store_with, written
from tests.making import category, commit, creation

DESCRIPTIONS = (None, "plain", "a < b & c\nsecond", "Salt & pepper\n\n  two", "5 > 3 &lt; x", "<b>no HTML</b>")

OWN_CURRENCY = {"google": "EUR", "bestbuy": "USD"}
"""The currency of prices in the profiles that say it; the others need the option set."""


async def reimported(storage: Storage, profile: Profile | str, data: bytes, **options: Any) -> Sequence[Any]:  # noqa: ANN401 - options of the plan
    """Import a file by a profile into a store with the same categories, and return the contents of its items."""
    plan = ImportPlan.parse(profile=profile)
    target = await store_with(await storage.categories())
    refusals, _ = await imported(target, data, replace(plan, **options))
    assert refusals == []
    return [contents(item) for item in await all_items(target)]


async def fill(storage: Storage, *, profile: str) -> None:
    """Create categories whose paths are easy or hard to read, and items with the attributes of a profile."""
    for change in (
        category("clothing", name="Clothing"),
        category("t-shirts", "clothing", name="T-shirts & more"),
        category("odd", name="R/B > x, y"),
        category("twin-1", "clothing", name="Twin"),
        category("twin-2", "clothing", name="twin"),
        category("stools", name="t-shirts"),
    ):
        await commit(storage, change)
    names = [field.removeprefix("attr.") for field in load_profile(profile).columns if field.startswith("attr.")]
    currency = OWN_CURRENCY.get(profile, "EUR")
    slugs = ("clothing", "t-shirts", "odd", "twin-1", "stools", None)
    changes = [
        creation(
            number,
            sku=f"00{number}",
            name=f"-Item {number}",
            description=description,
            category=slug,
            price=None if number == 3 else {"amount": f"12{number}9.50", "currency": currency},
            attributes={name: f"{name} {number % 2}" for name in names[number % 3 :]} | {"colour": "red", "image_1": "x"},
        )
        for number, (description, slug) in enumerate(zip(DESCRIPTIONS, slugs, strict=True))
    ]
    await commit(storage, *changes)


@pytest.mark.parametrize("profile", NAMES)
async def test_a_profile_restores_what_it_wrote(storage: Storage, profile: str) -> None:
    """In each format, with each decimal mark: the fields, and the attributes that have a column."""
    await fill(storage, profile=profile)
    columns = load_profile(profile).columns
    constants = {} if profile in OWN_CURRENCY else {"currency": "EUR"}
    expected = []
    for item in await all_items(storage):
        fields = {**contents(item)}
        for name in ("description", "category"):
            fields[name] = fields[name] if name in columns else None
        fields["attributes"] = {name: value for name, value in fields["attributes"].items() if f"attr.{name}" in columns}
        expected.append(fields)
    cases: list[tuple[str, dict[str, Any]]] = [
        ("csv", {}),
        ("csv", {"decimal": "comma", "delimiter": ";", "encoding": "utf-8-sig"}),
        ("tsv", {}),
        ("jsonl", {}),
        ("json", {}),
        ("xlsx", {}),
    ]
    for name, options in cases:
        export_format = parse_format(name, ExportOptions(profile=profile, **options))
        data = await written(storage, export_format)
        assert await reimported(storage, profile, data, constants=constants) == expected, (name, options)
        lacking = {"attr.colour", "attr.image_1"} | ({"description"} - columns.keys()) | ({"category"} - columns.keys())
        assert set(export_format.columns.omitted) == lacking | ({"currency"} if constants else set())


async def test_prices_and_categories_are_written_as_the_system_has_them() -> None:
    """With the currency behind the amount, or alone; paths with the system's separator."""
    storage = MemoryStorage()
    await fill(storage, profile="google")
    google = list(csv.DictReader(io.StringIO((await exported(storage, "tsv", profile="google")).decode()), delimiter="\t"))
    assert list(google[0])[:5] == ["id", "title", "description", "product_type", "price"]
    assert [row["price"] for row in google[:4]] == ["1209.50 EUR", "1219.50 EUR", "1229.50 EUR", ""]
    assert [row["product_type"] for row in google] == ["Clothing", "Clothing > T-shirts & more", "odd", "twin-1", "stools", ""]
    magento = list(csv.DictReader(io.StringIO((await exported(storage, "csv", profile="magento")).decode())))
    assert (magento[1]["categories"], magento[1]["price"]) == ("Clothing/T-shirts & more", "1219.50")
    lines = (await written(storage, parse_format("jsonl", ExportOptions(profile="amazon")), sku="001")).splitlines()
    assert json.loads(lines[0])["price"] == "1219.50"
    xlsx = await exported(storage, "xlsx", profile="shopify")
    assert xlsx.startswith(b"PK")


async def test_prices_in_several_currencies_need_a_place_for_them() -> None:
    """They are never written without one; the error names the item."""
    storage = MemoryStorage()
    for number, currency in ((1, "EUR"), (2, "CHF"), (3, None)):
        await commit(storage, creation(number, price=currency and {"amount": "5", "currency": currency}))
    with pytest.raises(InvalidQuery, match=r"in one, which is EUR; the item S-2 has CHF. Select items by currency=EUR"):
        await exported(storage, "csv", profile="shopify")
    with pytest.raises(InvalidQuery, match="which is USD; the item S-1 has EUR"):
        await exported(storage, "csv", profile="bestbuy")
    assert b"5.00 CHF" in await exported(storage, "csv", profile="google")


async def test_a_profile_of_the_user_may_have_columns_for_everything() -> None:
    """Also for currencies and for all attributes together. A column that two fields share is that of the first."""
    profile = Profile.parse(
        '[columns]\nsku="Nr"\nprice="Preis"\ncurrency="W"\nattributes="Rest"\n"attr.size"="Gr"\ncategory="Kat"\n'
        'description="Text"\n"attr.on"="An"\n[constants]\nname="Same"\n',
        "erp",
    )
    storage = MemoryStorage()
    await commit(storage, category("a"))
    price = {"amount": "1.50", "currency": "EUR"}
    await commit(
        storage,
        creation(1, name="Same", price=price, category="a", attributes={"size": "L", "on": True, "b": 2, "f": 0.5}),
        creation(2, name="Same"),
    )
    data = await exported(storage, "csv", profile=profile, decimal="comma", delimiter=";")
    assert data.decode().splitlines()[:2] == ["Nr;Preis;W;Rest;Gr;Kat;Text;An", 'S-1;1,50;EUR;"{""b"":2,""f"":0.5}";L;a;;true']
    (first, second) = await reimported(storage, profile, data, types={"attr.on": "boolean"})
    assert (first, second) == tuple([contents(item) for item in await all_items(storage)])
    for name in ("xlsx", "jsonl"):
        assert await reimported(storage, profile, await exported(storage, name, profile=profile)) == [first, second]
    shared = Profile.parse('[columns]\nsku="Nr"\n"attr.nr"="Nr"\n', "shared")
    assert (await exported(storage, "csv", profile=shared)).splitlines() == [b"Nr", b"S-1", b"S-2"]
    with pytest.raises(InvalidQuery, match="no column for the SKU"):
        await exported(storage, "csv", profile=Profile.parse('[columns]\nname="n"\n', "bad"))
    data = await exported(MemoryStorage(), "csv", profile=profile)
    assert data.count(b"\n") == 1


async def test_an_empty_cell_of_a_variant_stays_empty() -> None:
    """An import fills it from the product's first row, so such an item is written as a product of its own."""
    storage = MemoryStorage()
    for number, (description, handle) in enumerate(
        [
            ("Linen", "runner"),
            ("Other", "runner"),
            (None, "runner"),
            ("Last", "runner"),
            (None, "mat"),
            ("New", "mat"),
            (None, None),
        ],
        1,
    ):
        attributes = {} if handle is None else {"handle": handle, "vendor": "Acme", "tags": "t"}
        await commit(storage, creation(number, description=description, attributes=attributes | {"parent": f"S-{number - 1}"}))
    for profile in ("shopify", "woocommerce"):
        items = await reimported(storage, profile, await exported(storage, "csv", profile=profile))
        assert [item["description"] for item in items] == ["Linen", "Other", None, "Last", None, "New", None]
    (shopify,) = [await exported(storage, "csv", profile="shopify")]
    handles = [row["Handle"] for row in csv.DictReader(io.StringIO(shopify.decode()))]
    assert handles == ["runner", "runner", "", "runner", "mat", "mat", ""]


@settings(max_examples=200)
@example(text="a & b\r\nc")
@example(text=" a\n b")
@given(text=st.text(st.one_of(st.sampled_from("<>&;\n \tab/#"), st.characters(exclude_categories=["Cs"])), max_size=20))
def test_text_is_read_from_the_html_made_of_it(text: str) -> None:
    """Also if it has characters that mean something in HTML."""
    assert plain_text(to_html(text)) == text


def test_lines_are_broken_in_html() -> None:
    """If the text can be read back."""
    assert to_html("a & b\nc") == "a &amp; b<br>\nc"
    assert to_html("a\n\nb") == "a\n\nb"


@pytest.mark.parametrize("text", ["currency_in_price = 1", "currency_in_price = 'yes'"])
def test_a_flag_of_a_profile_is_true_or_false(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(InvalidQuery, match="must be true or false"):
        Profile.parse(text, "x")
