"""Messages of the application name options as over HTTP, max_deletes=500; the command line shows them as --max-deletes 500."""

import re

import rich_click as click

_OPTION = re.compile(r"\b([a-z_]{1,30})=([^\s,;:.]+)")


def as_options(message: str) -> str:
    """Return a message with the options of the current command as the command line spells them."""
    context = click.get_current_context(silent=True)
    known = set() if context is None else {name for parameter in context.command.params for name in parameter.opts}

    def spell(match: re.Match[str]) -> str:
        option = f"--{match[1].replace('_', '-')}"
        if option not in known:
            return match[0]
        return option if match[2] == "true" else f"{option} {match[2]}"

    return _OPTION.sub(spell, message)
