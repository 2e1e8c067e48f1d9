"""The browser of the tests: an installed Chromium, which is never downloaded."""

import os
import shutil

from playwright.sync_api import Browser, Playwright

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-gpu")


class NoBrowser(Exception):
    """There is no browser."""

    def __init__(self) -> None:
        """Say how to get one."""
        super().__init__(
            "There is no browser: install Chromium (apt install chromium). `make test-browser` does it where it may."
        )


def launch(playwright: Playwright) -> Browser:
    """Start the browser. Raises: NoBrowser."""
    program = next((path for path in map(shutil.which, _PROGRAMS) if path), None)
    if program is None:
        raise NoBrowser
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=program, args=[*_QUIET, *sandbox])
