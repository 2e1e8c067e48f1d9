"""Signing in and out in a browser, the own password, the first admin, and guests."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import Browsing, Variant, browsing
from tests.browser.services import FIRST_ADMIN, Service, Services
from tests.browser.sign_in import sign_in
from tests.planted_secrets import ANOTHER_PASSWORD, PASSWORD

WIDE, PHONE = Variant("sqlite", identity=True), Variant("postgres", identity=True, phone=True, dark=True)
GUESTS = FIRST_ADMIN | {"CATALOG_IDENTITY__PUBLIC_READ": "true"}

OTHER_SITE = """
<form method="post" action="{keys}" enctype="text/plain">
  <input name='{{"name": "stolen", "scopes": ["items:read"], "' value='": 1}}'><button>Win</button>
</form>
"""

SEND = """([url, type]) => fetch(url, {
  method: "POST", credentials: "include", body: '{"name": "stolen", "scopes": ["items:read"]}', headers: { "Content-Type": type }
}).then((response) => response.status, () => null)"""

pytestmark = pytest.mark.parametrize("variant", [WIDE, PHONE], indirect=True, ids=str)


@pytest.fixture
def settings() -> dict[str, str]:
    """The settings of `fresh_page`: a service that prints a link for the first admin."""
    return {}


@pytest.fixture
def fresh_service(services: Services, variant: Variant, settings: dict[str, str]) -> Iterator[Service]:
    """A service of its own, with the settings."""
    with ExitStack() as running:
        yield services.started(running, variant.store, identity=True, settings=settings)


@pytest.fixture
def fresh_page(browser: Browser, fresh_service: Service, variant: Variant, tmp_path: Path) -> Iterator[Browsing]:
    """Opens pages of the fresh service."""
    with browsing(browser, fresh_service, variant, tmp_path) as opened:
        yield opened


def new_user(service: Service, name: str) -> None:
    """Create a user who may only read and create."""
    service.call("POST", "/users", json={"username": name, "password": PASSWORD, "role": "user"})


def try_password(page: Page, name: str, password: str) -> None:
    """Submit the sign-in form."""
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.locator("sign-in-form").get_by_role("button", name="Sign in").click()


def test_a_wrong_password_is_refused_and_the_right_one_accepted(open_page: Browsing, service: Service) -> None:
    """The session is in a cookie that no script can read, and survives a reload."""
    new_user(service, "simple")
    page = open_page(role=None)
    expect(page.get_by_label("Username")).to_be_focused()
    try_password(page, "simple", ANOTHER_PASSWORD)
    expect(page.get_by_text("The username or the password is wrong, or the user is disabled.")).to_be_visible()
    expect(page.get_by_label("Password")).to_be_focused()
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_label("Password")).to_have_attribute("type", "text")
    sign_in(page, "simple")
    cookies = page.context.cookies()
    assert [(cookie["httpOnly"], cookie["sameSite"]) for cookie in cookies] == [(True, "Strict")]
    assert page.evaluate("document.cookie + JSON.stringify({ ...localStorage, ...sessionStorage })") == "{}"
    page.reload()
    expect(page.get_by_role("button", name="Account of simple")).to_be_visible()


def test_after_too_many_failures_the_page_counts_the_seconds(open_page: Browsing, service: Service) -> None:
    """Then the right password is accepted."""
    new_user(service, "forgetful")
    page = open_page(role=None)
    body = {"username": "forgetful", "password": ANOTHER_PASSWORD}
    for _ in range(7):
        httpx.post(f"{service.url}/api/v1/auth/token", json=body)
    try_password(page, "forgetful", PASSWORD)
    waiting = page.get_by_role("button", name=re.compile("Try again in [0-9]+ second"))
    expect(waiting).to_be_disabled()
    expect(page.get_by_text("For a while, even the right password is refused.")).to_be_visible()
    expect(page.get_by_role("button", name="Sign in", exact=True)).to_be_enabled(timeout=30_000)
    expect(page.get_by_text("For a while, even the right password is refused.")).to_have_count(0)
    sign_in(page, "forgetful")


def test_a_disabled_user_is_told_what_it_may_be(open_page: Browsing, service: Service) -> None:
    """The service doesn't say more, so that nobody learns who has an account."""
    new_user(service, "dismissed")
    service.call("PATCH", "/users/dismissed", json={"disabled": True})
    page = open_page(role=None)
    try_password(page, "dismissed", PASSWORD)
    expect(page.get_by_text("or the user is disabled")).to_be_visible()


def test_whose_session_was_ended_signs_in_again_and_goes_on(open_page: Browsing, service: Service) -> None:
    """At the same place."""
    new_user(service, "interrupted")
    page = open_page(role=None)
    sign_in(page, "interrupted")
    page.goto(f"{service.url}/?view=keys")
    expect(page.get_by_role("heading", name="No API keys")).to_be_visible()
    service.call("PATCH", "/users/interrupted", json={"role": "editor"})
    page.get_by_role("link", name="Sessions").click()
    expect(page.get_by_role("dialog").get_by_text("You are signed out.")).to_be_visible()
    sign_in(page, "interrupted")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_text("This session")).to_be_visible()


def test_the_own_password_is_changed(open_page: Browsing, service: Service) -> None:
    """This session goes on, all others end."""
    new_user(service, "careful")
    page, other = open_page(role=None), open_page(role=None)
    sign_in(page, "careful")
    sign_in(other, "careful")
    account = page.get_by_role("button", name="Account of careful")
    account.click()
    page.get_by_role("button", name="Change password").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Current password")).to_be_focused()
    dialog.get_by_label("Current password").fill(ANOTHER_PASSWORD)
    dialog.get_by_label("New password").fill(ANOTHER_PASSWORD)
    change = dialog.get_by_role("button", name="Change password")
    change.click()
    expect(dialog.get_by_label("Current password")).to_have_attribute("aria-invalid", "true")
    expect(dialog.get_by_text("The current password is wrong.")).to_be_visible()
    dialog.get_by_label("Current password").fill(PASSWORD)
    dialog.get_by_label("New password").fill("careful-careful")
    change.click()
    expect(dialog.get_by_text("The password contains the username")).to_be_visible()
    dialog.get_by_label("New password").fill(ANOTHER_PASSWORD)
    change.click()
    expect(page.get_by_text("The password is changed.")).to_be_visible()
    expect(account).to_be_focused()
    page.reload()
    expect(account).to_be_visible()
    other.reload()
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    try_password(other, "careful", PASSWORD)
    expect(other.get_by_text("The username or the password is wrong")).to_be_visible()
    sign_in(other, "careful", ANOTHER_PASSWORD)


def test_the_account_is_used_by_keyboard(open_page: Browsing, service: Service) -> None:
    """Escape closes the menu. Signing out leaves nothing of the view."""
    new_user(service, "typist")
    page = open_page(role=None)
    sign_in(page, "typist")
    page.goto(f"{service.url}/?view=keys")
    account = page.get_by_role("button", name="Account of typist")
    account.focus()
    page.keyboard.press("Enter")
    expect(account).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Change password")).to_be_focused()
    page.keyboard.press("Escape")
    expect(account).to_be_focused()
    expect(page.get_by_role("button", name="Sign out")).to_have_count(0)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.url == f"{service.url}/"


def test_a_page_of_another_site_changes_nothing(open_page: Browsing, service: Service) -> None:
    """Although the browser has a session cookie. Nor does a body that a form can send, from a page of this service."""
    open_page.allow("another host|^failed: |^console: Access to fetch")
    new_user(service, "victim")
    page = open_page(role=None)
    sign_in(page, "victim")
    keys = f"{service.url}/api/v1/api-keys"
    other = page.context.new_page()
    other.route("http://other.test/", lambda route: route.fulfill(body=OTHER_SITE.format(keys=keys), content_type="text/html"))
    for type_ in ("application/json", "text/plain"):
        other.goto("http://other.test/")
        assert other.evaluate(SEND, [keys, type_]) is None
    other.get_by_role("button", name="Win").click()
    other.wait_for_url(keys)
    other.close()
    assert page.evaluate(SEND, [keys, "text/plain"]) == 415
    assert page.evaluate("(url) => fetch(url).then((response) => response.json())", keys) == {"api_keys": []}
    assert page.evaluate(SEND, [keys, "application/json"]) == 201


@pytest.mark.prints_secrets("setup token")
def test_the_first_admin_is_made_with_the_printed_link(fresh_page: Browsing, fresh_service: Service) -> None:
    """The link works once. The page says what to do with an old one."""
    (link,) = re.findall(r"/#setup=[\w-]{43}", fresh_service.server.log.read_text())
    page = fresh_page(link, role=None)
    expect(page.get_by_role("heading", name="Set up the first admin")).to_be_visible()
    page.get_by_label("Username").fill("Boss")
    page.get_by_label("Password").fill("short")
    page.get_by_role("button", name="Create the admin").click()
    expect(page.get_by_text("The password is too short")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create the admin").click()
    expect(page.get_by_role("button", name="Account of boss")).to_be_visible()
    assert page.url == f"{fresh_service.url}/"
    late = fresh_page(link, role=None)
    late.get_by_label("Username").fill("late")
    late.get_by_label("Password").fill(PASSWORD)
    late.get_by_role("button", name="Create the admin").click()
    expect(late.get_by_role("heading", name="This link is not valid any more")).to_be_visible()
    expect(late.get_by_text("restart it: it prints a new link")).to_be_visible()
    late.get_by_role("button", name="Go to the sign-in").click()
    sign_in(late, "boss")


@pytest.mark.parametrize("settings", [GUESTS], ids=["guests"])
def test_guests_see_items_and_may_sign_in(fresh_page: Browsing, fresh_service: Service) -> None:
    """What they may not do is not offered, and appears when they have signed in."""
    page = fresh_page("/?view=keys", role=None)
    expect(page.get_by_role("heading", name="You may not see this")).to_be_visible()
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("dialog").get_by_label("Username")).to_be_focused()
    sign_in(page, "admin")
    expect(page.get_by_role("heading", name="No API keys")).to_be_visible()
    views = page.get_by_role("navigation", name="Views").get_by_role("link")
    expect(views.filter(has_text="Audit")).to_have_count(1)
    page.get_by_role("button", name="Account of admin").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    for label in ("Import", "Users", "API keys", "Sessions", "Audit"):
        expect(views.filter(has_text=label)).to_have_count(0)
    expect(views.filter(has_text="Items")).to_have_count(1)
