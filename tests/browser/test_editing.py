"""Creating items, editing them in the table, and changing many at once."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.accessibility import assert_accessible
from tests.browser.pages import EVERY_LOOK, Browsing, Variant
from tests.browser.services import Service
from tests.browser.test_items import MARKUP, new_name, row, select

wide = pytest.mark.parametrize(
    "variant", [Variant("sqlite"), Variant("postgres", identity=True, dark=True)], indirect=True, ids=str
)
"""The table has cells to edit where there is room. On a phone, items are edited in their drawer."""


def cell(page: Page, name: str, field: str) -> Locator:
    """A cell of the item with this name."""
    return row(page, name).locator(f"td[data-field={field}]")


def price(amount: str) -> dict[str, str]:
    """A price in euros."""
    return {"amount": amount, "currency": "EUR"}


def shown(page: Page, *names: str) -> None:
    """Wait until the table has rows with these names, selected by a search if need be."""
    for name in names:
        expect(row(page, name)).to_be_visible()


@wide
def test_a_cell_is_edited_by_keyboard(page: Page, service: Service) -> None:
    """Enter opens a cell and saves it, Tab saves and goes on to the next, Escape leaves it as it was."""
    name = new_name()
    item = service.create_item(name=name, price=price("10.00"))
    shown(page, name)
    cell(page, name, "name").dblclick()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(f"{name} {MARKUP}")
    page.keyboard.press("Tab")
    expect(page.get_by_role("textbox", name="Description")).to_be_focused()
    page.keyboard.type("Sturdy")
    page.keyboard.press("Enter")
    expect(cell(page, name, "description")).to_have_text("Sturdy")
    expect(cell(page, name, "description")).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.keyboard.type("12.5")
    page.keyboard.press("Enter")
    expect(cell(page, name, "price")).to_have_text("€12.50")
    page.keyboard.press("F2")
    page.keyboard.type("99")
    page.keyboard.press("Escape")
    expect(cell(page, name, "price")).to_have_text("€12.50")
    expect(cell(page, name, "price")).to_be_focused()
    stored = service.api.get(f"/api/v1/items/{item['id']}").json()
    assert (stored["name"], stored["description"], stored["price"]["amount"]) == (f"{name} {MARKUP}", "Sturdy", "12.50")
    assert stored["version"] == item["version"] + 3


@wide
def test_a_cell_is_edited_by_mouse(page: Page, service: Service) -> None:
    """A double click opens it, and a click elsewhere saves it."""
    name, slug = new_name(), f"edited-{new_name().split()[-1]}"
    service.create_category(slug)
    service.create_item(name=name)
    shown(page, name)
    cell(page, name, "category").dblclick()
    page.get_by_role("combobox", name="Category").last.select_option(slug)
    page.get_by_role("searchbox").click()
    expect(cell(page, name, "category")).to_contain_text(re.compile(slug, re.IGNORECASE))


@wide
def test_a_fault_is_shown_at_the_cell(page: Page, service: Service) -> None:
    """What was typed stays, and can be mended."""
    name = new_name()
    service.create_item(name=name, price=price("10.00"))
    shown(page, name)
    cell(page, name, "price").dblclick()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("12.3456")
    page.keyboard.press("Enter")
    expect(cell(page, name, "price").get_by_role("alert")).to_contain_text("decimal places")
    assert_accessible(page)
    page.keyboard.press("Backspace")
    page.keyboard.press("Backspace")
    page.keyboard.press("Enter")
    expect(cell(page, name, "price")).to_have_text("€12.34")


@wide
def test_nobody_overwrites_the_change_of_somebody_else(open_page: Browsing, service: Service) -> None:
    """Two people edit the same field: the second one sees both values and chooses."""
    name, other = new_name(), new_name()
    item = service.create_item(name=name, price=price("10.00"))
    page = open_page()
    shown(page, name)
    cell(page, name, "price").dblclick()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("20")
    service.api.patch(f"/api/v1/items/{item['id']}", json={"price": price("30.00"), "description": other}).raise_for_status()
    expect(cell(page, name, "description")).to_have_text(other)
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("€30.00")
    assert_accessible(page)
    dialog.get_by_role("radio").first.check()
    dialog.get_by_role("button", name="Save").click()
    expect(cell(page, name, "price")).to_have_text("€20.00")
    stored = service.api.get(f"/api/v1/items/{item['id']}").json()
    assert (stored["price"]["amount"], stored["description"]) == ("20.00", other)


@pytest.mark.parametrize("variant", EVERY_LOOK, indirect=True, ids=str)
def test_an_item_is_created(open_page: Browsing, service: Service) -> None:
    """A fault of the service stands at its field. The new item appears in the table."""
    taken = service.create_item(name=new_name())["sku"]
    name = new_name()
    page = open_page()
    page.get_by_role("button", name="New item").click()
    form = page.get_by_role("dialog", name="New item")
    expect(form.get_by_label("Name")).to_be_focused()
    assert_accessible(page)
    open_page.screenshot(page, "new-item")
    form.get_by_label("Name").fill(name)
    form.get_by_label("SKU").fill(taken)
    form.get_by_label("Price").fill("1,234.5")
    form.get_by_label("Currency").fill("usd")
    form.get_by_role("button", name="Create the item").click()
    expect(form.get_by_role("alert").filter(has_text=re.compile("SKU|sku"))).to_be_visible()
    form.get_by_label("SKU").fill("")
    form.get_by_role("button", name="Create the item").click()
    expect(form).to_be_hidden()
    expect(row(page, name)).to_contain_text("US$1,234.50")


def test_several_items_are_deleted_and_brought_back(page: Page, service: Service) -> None:
    """After a confirmation. Undo restores them all."""
    names = [new_name() for _ in range(3)]
    items = [service.create_item(name=name) for name in names]
    shown(page, *names)
    for name in names:
        select(row(page, name)).check()
    bar = page.locator("selection-bar")
    expect(bar).to_contain_text("3 items selected")
    bar.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(bar).to_be_hidden()
    for name in names:
        expect(row(page, name)).to_be_hidden()
    page.get_by_role("button", name="Undo").click()
    shown(page, *names)
    assert [service.api.get(f"/api/v1/items/{item['id']}").status_code for item in items] == [200, 200, 200]


def test_prices_are_changed_by_a_percentage(open_page: Browsing, service: Service) -> None:
    """What comes out is shown before, and what is rounded. Items without a price are left alone."""
    names = [new_name() for _ in range(3)]
    for name, amount in zip(names, ("10.00", "0.99", None), strict=True):
        service.create_item(name=name, price=amount and price(amount))
    page = open_page()
    shown(page, *names)
    for name in names:
        select(row(page, name)).check()
    page.locator("selection-bar").get_by_role("button", name="Change prices").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 item has none")
    dialog.get_by_label("By").fill("-12.5")
    expect(dialog.get_by_role("row", name=names[0])).to_contain_text("€8.75")
    expect(dialog.get_by_role("row", name=names[1])).to_contain_text("€0.87 ≈")
    assert_accessible(page)
    dialog.get_by_label("By").fill("-200")
    expect(dialog.get_by_role("button", name="Change 2 prices")).to_be_disabled()
    dialog.get_by_label("By").fill("-12.5")
    dialog.get_by_role("button", name="Change 2 prices").click()
    expect(row(page, names[0])).to_contain_text("€8.75")
    expect(row(page, names[1])).to_contain_text("€0.87")


@pytest.mark.parametrize("variant", [Variant("sqlite")], indirect=True, ids=str)
def test_prices_are_changed_by_an_amount(page: Page, service: Service) -> None:
    """In the currency of each item."""
    euros, yen = new_name(), new_name()
    service.create_item(name=euros, price=price("10.00"))
    service.create_item(name=yen, price={"amount": "900", "currency": "JPY"})
    shown(page, euros, yen)
    for name in (euros, yen):
        select(row(page, name)).check()
    page.locator("selection-bar").get_by_role("button", name="Change prices").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("By").fill("5")
    dialog.get_by_label("Unit").select_option("amount")
    expect(dialog.get_by_role("row", name=euros)).to_contain_text("€15.00")
    dialog.get_by_role("button", name="Change 2 prices").click()
    expect(row(page, euros)).to_contain_text("€15.00")
    expect(row(page, yen)).to_contain_text("905")


def test_several_items_move_to_a_category(page: Page, service: Service) -> None:
    """An item that somebody changed in this moment is left alone and named in the message."""
    names, slug = [new_name(), new_name()], f"moved-{new_name().split()[-1]}"
    service.create_category(slug)
    items = [service.create_item(name=name) for name in names]
    shown(page, *names)
    for name in names:
        select(row(page, name)).check()
    page.locator("selection-bar").get_by_role("button", name="Move to a category").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Category").select_option(slug)
    dialog.get_by_role("button", name="Move 2 items").click()
    expect(page.locator(".toasts")).to_contain_text("Moved 2 items.")
    assert {service.api.get(f"/api/v1/items/{item['id']}").json()["category"] for item in items} == {slug}


@wide
def test_the_selection_is_exported(page: Page, service: Service) -> None:
    """Only the selected items are in the file."""
    names = [new_name(), new_name()]
    for name in names:
        service.create_item(name=name)
    shown(page, *names)
    for name in names:
        select(row(page, name)).check()
    with page.expect_download() as download:
        page.locator("selection-bar").get_by_role("link", name="Export").click()
    lines = download.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 3
    assert all(any(name in line for line in lines) for name in names)
