"""What the commands that prune a log have in common: their options, and the time before which entries are pruned."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import rich_click as click

from catalog.domain.errors import InvalidQuery
from catalog.domain.queries.operands import parse_moment
from catalog.domain.validation import FieldErrors

C = TypeVar("C", bound=Callable[..., Any])


def prune_options(retention_variable: str) -> Callable[[C], C]:
    """Add --before and --archive. The variable is that of the setting with the days that are kept by default."""

    def decorate(command: C) -> C:
        with_archive = click.option(
            "--archive",
            required=True,
            type=click.Path(dir_okay=False, path_type=Path),
            help="New file to write the pruned entries to, as JSON Lines.",
        )(command)
        return click.option(
            "--before",
            metavar="TIME",
            help=f"Prune entries older than this time or date (default: {retention_variable} ago, if set).",
        )(with_archive)

    return decorate


def cutoff(before: str | None, retention_days: float | None, retention_variable: str, now: datetime) -> datetime:
    """Return the time before which a log is pruned: --before, or else the end of its retention. Raises: InvalidQuery."""
    errors = FieldErrors()
    moment = None
    if before is not None:
        moment = parse_moment(before, "before", errors)
        if moment is not None and moment > now:
            errors.add(("before",), "invalid_time", "--before must not be in the future: the whole log would be pruned.")
    elif retention_days is not None:
        moment = now - timedelta(days=retention_days)
    else:
        errors.add(("before",), "missing", f"Missing --before, for example --before 2026-01-01. Or set {retention_variable}.")
    if moment is None or errors:
        raise errors.to_error(InvalidQuery)
    return moment
