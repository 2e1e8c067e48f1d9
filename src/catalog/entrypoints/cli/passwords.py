"""Passwords on the command line: from a prompt, or the first line of standard input. Never from an option, which others see."""

import sys

import rich_click as click

from catalog.entrypoints.cli.exit_codes import USAGE, fail

_MAX_LINE = 4096
"""Bytes of the line that are read. No password is that long."""


def read_password() -> str:
    """Ask for a new password twice, or read it from the first line of standard input if that is not a terminal."""
    if _is_terminal():
        password: str = click.prompt("Password", hide_input=True, confirmation_prompt="Again", err=True)
        return password
    line = sys.stdin.buffer.readline(_MAX_LINE)
    try:
        password = line.removesuffix(b"\n").removesuffix(b"\r").decode()
    except UnicodeDecodeError:
        fail("The password on standard input is not UTF-8.", code=USAGE)
    if not password:
        fail("There is no password: standard input is empty. Its first line must be the password.", code=USAGE)
    return password


def _is_terminal() -> bool:
    return sys.stdin.isatty()
