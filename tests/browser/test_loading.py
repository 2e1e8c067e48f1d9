"""How much the page loads, and what it keeps."""

from pprint import pformat
from typing import Any

from playwright.sync_api import CDPSession, Page, expect

from tests.browser.pages import Browsing
from tests.browser.services import Service

MOST_BYTES = 60_000
MOST_REQUESTS = 6


class Traffic:
    """What a page receives over the wire."""

    def __init__(self, page: Page) -> None:
        """Listen from now on."""
        self.urls: dict[str, str] = {}
        self.before_items: list[str] = []
        """The URLs of what was requested before the first items came."""
        self.bytes: dict[str, int] = {}
        self.cached: set[str] = set()
        session: CDPSession = page.context.new_cdp_session(page)
        session.on("Network.requestWillBeSent", self._on_request)
        session.on("Network.dataReceived", self._on_data)
        session.on("Network.loadingFinished", self._on_end)
        session.on("Network.requestServedFromCache", lambda event: self.cached.add(event["requestId"]))
        session.on("Network.responseReceived", self._on_response)
        session.send("Network.enable")

    def _on_request(self, event: dict[str, Any]) -> None:
        if event["request"]["url"].startswith("http"):
            self.urls[event["requestId"]] = event["request"]["url"]

    def _on_data(self, event: dict[str, Any]) -> None:
        self.bytes[event["requestId"]] = self.bytes.get(event["requestId"], 0) + event["encodedDataLength"]

    def _on_end(self, event: dict[str, Any]) -> None:
        self.bytes[event["requestId"]] = event["encodedDataLength"]  # with the headers
        if "/api/v1/items?" in self.urls.get(event["requestId"], "") and not self.before_items:
            self.before_items = list(self.urls.values())

    def _on_response(self, event: dict[str, Any]) -> None:
        if event["response"].get("fromDiskCache"):
            self.cached.add(event["requestId"])

    def sizes(self) -> dict[str, int]:
        """Return the number of bytes of each request."""
        return {url: self.bytes.get(request, 0) for request, url in self.urls.items()}


def show_items(page: Page) -> None:
    """Wait until the first items are shown."""
    expect(page.locator("item-table [data-id]").first).to_be_visible()


def test_the_first_view_is_small(open_page: Browsing, service: Service) -> None:
    """Until the items are shown: documents, files and answers, with their headers."""
    page = open_page.blank()
    traffic = Traffic(page)
    page.goto(f"{service.url}/")
    show_items(page)
    sizes = {url: size for url, size in traffic.sizes().items() if url in traffic.before_items}
    assert sum(sizes.values()) < MOST_BYTES, pformat(sizes)
    assert len(sizes) <= MOST_REQUESTS, pformat(sizes)


def test_script_and_style_are_loaded_once(open_page: Browsing, service: Service) -> None:
    """A second visit asks for neither."""
    page = open_page()
    show_items(page)
    traffic = Traffic(page)
    page.goto(f"{service.url}/?sort=name")
    show_items(page)
    files = {url: request in traffic.cached for request, url in traffic.urls.items() if "/page/" in url}
    assert files
    assert all(files.values()), files
