"""Names options as the command line does. Messages of the application name them neutrally: `decimal=comma`."""

import re

_FLAGS = {
    "create_categories=true": "--create-categories",
    "create=false": "--no-create",
    "create=true": "omit --no-create",
    "partial=true": "--partial",
    "preserve=true": "--preserve",
    "dry_run=true": "--dry-run",
    "delete_missing=true": "--delete-missing",
    "mode=all_or_nothing": "--all-or-nothing",
}

_VALUES = (
    *("attributes", "category_separator", "decimal", "delimiter", "empty", "encoding", "format", "map", "max_deletes"),
    *("on_conflict", "profile", "records", "set", "sheet", "type", "types"),
)

_OPTION = re.compile(rf"(?<![\w.=-])(?:({'|'.join(map(re.escape, _FLAGS))})(?![\w-])|({'|'.join(_VALUES)})=(?=\S))")


def as_options(text: str) -> str:
    """Return a message of an import with its options as the command line spells them: `--decimal comma`."""
    return _OPTION.sub(_spell, text)


def _spell(match: re.Match[str]) -> str:
    flag, name = match.groups()
    return f"--{name.replace('_', '-')} " if flag is None else _FLAGS[flag]
