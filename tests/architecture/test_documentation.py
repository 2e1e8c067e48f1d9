"""What the code has, the documents name."""

import re
from pathlib import Path

from catalog.domain.errors import CatalogError
from catalog.entrypoints.cli.main import main
from catalog.entrypoints.http.responses.problems import STATUS_CODES, TITLES, status_of
from catalog.entrypoints.settings import describe_settings

ROOT = Path(__file__).parents[2]


def test_every_setting_is_documented() -> None:
    """In docs/OPERATIONS.md."""
    text = (ROOT / "docs" / "OPERATIONS.md").read_text()
    assert [name for name in describe_settings() if f"`{name}`" not in text] == []


def test_every_error_code_is_documented_with_its_status() -> None:
    """In docs/API.md."""
    text = (ROOT / "docs" / "API.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (\d{3}) \|", text, re.MULTILINE))

    def leaves(kind: type[CatalogError]) -> list[type[CatalogError]]:
        below = [leaf for child in kind.__subclasses__() for leaf in leaves(child)]
        return below or [kind]

    codes = {
        kind.code: str(int(next(STATUS_CODES[above] for above in kind.__mro__ if above in STATUS_CODES)))
        for kind in leaves(CatalogError)
    }
    codes["invalid_input"] = "422"
    assert {code: rows.get(code) for code in TITLES} == codes
    assert callable(status_of)


def test_every_command_is_documented() -> None:
    """In the README or docs/OPERATIONS.md."""
    text = (ROOT / "README.md").read_text() + (ROOT / "docs" / "OPERATIONS.md").read_text()
    assert [name for name in main.commands if f"catalog {name}" not in text] == []


def test_each_error_in_the_tree_stands_in_its_drawing() -> None:
    """domain/errors.py begins with it."""
    drawing = (ROOT / "src/catalog/domain/errors.py").read_text().split('"""')[1]

    def names(kind: type[CatalogError]) -> set[str]:
        return {kind.__name__}.union(*map(names, kind.__subclasses__()))

    assert {name for name in names(CatalogError) if not re.search(rf"\b{name}\b", drawing)} == set()
