"""Signing in and out, and the link that makes the first admin."""

import re
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.accessibility import assert_accessible
from tests.browser.pages import Browsing, Variant
from tests.browser.services import ADMIN, Services
from tests.planted_secrets import PASSWORD

SIGNED_IN = (Variant("sqlite", identity=True), Variant("postgres", identity=True, phone=True, dark=True))


def fill_in(page: Page, username: str, password: str) -> None:
    """Fill in the form for signing in, and send it by keyboard."""
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password", exact=True).fill(password)
    page.keyboard.press("Enter")


@pytest.mark.parametrize("variant", SIGNED_IN, indirect=True, ids=str)
def test_people_sign_in_and_out(open_page: Browsing) -> None:
    """A wrong password is said in words. No script can read the cookie."""
    page = open_page(role=None)
    expect(page.get_by_label("Username")).to_be_focused()
    assert_accessible(page)
    open_page.screenshot(page, "sign-in")
    fill_in(page, ADMIN, "wrong")
    expect(page.get_by_role("alert").filter(has_text=re.compile("wrong", re.IGNORECASE))).to_be_visible()
    fill_in(page, ADMIN, PASSWORD)
    expect(page.get_by_role("link", name="Items", exact=True)).to_be_visible()
    assert page.evaluate("document.cookie") == ""
    page.reload()
    expect(page.get_by_role("link", name="Items", exact=True)).to_be_visible()
    sign_out(page)
    expect(page.get_by_label("Username")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Username")).to_be_visible()


def sign_out(page: Page) -> None:
    """Sign out, from a menu if there is one."""
    menu = page.locator("account-menu summary, account-menu button[aria-haspopup], account-menu button[aria-expanded]")
    if menu.count():
        menu.first.click()
    page.locator("account-menu").get_by_text("Sign out", exact=True).click()


@pytest.mark.prints_secrets("setup token")
@pytest.mark.parametrize("variant", SIGNED_IN, indirect=True, ids=str)
def test_a_link_makes_the_first_admin(browser: Browser, services: Services, variant: Variant, tmp_path: Path) -> None:
    """The one that the first start prints. A weak password is refused at its field, and the link then works still."""
    with ExitStack() as running:
        service = services.started(running, variant.store, identity=True, settings={})
        link = re.search(r"/#setup=[\w-]+", service.server.log.read_text())
        assert link is not None
        browsing = Browsing(browser, service, variant, tmp_path)
        page = browsing(link[0], role=None)
        expect(page.get_by_role("heading", name="Set up the first admin")).to_be_visible()
        assert_accessible(page)
        browsing.screenshot(page, "set-up")
        fill_in(page, "ada", "short")
        expect(page.get_by_label("Password", exact=True)).to_have_attribute("aria-invalid", "true")
        fill_in(page, "ada", PASSWORD)
        expect(page.locator("account-menu")).to_contain_text("ada")
        assert "setup" not in page.url
        assert browsing.problems() == []
        browsing.close()
