"""Administration in a browser: users, API keys, sessions and the audit, as each role sees them."""

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.dialogs import dialog_of, submit
from tests.browser.pages import Browsing, Variant
from tests.browser.services import Service
from tests.browser.sign_in import sign_in
from tests.planted_secrets import ANOTHER_PASSWORD, PASSWORD

WIDE, PHONE = Variant("sqlite", identity=True), Variant("postgres", identity=True, phone=True, dark=True)
MARKUP = '<img src=x onerror=alert(1)><b>"&amp;'
LONG = "o" * 40

pytestmark = pytest.mark.parametrize("variant", [WIDE, PHONE], indirect=True, ids=str)


def new_user(service: Service, name: str, role: str = "user") -> None:
    """Create a user."""
    service.call("POST", "/users", json={"username": name, "password": PASSWORD, "role": role})


def signs_in(service: Service, name: str, password: str = PASSWORD) -> bool:
    """Return whether a user can sign in."""
    body = {"username": name, "password": password}
    return httpx.post(f"{service.url}/api/v1/auth/token", json=body).status_code == 200


def test_an_admin_creates_a_user(open_page: Browsing, service: Service) -> None:
    """What is wrong is said at its field, and the user can sign in."""
    page = open_page("/?view=users")
    dialog = dialog_of(page, "Create user")
    expect(dialog.get_by_label("Username")).to_be_focused()
    dialog.get_by_label("Username").fill("admin")
    dialog.get_by_label("Role").select_option("editor")
    expect(dialog.get_by_text("Reads, creates, changes and imports items")).to_be_visible()
    dialog.get_by_label("Password").fill("short")
    submit(dialog, "Create user")
    expect(dialog.get_by_label("Password")).to_be_focused()
    expect(dialog.get_by_text("The password is too short")).to_be_visible()
    dialog.get_by_label("Password").fill(PASSWORD)
    submit(dialog, "Create user")
    expect(dialog.get_by_label("Username")).to_be_focused()
    expect(dialog.get_by_text("The username admin belongs to another user")).to_be_visible()
    dialog.get_by_label("Username").fill(f"new-{LONG}")
    submit(dialog, "Create user")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("row", name=f"new-{LONG}").get_by_text("editor")).to_be_visible()
    assert signs_in(service, f"new-{LONG}")


def test_users_are_searched(open_page: Browsing, service: Service) -> None:
    """The search is in the address, so that a reload restores it."""
    new_user(service, "searched-for")
    page = open_page("/?view=users")
    search = page.get_by_role("searchbox", name="Search users")
    search.fill("RCHED-F")
    expect(page.get_by_role("status").filter(has_text="1 user")).to_be_visible()
    page.reload()
    expect(search).to_have_value("RCHED-F")
    search.fill("nobody-at-all")
    expect(page.get_by_role("heading", name="No user matches")).to_be_visible()


def test_users_are_shown_in_pages(open_page: Browsing, service: Service) -> None:
    """Back leads to the page before."""
    for number in range(51):
        new_user(service, f"paged-{number:02}")
    page = open_page("/?view=users&q=paged-")
    expect(page.get_by_role("row", name="paged-49")).to_be_visible()
    page.get_by_role("link", name="Next page").click()
    expect(page.get_by_role("row", name="paged-50")).to_be_visible()
    expect(page.get_by_role("heading", name="Users")).to_be_focused()
    page.go_back()
    expect(page.get_by_role("row", name="paged-00")).to_be_visible()
    expect(page.get_by_role("link", name="First page")).to_have_count(0)


def test_an_admin_changes_disables_and_deletes_a_user(open_page: Browsing, service: Service) -> None:
    """Each is confirmed. The focus stays at the user."""
    new_user(service, "changed")
    page = open_page("/?view=users&q=changed")
    dialog = dialog_of(page, "Change role: changed")
    dialog.get_by_label("Role").select_option("auditor")
    submit(dialog, "Change role")
    expect(page.get_by_role("row", name="changed").get_by_text("auditor")).to_be_visible()
    expect(page.get_by_role("button", name="Change role: changed")).to_be_focused()
    dialog = dialog_of(page, "Disable: changed")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    submit(dialog, "Disable")
    expect(page.get_by_role("row", name="changed").get_by_text("Disabled")).to_be_visible()
    assert not signs_in(service, "changed")
    page.get_by_role("button", name="Enable: changed").click()
    expect(page.get_by_role("row", name="changed").get_by_text("Active")).to_be_visible()
    assert signs_in(service, "changed")
    dialog = dialog_of(page, "Reset password: changed")
    dialog.get_by_label("New password").fill(ANOTHER_PASSWORD)
    submit(dialog, "Reset password")
    expect(dialog).to_have_count(0)
    assert signs_in(service, "changed", ANOTHER_PASSWORD)
    submit(dialog_of(page, "Delete: changed"), "Delete")
    expect(page.get_by_role("heading", name="No user matches")).to_be_visible()
    assert not signs_in(service, "changed", ANOTHER_PASSWORD)


def test_the_last_admin_stays(open_page: Browsing) -> None:
    """The page says why, at the field if there is one."""
    page = open_page("/?view=users&q=admin")
    dialog = dialog_of(page, "Change role: admin")
    dialog.get_by_label("Role").select_option("user")
    submit(dialog, "Change role")
    expect(dialog.get_by_label("Role")).to_have_attribute("aria-invalid", "true")
    expect(dialog.get_by_text("admin is the last admin")).to_be_visible()
    page.keyboard.press("Escape")
    for action in ("Disable", "Delete"):
        dialog = dialog_of(page, f"{action}: admin")
        expect(dialog.get_by_text("This is you")).to_be_visible()
        submit(dialog, action)
        expect(dialog.get_by_text("admin is the last admin")).to_be_visible()
        page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Reset password: admin")).to_have_count(0)


def test_a_change_of_another_admin_is_not_overwritten(open_page: Browsing, service: Service) -> None:
    """The page says what the user is now, and only then makes the change."""
    new_user(service, "shared")
    page = open_page("/?view=users&q=shared")
    dialog = dialog_of(page, "Change role: shared")
    dialog.get_by_label("Role").select_option("editor")
    service.call("PATCH", "/users/shared", json={"role": "auditor", "disabled": True})
    submit(dialog, "Change role")
    expect(dialog.get_by_text("Now: auditor, disabled")).to_be_visible()
    submit(dialog, "Change role")
    expect(page.get_by_role("row", name="shared").get_by_text("editor")).to_be_visible()


def test_a_key_is_shown_once(open_page: Browsing, service: Service) -> None:
    """Escape does not lose it. Its name is never markup."""
    new_user(service, "key-maker")
    page = open_page(role=None)
    sign_in(page, "key-maker")
    page.goto(f"{service.url}/?view=keys")
    expect(page.get_by_role("heading", name="No API keys")).to_be_visible()
    dialog = dialog_of(page, "Create API key")
    expect(dialog.get_by_role("checkbox")).to_have_count(2)
    submit(dialog, "Create API key")
    expect(dialog.get_by_text("The name of an API key has")).to_be_visible()
    expect(dialog.get_by_text("An API key needs at least one scope")).to_be_visible()
    dialog.get_by_label("Name").fill(MARKUP + LONG)
    dialog.get_by_label("items:read").check()
    dialog.get_by_role("button", name="Never expires").click()
    submit(dialog, "Create API key")
    shown = page.get_by_role("dialog", name="Your new API key")
    expect(shown.get_by_text("the only time that the key is shown")).to_be_visible()
    page.keyboard.press("Escape")
    key = shown.get_by_label("API key").input_value()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    submit(shown, "Copy")
    expect(shown.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == key
    submit(shown, "I have stored it")
    expect(page.get_by_role("row", name=MARKUP)).to_be_visible()
    expect(page.get_by_role("row", name=MARKUP).get_by_text("Never")).to_be_visible()
    assert key not in page.content()
    items = f"{service.url}/api/v1/items"
    assert httpx.get(items, headers={"X-API-Key": key}).status_code == 200
    submit(dialog_of(page, f"Revoke: {MARKUP}{LONG}"), "Revoke")
    expect(page.get_by_role("heading", name="No API keys")).to_be_visible()
    assert httpx.get(items, headers={"X-API-Key": key}).status_code == 401


def test_an_admin_sees_the_keys_of_others(open_page: Browsing, service: Service) -> None:
    """The user is in the address. Keys are only made for oneself."""
    new_user(service, "key-owner", "editor")
    page = open_page("/?view=keys")
    expect(page.get_by_role("button", name="Create API key")).to_be_visible()
    owner = page.get_by_label("Keys of another user")
    owner.fill("key-owner")
    owner.press("Enter")
    expect(page.get_by_role("heading", name="API keys of key-owner")).to_be_visible()
    expect(page.get_by_text("key-owner has no API keys.")).to_be_visible()
    expect(page.get_by_role("button", name="Create API key")).to_be_hidden()
    assert page.url.endswith("?view=keys&user=key-owner")
    owner.fill("no-such-user")
    owner.press("Enter")
    expect(page.get_by_role("heading", name="There is no user no-such-user")).to_be_visible()


def test_sessions_are_shown_in_plain_words_and_ended(open_page: Browsing, service: Service) -> None:
    """One after the other, or all at once."""
    new_user(service, "traveller")
    agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605 (KHTML, like Gecko) Version/17.5 Safari/604"
    body = {"username": "traveller", "password": PASSWORD}
    for user_agent in (agent, MARKUP):
        httpx.post(f"{service.url}/api/v1/auth/token", json=body, headers={"User-Agent": user_agent}).raise_for_status()
    page = open_page(role=None)
    sign_in(page, "traveller")
    page.goto(f"{service.url}/?view=sessions")
    expect(page.get_by_role("row", name="This session").get_by_text("127.0.0.1")).to_be_visible()
    expect(page.get_by_role("row", name=MARKUP)).to_be_visible()
    page.get_by_role("button", name="End session: Safari on iPhone, ").click()
    submit(page.get_by_role("dialog"), "End session")
    expect(page.get_by_role("row", name="Safari on iPhone")).to_have_count(0)
    submit(dialog_of(page, "Sign out everywhere"), "Sign out everywhere")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.url == f"{service.url}/"


def test_the_audit_is_filtered_by_its_address(open_page: Browsing, service: Service) -> None:
    """Back leads to the filters before. Times and details are exact."""
    new_user(service, "audited")
    page = open_page("/?view=audit")
    open_filters(page)
    page.get_by_label("Subject").fill("audited")
    page.get_by_label("Subject").press("Enter")
    row = page.get_by_role("row", name="User created")
    expect(row).to_have_count(1)
    assert "CET" in str(row.locator("time").get_attribute("title"))
    row.get_by_role("button", name="Details").click()
    expect(page.get_by_role("term").filter(has_text="Role")).to_be_visible()
    page.get_by_label("Result").select_option("denied")
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    page.go_back()
    expect(row).to_have_count(1)
    expect(page.get_by_label("Result")).to_have_value("")
    page.reload()
    expect(row).to_have_count(1)
    expect(page.get_by_label("Subject")).to_have_value("audited")
    row.get_by_role("link", name="admin").click()
    expect(page.get_by_label("Who")).to_have_value("admin")
    page.get_by_role("button", name="Clear filters").click()
    page.wait_for_url("**/?view=audit")
    page.get_by_label("From").fill("2199-01-01T00:00")
    page.wait_for_url("**since=2198-12-31T23%3A00*")
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()


@pytest.mark.parametrize("seeded", [False], ids=["empty"])
def test_the_audit_reads_on_while_pages_are_empty(open_page: Browsing, service: Service) -> None:
    """A page of the API searches only a part of the change log."""
    service.create_item(sku="OLDEST")
    for batch in range(6):
        items = [{"op": "create", "item": {"sku": f"I-{batch}-{number}", "name": "Item"}} for number in range(1000)]
        service.call("POST", "/items/batch", json={"operations": items}, headers={"Prefer": "return=minimal"})
    first_page = service.call("GET", "/audit?subject=OLDEST")
    assert first_page["events"] == []
    assert first_page["next_cursor"]
    page = open_page("/?view=audit&subject=OLDEST")
    expect(page.get_by_role("row", name="OLDEST")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="1 event")).to_be_visible()
    page.goto(f"{service.url}/?view=audit")
    page.get_by_role("link", name="Older events").click()
    expect(page.get_by_role("link", name="Newest events")).to_be_visible()


@pytest.mark.parametrize(
    ("role", "views", "scopes"),
    [
        ("admin", ["Users", "API keys", "Sessions", "Audit"], 9),
        ("auditor", ["API keys", "Sessions", "Audit"], 3),
        ("editor", ["API keys", "Sessions"], 5),
        ("user", ["API keys", "Sessions"], 2),
    ],
)
def test_a_role_is_offered_only_what_it_may_do(open_page: Browsing, role: str, views: list[str], scopes: int) -> None:
    """Other views are forbidden, and say so. Keys have at most the scopes of their owner."""
    page = open_page("/?view=keys", role=role)
    offered = page.get_by_role("navigation", name="Views").get_by_role("link").all_inner_texts()
    assert [view for view in offered if view in ("Users", "API keys", "Sessions", "Audit")] == views
    expect(page.get_by_label("Keys of another user")).to_have_count(1 if role == "admin" else 0)
    expect(dialog_of(page, "Create API key").get_by_role("checkbox")).to_have_count(scopes)
    for view, label in (("users", "Users"), ("audit", "Audit")):
        if label not in views:
            page.goto(f"{page.url.partition('?')[0]}?view={view}")
            expect(page.get_by_role("heading", name="You may not see this")).to_be_visible()


def open_filters(page: Page) -> None:
    """Show the filters of the audit, which are folded up on phones."""
    expect(page.get_by_role("heading", name="Audit")).to_be_visible()
    filters = page.locator("summary", has_text="Filters")
    if filters.is_visible():
        filters.click()
