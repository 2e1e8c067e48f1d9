"""Where a newcomer lands: the health of the service, links, and how the page loads."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import assert_accessible
from tests.browser.pages import EVERY_LOOK, Browsing, layout_shifts


def test_the_page_says_that_the_service_is_healthy(page: Page) -> None:
    """In words."""
    expect(page.get_by_role("status", name="Health of the service")).to_have_text("Healthy")


@pytest.mark.parametrize("variant", EVERY_LOOK, indirect=True, ids=str)
def test_the_first_view_is_accessible_and_stays_where_it_is(open_page: Browsing) -> None:
    """In every look."""
    page = open_page()
    expect(page.get_by_role("status", name="Health of the service")).to_have_text("Healthy")
    assert_accessible(page)
    assert layout_shifts(page) == []
    open_page.screenshot(page, "landing")
