"""The stored progress of an import: an expiring record, written in the same commits as the slices."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Self

from catalog.application.imports import refusal_records
from catalog.application.imports.refusals import RefusedRow
from catalog.application.imports.report import ImportDetection, ImportProgress, ImportReport
from catalog.domain.changes.expiring_record import ExpiringRecord
from catalog.ports.clock import Clock

HEARTBEAT_TIMEOUT = 10.0
"""Seconds without a heartbeat after which an import counts as interrupted."""

_TEXTS = ("ignored", "warnings", "missing_skus")

RUNNING, DONE, REFUSED, FAILED, CANCELLED, INTERRUPTED = "running", "done", "refused", "failed", "cancelled", "interrupted"


@dataclass(frozen=True, slots=True)
class ImportState:
    """The progress of an import, as its commits store it.

    `at` is the time of its last progress or heartbeat, `bytes` the number of bytes read from the file, `chunks` the number of
    records with refusals, and `error` the reason why it failed. `owner` identifies the user who started it.
    """

    id: str
    status: str
    started_at: datetime
    at: datetime
    dry_run: bool = False
    bytes: int = 0
    error: str | None = None
    chunks: int = 0
    report: ImportReport = ImportReport()  # noqa: RUF009 - immutable
    owner: str | None = None

    @property
    def rate(self) -> float:
        """Rows per second."""
        seconds = (self.at - self.started_at).total_seconds()
        return self.report.rows / seconds if seconds > 0 else 0.0

    @property
    def record(self) -> ExpiringRecord:
        """The expiring record that stores this state."""
        content = asdict(self)
        del content["at"]
        return ExpiringRecord(
            state_key(self.id), json.dumps(content | {"started_at": self.started_at.isoformat()}).encode(), self.at
        )

    @classmethod
    def from_record(cls, record: ExpiringRecord, now: datetime) -> "ImportState | None":
        """Restore the state from its record. A running import without recent heartbeats is interrupted.

        Return None for a record that cannot be read, such as that of another version.
        """
        try:
            content: dict[str, Any] = json.loads(record.content)
            started_at = datetime.fromisoformat(content["started_at"])
            report = _restore_report(content["report"])
            state = cls(**content | {"started_at": started_at, "at": record.created_at, "report": report})
        except (ValueError, TypeError, KeyError):
            return None
        lost = state.status == RUNNING and (now - state.at).total_seconds() > HEARTBEAT_TIMEOUT
        return replace(state, status=INTERRUPTED) if lost else state


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredProgress(ImportProgress):
    """Progress whose commits store `state` and the refusals since the previous commit.

    `position` returns the number of bytes read from the file.
    """

    state: ImportState
    clock: Clock
    position: Callable[[], int]
    refusal_chunks: tuple[ExpiringRecord, ...] = ()

    @property
    def import_id(self) -> str | None:
        """The id of the state."""
        return self.state.id

    @property
    def records(self) -> tuple[ExpiringRecord, ...]:
        """The record of the state, and those of the new refusals."""
        return (self.state.record, *self.refusal_chunks)

    def start(self, noticed: ImportReport) -> Self:
        """Return the progress of an import whose header is read, also in its state."""
        started = ImportProgress.start(self, noticed)
        return replace(started, state=replace(self.state, report=started.report))

    def advance(self, counts: ImportReport, refusals: Sequence[RefusedRow]) -> Self:
        """Return the progress after a commit with these counts and refusals."""
        report, state, now = self.report + counts, self.state, self.clock.now()
        chunks = refusal_records.to_records(state.id, state.chunks, refusals, now)
        state = replace(state, at=now, bytes=self.position(), chunks=state.chunks + len(chunks), report=report)
        return replace(self, report=report, state=state, refusal_chunks=chunks)


def _restore_report(content: dict[str, Any]) -> ImportReport:
    """Restore a report. Raises: TypeError, KeyError."""
    detection = content.get("detection")
    return ImportReport(
        **content
        | {name: tuple(content[name]) for name in _TEXTS}
        | {"detection": None if detection is None else ImportDetection(**detection)}
    )


def state_key(import_id: str) -> str:
    """Return the key of an import's state."""
    return f"import/{import_id}"


def cancel_key(import_id: str) -> str:
    """Return the key of the request to cancel an import."""
    return f"import/{import_id}/cancel"
