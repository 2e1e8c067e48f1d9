"""Messages of the application name options as over HTTP, max_deletes=500; the command line shows them as --max-deletes 500."""

from collections.abc import Collection

import rich_click as click


def as_options(message: str) -> str:
    """Return a message with the options of the current command as the command line spells them."""
    context = click.get_current_context(silent=True)
    known = set() if context is None else {name for parameter in context.command.params for name in parameter.opts}
    return " ".join(_spell(word, known) for word in message.split(" "))


def _spell(word: str, known: Collection[str]) -> str:
    """Return `name=value` as an option of the command line, with the punctuation after it, and any other word as it is."""
    name, _, rest = word.partition("=")
    option = f"--{name.replace('_', '-')}"
    if not rest or option not in known:
        return word
    value = rest.rstrip(".,;:")
    return option + ("" if value == "true" else f" {value}") + rest[len(value) :]
