"""The page in a real browser, on real services.

Each test runs once per variant in `pages.USUAL`. Tests that need others say so:
`@pytest.mark.parametrize("variant", [Variant("memory")], indirect=True, ids=str)`; those that need an empty catalog:
`@pytest.mark.parametrize("seeded", [False], ids=["empty"])`.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.chromium import NoBrowser, launch
from tests.browser.pages import PATIENCE, USUAL, Browsing, Variant, browsing
from tests.browser.services import Service, Services
from tests.conftest import Databases


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The browser."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        try:
            opened = launch(playwright)
        except NoBrowser as error:
            pytest.fail(str(error))
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def file_services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Services that need no other server."""
    with ExitStack() as running:
        yield Services(running, tmp_path_factory.mktemp)


@pytest.fixture(scope="session")
def postgres_services(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[Services]:
    """Services on Postgres."""
    with ExitStack() as running:
        yield Services(running, tmp_path_factory.mktemp, databases)


@pytest.fixture
def services(request: pytest.FixtureRequest, variant: Variant) -> Services:
    """Services on the store of the variant."""
    found: Services = request.getfixturevalue("postgres_services" if variant.store == "postgres" else "file_services")
    return found


@pytest.fixture(params=USUAL, ids=str)
def variant(request: pytest.FixtureRequest) -> Variant:
    """Where and how the page is used."""
    wanted: Variant = request.param
    return wanted


@pytest.fixture
def seeded() -> bool:
    """Whether the catalog has the sample items. Services that have them are shared: tests change only what they make."""
    return True


@pytest.fixture
def service(services: Services, variant: Variant, *, seeded: bool) -> Iterator[Service]:
    """The service: one that other tests use too if it has the sample items, or a new one."""
    with ExitStack() as running:
        if seeded:
            yield services.shared(variant.store, identity=variant.identity)
        else:
            yield services.started(running, variant.store, identity=variant.identity)


@pytest.fixture
def open_page(browser: Browser, service: Service, variant: Variant, tmp_path: Path) -> Iterator[Browsing]:
    """Opens pages. The test fails if something happened in them that must not."""
    with browsing(browser, service, variant, tmp_path) as opened:
        yield opened


@pytest.fixture
def page(open_page: Browsing) -> Page:
    """The page, used by an admin."""
    return open_page()
