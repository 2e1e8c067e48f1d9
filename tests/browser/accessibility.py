"""What axe-core finds on a page. It comes from a wheel, and is only for tests."""

from functools import cache
from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

_GRAVE = ("serious", "critical")


def assert_accessible(page: Page, within: str = "html") -> None:
    """Fail if axe-core finds something serious or critical on a page, or within an element of it."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(_axe())  # not a script element, which the Content-Security-Policy would block
    found: list[dict[str, Any]] = page.evaluate("(within) => axe.run(within, { resultTypes: ['violations'] })", within)[
        "violations"
    ]
    grave = [_described(violation) for violation in found if violation["impact"] in _GRAVE]
    assert not grave, "\n".join(grave)


@cache
def _axe() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text()


def _described(violation: dict[str, Any]) -> str:
    places = "\n".join(f"  {node['html'][:200]}\n    {node['failureSummary']}" for node in violation["nodes"])
    return f"{violation['impact']}: {violation['help']} ({violation['id']})\n{places}"
