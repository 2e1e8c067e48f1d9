"""Writes the table in docs/reference/errors.md from the problem types: `make docs`."""

import re
from pathlib import Path

from catalog.entrypoints.http.responses.problem_types import PROBLEM_TYPES
from catalog.entrypoints.http.responses.problems import codes_by_status

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "errors.md"

_TABLE = re.compile(r"^\| code \|.*?\n\n", re.MULTILINE | re.DOTALL)


def reference() -> str:
    """Return the page, with the table that the code has now."""
    rows = [
        f"| `{code}` | {status} | {PROBLEM_TYPES[code].meaning} |\n"
        for status, codes in sorted(codes_by_status().items())
        for code in codes
    ]
    table = f"| code | status | meaning |\n|---|---|---|\n{''.join(rows)}\n"
    return _TABLE.sub(lambda _: table, PAGE.read_text(), count=1)


if __name__ == "__main__":
    PAGE.write_text(reference())
