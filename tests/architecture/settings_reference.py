"""Writes the table in docs/reference/settings.md and .env.example from the settings: `make docs`."""

import re
from itertools import groupby
from pathlib import Path
from textwrap import wrap
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from catalog.entrypoints.settings.model import all_settings

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "settings.md"
EXAMPLE = ROOT / ".env.example"

_TABLE = re.compile(r"^\| variable \|.*\Z", re.MULTILINE | re.DOTALL)
_WIDTH = 126

_HEADER = """\
# All settings of Catalog, with their defaults. Copy this file to .env (every environment) or .env.{environment}, and uncomment
# the lines you change. Environment variables override both files, and so do files named after a variable in the secrets
# directory (CATALOG_SECRETS_DIR, default /run/secrets). A list is comma-separated or JSON.
"""


def reference() -> str:
    """Return the page, with the table that the code has now."""
    rows = [
        f"| `{variable}` | {f'`{default}`' if (default := _default(setting.default)) else ''} | {_meaning(setting)} |\n"
        for variable, setting in all_settings().items()
    ]
    table = f"| variable | default | meaning |\n|---|---|---|\n{''.join(rows)}"
    return _TABLE.sub(lambda _: table, PAGE.read_text(), count=1)


def example() -> str:
    """Return the example file, with the settings that the code has now."""
    text = _HEADER
    for _, section in groupby(all_settings().items(), key=lambda named: named[0].partition("__")[0]):
        text += "\n"
        for variable, setting in section:
            text += "".join(f"# {line}\n" for line in wrap(_meaning(setting), _WIDTH))
            text += f"# {variable}={_default(setting.default)}\n"
    return text


def _default(value: object) -> str:
    """Return a default as it would be set. The meaning says what applies if there is none."""
    if value is None or value == ():
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _meaning(setting: FieldInfo) -> str:
    """Return the description, with the values that the setting may have."""
    annotation: Any = setting.annotation
    choices = ", ".join(get_args(annotation)) if get_origin(annotation) is Literal else ""
    return f"{setting.description}{choices and f' ({choices})'}"


if __name__ == "__main__":
    PAGE.write_text(reference())
    EXAMPLE.write_text(example())
