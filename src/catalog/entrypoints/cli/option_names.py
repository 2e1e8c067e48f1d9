"""Names options as the command line does. Messages of the application name them neutrally: `decimal=comma`."""

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

_VALUES = frozenset(
    (
        *("attributes", "category_separator", "decimal", "delimiter", "empty", "encoding", "format", "map", "max_deletes"),
        *("on_conflict", "profile", "records", "set", "sheet", "type", "types"),
    )
)


def as_options(text: str) -> str:
    """Return a message of an import with its options as the command line spells them: `--decimal comma`."""
    return " ".join(map(_spell, text.split(" ")))


def _spell(word: str) -> str:
    option = word.rstrip(".,;:)")
    if option in _FLAGS:
        return f"{_FLAGS[option]}{word[len(option) :]}"
    name, _, value = word.partition("=")
    return f"--{name.replace('_', '-')} {value}" if name in _VALUES and value else word
