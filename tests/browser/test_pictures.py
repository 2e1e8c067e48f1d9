"""The pictures in the README: `make pictures` takes them anew."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.pages import Browsing, Variant
from tests.browser.services import Service

README = Path(__file__).parents[2] / "README.md"
WIDE = Variant("sqlite")
PHONE = Variant("sqlite", phone=True, dark=True)


@pytest.mark.parametrize("variant", [WIDE, PHONE], indirect=True, ids=str)
def test_the_items(open_page: Browsing) -> None:
    """The sample items."""
    page = open_page()
    expect(page.locator("item-table [data-id]").nth(10)).to_be_visible()
    assert_in_readme(open_page.screenshot(page, "items"))


@pytest.mark.parametrize("variant", [WIDE], indirect=True, ids=str)
def test_an_item(open_page: Browsing, service: Service) -> None:
    """One that has become cheaper twice."""
    attributes = {"colour": "green", "material": "teak", "weight_kg": 4.5, "folding": True}
    item = service.create_item(
        sku="garden-chair",
        name="Garden chair",
        description="Folds flat. Oiled twice, and good for many summers outside.",
        price={"amount": "59.90", "currency": "EUR"},
        attributes=attributes,
    )
    for amount in ("54.90", "49.90"):
        service.call("PATCH", f"/items/{item['id']}/price", json={"amount": amount, "currency": "EUR"})
    page = open_page(f"/?item={item['sku']}")
    expect(page.locator(".chart")).to_be_visible()
    expect(page.locator(".history > li").first).to_be_visible()
    assert_in_readme(open_page.screenshot(page, "drawer"))


def assert_in_readme(picture: Path) -> None:
    """The README shows the picture of this name."""
    assert re.search(rf"!\[[^\]]+\]\(docs/images/{re.escape(picture.name)}\)", README.read_text())
