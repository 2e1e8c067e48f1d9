"""Signing in with the form of the page."""

from playwright.sync_api import Page, expect

from tests.planted_secrets import PASSWORD


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """Sign in, and wait until the page says who has signed in."""
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_label("Password").press("Enter")
    expect(page.get_by_role("button", name=f"Account of {name}")).to_be_visible()
