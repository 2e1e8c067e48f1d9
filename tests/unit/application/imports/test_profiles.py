"""Profiles: exports of other systems become items."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from catalog.application.files.row_source import MalformedRow, Row
from catalog.application.imports import profile_rows
from catalog.application.imports.plain_text import plain_text
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.profile_rows import arrange_rows
from catalog.application.imports.profiles import MAX_PROFILE_SIZE, NAMES, Profile, RowRules, load_profile, load_profile_file
from catalog.domain.errors import InvalidFile, InvalidQuery
from catalog.domain.validation import FieldErrors

DATA = Path(__file__).parents[3] / "data"


def read(columns: Sequence[str] | None, rows: Sequence[dict[str, Any]], plan: ImportPlan) -> list[dict[str, Any]]:
    """Return the fields of the rows that the plan makes items."""
    numbered = [Row(number, values) for number, values in enumerate(rows, 2)]
    layout, detection = plan.layout(None if columns is None else tuple(columns), numbered)
    arranged = [row for row in plan.arrange(iter(numbered), detection) if isinstance(row, Row)]
    return [
        (layout if columns else plan.layout_of_names(tuple(row.values), detection)[0]).fields(row.values, FieldErrors())
        for row in arranged
    ]


def read_file(name: str, delimiter: str, plan: ImportPlan) -> list[dict[str, Any]]:
    """Return the fields of the items in a file."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file, delimiter=delimiter)
    rows = [{name: cell.lstrip("'") for name, cell in zip(header, cells, strict=False) if cell} for cells in lines]
    return read(header, rows, plan)


def test_shopify_variants_share_what_only_the_first_row_has() -> None:
    """Rows of images are no items, and their images belong to all variants."""
    small, large = read_file("shopify.csv", ",", ImportPlan.parse(constants=["currency=EUR"], profile="shopify"))
    attributes = {
        "vendor": "Acme",
        "tags": "linen, table",
        "published": "TRUE",
        "handle": "runner",
        "image_1": "https://img.example/1.jpg",
        "image_2": "https://img.example/2.jpg",
    }
    assert small == {
        "sku": "0012",
        "name": "Table runner",
        "description": "Hand woven",
        "category": "Textiles",
        "price": {"amount": "49.00", "currency": "EUR"},
        "attributes": {**attributes, "size": "Small"},
    }
    assert (large["sku"], large["name"], large["attributes"]) == ("0013", "Table runner", {**attributes, "size": "Large"})


def test_google_has_the_currency_in_the_price() -> None:
    """And the category as a path."""
    pot, mug = read_file("google.tsv", "\t", ImportPlan.parse(profile="google"))
    assert pot["price"] == {"amount": "24.99", "currency": "USD"}
    assert (mug["sku"], mug["name"], mug["category"]) == ("G-2", "Mug", "Home > Kitchen")


def test_a_profile_that_fits_is_offered() -> None:
    """In the error, or as a warning. It is never applied silently."""
    with pytest.raises(InvalidFile, match=r"a Shopify product export: profile=shopify\."):
        ImportPlan().layout(("Handle", "Variant SKU", "Variant Price"))
    _, detection = ImportPlan().layout(("sku", "name", "attribute_set_code", "product_type"))
    assert (detection.profile, detection.warnings[0]) == (None, "The file seems to be a Magento product export: profile=magento.")
    plan = ImportPlan.parse(profile="magento")
    _, detection = plan.layout(("sku", "name", "attribute_set_code", "product_type", "x"))
    assert (plan.separator, detection.describe()) == ("/", "profile magento; 1 column ignored")


def test_woocommerce_variations_follow_their_parent() -> None:
    """By its SKU or id. A parent without a SKU is no item."""
    columns = (
        "ID",
        "Type",
        "SKU",
        "Name",
        "Categories",
        "Regular price",
        "Images",
        "Parent",
        "Attribute 1 name",
        "Attribute 1 value(s)",
    )
    rows: list[dict[str, Any]] = [
        {"ID": "7", "Type": "variable", "Name": "Shirt", "Categories": "Clothing", "Images": "a.jpg, b.jpg"},
        {
            "ID": "8",
            "SKU": "S-8",
            "Parent": "id:7",
            "Regular price": "5",
            "Attribute 1 name": "Größe",
            "Attribute 1 value(s)": "L",
        },
        {"ID": "9", "SKU": "S-9", "Name": "Sock", "Regular price": "2"},
    ]
    shirt, sock = read(columns, rows, ImportPlan.parse(profile="woocommerce", constants=["currency=EUR"]))
    assert (shirt["name"], shirt["category"]) == ("Shirt", "Clothing")
    assert shirt["attributes"] == {"groesse": "L", "image_1": "a.jpg", "image_2": "b.jpg", "parent": "id:7"}
    assert (sock["sku"], "attributes" in sock) == ("S-9", False)


def test_magento_packs_attributes_and_repeats_items_for_store_views() -> None:
    """A comma in a value is part of it; a name that cannot be made fit stays, to be refused."""
    columns = ("sku", "store_view_code", "attribute_set_code", "product_type", "name", "additional_attributes")
    packed = "x,Color=Black,tags=a,b,空=1,empty="
    rows = [{"sku": "A", "name": "Bag", "additional_attributes": packed}, {"sku": "A", "store_view_code": "de", "name": "Tasche"}]
    (bag,) = read(columns, rows, ImportPlan.parse(profile="magento"))
    assert bag["attributes"] == {"color": "Black", "tags": "a,b", "空": "1"}


def test_best_buy_has_numbers_as_skus_and_lists_as_categories() -> None:
    """Prices are in dollars, unless the caller says otherwise."""
    row: dict[str, Any] = {
        "sku": 43900,
        "upc": "04",
        "name": "Battery",
        "regularPrice": 5,
        "categoryPath": [{"id": "1", "name": "Best Buy"}, "AA"],
    }
    (battery,) = read(None, [row], ImportPlan.parse(profile="bestbuy"))
    assert battery == {
        "sku": "43900",
        "name": "Battery",
        "category": "Best Buy > AA",
        "attributes": {"upc": "04"},
        "price": {"amount": 5, "currency": "USD"},
    }
    (battery,) = read(
        None, [{**row, "money": "EUR", "categoryPath": "AA"}], ImportPlan.parse(["currency=money"], profile="bestbuy")
    )
    assert battery["price"]["currency"] == "EUR"


def test_no_row_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """A product without a SKU is left to be refused, a malformed row stays in its place, and large groups are split."""
    monkeypatch.setattr(profile_rows, "_MAX_GROUP_ROWS", 2)
    rules = RowRules(group=("h",), fill=("n",))
    rows: list[Row | MalformedRow] = [
        Row(1, {"h": "a", "n": "Name"}),
        Row(2, {"h": "a"}),
        MalformedRow(3, "broken"),
        *(Row(line, {"h": "b", "s": str(line)} | ({"n": "B"} if line == 4 else {})) for line in range(4, 9)),
        Row(9, {"s": "alone"}),
    ]
    arranged = list(arrange_rows(rows, rules, "s"))
    assert [row.line for row in arranged] == [1, 3, 4, 5, 6, 7, 8, 9]
    assert {row.values.get("n") for row in arranged[2:7] if isinstance(row, Row)} == {"B"}
    assert list(arrange_rows([], rules, "s")) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_profile_maps_its_signature(name: str) -> None:
    """Each has a SKU, a name and a price, and a file of its signature is accepted."""
    profile = load_profile(name)
    assert {"sku", "name", "price"} <= profile.columns.keys()
    assert ImportPlan(profile=profile).layout(profile.signature)[1].profile == name


def test_users_have_profiles_of_their_own(tmp_path: Path) -> None:
    """In a file; the name is that of the file."""
    path = tmp_path / "erp.toml"
    path.write_text('[columns]\nsku = "Nr"\n[constants]\ncurrency = "EUR"\n', encoding="utf-8")
    profile = load_profile_file(path)
    assert (profile.name, ImportPlan(profile=profile).layout(("nr",))[1].mapping) == ("erp", {"sku": "nr"})
    path.write_bytes(b"#" * (MAX_PROFILE_SIZE + 1))
    with pytest.raises(InvalidQuery, match="more than"):
        load_profile_file(path)
    with pytest.raises(InvalidQuery, match="cannot be read"):
        load_profile_file(tmp_path)
    with pytest.raises(InvalidQuery, match="Unknown profile ebay"):
        ImportPlan.parse(profile="ebay")


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "x = 1",
        "title = 1",
        "category_separator = 1",
        "category_separator = ' '",
        "columns = 1",
        "[columns]\nx = 'y'",
        "[columns]\nsku = 1",
        "signature = 'a'",
        "[rows]\nz = []",
        "[rows]\npairs = [['a']]",
    ],
)
def test_an_invalid_profile_is_refused(text: str) -> None:
    """Whatever is wrong with it."""
    with pytest.raises(InvalidQuery, match="The profile p"):
        Profile.parse(text, "p")


def test_html_becomes_plain_text() -> None:
    """With one line per block, and without scripts."""
    assert plain_text("<p>Line&nbsp;one</p>\n<script>x</script><p>a &lt; <b>b</b><br>c</p></script>") == "Line one\na < b\nc"
    assert plain_text('19" rack') == '19" rack'
