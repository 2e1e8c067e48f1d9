"""Importing a file: what is chosen is read, shown, changed, tried and imported, as a person does it."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.accessibility import assert_accessible
from tests.browser.pages import EVERY_LOOK, Browsing, Variant, layout_shifts
from tests.browser.services import Service
from tests.workbooks import workbook

VIEW = "/?view=import"
MARKUP = "<img src=x onerror=alert(1)>"
IMPORTS = "**/api/v1/items/import?*"

ONE_VARIANT = pytest.mark.parametrize("variant", [Variant("sqlite")], indirect=True, ids=str)


def choose(page: Page, path: Path, button: str = "Choose a file") -> None:
    """Choose a file in the dialog of the system."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=button, exact=True).click()
    chooser.value.set_files(path)


def prefix() -> str:
    """Return the start of SKUs that no other test has."""
    return f"IMP-{uuid4().hex[:8].upper()}-"


def file(folder: Path, text: str, name: str = "items.csv", encoding: str = "utf-8") -> Path:
    """Return a file with this text."""
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def becomes(page: Page, column: str) -> Locator:
    """Return the control that says which field a column becomes."""
    return page.get_by_label(f"Field for the column {column}", exact=True)


def outcome(page: Page) -> Locator:
    """Return the heading that says what has become of a check or an import."""
    return page.locator("import-progress:visible h2")


def press_import(page: Page) -> None:
    """Import the file."""
    page.get_by_role("button", name="Import", exact=True).click()


def found(service: Service, sku: str) -> dict[str, object] | None:
    """Return the item with a SKU, or None."""
    response = service.api.get(f"/api/v1/items/{sku}")
    item: dict[str, object] | None = response.json() if response.status_code == 200 else None
    return item


def test_a_foreign_file_is_read_matched_checked_and_imported(page: Page, service: Service, tmp_path: Path) -> None:
    """Columns are guessed by their names, a cure is a button, and nothing is written before the import."""
    sku = prefix()
    rows = f"{sku}1;Käsereibe;{sku}Möbel;1.299,00;rot\n{sku}2;;{sku}Möbel;2,50;blau\n"
    path = file(tmp_path, f"Artikelnummer;Bezeichnung;Warengruppe;Preis;Farbe\n{rows}", encoding="windows-1252")
    page.goto(service.url + VIEW)
    choose(page, path)
    expect(becomes(page, "Artikelnummer")).to_have_value("sku")
    expect(becomes(page, "Preis")).to_have_value("price")
    expect(page.get_by_text("Read as windows-1252, semicolon-separated; decimal comma")).to_be_visible()
    page.get_by_label("Currency").fill("EUR")
    page.keyboard.press("Tab")
    expect(page.locator(".import-rows")).to_contain_text("1,299.00")
    page.get_by_role("button", name="Take 1 other column as an attribute").click()
    expect(becomes(page, "Farbe")).to_have_value("attribute")

    page.get_by_role("button", name="Check without importing").click()
    expect(outcome(page)).to_have_text("2 rows would be refused")
    page.get_by_role("button", name="Create categories").first.click()
    page.get_by_role("button", name="Check again").click()
    expect(outcome(page)).to_have_text("1 row would be refused")
    assert found(service, f"{sku}1") is None

    press_import(page)
    expect(outcome(page)).to_have_text("Imported, but 1 row was refused")
    item = found(service, f"{sku}1")
    assert item is not None
    assert item["price"] == {"amount": "1299.00", "currency": "EUR"}
    assert item["attributes"] == {"farbe": "rot"}
    row = page.locator(".import-refusals tbody tr")
    expect(row).to_contain_text("The name is missing.")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download 1 refused row").click()
    assert download.value.suggested_filename == "items-refused.csv"
    assert f"{sku}2,," in download.value.path().read_text()


@ONE_VARIANT
def test_mended_rows_are_imported_with_the_choices_of_the_first_import(page: Page, service: Service, tmp_path: Path) -> None:
    """As the service returned them, with the reasons."""
    sku = prefix()
    page.goto(service.url + VIEW)
    choose(page, file(tmp_path, f"Item no;Title;Price\n{sku}1;;2.50\n"))
    page.get_by_label("Currency").fill("CHF")
    page.keyboard.press("Tab")
    press_import(page)
    expect(outcome(page)).to_have_text("Imported, but 1 row was refused")
    mended = f"Item no,Title,Price,refused_line,refused_reason\n{sku}1,Chair,2.50,2,The name is missing.\n"
    choose(page, file(tmp_path, mended, "mended.csv"), "Import mended rows")
    expect(becomes(page, "Title")).to_have_value("name")
    press_import(page)
    expect(outcome(page)).to_have_text("Imported")
    item = found(service, f"{sku}1")
    assert item is not None
    assert item["price"] == {"amount": "2.50", "currency": "CHF"}


@ONE_VARIANT
def test_what_was_detected_can_be_changed(page: Page, service: Service, tmp_path: Path) -> None:
    """Encoding, delimiter and decimal mark, each of which is read again; a wrong one can be changed back."""
    page.goto(service.url + VIEW)
    choose(page, file(tmp_path, "sku;name;price;currency\nA;Größe;1,299;EUR\n", encoding="windows-1252"))
    rows = page.locator(".import-rows tbody")
    expect(rows).to_contain_text("Größe")
    expect(rows.get_by_role("button", name="Decimal comma")).to_be_visible()
    page.get_by_label("Decimal mark").select_option("point")
    expect(rows).to_contain_text("1,299.00")
    rows_text = rows.inner_text()
    page.get_by_label("Encoding").select_option("cp437")
    expect(rows).not_to_have_text(rows_text)
    expect(rows).not_to_contain_text("Größe")
    page.get_by_label("Encoding").select_option("utf-16")
    expect(page.get_by_text("The file can't be read like this")).to_be_visible()
    expect(page.get_by_role("button", name="Check without importing")).to_be_disabled()
    page.get_by_label("Encoding").select_option("")
    expect(rows).to_contain_text("Größe")
    page.get_by_label("Delimiter").select_option(",")
    expect(page.get_by_text("The file can't be imported like this")).to_be_visible()
    expect(page.get_by_role("button", name="Import", exact=True)).to_be_disabled()


@ONE_VARIANT
def test_a_sheet_of_a_workbook_is_chosen(page: Page, service: Service, tmp_path: Path) -> None:
    """A workbook is sent as a whole to be looked at."""
    sku = prefix()
    path = tmp_path / "book.xlsx"
    path.write_bytes(workbook(Notes=[["sku", "name"], ["X", "no"]], Items=[["sku", "name"], [f"{sku}1", "Chair"]]))
    page.goto(service.url + VIEW)
    choose(page, path)
    page.get_by_label("Sheet").select_option("Items")
    expect(page.locator(".import-rows")).to_contain_text("Chair")
    press_import(page)
    expect(outcome(page)).to_have_text("Imported")
    assert found(service, f"{sku}1") is not None


@ONE_VARIANT
def test_the_columns_of_a_shop_system_are_known(page: Page, service: Service, tmp_path: Path) -> None:
    """A profile that fits is taken, and can be left."""
    page.goto(service.url + VIEW)
    header = "seller-sku\titem-name\tprice\tasin1\n"
    choose(page, file(tmp_path, f"{header}S1\tChair\t2.50\tB0\n", "listings.txt"))
    layout = page.get_by_label("Layout")
    expect(layout).to_have_value("amazon")
    expect(becomes(page, "asin1")).to_have_value("attribute")
    layout.select_option("By the names of its columns")
    expect(becomes(page, "asin1")).to_have_value("")
    expect(becomes(page, "seller-sku")).to_have_value("sku")


def test_existing_items_are_updated_if_somebody_says_so(page: Page, service: Service, tmp_path: Path) -> None:
    """A price list needs no names then."""
    sku = prefix()
    service.create_item(sku=f"{sku}1", name="Chair")
    page.goto(service.url + VIEW)
    choose(page, file(tmp_path, f"sku,price,currency\n{sku}1,7.50,EUR\n{sku}2,7.50,EUR\n"))
    page.get_by_label("Update the item").check()
    page.get_by_label("Create items for new SKUs").uncheck()
    page.get_by_role("button", name="Check without importing").click()
    expect(outcome(page)).to_have_text("1 row would be refused")
    expect(page.locator("[data-count=updated]:visible")).to_contain_text("1")
    press_import(page)
    expect(outcome(page)).to_have_text("Imported, but 1 row was refused")
    item = found(service, f"{sku}1")
    assert item is not None
    assert item["name"] == "Chair"
    assert item["price"] == {"amount": "7.50", "currency": "EUR"}


def test_all_rows_or_none(page: Page, service: Service, tmp_path: Path) -> None:
    """One refused row keeps the others out."""
    sku = prefix()
    page.goto(service.url + VIEW)
    choose(page, file(tmp_path, f"sku,name\n{sku}1,Chair\n{sku}2,\n"))
    page.get_by_label("All rows or none").check()
    press_import(page)
    expect(outcome(page)).to_have_text("Nothing was imported, because rows were refused")
    assert found(service, f"{sku}1") is None


@pytest.mark.parametrize("seeded", [False], ids=["empty"])
def test_a_running_import_is_found_again_and_cancelled(page: Page, service: Service, tmp_path: Path) -> None:
    """By its id in the address, also after a reload; what was committed stays and is counted."""
    sku = prefix()
    rows = "".join(f"{sku}{number},Chair {number},A chair of which there are many\n" for number in range(400_000))
    page.goto(service.url + VIEW)
    choose(page, file(tmp_path, f"sku,name,description\n{rows}"))
    press_import(page)
    expect(page.locator(".import-facts")).to_contain_text("per second")
    page.reload()
    expect(outcome(page)).to_have_text("Importing …")
    expect(page.locator(".import-facts")).to_contain_text("left")
    expect(page.get_by_role("progressbar")).not_to_have_js_property("position", -1)
    page.get_by_role("link", name="Items", exact=True).click()
    page.go_back()
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(outcome(page)).to_have_text("Cancelled")
    state = service.call("GET", f"/imports/{parse_qs(urlsplit(page.url).query)['import'][0]}")
    assert state["status"] == "cancelled"
    assert 0 < state["created"] < 400_000
    assert found(service, f"{sku}0") is not None


@ONE_VARIANT
def test_an_upload_that_breaks_off_says_so_and_keeps_the_file(open_page: Browsing, service: Service, tmp_path: Path) -> None:
    """The choices too."""
    open_page.allow("net::ERR_")
    sku = prefix()
    page = open_page(VIEW)
    choose(page, file(tmp_path, f"sku,name\n{sku}1,Chair\n"))
    page.get_by_label("Skip the row").check()
    page.route(IMPORTS, lambda route: route.abort("connectionreset"))
    press_import(page)
    expect(page.get_by_text("The upload broke off")).to_be_visible()
    page.unroute(IMPORTS)
    page.get_by_role("button", name="Back to the file").click()
    expect(page.get_by_label("Skip the row")).to_be_checked()
    press_import(page)
    expect(outcome(page)).to_have_text("Imported")


@ONE_VARIANT
def test_a_failure_of_the_service_is_shown_and_can_be_tried_again(open_page: Browsing, service: Service, tmp_path: Path) -> None:
    """While a file is looked at."""
    open_page.allow("net::ERR_")
    page = open_page(VIEW)
    page.route("**/import/inspect*", lambda route: route.abort("connectionrefused"))
    choose(page, file(tmp_path, "sku,name\nA,Chair\n"))
    expect(page.get_by_text("The service can't be reached")).to_be_visible()
    page.unroute("**/import/inspect*")
    page.get_by_role("button", name="Try again").click()
    expect(becomes(page, "sku")).to_have_value("sku")


@ONE_VARIANT
def test_answers_to_older_choices_are_dropped(page: Page, service: Service, tmp_path: Path) -> None:
    """However late they arrive."""
    late: list[Route] = []
    page.goto(service.url + VIEW)
    choose(page, file(tmp_path, "sku;name\nA;Chair\n"))
    expect(page.locator(".import-rows")).to_contain_text("Chair")
    page.route("**/import/inspect*delimiter=%7C*", lambda route: late.append(route))  # noqa: PLW0108 - a method of a list cannot be marked
    with page.expect_request("**/import/inspect*delimiter=%7C*"):
        page.get_by_label("Delimiter").select_option("|")
    page.get_by_label("Delimiter").select_option("")
    expect(page.locator("import-review")).to_have_attribute("aria-busy", "false")
    late[0].fulfill(status=422, json={"code": "invalid_file", "title": "Late", "detail": "Late"})
    page.evaluate("fetch('/api/v1/health')")
    expect(page.locator(".import-rows")).to_contain_text("Chair")
    expect(page.get_by_text("Late")).to_be_hidden()


@ONE_VARIANT
def test_a_dropped_file_is_taken(page: Page, service: Service) -> None:
    """Anywhere on the page: a file that misses the place must not replace the page."""
    page.goto(service.url + VIEW)
    page.locator(".import-drop").wait_for()
    page.evaluate(
        """() => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File(["sku,name\\nA,Dropped\\n"], "dropped.csv"));
          for (const type of ["dragover", "drop"]) {
            document.querySelector(".bar").dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
          }
        }"""
    )
    expect(page.locator(".import-rows")).to_contain_text("Dropped")


def test_markup_in_names_and_columns_stays_text(page: Page, service: Service, tmp_path: Path) -> None:
    """Of the file, its columns and its cells, before and after the import."""
    path = file(tmp_path, f"sku,name,{MARKUP},price\n{prefix()}1,{MARKUP},{MARKUP},{MARKUP}\n", f"{MARKUP}.csv")
    page.goto(service.url + VIEW)
    choose(page, path)
    expect(page.locator(".import-name")).to_contain_text(MARKUP)
    expect(page.locator(".import-columns").get_by_role("rowheader", name=MARKUP)).to_be_visible()
    expect(page.locator(".import-rows")).to_contain_text(MARKUP)
    press_import(page)
    expect(page.locator(".import-refusals")).to_contain_text(MARKUP)
    expect(page.locator("import-view img")).to_have_count(0)


@ONE_VARIANT
def test_a_file_is_imported_by_keyboard(page: Page, service: Service, tmp_path: Path) -> None:
    """Changing a choice doesn't lose the place."""
    sku = prefix()
    page.goto(service.url + VIEW)
    button = page.get_by_role("button", name="Choose a file")
    button.focus()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(file(tmp_path, f"sku,name,Colour\n{sku}1,Chair,red\n"))
    becomes(page, "Colour").focus()
    page.keyboard.press("End")
    expect(page.locator(".import-rows")).to_contain_text("red")
    expect(becomes(page, "Colour")).to_be_focused()
    page.get_by_role("button", name="Check without importing").focus()
    page.keyboard.press("Enter")
    expect(outcome(page)).to_have_text("Every row can be imported")
    expect(outcome(page)).to_be_focused()


@ONE_VARIANT
def test_an_import_that_nobody_knows_says_so(page: Page, service: Service) -> None:
    """As the address of an old one."""
    page.goto(f"{service.url}{VIEW}&import={uuid4()}")
    expect(page.get_by_text("The service doesn't know this import.")).to_be_visible()
    page.get_by_role("button", name="Choose another file").click()
    expect(page.get_by_role("button", name="Choose a file")).to_be_focused()


@pytest.mark.parametrize("variant", EVERY_LOOK, indirect=True, ids=str)
def test_it_is_accessible_in_every_look(open_page: Browsing, service: Service, tmp_path: Path) -> None:
    """Each of its states."""
    page = open_page(VIEW)
    page.get_by_role("button", name="Choose a file").wait_for()
    assert_accessible(page)
    assert layout_shifts(page) == []
    open_page.screenshot(page, "import-choose")
    sku = prefix()
    rows = "".join(
        f"{sku}{number};Chair {number};{sku};{price};{'long' * 10}\n" for number, price in enumerate(("1,50", "2,50", "x"))
    )
    choose(page, file(tmp_path, f"Artikelnummer;Bezeichnung;Kategorie;Preis;{'Farbe' * 8}\n{rows}"))
    page.get_by_label("Currency").fill("EUR")
    page.keyboard.press("Tab")
    expect(page.locator(".import-rows")).to_contain_text("1.50")
    assert_accessible(page)
    open_page.screenshot(page, "import-review", full_page=True)
    page.get_by_role("button", name="Check without importing").click()
    expect(outcome(page)).to_have_text("3 rows would be refused")
    assert_accessible(page)
    open_page.screenshot(page, "import-check", full_page=True)
    page.get_by_label("Create missing categories").check()
    press_import(page)
    expect(outcome(page)).to_have_text("Imported, but 1 row was refused")
    assert_accessible(page)
    open_page.screenshot(page, "import-result", full_page=True)
