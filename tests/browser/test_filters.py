"""Filtering items: by category, price and attributes; the address is the state."""

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.accessibility import assert_accessible
from tests.browser.pages import EVERY_LOOK, Browsing, Variant
from tests.browser.services import Service

MARKUP = '<img src=x onerror="alert(1)">'
LONG_WORD = "Donaudampfschifffahrtsgesellschaftskapitaen"


def query(page: Page) -> list[tuple[str, str]]:
    """Return the parameters of the address."""
    return parse_qsl(urlsplit(page.url).query)


def filters(page: Page) -> Locator:
    """Return the filters, which are in a dialog on a phone."""
    opener = page.get_by_role("button", name="Filters")
    if opener.is_visible():
        opener.click()
        return page.get_by_role("dialog", name="Filters")
    return page.get_by_role("region", name="Filters")


def chips(page: Page) -> Locator:
    """Return the chosen filters."""
    return page.get_by_role("list", name="Chosen filters").get_by_role("button", name="Remove the filter")


def wait_for_counts(page: Page) -> None:
    """Wait until the filters have their counts."""
    expect(page.locator(".filter-panel")).not_to_have_attribute("aria-busy", "true")


@pytest.fixture
def items(service: Service) -> Iterator[Service]:
    """Items of one test, which a search finds: three quixotic pans."""
    category = "quixotic-pans"
    if not any(each["slug"] == category for each in service.call("GET", "/categories")["categories"]):
        service.create_category(category, "kitchen", "Quixotic pans")
    made = [
        service.create_item(
            name="Quixotic pan",
            category=category if number else None,
            price={"amount": f"{number}0.00", "currency": "EUR"},
            attributes={"finish": finish, "gloss": number, "note": note},
        )
        for number, (finish, note) in enumerate([("matt", "10"), ("a, b", MARKUP), ("true", LONG_WORD)])
    ]
    yield service
    for item in made:
        service.call("DELETE", f"/items/{item['id']}")


def test_a_category_filters_and_counts(open_page: Browsing, items: Service) -> None:
    """The tree has the numbers of what search and other filters leave."""
    page = open_page("/?q=quixotic")
    wait_for_counts(page)
    panel = filters(page)
    expect(panel.get_by_role("treeitem", name="Home, 2 items", exact=True)).to_be_visible()
    expect(panel.get_by_role("treeitem", name="Outdoors, 0 items", exact=True)).to_be_visible()
    panel.get_by_role("treeitem", name="Quixotic pans").click()
    assert query(page) == [("q", "quixotic"), ("category", "quixotic-pans")]
    row = panel.get_by_role("treeitem", name="Quixotic pans, 2 items")
    expect(row).to_have_attribute("aria-selected", "true")
    # Its own filter does not change the numbers of the others.
    expect(panel.get_by_role("treeitem", name="Home, 2 items", exact=True)).to_be_visible()
    row.click()
    assert query(page) == [("q", "quixotic")]
    panel.get_by_role("checkbox", name="Without a category").check()
    assert query(page) == [("q", "quixotic"), ("category__exists", "false")]


@pytest.mark.parametrize("variant", [Variant("sqlite")], indirect=True, ids=str)
def test_the_tree_is_used_by_keyboard(open_page: Browsing, items: Service) -> None:
    """Arrows, letters, Enter for one category and Space for one more."""
    page = open_page("/?q=quixotic")
    wait_for_counts(page)
    panel = filters(page)
    tree = panel.get_by_role("tree", name="Category")
    first = tree.locator("[tabindex='0']")
    expect(first).to_have_count(1)
    first.focus()
    page.keyboard.type("kit")
    kitchen = tree.get_by_role("treeitem", name="Kitchen")
    expect(kitchen).to_be_focused()
    page.keyboard.press("Enter")
    assert ("category", "kitchen") in query(page)
    expect(kitchen).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(kitchen).to_have_attribute("aria-expanded", "false")
    expect(tree.get_by_role("treeitem", name="Knives")).to_have_count(0)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(tree.get_by_role("treeitem", name="Cookware")).to_be_focused()
    page.keyboard.press("Space")
    assert ("category__in", "kitchen,cookware") in query(page)
    page.keyboard.press("End")
    page.keyboard.press("Home")
    expect(tree.get_by_role("treeitem", name="Home")).to_be_focused()


def test_values_of_attributes_are_chosen_and_added(open_page: Browsing, items: Service) -> None:
    """Text that looks like something else is in quotes, and markup stays text."""
    page = open_page("/?q=quixotic")
    wait_for_counts(page)
    panel = filters(page)
    finish = panel.get_by_role("group", name="Finish")
    finish.get_by_role("checkbox", name="true, 1 item", exact=True).check()
    assert query(page)[1:] == [("attr.finish", '"true"')]
    expect(panel.get_by_role("checkbox", name="a, b, 1 item", exact=True)).to_be_visible()
    finish.get_by_role("checkbox", name="a, b, 1 item", exact=True).check()
    assert query(page)[1:] == [("attr.finish__in", '"true","a, b"')] or query(page)[1:] == [("attr.finish__in", '"a, b","true"')]
    matching = page.evaluate("async () => (await (await fetch('/api/v1/items' + location.search)).json()).items.length")
    assert matching == 2
    note = panel.get_by_role("group", name="Note")
    note.get_by_role("checkbox", name=MARKUP).check()
    assert ("attr.note", MARKUP) in query(page)
    expect(page.locator("item-filters img, dialog img")).to_have_count(0)


def test_a_price_range_needs_a_currency(open_page: Browsing, items: Service) -> None:
    """It takes the most frequent one; what is typed wrong is said at the field."""
    page = open_page("/?q=quixotic")
    wait_for_counts(page)
    panel = filters(page)
    lowest, highest = panel.get_by_role("textbox", name="Price from"), panel.get_by_role("textbox", name="Price to")
    lowest.fill("cheap")
    lowest.press("Enter")
    expect(panel.get_by_text("Type an amount, not below 0.")).to_be_visible()
    expect(lowest).to_have_attribute("aria-invalid", "true")
    lowest.fill("10,00")
    lowest.press("Enter")
    assert query(page)[1:] == [("currency", "EUR"), ("price__gte", "10.00")]
    expect(panel.get_by_role("combobox", name="Currency")).to_have_value("EUR")
    highest.fill("5")
    highest.press("Enter")
    expect(panel.get_by_text("From is more than to.")).to_be_visible()
    highest.fill("15")
    highest.press("Enter")
    assert query(page)[1:] == [("currency", "EUR"), ("price__gte", "10.00"), ("price__lte", "15")]
    panel.get_by_role("combobox", name="Currency").select_option(label="Any currency (3)")
    assert query(page) == [("q", "quixotic")]


def test_chosen_filters_are_removed_one_by_one_and_all(open_page: Browsing, items: Service) -> None:
    """The focus goes on to the next one. Back brings them back, and a change goes to the first page."""
    path = "/?q=quixotic&category=quixotic-pans&currency=EUR&price__lte=50&attr.gloss__gte=1&sort=name"
    page = open_page(path)
    wait_for_counts(page)
    expect(chips(page)).to_have_text(["Category: Quixotic pans×", "Currency: EUR×", "Price up to €50×", "Gloss from 1×"])
    chips(page).nth(1).focus()
    page.keyboard.press("Enter")
    # Without a currency, there are no bounds of prices.
    expect(chips(page)).to_have_text(["Category: Quixotic pans×", "Gloss from 1×"])
    expect(chips(page).nth(1)).to_be_focused()
    page.get_by_role("button", name="Clear all").click()
    expect(chips(page)).to_have_count(0)
    assert query(page) == [("q", "quixotic"), ("sort", "name")]
    page.go_back()
    expect(chips(page)).to_have_count(2)
    page.go_back()
    expect(chips(page)).to_have_count(4)
    page.reload()
    expect(chips(page)).to_have_count(4)


def test_filters_follow_what_others_do(open_page: Browsing, items: Service) -> None:
    """Counts change when items do."""
    page = open_page("/?q=quixotic")
    wait_for_counts(page)
    panel = filters(page)
    expect(panel.get_by_role("treeitem", name="Quixotic pans, 2 items")).to_be_visible()
    added = items.create_item(name="Quixotic pan", category="quixotic-pans")
    expect(panel.get_by_role("treeitem", name="Quixotic pans, 3 items")).to_be_visible()
    items.call("DELETE", f"/items/{added['id']}")
    expect(panel.get_by_role("treeitem", name="Quixotic pans, 2 items")).to_be_visible()


@pytest.mark.parametrize("variant", EVERY_LOOK, indirect=True, ids=str)
def test_filters_look_good_in_every_look(open_page: Browsing, items: Service) -> None:
    """They are accessible, with long words and markup too."""
    page = open_page(f"/?q=quixotic&category=quixotic-pans&attr.note={LONG_WORD}")
    wait_for_counts(page)
    assert_accessible(page)
    panel = filters(page)
    expect(panel.get_by_role("checkbox", name=LONG_WORD)).to_be_checked()
    assert_accessible(page)
    open_page.screenshot(page, "filters")
    if page.get_by_role("dialog").count():
        page.get_by_role("button", name="Show the items").click()
        expect(page.get_by_role("button", name="Filters (2)")).to_be_focused()
