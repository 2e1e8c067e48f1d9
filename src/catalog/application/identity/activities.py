"""Records in the security log what callers do with the data as a whole: imports, exports, and prunes of a log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from catalog.application.identity.security_events import SecurityEvents
from catalog.domain.change import Origin
from catalog.domain.errors import CatalogError
from catalog.domain.identity.principal import COMMAND_LINE
from catalog.domain.identity.security_log import SecurityEvent

INTERRUPTED = "interrupted"
"""The `error` of what ended early without an error of the catalog: the caller went away, or the process stopped."""


@dataclass(slots=True)
class Activity:
    """What is known of an activity so far. It has failed if `error` is set, to the code of an error."""

    detail: dict[str, str | int] = field(default_factory=dict)
    error: str | None = None


class ActivityLog:
    """Records activities when they end, by taking an event that is written in the background."""

    def __init__(self, events: Callable[[], SecurityEvents | None]) -> None:
        """Record in `events`, asked for at the first activity. None if the storage keeps no security log."""
        self._events = events
        self.used = False
        """Whether something was recorded that may not be written yet."""

    @contextmanager
    def recording(self, action: str, origin: Origin, subject: str | None = None) -> Iterator[Activity]:
        """Record an activity when the context closes. It has failed if an exception is raised, which is passed on."""
        activity = Activity()
        try:
            yield activity
        except BaseException as error:
            activity.error = _code(error)
            raise
        finally:
            self._record(action, origin, subject, activity)

    @contextmanager
    def recording_failure(self, action: str, origin: Origin, subject: str | None = None) -> Iterator[None]:
        """Record an activity that fails before it has begun: if the context raises an exception, which is passed on."""
        try:
            yield
        except BaseException as error:
            self._record(action, origin, subject, Activity(error=_code(error)))
            raise

    def _record(self, action: str, origin: Origin, subject: str | None, activity: Activity) -> None:
        events = self._events()
        if events is None:
            return
        failure = {} if activity.error is None else {"error": activity.error}
        event = SecurityEvent(
            action=action,
            at=events.now(),
            result="failure" if failure else "success",
            # The change log has the user of the operating system too; in the security log, the command line is one actor.
            actor=COMMAND_LINE.actor if origin.credential == COMMAND_LINE.credential else origin.actor,
            credential=origin.credential,
            address=origin.address,
            request_id=origin.request_id,
            subject=subject,
            detail={**activity.detail, **failure},
        )
        self.used = True
        events.add(event)


def _code(error: BaseException) -> str:
    return error.code if isinstance(error, CatalogError) else INTERRUPTED


UNRECORDED = ActivityLog(lambda: None)
"""Records nothing."""
