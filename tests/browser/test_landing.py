"""Where a newcomer lands: the health of the service, ways to begin, and what is for developers."""

import shlex
from pprint import pformat

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.accessibility import assert_accessible
from tests.browser.pages import EVERY_LOOK, OUTAGE, Browsing, Variant, layout_shifts
from tests.browser.services import Service

HEALTH = "Health of the service"
NEXT_CHECK = 15_000
"""Milliseconds in which the page checks the health again."""

ON_SQLITE = (Variant("sqlite"), Variant("sqlite", identity=True))


@pytest.mark.parametrize("variant", EVERY_LOOK, indirect=True, ids=str)
def test_the_first_view_is_accessible_and_stays_where_it_is(open_page: Browsing) -> None:
    """In every look, and also with everything opened."""
    page = open_page()
    expect(page.get_by_role("status", name=HEALTH)).to_have_text("Healthy")
    expect(page.locator("item-table [data-id]").first).to_be_visible()
    assert_accessible(page)
    assert not layout_shifts(page), pformat(layout_shifts(page))
    open_page.screenshot(page, "landing")
    page.get_by_text("For developers").click()
    assert_accessible(page, "developer-panel")


@pytest.mark.parametrize("variant", EVERY_LOOK, indirect=True, ids=str)
def test_the_bar_has_room_for_the_account_and_the_health(open_page: Browsing, service: Service) -> None:
    """It stays as high as it is before anybody knows who the caller is."""
    held: list[Route] = []
    page = open_page.blank()
    page.route("**/auth/me", lambda route: held.append(route))  # noqa: PLW0108 - Playwright takes no built-in methods
    with page.expect_request("**/auth/me"):
        page.goto(service.url)
    bar = page.locator(".bar")
    before = bar.bounding_box()
    held.pop().continue_()
    expect(page.get_by_role("status", name=HEALTH)).to_have_text("Healthy")
    assert bar.bounding_box() == before


@pytest.mark.parametrize("seeded", [False], ids=["empty"])
def test_the_health_follows_an_outage(open_page: Browsing, service: Service) -> None:
    """In words and with its details, and without a reload."""
    page = open_page()
    health = page.get_by_role("status", name=HEALTH)
    store = "Postgres" if service.store_url.startswith("postgresql") else "SQLite"
    expect(health).to_have_text("Healthy")
    assert store in (page.locator("health-badge").get_attribute("title") or "")
    open_page.allow(OUTAGE)
    service.stop()
    expect(health).to_have_text("Offline", timeout=NEXT_CHECK)
    open_page.screenshot(page, "outage")
    service.start()
    expect(health).to_have_text("Healthy", timeout=NEXT_CHECK)
    page.reload()
    expect(health).to_have_text("Healthy")


@pytest.mark.parametrize("seeded", [False], ids=["empty"])
def test_a_page_opened_in_an_outage_mends_itself(open_page: Browsing, service: Service) -> None:
    """The document may come from a cache or another process; the rest appears when the service is there again."""
    page = open_page.blank()
    open_page.allow(OUTAGE)
    page.route("**/api/v1/**", lambda route: route.abort("connectionrefused"))
    page.goto(f"{service.url}/")
    expect(page.get_by_role("heading", name="The service can't be reached")).to_be_visible()
    open_page.screenshot(page, "offline")
    page.unroute("**/api/v1/**")
    expect(page.get_by_role("link", name="Items", exact=True)).to_be_visible(timeout=NEXT_CHECK)


@pytest.mark.parametrize("seeded", [False], ids=["empty"])
def test_an_empty_catalog_offers_sample_items(open_page: Browsing, service: Service) -> None:
    """One click or key, and the table has them."""
    page = open_page()
    expect(page.get_by_role("heading", name="The catalog is empty")).to_be_visible()
    assert_accessible(page)
    assert layout_shifts(page) == []
    open_page.screenshot(page, "begin")
    page.get_by_role("button", name="Load 1,000 sample items").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("1,000 sample items are in the catalog.")).to_be_visible(timeout=30_000)
    assert service.call("GET", "/items", params={"limit": 1, "count": "exact"})["count"] == 1000
    expect(page.get_by_role("heading", name="The catalog is empty")).not_to_be_visible()
    expect(page.locator("item-table [data-id]").first).to_be_visible()


@pytest.mark.parametrize("seeded", [False], ids=["empty"])
def test_an_empty_catalog_leads_to_the_import_and_to_a_form(open_page: Browsing) -> None:
    """The other two ways to begin."""
    page = open_page()
    page.get_by_role("link", name="Import a file").click()
    expect(page.locator("import-view")).to_be_visible()
    page.go_back()
    page.get_by_role("button", name="Create an item").click()
    expect(page.get_by_role("dialog")).to_be_visible()


@pytest.mark.parametrize("seeded", [False], ids=["empty"])
@pytest.mark.parametrize("variant", [Variant("sqlite", identity=True)], indirect=True, ids=str)
def test_an_empty_catalog_offers_nothing_that_the_caller_may_not_do(open_page: Browsing) -> None:
    """Who may only read is told who can fill it."""
    page = open_page(role="auditor")
    expect(page.get_by_text("Whoever may create or import items can fill it.")).to_be_visible()
    expect(page.locator("begin-panel button, begin-panel a")).to_have_count(0)
    page = open_page(role="user")
    expect(page.get_by_role("button", name="Create an item")).to_be_visible()
    expect(page.get_by_role("button", name="Load 1,000 sample items")).to_have_count(0)


@pytest.mark.parametrize("variant", ON_SQLITE, indirect=True, ids=str)
def test_the_line_for_the_shell_creates_an_item_here(page: Page, service: Service) -> None:
    """As it is shown, with an API key where callers sign in."""
    page.get_by_text("For developers").click()
    line = page.locator("developer-panel code").inner_text()
    if service.identity:
        expect(page.get_by_text("CATALOG_KEY is an API key.")).to_be_visible()
        key = service.call("POST", "/api-keys", json={"name": "shell", "scopes": ["items:create"]})["key"]
        line = line.replace("$CATALOG_KEY", key)
    program, url, *options = shlex.split(line)
    sent = dict(zip(options[1::2], options[0::2], strict=True))
    body = next(value for value, option in sent.items() if option == "-d")
    headers = dict(value.split(": ", 1) for value, option in sent.items() if option == "-H")
    assert (program, len(headers)) == ("curl", 2 if service.identity else 1)
    created = httpx.post(url, content=body, headers=headers)
    assert created.status_code == 201, created.text
    assert created.json()["name"] == "Garden chair"


@pytest.mark.parametrize("variant", [Variant("memory")], indirect=True, ids=str)
@pytest.mark.parametrize("seeded", [False], ids=["empty"])
def test_a_store_in_memory_is_said_to_forget(page: Page) -> None:
    """Where the line for the shell is."""
    page.get_by_text("For developers").click()
    expect(page.get_by_text("what is in it is gone after a restart")).to_be_visible()


@pytest.mark.parametrize("has_clipboard", [True, False], ids=["clipboard", "without TLS"])
@pytest.mark.parametrize("variant", [Variant()], indirect=True, ids=str)
def test_the_line_is_copied(open_page: Browsing, service: Service, *, has_clipboard: bool) -> None:
    """Also from a page of another host without TLS, which has no clipboard of its own."""
    page = open_page.blank()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.add_init_script("window.clipboardOfTest = navigator.clipboard;")
    if not has_clipboard:
        page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined });")
    page.goto(service.url)
    page.get_by_text("For developers").click()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("clipboardOfTest.readText()") == page.locator("developer-panel code").inner_text()


def test_the_links_for_developers_work(page: Page, service: Service) -> None:
    """Swagger UI, ReDoc, the OpenAPI document and the items as JSON."""
    page.get_by_text("For developers").click()
    links = page.locator("developer-panel nav a")
    found = {link.inner_text(): service.api.get(link.get_attribute("href") or "") for link in links.all()}
    assert {text: response.status_code for text, response in found.items()} == {
        "Try the API": 200,
        "Read the API": 200,
        "OpenAPI document": 200,
        "Items as JSON": 200,
    }
