"""What callers do with the data as a whole is recorded when it ends."""

import asyncio

import pytest

from catalog.adapters.memory.storage import MemoryStorage
from catalog.application.identity.activities import UNRECORDED, ActivityLog
from catalog.application.identity.security_events import SecurityEvents
from catalog.application.imports.pipeline import ImportPipeline
from catalog.application.imports.plan import ImportPlan
from catalog.domain.change import Origin
from catalog.domain.errors import InvalidQuery
from catalog.domain.identity.security_log import ITEMS_EXPORTED, ITEMS_IMPORTED
from tests.identity_use import Process

ANNA = Origin("anna", "request-1", "key:1", "192.0.2.1")
COMMAND = Origin("cli:root", credential="cli")


async def test_an_activity_is_recorded_with_its_origin(process: Process) -> None:
    """When the context closes. Until then the log was not asked for."""
    asked = []

    def events() -> SecurityEvents:
        asked.append(1)
        return process.events

    activities = ActivityLog(events)
    with activities.recording(ITEMS_EXPORTED, ANNA, "subject") as activity:
        activity.detail = {"rows": 3}
        assert asked == []
    assert asked == [1]
    await process.events.write()
    (event,) = await process.log()
    assert (event.action, event.result, event.actor, event.credential, event.address, event.request_id, event.subject) == (
        "items.exported",
        "success",
        "anna",
        "key:1",
        "192.0.2.1",
        "request-1",
        "subject",
    )
    assert (event.detail, event.at) == ({"rows": 3}, process.clock.now())


@pytest.mark.parametrize(
    ("error", "code"),
    [(InvalidQuery([]), "invalid_query"), (asyncio.CancelledError(), "interrupted"), (GeneratorExit(), "interrupted")],
)
async def test_an_exception_is_a_failure(process: Process, error: BaseException, code: str) -> None:
    """It is passed on. What ends early without an error of the catalog was interrupted."""
    activities = ActivityLog(lambda: process.events)

    def fail() -> None:
        raise error

    def export() -> None:
        with activities.recording(ITEMS_EXPORTED, ANNA) as activity:
            activity.detail["rows"] = 1
            fail()

    with pytest.raises(type(error)):
        export()
    with pytest.raises(type(error)), activities.recording_failure(ITEMS_IMPORTED, ANNA, "import"):
        fail()
    await process.events.write()
    exported, imported = await process.log()
    assert (exported.result, exported.detail) == ("failure", {"rows": 1, "error": code})
    assert (imported.action, imported.result, imported.subject, imported.detail) == (
        "items.imported",
        "failure",
        "import",
        {"error": code},
    )


async def test_what_begins_well_is_recorded_when_it_ends(process: Process) -> None:
    """Not when it begins. Dry runs are not recorded at all."""
    activities = ActivityLog(lambda: process.events)
    with activities.recording_failure(ITEMS_IMPORTED, ANNA):
        assert not activities.used
    pipeline = ImportPipeline(MemoryStorage(), process.clock, process.shared.ids, activities)
    with pytest.raises(InvalidQuery), pipeline.opening(ImportPlan(dry_run=True), ANNA):
        raise InvalidQuery([])
    assert not activities.used


async def test_the_command_line_is_one_actor(process: Process) -> None:
    """Whatever the user of the operating system is called."""
    with ActivityLog(lambda: process.events).recording(ITEMS_EXPORTED, COMMAND):
        pass
    await process.events.write()
    (event,) = await process.log()
    assert (event.actor, event.credential) == ("cli", "cli")


def test_without_a_security_log_nothing_is_recorded() -> None:
    """A storage may keep none."""
    with UNRECORDED.recording(ITEMS_EXPORTED, ANNA):
        pass
    assert not UNRECORDED.used
