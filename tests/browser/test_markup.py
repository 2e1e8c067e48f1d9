"""Text of people that is full of markup stays text."""

import json
from uuid import uuid4

from playwright.sync_api import Locator, Page, expect

from tests.browser.pages import Browsing
from tests.browser.services import Service

MARKUP = '<img src="/nowhere" onerror="alert(1)"><script>alert(2)</script><b>bold</b>'
MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}


def test_markup_stays_text(open_page: Browsing, service: Service) -> None:
    """In names, SKUs, descriptions, attributes and categories, wherever the page shows them."""
    slug = f"markup-{uuid4().hex[:8]}"
    service.create_category(slug, name=f"Category {slug} {MARKUP}")
    name = f"Name {slug} {MARKUP}"
    item = service.create_item(
        sku=f"{slug}<i>", name=name, description=f"About {MARKUP}", category=slug, attributes={"note": MARKUP}
    )
    service.call("PATCH", f"/items/{item['id']}", json={"description": f"More about {MARKUP}"}, headers=MERGE_PATCH)
    page = open_page(f"/?category={slug}")
    expect(shown(page, name)).to_be_visible()
    open_page.screenshot(page, "markup")
    for state, text in (
        (f"?item={item['id']}", name),
        (f"?q={slug}%3Ci%3E", name),
        ("?view=categories", f"Category {slug} {MARKUP}"),
        ("?view=%3Cb%3E", ""),
    ):
        page.goto(f"{service.url}/{state}")
        expect(shown(page, text)).to_be_visible()
        assert page.locator("main, dialog").locator("b, i, img, script").count() == 0, state


def shown(page: Page, text: str) -> Locator:
    """Return the first element that shows a text, or has it as its value."""
    return page.locator("main, dialog").locator("*:visible").filter(has_text=text).or_(value_of(page, text)).first


def value_of(page: Page, text: str) -> Locator:
    """Return the fields with this value."""
    return page.locator(f"input[value={json.dumps(text)}]")
