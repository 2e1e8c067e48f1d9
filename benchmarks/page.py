"""How fast the page is in a browser: the first view, and 10,000 items page by page.

`make bench ARGS=page`, or `make bench ARGS="page 2000"` for another number of items. Needs Chromium, as `make test-browser` does.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, Playwright, sync_playwright

from benchmarks.importing import CATALOG, write_csv
from benchmarks.serving import run_server
from tests.browser.chromium import NoBrowser, launch

ITEMS = 10_000
SIZES = (50, 200)
"""Rows of a page."""
VISITS = 5

_WATCH = """
window.found = { tasks: [], shift: 0 };
new PerformanceObserver((list) => found.tasks.push(...list.getEntries().map((entry) => entry.duration)))
  .observe({ type: "longtask", buffered: true });
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) found.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""

_TURN = """
() => new Promise((resolve) => {
  const next = document.querySelector(".pager-buttons button:last-child");
  if (next.ariaDisabled === "true") return resolve(null);
  const started = performance.now();
  const drawn = () => requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - started)));
  document.querySelector("item-table").addEventListener("page-shown", drawn, { once: true });
  next.click();
})
"""
"""Goes to the next page. Returns the milliseconds until it was drawn, or null if there is none."""


def main(arguments: list[str]) -> None:
    """Measure on SQLite, with this number of items."""
    items = int(arguments[0]) if arguments else ITEMS
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        environment = {"CATALOG_STORAGE__URL": f"sqlite:///{folder}/catalog.db"}
        for command in (["migrate"], ["import", write_csv(folder, items), "--create-categories"]):
            subprocess.run([CATALOG, *command], env=os.environ | environment, check=True, stdout=subprocess.DEVNULL)
        with run_server([CATALOG, "serve"], folder, "/health/ready", environment) as (_, url, _):
            browser = _launch(playwright)
            visits = [_visit(browser.new_page(), url) for _ in range(VISITS)]
            requests, size = visits[0][:2]
            times = [each[2] for each in visits]
            print(f"First view of {items:,} items: {requests} requests, {size / 1000:.1f} KB over the wire.")
            print(f"The items are there after {median(times):.0f} ms ({min(times):.0f} to {max(times):.0f}, {VISITS} visits).")
            print("\n| rows a page | pages | shown after | slowest | longest task | layout shift |\n|---|---|---|---|---|---|")
            for rows in SIZES:
                _turn_pages(browser.new_page(), url, rows)
            browser.close()


def _launch(playwright: Playwright) -> Browser:
    try:
        return launch(playwright)
    except NoBrowser as error:
        sys.exit(str(error))


def _visit(page: Page, url: str) -> tuple[int, int, float]:
    """Open the page with an empty cache. Return requests and bytes until the items came, and after how many ms they show."""
    session: CDPSession = page.context.new_cdp_session(page)
    sizes: dict[str, int] = {}
    until_items: list[dict[str, int]] = []
    urls: dict[str, str] = {}

    def end(event: dict[str, Any]) -> None:
        sizes[event["requestId"]] = event["encodedDataLength"]
        if "/api/v1/items?" in urls.get(event["requestId"], "") and not until_items:
            until_items.append(dict(sizes))

    session.on("Network.requestWillBeSent", lambda event: urls.__setitem__(event["requestId"], event["request"]["url"]))
    session.on("Network.loadingFinished", end)
    session.send("Network.enable")
    page.goto(url)
    page.locator("item-table [data-id]").first.wait_for()
    shown_after: float = page.evaluate("performance.now()")
    page.wait_for_function("document.readyState === 'complete'")
    page.context.close()
    found = until_items[0] if until_items else sizes
    return len(found), sum(found.values()), shown_after


def _turn_pages(page: Page, url: str, rows: int) -> None:
    """Go through all items, and print how long it took."""
    page.add_init_script(_WATCH)
    page.goto(f"{url}/?limit={rows}")
    page.locator("item-table [data-id]").first.wait_for()
    page.wait_for_timeout(2000)
    page.evaluate("found.tasks.length = 0; found.shift = 0")
    times: list[float] = []
    while (milliseconds := page.evaluate(_TURN)) is not None:
        times.append(milliseconds)
    found = page.evaluate("found")
    longest = f"{max(found['tasks']):.0f} ms" if found["tasks"] else "under 50 ms"
    print(
        f"| {rows} | {len(times) + 1} | {median(times):.0f} ms | {max(times):.0f} ms | {longest} | {found['shift']:.3f} |",
        flush=True,
    )
    page.context.close()
