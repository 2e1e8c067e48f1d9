"""The table of items: search, order, pages, selection, and what appears in it while others work."""

import re
from itertools import count
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.accessibility import assert_accessible
from tests.browser.pages import EVERY_LOOK, OUTAGE, Browsing, Variant, layout_shifts
from tests.browser.services import Service

MARKUP = '<img src=x onerror=alert(1)>"&amp;'

_numbers = count(1)

empty = pytest.mark.parametrize("seeded", [False], ids=["empty"])
once = pytest.mark.parametrize("variant", [Variant("sqlite")], indirect=True, ids=str)


def rows(page: Page) -> Locator:
    """The rows of the table that have an item."""
    return page.locator("item-table tbody [data-id]")


def row(page: Page, name: str) -> Locator:
    """The row of the item with this name."""
    return rows(page).filter(has_text=name)


def search(page: Page, words: str) -> None:
    """Type into the search box, letter by letter."""
    page.get_by_role("searchbox", name="Search items").press_sequentially(words, delay=20)


def label(page: Page) -> Locator:
    """What the pager says about the part that is shown."""
    return page.locator(".pager-label")


def select(row: Locator) -> Locator:
    """The box that selects a row."""
    return row.get_by_role("checkbox")


def new_name() -> str:
    """A name that no other item has."""
    return f"Thing {next(_numbers)} {uuid4().hex[:8]}"


@pytest.mark.parametrize("variant", EVERY_LOOK, indirect=True, ids=str)
def test_the_table_is_accessible_and_stays_where_it_is(open_page: Browsing) -> None:
    """In every look, also while it loads."""
    page = open_page()
    expect(rows(page)).to_have_count(50)
    expect(label(page)).to_have_text(re.compile("^1–50 of [0-9,]+ items"))
    expect(page.locator("live-status")).to_have_text("Live")
    assert_accessible(page)
    assert layout_shifts(page) == []
    open_page.screenshot(page, "items")


def test_search_as_you_type(page: Page) -> None:
    """The address has the search, Back leaves it, Escape clears it, and a slash goes to the box."""
    expect(rows(page)).to_have_count(50)
    page.keyboard.press("/")
    box = page.get_by_role("searchbox", name="Search items")
    expect(box).to_be_focused()
    search(page, "bath towel anthracite")
    expect(rows(page).first).to_contain_text("Bath towel, anthracite")
    expect(page).to_have_url(re.compile(r"q=bath\+towel\+anthracite"))
    page.go_back()
    expect(box).to_have_value("")
    expect(label(page)).to_have_text(re.compile("^1–50 of [0-9,]+ items"))
    page.go_forward()
    expect(box).to_have_value("bath towel anthracite")
    box.press("Escape")
    expect(box).to_have_value("")
    expect(label(page)).to_have_text(re.compile("^1–50 of [0-9,]+ items"))


def test_answers_to_earlier_letters_are_dropped(page: Page) -> None:
    """However late they come."""
    expect(rows(page)).to_have_count(50)
    page.evaluate(
        """() => {
          const { fetch } = window;
          window.fetch = async (url, options) => {
            const answer = await fetch(url, { ...options, signal: null });
            if (new URL(url).searchParams.get("q") === "lamp") {
              await new Promise((resolve) => setTimeout(resolve, 1500));
              setTimeout(() => { window.isLate = true; }, 100);
            }
            return answer;
          };
        }"""
    )
    search(page, "lamp")
    expect(page).to_have_url(re.compile("q=lamp$"))
    page.get_by_role("searchbox", name="Search items").fill("tent")
    expect(rows(page).first).to_contain_text("tent")
    page.wait_for_function("() => window.isLate")
    assert "tent" in rows(page).first.inner_text()


def test_nothing_matches(page: Page) -> None:
    """The way back is offered."""
    page.get_by_role("searchbox", name="Search items").fill("nothing has these words")
    expect(page.get_by_role("heading", name="No item matches")).to_be_visible()
    assert_accessible(page, "items-view")
    page.get_by_role("button", name="Clear search and filters").click()
    expect(rows(page)).to_have_count(50)
    expect(page).to_have_url(re.compile("/$"))


def test_sort_by_a_column(page: Page) -> None:
    """A second click turns the order round, a third leaves it."""
    expect(rows(page)).to_have_count(50)
    header = page.get_by_role("columnheader", name="Price")
    button = header.get_by_role("button")
    button.click()
    expect(header).to_have_attribute("aria-sort", "ascending")
    expect(page).to_have_url(re.compile("sort=price"))
    button.press("Enter")
    expect(header).to_have_attribute("aria-sort", "descending")
    page.reload()
    expect(header).to_have_attribute("aria-sort", "descending")
    button.click()
    expect(header).not_to_have_attribute("aria-sort", re.compile("."))
    expect(page).to_have_url(re.compile("/$"))


def test_pages(page: Page) -> None:
    """Next and back, with the place in words; a link to a page works, and no item is shown twice."""
    expect(label(page)).to_have_text(re.compile("^1–50 of [0-9,]+ items"))
    first = rows(page).first.get_attribute("data-id")
    page.get_by_label("Rows of a page").select_option("200")
    expect(rows(page)).to_have_count(200)
    following = page.get_by_role("button", name="Next page")
    seen: set[str] = set()
    while True:
        ids = rows(page).evaluate_all("(rows) => rows.map((row) => row.dataset.id)")
        assert not seen & set(ids)
        seen |= set(ids)
        if following.get_attribute("aria-disabled") == "true":
            break
        shown = label(page).inner_text()
        following.click()
        expect(label(page)).not_to_have_text(shown)
    assert len(seen) >= 1000
    expect(following).to_be_focused()
    page.get_by_role("button", name="Page before").click()
    expect(label(page)).to_have_text(re.compile("^601–800|^801–1,000"))
    page.reload()
    expect(label(page)).to_have_text(re.compile("^200 of 1,"))
    page.get_by_role("button", name="First page").click()
    expect(label(page)).to_have_text(re.compile("^1–200 of 1,"))
    expect(rows(page).first).to_have_attribute("data-id", first or "")


def test_a_row_opens_its_item(page: Page) -> None:
    """By a click or Enter on the SKU; the arrow keys go from row to row."""
    expect(rows(page)).to_have_count(50)
    second = rows(page).nth(1)
    sku = second.locator("[data-field=sku]").inner_text()
    second.locator("[data-field=sku] a").click()
    expect(page).to_have_url(re.compile(f"item={sku}"))
    expect(second).to_have_class(re.compile("is-open"))
    page.go_back()
    expect(second).not_to_have_class(re.compile("is-open"))
    rows(page).first.locator("[data-field=sku] a").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"item={sku}"))


@pytest.mark.parametrize("variant", [Variant("sqlite", phone=True)], indirect=True, ids=str)
def test_a_finger_opens_an_item_from_anywhere_in_its_row(page: Page) -> None:
    """A row is a card there, and its SKU is small. The box of the selection is not part of it."""
    first = rows(page).first
    sku = first.locator("[data-field=sku]").inner_text()
    first.locator(".cell-select").tap(position={"x": 4, "y": 20})
    expect(select(first)).to_be_checked()
    first.locator("[data-field=name]").tap()
    expect(page).to_have_url(re.compile(f"item={sku}"))


@pytest.mark.parametrize("variant", [Variant("sqlite", identity=True)], indirect=True, ids=str)
def test_a_mouse_opens_an_item_from_anywhere_in_its_row_unless_it_edits(open_page: Browsing) -> None:
    """Whoever may edit selects a cell with a click, and opens it with a second one."""
    reader, editor = open_page(role="user"), open_page(role="editor")
    for page in (reader, editor):
        rows(page).first.locator("[data-field=name]").click()
    expect(reader.locator("item-drawer > dialog")).to_be_visible()
    expect(editor.locator("item-drawer > dialog")).to_be_hidden()


def test_select_several(page: Page) -> None:
    """One by one, a range with the shift key, a page; the selection stays on other pages."""
    size = "() => document.querySelector('item-table').selection.size"
    expect(rows(page)).to_have_count(50)
    select(rows(page).nth(1)).click()
    select(rows(page).nth(4)).click(modifiers=["Shift"])
    assert page.evaluate(size) == 4
    every = page.get_by_role("checkbox", name="Select all on this page")
    assert every.evaluate("(box) => box.indeterminate")
    page.get_by_role("button", name="Next page").click()
    expect(label(page)).to_have_text(re.compile("^51–100"))
    expect(every).not_to_be_checked()
    every.check()
    assert page.evaluate(size) == 54
    page.get_by_role("button", name="Page before").click()
    expect(label(page)).to_have_text(re.compile("^1–50"))
    expect(select(rows(page).nth(4))).to_be_checked()
    expect(select(rows(page).nth(5))).not_to_be_checked()
    select(rows(page).nth(2)).press(" ")
    assert page.evaluate(size) == 53


def test_others_are_seen(page: Page, service: Service) -> None:
    """What they create, change and delete appears by itself and is marked."""
    expect(page.locator("live-status")).to_have_text("Live")
    name, other = new_name(), new_name()
    item = service.create_item(name=name)
    expect(row(page, name)).to_have_attribute("data-marked", "new")
    service.call("PATCH", f"/items/{item['id']}", json={"name": other, "price": {"amount": "12.50", "currency": "EUR"}})
    expect(row(page, other)).to_contain_text("€12.50")
    expect(row(page, other)).to_have_attribute("data-marked", "changed")
    expect(row(page, other)).to_have_attribute("title", re.compile("^Changed by "))
    service.call("DELETE", f"/items/{item['id']}")
    expect(row(page, other)).to_have_count(0)


def test_nothing_moves_under_somebodys_hands(page: Page, service: Service) -> None:
    """A hint says that there is more; who is editing a cell keeps what they typed."""
    name = new_name()
    item = service.create_item(name=name)
    expect(row(page, name)).to_be_visible()
    row(page, name).locator("[data-field=name]").evaluate(
        """(cell) => {
          cell.dataset.editing = "";
          cell.replaceChildren(Object.assign(document.createElement("input"), { value: "mine", ariaLabel: "Name" }));
          cell.firstChild.focus();
        }"""
    )
    edited = page.locator("[data-editing] input")
    service.call("PATCH", f"/items/{item['id']}", json={"name": "theirs", "price": {"amount": "3.00", "currency": "EUR"}})
    service.create_item(name=new_name())
    service.create_item(name=new_name())
    hint = page.get_by_role("button", name="2 new items – show")
    expect(hint).to_be_visible()
    expect(edited).to_have_value("mine")
    expect(edited).to_be_focused()
    expect(page.locator(f"[data-id='{item['id']}']")).to_contain_text("€3.00")
    expect(rows(page).first).to_have_attribute("data-id", item["id"])
    edited.evaluate("(input) => { delete input.parentElement.dataset.editing; input.blur(); }")
    hint.click()
    expect(rows(page).nth(2)).to_have_attribute("data-id", item["id"])
    expect(rows(page).nth(2)).to_contain_text("theirs")
    expect(hint).to_have_count(0)


@once
@empty
def test_a_lost_connection_mends_itself(open_page: Browsing, service: Service) -> None:
    """It is shown, the rows stay, and what happened meanwhile appears."""
    item = service.create_item(name="Before the outage")
    page = open_page()
    status = page.locator("live-status")
    expect(status).to_have_text("Live")
    open_page.allow(OUTAGE)
    service.stop()
    expect(status).to_have_text("Connection lost, reconnecting …")
    page.get_by_role("searchbox", name="Search items").fill("outage")
    expect(page.get_by_text("The service can't be reached")).to_be_visible()
    expect(row(page, "Before the outage")).to_be_visible()
    service.start()
    service.call("PATCH", f"/items/{item['id']}", json={"name": "After the outage"})
    expect(row(page, "After the outage")).to_be_visible(timeout=20_000)
    expect(status).to_have_text("Live", timeout=20_000)
    expect(page.get_by_text("The service can't be reached")).to_have_count(0)


@pytest.mark.parametrize("variant", [Variant("sqlite", identity=True)], indirect=True, ids=str)
def test_who_may_not_follow_changes_sees_no_feed(open_page: Browsing) -> None:
    """And nothing is asked for that would be refused."""
    page = open_page(role="user")
    expect(rows(page)).to_have_count(50)
    expect(page.locator("live-status")).to_be_empty()


@pytest.mark.parametrize("variant", [Variant("sqlite", identity=True)], indirect=True, ids=str)
def test_own_changes_show_without_a_feed(open_page: Browsing, service: Service) -> None:
    """Other parts of the page announce them. A row that is deleted leaves the focus to the next one."""
    page = open_page(role="user")
    expect(rows(page)).to_have_count(50)
    name, other = new_name(), new_name()
    item = service.create_item(name=name)
    announce = "([name, detail]) => { window.dispatchEvent(new CustomEvent(name, { detail })); }"
    page.evaluate(announce, ["item-changed", item])
    expect(row(page, name)).to_have_attribute("data-marked", "new")
    changed = service.call("PATCH", f"/items/{item['id']}", json={"name": other})
    select(row(page, name)).check()
    page.evaluate(announce, ["item-changed", changed])
    expect(row(page, other)).to_be_visible()
    following = rows(page).nth(1).locator("[data-field=sku] a")
    row(page, other).locator("[data-field=sku] a").focus()
    service.call("DELETE", f"/items/{item['id']}")
    expected = following.inner_text()
    page.evaluate(announce, ["item-deleted", changed])
    expect(row(page, other)).to_have_count(0)
    assert page.evaluate("document.activeElement.textContent") == expected
    assert page.evaluate("document.querySelector('item-table').selection.size") == 0
    expect(rows(page)).to_have_count(50)


@once
@empty
def test_the_first_item_replaces_the_ways_to_begin(open_page: Browsing, service: Service) -> None:
    """And they come back with the last."""
    page = open_page()
    begin = page.get_by_role("heading", name="The catalog is empty")
    expect(begin).to_be_visible()
    expect(rows(page)).to_have_count(0)
    item = service.create_item(name="The first")
    expect(row(page, "The first")).to_be_visible()
    expect(begin).to_be_hidden()
    service.call("DELETE", f"/items/{item['id']}")
    expect(begin).to_be_visible()


@once
@empty
def test_markup_stays_text(open_page: Browsing, service: Service) -> None:
    """In names, SKUs and categories; long words don't widen the page, prices are not cut, empty cells look empty."""
    service.create_category("markup", name=MARKUP)
    service.create_item(name=MARKUP, sku="<B>&X", category="markup")
    service.create_item(name="W" * 200, sku="S" * 64, price={"amount": "12345678901.00", "currency": "EUR"})
    service.create_item(name="x")
    for phone in (False, True):
        page = open_page(phone=phone)
        expect(rows(page)).to_have_count(3)
        expect(row(page, MARKUP).locator("[data-field=category]")).to_have_text(MARKUP)
        expect(row(page, MARKUP).locator("[data-field=sku]")).to_have_text("<B>&X")
        assert page.locator("main img").count() == 0
        price = row(page, "WWW").locator("[data-field=price]")
        assert price.evaluate("(cell) => cell.scrollWidth - cell.clientWidth") <= 0
        open_page.screenshot(page, "long-items")


@once
def test_a_wrong_filter_says_so(open_page: Browsing) -> None:
    """And can be cleared."""
    page = open_page("/?category=no-such-category")
    expect(page.get_by_text("There is no category no-such-category")).to_be_visible()
    page.get_by_role("button", name="Clear search and filters").click()
    expect(rows(page)).to_have_count(50)


@once
def test_a_stale_cursor_leads_to_the_first_page(open_page: Browsing) -> None:
    """A link to a page of another order, or a damaged one."""
    page = open_page("/?sort=name&cursor=abc")
    expect(label(page)).to_have_text(re.compile("^1–50 of [0-9,]+ items"))
    expect(page).to_have_url(re.compile(r"/\?sort=name$"))
