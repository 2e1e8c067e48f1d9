"""The tests in a browser notice what must not happen."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.accessibility import assert_accessible
from tests.browser.pages import Browsing, Variant, layout_shifts
from tests.browser.services import Service

pytestmark = pytest.mark.parametrize("variant", [Variant()], indirect=True, ids=str)


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("console.error('broken')", "console: broken"),
        ("setTimeout(() => { throw new Error('broken'); })", "uncaught: "),
        ("document.body.setAttribute('style', 'color: red')", "Content-Security-Policy: style-src"),
        ("fetch('http://other.test/').catch(() => {})", "Content-Security-Policy: connect-src"),
        ("fetch('/nowhere')", "status 404"),
        ("fetch('http://127.0.0.1:9/').catch(() => {})", "Content-Security-Policy: connect-src"),
        ("setTimeout(() => alert('hello'))", "alert dialog: hello"),
        ("document.body.style.width = '5000px'", "wider than the page"),
    ],
)
def test_a_problem_is_noticed(
    browser: Browser, service: Service, variant: Variant, tmp_path: Path, script: str, problem: str
) -> None:
    """Whatever a page does that it must not do. What is allowed is not reported."""
    browsing = Browsing(browser, service, variant, tmp_path)
    page = browsing()
    page.evaluate(f"() => {{ {script}; }}")
    for _ in range(100):
        if any(problem in found for found in browsing.problems()):
            break
        page.wait_for_timeout(50)
    assert any(problem in found for found in browsing.problems()), browsing.problems()
    browsing.allow(".")
    assert browsing.problems() == []
    browsing.close()


def test_what_moves_and_what_has_no_name_is_noticed(open_page: Browsing) -> None:
    """By the checks that a test calls."""
    page = open_page()
    expect(page.locator("item-table [data-id]").first).to_be_visible()
    page.wait_for_timeout(600)  # what follows an input is no shift
    page.evaluate(
        "() => { const bar = document.createElement('button'); bar.style.height = '200px'; document.body.prepend(bar); }"
    )
    page.evaluate("() => new Promise(requestAnimationFrame)")
    assert layout_shifts(page) != []
    with pytest.raises(AssertionError, match="button-name"):
        assert_accessible(page)
