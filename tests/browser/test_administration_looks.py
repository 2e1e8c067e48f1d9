"""What administration looks like: accessible, and without anything that moves by itself."""

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import assert_accessible
from tests.browser.dialogs import dialog_of
from tests.browser.pages import Browsing, Variant, layout_shifts

LOOKS = [Variant("sqlite", identity=True, phone=phone, dark=dark) for phone in (False, True) for dark in (False, True)]

pytestmark = pytest.mark.parametrize("variant", LOOKS, indirect=True, ids=str)


@pytest.mark.parametrize("view", ["users", "keys", "sessions", "audit"])
def test_the_views_are_accessible_and_stay_where_they_are(open_page: Browsing, view: str) -> None:
    """In every look."""
    page = open_page(f"/?view={view}")
    expect(page.locator("[aria-busy=false]")).to_be_visible()
    assert_accessible(page)
    assert layout_shifts(page) == []
    open_page.screenshot(page, view)


@pytest.mark.parametrize(
    ("view", "button"),
    [("users", "Create user"), ("users", "Delete: admin"), ("keys", "Create API key")],
    ids=lambda value: value,
)
def test_the_dialogs_are_accessible(open_page: Browsing, view: str, button: str) -> None:
    """In every look."""
    page = open_page(f"/?view={view}")
    dialog = dialog_of(page, button)
    expect(dialog).to_be_visible()
    assert_accessible(page)
    open_page.screenshot(page, f"{view}-{button.partition(':')[0].replace(' ', '-').lower()}")
