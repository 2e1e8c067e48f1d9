"""Every setting, error code and command in the code is documented, and every link in the documents works."""

import ast
import re
from pathlib import Path
from typing import Any

from catalog.domain.errors import CatalogError
from catalog.domain.identity.errors import Forbidden, Unauthenticated, WrongPassword
from catalog.entrypoints.http.responses.problem_types import PROBLEM_TYPES
from catalog.entrypoints.http.responses.problems import STATUS_CODES, status_of
from catalog.ports.storage import Storage
from catalog.ports.storage.storage import RequiredStorage
from tests.architecture import cli_reference, error_reference, settings_reference

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


def test_every_setting_is_documented() -> None:
    """docs/reference/settings.md and .env.example match the settings. `make docs` regenerates them."""
    assert settings_reference.PAGE.read_text() == settings_reference.reference()
    assert settings_reference.EXAMPLE.read_text() == settings_reference.example()


def test_every_error_code_is_documented_with_its_status() -> None:
    """Every error code is in docs/reference/errors.md, with its status; `make docs` writes the table."""
    text = (REFERENCE / "errors.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (\d{3}) \|", text, re.MULTILINE))

    def leaves(error_type: type[CatalogError]) -> list[type[CatalogError]]:
        subclasses = [leaf for subclass in error_type.__subclasses__() for leaf in leaves(subclass)]
        return subclasses or [error_type]

    raised: list[type[CatalogError]] = [*leaves(CatalogError), Unauthenticated, Forbidden]
    codes = {
        error_type.code: str(int(next(STATUS_CODES[base] for base in error_type.__mro__ if base in STATUS_CODES)))
        for error_type in raised
        if error_type is not WrongPassword  # it has the code of a failed sign-in
    }
    codes["invalid_input"] = "422"
    assert {code: rows.get(code) for code in PROBLEM_TYPES} == codes
    assert callable(status_of)
    assert text == error_reference.reference()


def test_every_command_is_documented() -> None:
    """docs/reference/cli.md matches the commands. `make docs` regenerates it."""
    assert cli_reference.PAGE.read_text() == cli_reference.reference()


def test_every_link_between_documents_works() -> None:
    """Every link leads to an existing file and heading."""
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


def test_every_test_that_a_document_names_exists() -> None:
    """docs/SECURITY.md and others write tests as `file::test`."""
    named = {
        (file, test)
        for page in (ROOT / "docs").rglob("*.md")
        for file, test in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page.read_text())
    }
    missing = {
        (file, test)
        for file, test in named
        if not (ROOT / file).is_file() or (test and f"def {test}(" not in (ROOT / file).read_text())
    }
    assert len(named) > 1
    assert missing == set()


def test_every_threat_names_the_test_that_shows_the_defense() -> None:
    """Each heading under Threats in docs/SECURITY.md."""
    threats = (ROOT / "docs/SECURITY.md").read_text().partition("\n## Threats\n")[2].partition("\n## ")[0]
    sections = threats.split("\n### ")[1:]
    assert len(sections) > 1
    assert [section.partition("\n")[0] for section in sections if not re.search(r"`tests/[\w/]+\.py::test_\w+`", section)] == []


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_error_is_in_the_drawing_of_the_error_tree() -> None:
    """The docstrings of domain/errors.py and domain/identity/errors.py draw the whole tree."""
    modules = (ROOT / "src/catalog/domain" / name for name in ("errors.py", "identity/errors.py"))
    drawing = "".join(module.read_text().split('"""')[1] for module in modules)

    def names(error_type: type[CatalogError]) -> set[str]:
        return {error_type.__name__}.union(*map(names, error_type.__subclasses__()))

    assert {name for name in names(CatalogError) if not re.search(rf"\b{name}\b", drawing)} == set()


def test_every_method_of_a_store_is_documented() -> None:
    """In the two tables of docs/how-to/write-a-store.md: what is required, and what is optional."""
    text = (ROOT / "docs" / "how-to" / "write-a-store.md").read_text()
    required, optional = (
        set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\|([^|]*)\|", section, re.MULTILINE))))
        for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:3]
    )
    assert required == RequiredStorage.__abstractmethods__ | {"durable"}
    assert optional == Storage.__abstractmethods__ - RequiredStorage.__abstractmethods__


async def test_the_examples_for_tests_without_a_database_run() -> None:
    """Every example in docs/how-to/test-without-a-database.md except the last one runs as printed."""
    rules, use_case, *_ = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs/how-to/test-without-a-database.md").read_text(), re.DOTALL
    )
    exec(compile(rules, "rules", "exec"), {})  # noqa: S102 - the repository's own text
    names: dict[str, Any] = {}
    coroutine = eval(compile(use_case, "use case", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)  # noqa: S307 - the repository's own text
    await coroutine
    assert names["item"].name == "Chair"
