"""What the code has, the documents name."""

import ast
import re
from pathlib import Path
from typing import Any

from catalog.domain.errors import CatalogError
from catalog.entrypoints.http.responses.problem_types import PROBLEM_TYPES
from catalog.entrypoints.http.responses.problems import STATUS_CODES, status_of
from catalog.entrypoints.settings import describe_settings
from tests.architecture import cli_reference, error_reference

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


def test_every_setting_is_documented() -> None:
    """In docs/reference/settings.md."""
    text = (REFERENCE / "settings.md").read_text()
    assert [name for name in describe_settings() if f"`{name}`" not in text] == []


def test_every_error_code_is_documented_with_its_status() -> None:
    """In docs/reference/errors.md, whose table `make docs` writes."""
    text = (REFERENCE / "errors.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (\d{3}) \|", text, re.MULTILINE))

    def leaves(kind: type[CatalogError]) -> list[type[CatalogError]]:
        below = [leaf for child in kind.__subclasses__() for leaf in leaves(child)]
        return below or [kind]

    codes = {
        kind.code: str(int(next(STATUS_CODES[above] for above in kind.__mro__ if above in STATUS_CODES)))
        for kind in leaves(CatalogError)
    }
    codes["invalid_input"] = "422"
    assert {code: rows.get(code) for code in PROBLEM_TYPES} == codes
    assert callable(status_of)
    assert text == error_reference.reference()


def test_every_command_is_documented() -> None:
    """In docs/reference/cli.md, which `make docs` writes."""
    assert cli_reference.PAGE.read_text() == cli_reference.reference()


def test_every_link_between_documents_leads_somewhere() -> None:
    """To a file, and to a heading in it."""
    broken = []
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
            path, _, anchor = target.partition("#")
            if "://" in target:
                continue
            file = (page.parent / path).resolve() if path else page
            if not file.exists() or (anchor and anchor not in anchors(file)):
                broken.append((page.name, target))
    assert broken == []


def anchors(page: Path) -> set[str]:
    """Return what the headings of a page are referred to by."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_each_error_in_the_tree_stands_in_its_drawing() -> None:
    """domain/errors.py begins with it."""
    drawing = (ROOT / "src/catalog/domain/errors.py").read_text().split('"""')[1]

    def names(kind: type[CatalogError]) -> set[str]:
        return {kind.__name__}.union(*map(names, kind.__subclasses__()))

    assert {name for name in names(CatalogError) if not re.search(rf"\b{name}\b", drawing)} == set()


async def test_the_examples_for_tests_without_a_database_run() -> None:
    """As they are printed, in docs/how-to/test-without-a-database.md, but for the last one."""
    rules, use_case, *_ = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs/how-to/test-without-a-database.md").read_text(), re.DOTALL
    )
    exec(compile(rules, "rules", "exec"), {})  # noqa: S102 - our own text
    names: dict[str, Any] = {}
    made = eval(compile(use_case, "use case", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)  # noqa: S307 - likewise
    await made
    assert names["item"].name == "Chair"
