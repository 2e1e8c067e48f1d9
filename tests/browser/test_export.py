"""Exporting the items of the present filter."""

from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.accessibility import assert_accessible
from tests.browser.pages import EVERY_LOOK, Browsing, Variant
from tests.browser.services import FIRST_ADMIN, Service, Services


def open_menu(page: Page) -> None:
    """Open the menu of formats."""
    page.get_by_role("button", name="Export", exact=True).click()


def download(page: Page) -> tuple[str, bytes]:
    """Download the export, and return its name and content."""
    with page.expect_download() as started:
        page.get_by_role("link", name="Download").click()
    return started.value.suggested_filename, Path(started.value.path()).read_bytes()


def test_the_items_of_the_filter_are_exported_for_a_spreadsheet(page: Page, service: Service) -> None:
    """With the delimiter and decimal mark that somebody chooses, and the mark by which Excel reads the letters right."""
    word = f"Wort{uuid4().hex[:10]}"
    service.create_item(name=f"Käse {word}", price={"amount": "1.50", "currency": "EUR"})
    page.goto(f"{service.url}/?q={word}&limit=25")
    open_menu(page)
    expect(page.get_by_text("The items that the search and the filters select now.")).to_be_visible()
    page.get_by_label("Format").select_option("csv")
    page.get_by_label("Delimiter").select_option(";")
    page.get_by_label("Decimal mark").select_option("comma")
    name, content = download(page)
    assert name == "items.csv"
    header, row = content.decode().splitlines()
    assert header.startswith("\ufeffid;sku;name")
    assert f"Käse {word}" in row
    assert ";1,50;" in row
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Export", exact=True)).to_be_focused()


@pytest.mark.parametrize("variant", [Variant("sqlite")], indirect=True, ids=str)
@pytest.mark.parametrize(("choice", "start"), [("xlsx", b"PK"), ("json", b"["), ("jsonl", b'{"id"'), ("tsv", b"id\tsku")])
def test_every_format_is_downloaded(page: Page, service: Service, choice: str, start: bytes) -> None:
    """By the browser, from a link."""
    page.goto(service.url)
    open_menu(page)
    expect(page.get_by_text("All items")).to_be_visible()
    page.get_by_label("Format").select_option(choice)
    expect(page.get_by_label("Delimiter")).to_be_hidden()
    name, content = download(page)
    assert name == f"items.{choice}"
    assert content.startswith(start)


@pytest.mark.parametrize("variant", [Variant("sqlite", identity=True)], indirect=True, ids=str)
def test_guests_learn_why_they_cannot_export(browser: Browser, services: Services, variant: Variant, tmp_path: Path) -> None:
    """Where the public may read."""
    with ExitStack() as running:
        settings = FIRST_ADMIN | {"CATALOG_IDENTITY__PUBLIC_READ": "true"}
        service = services.started(running, "sqlite", identity=True, seeded=True, settings=settings)
        browsing = Browsing(browser, service, variant, tmp_path)
        running.callback(browsing.close)
        page = browsing(role=None)
        button = page.get_by_role("button", name="Export", exact=True)
        expect(button).to_be_disabled()
        button.press("Enter")
        expect(page.get_by_role("dialog")).to_contain_text("Exports are for people who have signed in.")
        assert page.get_by_role("link", name="Download").count() == 0
        assert browsing.problems() == []


@pytest.mark.parametrize("variant", EVERY_LOOK, indirect=True, ids=str)
def test_the_menu_is_accessible(open_page: Browsing) -> None:
    """In every look."""
    page = open_page()
    open_menu(page)
    page.get_by_label("Format").select_option("csv")
    assert_accessible(page, "dialog")
    open_page.screenshot(page, "export")
