"""The drawer with one item: its fields, attributes, prices and history, and what others change meanwhile."""

import re
from collections.abc import Callable
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.accessibility import assert_accessible
from tests.browser.pages import EVERY_LOOK, OUTAGE, Browsing, Variant, layout_shifts
from tests.browser.services import Service

MARKUP = "<img src=x onerror=alert(1)><b>bold</b>"
BEYOND_DOUBLES = 9_007_199_254_740_993
"""An integer that JavaScript would make …992."""

WORD = "Rindfleischetikettierungsüberwachungsaufg"

_numbers = count(1)

once = pytest.mark.parametrize("variant", [Variant("sqlite")], indirect=True, ids=str)
signed_in = pytest.mark.parametrize("variant", [Variant("sqlite", identity=True)], indirect=True, ids=str)

Make = Callable[..., dict[str, Any]]


@pytest.fixture
def make(service: Service) -> Make:
    """Creates an item that only one test uses."""

    def create(**fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
        sku = f"DRAWER-{next(_numbers)}-{uuid4().hex[:8]}".upper()
        price = {"amount": "49.90", "currency": "EUR"}
        created: dict[str, Any] = service.create_item(**{"sku": sku, "name": "Garden chair", "price": price} | fields)
        return created

    return create


def drawer(page: Page) -> Locator:
    """The drawer."""
    return page.locator("item-drawer > dialog")


def control(page: Page, label: str) -> Locator:
    """A control of the drawer, by its label."""
    return drawer(page).get_by_label(label, exact=True)


def notice(page: Page) -> Locator:
    """What the drawer says."""
    return page.locator(".drawer-notice")


def show(page: Page, item: dict[str, Any]) -> None:
    """Open an item's address, and wait until all of it is there."""
    page.goto(re.sub(r"\?.*", "", page.url) + f"?item={item['sku']}")
    wait_for(page)


def wait_for(page: Page) -> None:
    """Wait until all of an item is there."""
    expect(page.locator(".history > li").first).to_be_visible()
    expect(page.locator(".chart")).to_be_visible()


def save(page: Page) -> None:
    """Save what was edited."""
    button(page, "Save").click()
    expect(notice(page)).to_have_text("Saved.")
    expect(button(page, "Save")).to_be_hidden()


def button(page: Page, name: str) -> Locator:
    """A button of the drawer."""
    return drawer(page).get_by_role("button", name=name, exact=True)


def answer(page: Page, label: str) -> None:
    """Answer the dialog that asks."""
    page.locator("dialog.dialog").get_by_role("button", name=label, exact=True).click()


def stored(service: Service, item: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """The item as it is now."""
    return service.call("GET", f"/items/{item['id']}")


@pytest.mark.parametrize("variant", EVERY_LOOK, indirect=True, ids=str)
def test_the_drawer_is_accessible_and_fits(open_page: Browsing, service: Service, make: Make) -> None:
    """In every look, with all that an item can have."""
    attributes = {"colour": "green", "weight_kg": 4.5, "folding": True, "ean": BEYOND_DOUBLES, "word": WORD, "x" * 64: WORD * 4}
    item = make(name=f"{WORD} {MARKUP}", description="Teak.\n\nFolds flat. " * 60, attributes=attributes)
    for amount in ("59.90", "39.90", "44.90"):
        service.call("PATCH", f"/items/{item['id']}/price", json={"amount": amount, "currency": "EUR"})
    page = open_page()
    show(page, item)
    assert_accessible(page)
    body = page.locator(".drawer-body")
    assert body.evaluate("(body) => body.scrollWidth - body.clientWidth") == 0
    assert layout_shifts(page) == []
    open_page.screenshot(page, "item-drawer")
    button(page, "Add an attribute").click()
    control(page, "Price").fill("1.234")
    button(page, "Save").click()
    expect(control(page, "Price")).to_be_focused()
    assert_accessible(page)


def test_a_row_opens_it_and_back_closes_it(open_page: Browsing, make: Make) -> None:
    """The focus goes into the drawer, and back to the row."""
    item = make()
    page = open_page(f"/?q={item['sku']}")
    link = page.locator("item-table").get_by_role("link", name=item["sku"])
    link.focus()
    page.keyboard.press("Enter")
    wait_for(page)
    expect(page.locator(".drawer-titles h2")).to_be_focused()
    expect(page).to_have_url(re.compile("item="))
    page.keyboard.press("Escape")
    expect(drawer(page)).to_be_hidden()
    expect(link).to_be_focused()
    page.go_back()
    expect(drawer(page)).to_be_visible()
    page.reload()
    wait_for(page)
    button(page, "Close").click()
    expect(page).not_to_have_url(re.compile("item="))
    expect(link).to_be_focused()


def test_fields_are_saved(page: Page, service: Service, make: Make) -> None:
    """By keyboard, all at once, and only what was edited."""
    item = make(attributes={"ean": BEYOND_DOUBLES, "ratio": 5.0})
    show(page, item)
    expect(page.locator(".editor-foot")).to_be_hidden()
    category = control(page, "Category").locator("option").nth(2).get_attribute("value")
    control(page, "Category").select_option(category)
    control(page, "Price").fill("52.5")
    control(page, "Description").fill("Teak.\nFolds flat.")
    control(page, "Name").fill(MARKUP)
    control(page, "Name").press("Enter")
    expect(notice(page)).to_have_text("Saved.")
    expect(page.locator(".drawer-titles h2")).to_have_text(MARKUP)
    now = stored(service, item)
    assert (now["name"], now["description"], now["category"]) == (MARKUP, "Teak.\nFolds flat.", category)
    assert now["price"] == {"amount": "52.50", "currency": "EUR"}
    assert now["attributes"] == item["attributes"]
    assert now["version"] == 2
    control(page, "Price").fill("")
    control(page, "Description").fill("")
    save(page)
    now = stored(service, item)
    assert (now["price"], now["description"]) == (None, None)


def test_faults_are_shown_at_their_fields(page: Page, service: Service, make: Make) -> None:
    """Also those of attributes; what was typed stays."""
    item = make(attributes={"pages": 3})
    show(page, item)
    control(page, "Name").fill(" ")
    control(page, "Price").fill("1.234")
    control(page, "Value of pages").fill("9" * 20)
    button(page, "Save").click()
    expect(control(page, "Name")).to_be_focused()
    expect(control(page, "Name")).to_have_attribute("aria-invalid", "true")
    expect(drawer(page).locator("[data-pointer='/price/amount'] .field-error")).to_contain_text("2 decimal places")
    expect(page.locator(".attribute-value .field-error")).to_contain_text("beyond 64 bits")
    expect(control(page, "Value of pages")).to_have_value("9" * 20)
    assert stored(service, item)["version"] == 1
    button(page, "Discard").click()
    expect(control(page, "Name")).to_have_value("Garden chair")
    expect(control(page, "Value of pages")).to_have_value("3")


def test_attributes_of_every_type(page: Page, service: Service, make: Make) -> None:
    """Added, changed, renamed and removed; numbers keep their digits and their type."""
    before = {"ean": BEYOND_DOUBLES, "ratio": 5.0, "lines": "a\nb", "colour": "red", "folding": True, "huge": 1e22}
    item = make(attributes=before)
    show(page, item)
    expect(control(page, "Value of ean")).to_have_value(str(BEYOND_DOUBLES))
    expect(control(page, "Value of ratio")).to_have_value("5.0")
    control(page, "Value of ean").fill(str(2**63 - 1))
    control(page, "Value of ratio").fill("6")
    control(page, "Value of folding").select_option("No")
    button(page, "Remove colour").click()
    renamed = drawer(page).get_by_role("group", name="lines")
    renamed.get_by_label("Name of the attribute").fill("text_lines")
    button(page, "Add an attribute").click()
    added = drawer(page).get_by_role("group", name="New attribute")
    expect(added.get_by_label("Name of the attribute")).to_be_focused()
    page.keyboard.type("Page Count")
    page.keyboard.press("Tab")
    added = drawer(page).get_by_role("group", name="page_count")
    added.get_by_label("Type of the attribute").select_option("Whole number")
    control(page, "Value of page_count").fill("many")
    button(page, "Save").click()
    expect(control(page, "Value of page_count")).to_be_focused()
    control(page, "Value of page_count").fill("012")
    save(page)
    now = service.api.get(f"/api/v1/items/{item['id']}").text
    wanted = '{"ean":9223372036854775807,"folding":false,"huge":1e22,"page_count":12,"ratio":6.0,"text_lines":"a\\nb"}'
    assert f'"attributes":{wanted}' in now


@once
def test_two_attributes_of_one_name(page: Page, make: Make) -> None:
    """Are refused before anything is sent."""
    show(page, make(attributes={"colour": "red"}))
    button(page, "Add an attribute").click()
    page.keyboard.type("colour")
    button(page, "Save").click()
    expect(page.locator(".attribute-name .field-error").last).to_contain_text("already an attribute")


def test_others_change_the_item_meanwhile(page: Page, service: Service, make: Make) -> None:
    """Fields that nobody edits follow; the other ones say so, and are chosen when they are saved."""
    item = make(attributes={"colour": "red"})
    show(page, item)
    expect(page.locator("live-status")).to_have_text("Live")
    control(page, "Name").fill("Mine")
    patch = {
        "name": "Theirs",
        "attributes": {"colour": None, "ean": BEYOND_DOUBLES},
        "price": {"amount": "1.00", "currency": "EUR"},
    }
    service.call("PATCH", f"/items/{item['id']}", json=patch)
    expect(notice(page)).to_have_text(re.compile("changed.*: Name, Price, colour, ean."))
    expect(control(page, "Price")).to_have_value("1.00")
    expect(control(page, "Value of ean")).to_have_value(str(BEYOND_DOUBLES))
    expect(control(page, "Value of colour")).to_have_count(0)
    expect(control(page, "Name")).to_have_value("Mine")
    expect(page.locator(".field-note", has_text="Theirs")).to_be_visible()
    button(page, "Save").click()
    asked = page.locator("dialog.dialog")
    expect(asked.get_by_role("group", name="Name")).to_contain_text("Before: Garden chair")
    assert_accessible(page, "dialog.dialog")
    answer(page, "Save")
    expect(notice(page)).to_have_text("Saved.")
    now = stored(service, item)
    assert (now["name"], now["price"]["amount"], now["attributes"]) == ("Mine", "1.00", {"ean": BEYOND_DOUBLES})


def test_a_lost_race(open_page: Browsing, service: Service, make: Make) -> None:
    """Without the live feed, 412 shows theirs beside mine; the choice is for each field."""
    item = make(description="Before")
    page = open_page()
    page.route("**/changes*", lambda route: route.abort())
    open_page.allow("changes.*ERR_FAILED")
    show(page, item)
    control(page, "Name").fill("Mine")
    control(page, "Description").fill("Mine too")
    control(page, "Price").fill("5")
    service.call("PATCH", f"/items/{item['id']}", json={"name": "Theirs", "description": "Theirs too", "attributes": {"a": 1}})
    button(page, "Save").click()
    asked = page.locator("dialog.dialog")
    expect(asked).to_contain_text("Their other changes stay: a.")
    page.keyboard.press("Escape")
    expect(asked).to_have_count(0)
    expect(control(page, "Name")).to_have_value("Mine")
    button(page, "Save").click()
    asked.get_by_role("group", name="Name").get_by_label("Theirs").check()
    answer(page, "Save")
    expect(notice(page)).to_have_text("Saved.")
    expect(control(page, "Name")).to_have_value("Theirs")
    now = stored(service, item)
    assert (now["name"], now["description"], now["price"]["amount"]) == ("Theirs", "Mine too", "5.00")
    assert now["attributes"] == {"a": 1}


@once
def test_different_fields_need_no_choice(open_page: Browsing, service: Service, make: Make) -> None:
    """Both changes are kept."""
    item = make()
    page = open_page()
    page.route("**/changes*", lambda route: route.abort())
    open_page.allow("changes.*ERR_FAILED")
    show(page, item)
    control(page, "Name").fill("Mine")
    service.call("PATCH", f"/items/{item['id']}", json={"description": "Theirs"})
    save(page)
    now = stored(service, item)
    assert (now["name"], now["description"]) == ("Mine", "Theirs")
    expect(control(page, "Description")).to_have_value("Theirs")


def test_edits_that_are_left_are_kept(page: Page, make: Make) -> None:
    """Whatever way the drawer is left, except by leaving the page, which asks."""
    item, other = make(), make(name="Another")
    show(page, item)
    control(page, "Name").fill("Half-typed")
    page.keyboard.press("Escape")
    expect(drawer(page)).to_be_hidden()
    page.get_by_role("button", name="Go on editing").click()
    wait_for(page)
    expect(control(page, "Name")).to_have_value("Half-typed")
    page.go_back()
    expect(drawer(page)).to_be_hidden()
    asked = []
    page.once("dialog", lambda dialog: asked.append(dialog.type))
    show(page, other)
    assert asked == ["beforeunload"]


def test_revert(page: Page, service: Service, make: Make) -> None:
    """Every change is listed; an earlier version comes back as a new one."""
    item = make(attributes={"ean": BEYOND_DOUBLES})
    service.call("PATCH", f"/items/{item['id']}", json={"name": "Renamed", "attributes": {"ean": 1, "new": True}})
    show(page, item)
    entries = page.locator(".history > li")
    expect(entries).to_have_count(2)
    expect(entries.first).to_contain_text(re.compile("Changed.*by (local|admin).*current"))
    expect(entries.first.locator("del").first).to_have_text("Garden chair")
    expect(entries.first.locator("ins").first).to_have_text("Renamed")
    button(page, "Revert to version 1").click()
    answer(page, "Cancel")
    assert stored(service, item)["version"] == 2
    button(page, "Revert to version 1").click()
    answer(page, "Revert")
    expect(notice(page)).to_have_text("Reverted to version 1.")
    expect(control(page, "Name")).to_have_value("Garden chair")
    expect(entries).to_have_count(3)
    assert stored(service, item)["attributes"] == {"ean": BEYOND_DOUBLES}


@once
def test_a_long_history(page: Page, service: Service, make: Make) -> None:
    """Is read page by page, and shown from the newest on."""
    item = make()
    for number in range(105):
        service.call("PATCH", f"/items/{item['id']}", json={"name": f"Name {number}"})
    show(page, item)
    entries = page.locator(".history > li")
    expect(entries.first).to_contain_text("Name 104")
    expect(entries).to_have_count(10)
    button(page, "Show older ones (96)").click()
    expect(entries).to_have_count(106)
    expect(entries.last).to_contain_text("Created")


def test_prices(page: Page, service: Service, make: Make) -> None:
    """As a chart with the lowest price of 30 days, and as a table."""
    item = make()
    for amount in ("39.90", "59.90", "44.90"):
        service.call("PATCH", f"/items/{item['id']}/price", json={"amount": amount, "currency": "EUR"})
    show(page, item)
    chart = page.get_by_role("img", name=re.compile("between €39.90 and €59.90, €44.90 at the end. Lowest in 30 days: €39.90"))
    expect(chart.locator(".chart-area")).to_have_count(4)
    expect(chart.locator(".chart-low-mark")).to_have_count(1)
    expect(page.locator(".price-facts")).to_contain_text("Lowest before the reduction€39.90")
    page.get_by_text("4 prices as a table").click()
    expect(page.locator(".price-table tbody tr").first).to_contain_text("€44.90")
    control(page, "Price").fill("19.90")
    save(page)
    expect(page.locator(".price-facts")).to_contain_text("Lowest in 30 days€19.90")
    expect(page.locator(".price-table tbody tr")).to_have_count(5)


def test_delete_and_undo(page: Page, service: Service, make: Make) -> None:
    """After a confirmation; the undo brings it back."""
    item = make()
    show(page, item)
    button(page, "Delete the item").click()
    answer(page, "Cancel")
    assert stored(service, item)["version"] == 1
    button(page, "Delete the item").click()
    answer(page, "Delete")
    expect(drawer(page)).to_be_hidden()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".toast", has_text="Restored.")).to_be_visible()
    assert stored(service, item)["version"] == 3


def test_deleted_elsewhere(page: Page, service: Service, make: Make) -> None:
    """It is said by whom, and can be restored, with the edits that were not saved."""
    item = make()
    show(page, item)
    expect(page.locator("live-status")).to_have_text("Live")
    control(page, "Name").fill("Half-typed")
    service.call("DELETE", f"/items/{item['id']}")
    expect(page.get_by_text("This item is deleted")).to_be_visible()
    expect(page.locator(".drawer-deleted")).to_contain_text(re.compile("By (local|admin)"))
    assert_accessible(page, "item-drawer")
    button(page, "Restore").click()
    expect(control(page, "Name")).to_have_value("Half-typed")
    assert stored(service, item)["name"] == "Garden chair"
    button(page, "Discard").click()


def test_the_address_of_a_deleted_item(page: Page, service: Service, make: Make) -> None:
    """Still shows it, and what happened to it."""
    item = make(attributes={"ean": BEYOND_DOUBLES})
    service.call("DELETE", f"/items/{item['id']}")
    show(page, item)
    expect(page.get_by_text("This item is deleted")).to_be_visible()
    expect(drawer(page)).to_contain_text(str(BEYOND_DOUBLES))
    button(page, "Restore").click()
    expect(control(page, "Name")).to_have_value("Garden chair")


@pytest.mark.parametrize("variant", EVERY_LOOK, indirect=True, ids=str)
def test_an_unknown_key(open_page: Browsing) -> None:
    """Says so, and leads back."""
    page = open_page("/?item=NO-SUCH-ITEM")
    expect(page.get_by_role("heading", name="There is no such item")).to_be_visible()
    assert_accessible(page)
    open_page.screenshot(page, "item-missing")
    button(page, "Close").last.click()
    expect(drawer(page)).to_be_hidden()


@once
def test_an_outage(open_page: Browsing, service: Service, make: Make) -> None:
    """What was typed stays, and can be saved later."""
    item = make()
    page = open_page()
    show(page, item)
    control(page, "Name").fill("Typed")
    open_page.allow(OUTAGE)
    page.context.set_offline(True)
    button(page, "Save").click()
    expect(page.locator(".editor-foot")).to_contain_text("The service can't be reached")
    page.context.set_offline(False)
    save(page)
    assert stored(service, item)["name"] == "Typed"


@signed_in
def test_readers_see_everything_and_change_nothing(open_page: Browsing, make: Make) -> None:
    """There is nothing to edit, revert or delete."""
    item = make(attributes={"colour": "green"})
    page = open_page(role="user")
    show(page, item)
    expect(drawer(page)).to_contain_text("green")
    expect(drawer(page).locator("input, select, textarea")).to_have_count(0)
    expect(drawer(page).get_by_role("button", name=re.compile("Delete|Revert|Save"))).to_have_count(0)
    assert_accessible(page)


@once
def test_the_width_changes_while_it_is_open(page: Page, make: Make) -> None:
    """On a phone the drawer is modal; what was typed stays."""
    show(page, make())
    control(page, "Name").fill("Typed")
    assert not drawer(page).evaluate("(dialog) => dialog.matches(':modal')")
    page.set_viewport_size({"width": 375, "height": 812})
    expect(page.locator("item-drawer > dialog:modal")).to_be_visible()
    expect(control(page, "Name")).to_have_value("Typed")
    page.keyboard.press("Escape")
    expect(drawer(page)).to_be_hidden()
    expect(page).not_to_have_url(re.compile("item="))
