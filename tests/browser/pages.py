"""Pages in a browser as people open them, and what must never happen in one."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Request, Response

from tests.browser.services import AUTH, Service
from tests.planted_secrets import PASSWORD

OUTAGE: Final = r"net::ERR_|status 50[0-9]"
"""What `Browsing.allow` allows while the service is away."""

PATIENCE: Final = 20_000
"""Milliseconds that a test waits for what should be there. Machines that run several browsers are slow at times."""

_WIDE: Final = {"width": 1280, "height": 800}
_PHONE: Final = {"width": 375, "height": 812}
_SCREENSHOTS: Final = "CATALOG_TEST_SCREENSHOTS"

# The browser logs each answer that is an error. What the page makes of it is its own affair, except what `_on_response` finds.
_FAILED_LOAD: Final = "Failed to load resource"

_WATCH: Final = """
document.addEventListener("securitypolicyviolation", (event) =>
  reportViolation(`${event.violatedDirective} blocked ${event.blockedURI} ${event.sourceFile ?? ""}:${event.lineNumber}`));
"""

_SHIFT: Final = """
() => new Promise((resolve) => {
  const found = [];
  const observer = new PerformanceObserver((list) => found.push(...list.getEntries()));
  observer.observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => setTimeout(() => {
    const entries = [...found, ...observer.takeRecords()].filter((entry) => !entry.hadRecentInput);
    resolve(entries.map((entry) => [entry.value, entry.sources.map(({ node }) => node?.outerHTML?.slice(0, 120) ?? "")]));
  }, 50));
})
"""


@dataclass(frozen=True)
class Variant:
    """Where and how a person uses the page."""

    store: Literal["memory", "sqlite", "postgres"] = "sqlite"
    identity: bool = False
    phone: bool = False
    dark: bool = False

    def __str__(self) -> str:
        identity, width, scheme = (
            ("local", "signed-in")[self.identity],
            ("wide", "phone")[self.phone],
            ("light", "dark")[self.dark],
        )
        return f"{self.store}-{identity}-{width}-{scheme}"


USUAL: Final = (Variant("sqlite"), Variant("postgres", identity=True, phone=True, dark=True))
"""The variants of each test, unless it says otherwise: each store, mode, width and scheme once."""

EVERY_LOOK: Final = tuple(
    Variant("sqlite", identity=dark, phone=phone, dark=dark) for phone in (False, True) for dark in (False, True)
)
"""The variants of tests about what a person sees: each width in each scheme."""


class Browsing:
    """Opens pages of a service, and collects what must not happen in them.

    That is: an error in the console or an uncaught one, something that the Content-Security-Policy blocks, a request to another
    host, a failed request, an answer that blames the service, a dialog of a script, and content that is wider than the page.
    """

    def __init__(self, browser: Browser, service: Service, variant: Variant, folder: Path) -> None:
        """Open pages in the look of a variant. Screenshots go to `folder`, unless CATALOG_TEST_SCREENSHOTS names another."""
        self._browser = browser
        self._service = service
        self._variant = variant
        self._folder = Path(os.environ.get(_SCREENSHOTS) or folder)
        self._contexts: list[BrowserContext] = []
        self._allowed: list[re.Pattern[str]] = []
        self._problems: list[str] = []

    def __call__(
        self, path: str = "/", *, role: str | None = "admin", phone: bool | None = None, dark: bool | None = None
    ) -> Page:
        """Open a path and return the page when it shows a view.

        Where people sign in, it is used by somebody with this role, or by somebody who has not signed in if it is None. `phone`
        and `dark` are those of the variant, unless they are given.
        """
        page = self.blank(role=role, phone=phone, dark=dark)
        page.goto(self._service.url + path)
        page.locator("main > *").first.wait_for()
        return page

    def blank(self, *, role: str | None = "admin", phone: bool | None = None, dark: bool | None = None) -> Page:
        """Return a page that shows nothing yet, in a browser of its own."""
        phone = self._variant.phone if phone is None else phone
        dark = self._variant.dark if dark is None else dark
        context = self._browser.new_context(
            viewport=_PHONE if phone else _WIDE,  # type: ignore[arg-type] # a TypedDict
            has_touch=phone,
            is_mobile=phone,
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="Europe/Berlin",
        )
        context.set_default_timeout(PATIENCE)
        self._contexts.append(context)
        if self._service.identity and role is not None:
            self._sign_in(context, role)
        self._watch(context)
        page = context.new_page()
        # `expect_file_chooser` does not wait until the browser reports choosers, and a key may come before.
        page.on("filechooser", lambda _chooser: None)
        return page

    def allow(self, pattern: str) -> None:
        """Allow problems that a regular expression finds."""
        self._allowed.append(re.compile(pattern))

    def problems(self) -> list[str]:
        """Return what happened that must not."""
        for context in self._contexts:
            for page in context.pages:
                self._check_width(page)
        return [problem for problem in self._problems if not any(allowed.search(problem) for allowed in self._allowed)]

    def screenshot(self, page: Page, name: str, **options: Any) -> Path:  # noqa: ANN401 - as Playwright has it
        """Take a picture of a page, and return its path: the name, and the width and scheme of the page."""
        size, dark = page.viewport_size, page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        path = self._folder / f"{name}-{size['width'] if size else 0}-{'dark' if dark else 'light'}.png"
        page.screenshot(path=path, **options)
        return path

    def close(self) -> None:
        """Sign out and close everything."""
        for context in self._contexts:
            context.close()

    def _sign_in(self, context: BrowserContext, role: str) -> None:
        body = {"username": self._service.username(role), "password": PASSWORD}
        response = context.request.post(
            f"{self._service.url}{AUTH}/session", data=body, headers={"Sec-Fetch-Site": "same-origin"}
        )
        assert response.ok, response.text()

    def _watch(self, context: BrowserContext) -> None:
        context.expose_binding("reportViolation", lambda _source, message: self._note(f"Content-Security-Policy: {message}"))
        context.add_init_script(_WATCH)
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self._note(f"uncaught: {error.error}"))
        context.on("request", self._on_request)
        context.on("requestfailed", self._on_failure)
        context.on("response", self._on_response)
        context.on("dialog", self._on_dialog)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith(_FAILED_LOAD):
            self._note(f"console: {message.text}")

    def _on_request(self, request: Request) -> None:
        if urlsplit(request.url).scheme not in ("data", "blob", "about") and not request.url.startswith(f"{self._service.url}/"):
            self._note(f"request to another host: {request.url}")

    def _on_failure(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # which is what a page does that is left, or that needs no answer any more
            self._note(f"failed: {request.method} {request.url}: {request.failure}")

    def _on_response(self, response: Response) -> None:
        path = urlsplit(response.url).path
        if response.status >= 500 or (response.status >= 400 and not path.startswith("/api/")):
            self._note(f"{response.request.method} {response.url}: status {response.status}")

    def _on_dialog(self, dialog: Dialog) -> None:
        if dialog.type != "beforeunload":
            self._note(f"{dialog.type} dialog: {dialog.message}")
        dialog.accept()

    def _check_width(self, page: Page) -> None:
        root = "document.documentElement"
        excess = page.evaluate(f"() => {root}.scrollWidth - {root}.clientWidth")
        if excess > 0:
            self._note(f"{excess} px wider than the page: {page.url}")

    def _note(self, problem: str) -> None:
        self._problems.append(problem)


@contextmanager
def browsing(browser: Browser, service: Service, variant: Variant, folder: Path) -> Iterator[Browsing]:
    """Open pages while the context is open. Fails if something happened in them that must not."""
    opened = Browsing(browser, service, variant, folder)
    try:
        yield opened
        problems = opened.problems()
    finally:
        opened.close()
    assert not problems, "\n".join(problems)


def layout_shifts(page: Page) -> list[tuple[float, list[str]]]:
    """Return what moved on a page without the person having done anything: how much, and which elements."""
    shifts: list[tuple[float, list[str]]] = page.evaluate(_SHIFT)
    return shifts
