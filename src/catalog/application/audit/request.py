"""Parses the parameters of an audit query."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from catalog.application.changes.history import KINDS
from catalog.domain.changes.log import MAX_SEQ
from catalog.domain.errors import InvalidCursor, InvalidQuery, shorten
from catalog.domain.identity.audit import EVERY_EVENT, STREAMS, AuditFilter, Stream
from catalog.domain.identity.security_log import RESULTS, SECURITY_ACTIONS
from catalog.domain.queries.operands import parse_moment, parse_whole_number, refuse_unknown
from catalog.domain.text.normalization import find_unstorable
from catalog.domain.validation import FieldErrors

MAX_EVENTS = 1_000
DEFAULT_EVENTS = 100

ACTIONS = (*SECURITY_ACTIONS, *KINDS)
"""Every action of both streams."""

PARAMETERS = ("stream", "actor", "action", "subject", "result", "address", "since", "until", "limit", "cursor")

_CURSOR = re.compile(r"([0-9]{1,19})\.([0-9]{1,19})")
_CHOICES = {"stream": STREAMS, "action": ACTIONS, "result": RESULTS}


@dataclass(frozen=True, slots=True)
class AuditCursor:
    """Where a page goes on: below these numbers of the change log and of the security log. 0 means that nothing is left."""

    catalog: int
    security: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a cursor. Raises: InvalidCursor."""
        match = _CURSOR.fullmatch(text)
        numbers = [] if match is None else [int(number) for number in match.groups()]
        if not numbers or max(numbers) > MAX_SEQ:
            message = "The cursor is damaged. Repeat the query without it."
            raise InvalidCursor(message)
        return cls(*numbers)

    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        return f"{self.catalog}.{self.security}"


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """The parameters of an audit query. Without a stream, both are shown."""

    stream: Stream | None = None
    audit_filter: AuditFilter = EVERY_EVENT
    limit: int = DEFAULT_EVENTS
    cursor: AuditCursor | None = None

    @classmethod
    def parse(cls, parameters: Mapping[str, str], errors: FieldErrors | None = None) -> Self:
        """Parse query parameters. Empty parameters count as missing.

        Raises: InvalidQuery with every error, InvalidCursor.
        """
        errors = FieldErrors() if errors is None else errors
        refuse_unknown(parameters, PARAMETERS, errors)
        given = {name: value for name, value in parameters.items() if value}
        limit = parse_whole_number(given, "limit", range(1, MAX_EVENTS + 1), DEFAULT_EVENTS, errors)
        moments = {name: parse_moment(given[name], name, errors) for name in ("since", "until") if name in given}
        for name, allowed in _CHOICES.items():
            value = given.get(name)
            if value is not None and value not in allowed:
                note = f"Allowed values of {name}: {', '.join(allowed)}."
                errors.add_unknown((name,), f"unknown_{name}", f"Unknown {name} {shorten(value)!r}.", allowed, note, value)
        texts = {name: given.get(name) for name in ("actor", "action", "subject", "result", "address")}
        for name, text in texts.items():
            unstorable = None if text is None or name in _CHOICES else find_unstorable(text)
            if unstorable is not None:
                errors.add((name,), "invalid_text", f"The parameter {name} contains {unstorable}; remove it.")
        errors.raise_if_any(InvalidQuery)
        cursor = AuditCursor.parse(given["cursor"]) if "cursor" in given else None
        return cls(given.get("stream"), AuditFilter(**texts, **moments), limit, cursor)  # type: ignore[arg-type]
