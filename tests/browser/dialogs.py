"""Dialogs of the page."""

from playwright.sync_api import Locator, Page


def dialog_of(page: Page, button: str) -> Locator:
    """Open the dialog behind a button, and return it."""
    page.get_by_role("button", name=button, exact=True).click()
    return page.get_by_role("dialog")


def submit(dialog: Locator, button: str) -> None:
    """Submit the form in a dialog."""
    dialog.get_by_role("button", name=button, exact=True).click()
