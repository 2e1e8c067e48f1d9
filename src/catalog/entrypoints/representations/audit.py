"""JSON representations of the audit: events of the change log and of the security log."""

from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.application.audit.audit import AuditPage
from catalog.application.audit.request import ACTIONS
from catalog.domain.identity.audit import STREAMS, AuditEvent
from catalog.domain.identity.security_log import RESULTS, SecurityEntry
from catalog.entrypoints.representations.fields import Timestamp

_encoder = msgspec.json.Encoder()


class AuditEventBody(msgspec.Struct):
    """An event. `detail` of a change has the id and the version of the item or category."""

    stream: Annotated[str, Meta(extra_json_schema={"enum": list(STREAMS)})]
    seq: Annotated[int, Meta(description="The number of the event in its stream: 1, 2, 3, … without gaps.")]
    at: Timestamp
    actor: str | None
    credential: Annotated[str | None, Meta(description="`session:ID`, `key:ID`, `cli`, `local` or `oidc`.")]
    address: str | None
    request_id: str | None
    action: Annotated[str, Meta(title="AuditAction", extra_json_schema={"enum": list(ACTIONS)})]
    subject: Annotated[str | None, Meta(description="A SKU, a slug, a username, …: what the action was done to.")]
    result: Annotated[str, Meta(extra_json_schema={"enum": list(RESULTS)})]
    detail: Annotated[dict[str, str | int], Meta(description="`count` is how often it happened, if more than once.")]
    digest: str | UnsetType = UNSET


class AuditBody(msgspec.Struct):
    """A page of the audit, newest event first."""

    events: list[AuditEventBody]
    next_cursor: Annotated[
        str | None,
        Meta(description="Pass it as `cursor` to get the next page, even if this one is empty; null on the last."),
    ]


def encode_audit(page: AuditPage) -> bytes:
    """Encode a page of the audit."""
    cursor = None if page.next_cursor is None else str(page.next_cursor)
    return _encoder.encode(AuditBody([_to_event_body(event) for event in page.events], cursor))


def encode_event_lines(events: Iterable[AuditEvent]) -> bytes:
    """Encode events as JSON Lines."""
    return b"".join(_encoder.encode(_to_event_body(event)) + b"\n" for event in events)


def encode_security_lines(entries: Sequence[SecurityEntry]) -> bytes:
    """Encode entries of the security log as JSON Lines, with their digests."""
    lines = []
    for entry in entries:
        body = _to_event_body(AuditEvent("security", entry.seq, entry.event))
        body.digest = entry.digest.hex()
        lines.append(_encoder.encode(body) + b"\n")
    return b"".join(lines)


def _to_event_body(audited: AuditEvent) -> AuditEventBody:
    event = audited.event
    return AuditEventBody(
        stream=audited.stream,
        seq=audited.seq,
        at=event.at,
        actor=event.actor,
        credential=event.credential,
        address=event.address,
        request_id=event.request_id,
        action=event.action,
        subject=event.subject,
        result=event.result,
        detail={**event.detail, **({"count": event.count} if event.count > 1 else {})},
    )
